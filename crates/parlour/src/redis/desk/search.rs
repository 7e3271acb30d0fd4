//! Searching a site's comments for moderators: by state, author, page and words, newest first. Comments are found by when they arrived,
//! in all partitions side by side; what no list is sorted by is looked for in so many of them at most.

use std::collections::{HashMap, VecDeque};

use futures_util::future::try_join_all;
use redis::cmd;

use crate::backend::Fault;
use crate::backend::desk::{Filing, Filings, SEARCH_WORDS_MAX, SEARCHED_MAX, Search};
use crate::channel::SiteName;
use crate::comment::{CommentId, State};
use crate::moderation::Reason;
use crate::redis::answer::{Parts, strange};
use crate::redis::entry::StoredComment;
use crate::redis::log::script;
use crate::redis::tag::{PARTITIONS, partition};
use crate::redis::{Call, Ledger, Script, keys};

static FIND: Script = script!(reading, "desk find", "desk_find");
static ROWS: Script = script!(reading, "desk rows", "row", "desk_rows");

/// Comments of one page at most.
const LIMIT_MAX: usize = 100;
/// Comments that are read at once.
const BATCH: usize = 100;

/// A place in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    arrived: u64,
    id: String,
}

impl Place {
    /// Reads a cursor.
    fn parse(text: &str) -> Result<Place, Fault> {
        let (arrived, id) = text.split_once('-').ok_or(Fault::CursorInvalid)?;
        let id = CommentId::parse(id).map_err(|_| Fault::CursorInvalid)?.to_string();
        Ok(Place { arrived: arrived.parse().map_err(|_| Fault::CursorInvalid)?, id })
    }

    fn written(&self) -> String {
        format!("{}-{}", self.arrived, self.id)
    }
}

/// One partition's list, as far as it was read.
struct Source {
    partition: u16,
    found: VecDeque<Place>,
    after: Option<Place>,
    is_over: bool,
}

impl Ledger {
    /// A page of filings.
    pub(super) async fn filings(&self, site: &SiteName, search: &Search) -> Result<Filings, Fault> {
        let limit = search.limit.clamp(1, LIMIT_MAX);
        let after = search.before.as_deref().map(Place::parse).transpose()?;
        let list = list(site, search);
        let partitions = match &search.channel {
            Some(channel) => {
                let partition = partition(&crate::channel::Key::new(site.clone(), channel.clone()));
                partition..partition + 1
            }
            None => 0..PARTITIONS,
        };
        let source = |partition| Source { partition, found: VecDeque::new(), after: after.clone(), is_over: false };
        let mut sources: Vec<Source> = partitions.map(source).collect();
        let words = Words::read(&search.words);
        let (mut filings, mut searched) = (Vec::new(), 0);
        while filings.len() <= limit && searched < SEARCHED_MAX {
            self.read_on(&list, limit + 1, &mut sources).await?;
            let batch = newest(&mut sources);
            if batch.is_empty() {
                break;
            }
            searched += batch.len();
            let read = self.filings_of(site, batch).await?;
            filings.extend(read.into_iter().filter(|(_, filing)| is_meant(filing, search, &words)));
        }
        let more = filings.len() > limit;
        filings.truncate(limit);
        let next = filings.last().filter(|_| more).map(|(place, _)| place.written());
        let filings = filings.into_iter().map(|(_, filing)| filing).collect();
        Ok(Filings { filings, next, waiting: self.waiting(site).await? })
    }

    /// Reads on where nothing is at hand.
    async fn read_on(&self, list: &str, rows: usize, sources: &mut [Source]) -> Result<(), Fault> {
        let empty = sources.iter_mut().filter(|source| source.found.is_empty() && !source.is_over);
        let asked = empty.map(|source| async move {
            let call = Call::new(&FIND).key(self.at(source.partition)).arg(list).arg(rows);
            let call = source.after.iter().fold(call, |call, after| call.arg(after.arrived).arg(&after.id));
            let texts = Parts::of(self.script(source.partition, &call).await?)?.texts()?;
            let read = |place: &[String]| Ok(Place { arrived: place[1].parse().map_err(|_| strange())?, id: place[0].clone() });
            source.found = texts.chunks_exact(2).map(read).collect::<Result<_, Fault>>()?;
            source.is_over = source.found.len() < rows;
            source.after = source.found.back().cloned().or_else(|| source.after.take());
            Ok::<(), Fault>(())
        });
        try_join_all(asked).await.map(drop)
    }

    /// The comments at these places, in their order.
    async fn filings_of(&self, site: &SiteName, batch: Vec<(u16, Place)>) -> Result<Vec<(Place, Filing)>, Fault> {
        let mut by_partition: HashMap<u16, Vec<Place>> = HashMap::new();
        for (partition, place) in batch {
            by_partition.entry(partition).or_default().push(place);
        }
        let asked = by_partition.into_iter().map(|(partition, places)| async move {
            let call = Call::new(&ROWS).key(self.at(partition));
            let call = places.iter().fold(call, |call, place| call.arg(&place.id));
            let texts = Parts::of(self.script(partition, &call).await?)?.texts()?;
            let filings = texts.chunks_exact(5).map(|fields| filing(site, fields));
            places
                .into_iter()
                .zip(filings)
                .filter_map(|(place, filing)| Some((place, filing.transpose()?)))
                .map(|(place, filing)| Ok((place, filing?)))
                .collect::<Result<Vec<_>, Fault>>()
        });
        let mut filings: Vec<(Place, Filing)> = try_join_all(asked).await?.into_iter().flatten().collect();
        filings.sort_by(|(left, _), (right, _)| right.cmp(left));
        Ok(filings)
    }

    /// One comment of the site.
    pub(super) async fn one(&self, site: &SiteName, id: &CommentId) -> Result<Option<Filing>, Fault> {
        let partitions = keys::partition_of(id).map_or(0..PARTITIONS, |partition| partition..partition + 1);
        let ask = async |partition| {
            let call = Call::new(&ROWS).key(self.at(partition)).arg(id.as_str());
            Parts::of(self.script(partition, &call).await?)?.texts()
        };
        let mut answers = try_join_all(partitions.map(&ask)).await?;
        let is_there = |fields: &Vec<String>| fields.first().is_some_and(|name| !name.is_empty());
        if !answers.iter().any(is_there)
            && let Some(partition) = self.carried_to(id).await?
        {
            answers.push(ask(partition).await?);
        }
        for fields in answers {
            let is_of_site = fields.first().and_then(|name| keys::named(name)).is_some_and(|key| key.site == *site);
            if is_of_site {
                return filing(site, &fields);
            }
        }
        Ok(None)
    }

    /// Comments of the site that wait.
    async fn waiting(&self, site: &SiteName) -> Result<u64, Fault> {
        let asked = (0..PARTITIONS).map(|partition| async move {
            let mut count = cmd("ZCARD");
            count.arg(format!("{}q:{site}\n{}", self.at(partition), State::Pending.word()));
            redis::from_redis_value::<u64>(self.command(partition, &count).await?).map_err(|_| strange())
        });
        Ok(try_join_all(asked).await?.into_iter().sum::<u64>().min(SEARCHED_MAX as u64))
    }
}

/// The list that has the fewest beside those that are meant.
fn list(site: &SiteName, search: &Search) -> String {
    match (search.state, &search.author) {
        (Some(state), _) if state != State::Approved => format!("q:{site}\n{}", state.word()),
        (_, Some(author)) => format!("s:{site}\n{author}"),
        _ => format!("s:{site}"),
    }
}

/// The newest of all that is at hand, as long as nothing newer may be missing.
fn newest(sources: &mut [Source]) -> Vec<(u16, Place)> {
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        let Some(source) = sources.iter_mut().max_by(|left, right| left.found.front().cmp(&right.found.front())) else { break };
        let Some(place) = source.found.pop_front() else { break };
        batch.push((source.partition, place));
        if source.found.is_empty() && !source.is_over {
            break;
        }
    }
    batch
}

/// `None` for what is gone meanwhile.
fn filing(site: &SiteName, fields: &[String]) -> Result<Option<Filing>, Fault> {
    let [name, reason, reports, address, row] = fields else { return Err(strange()) };
    if row.is_empty() {
        return Ok(None);
    }
    let key = keys::named(name).filter(|key| key.site == *site).ok_or_else(strange)?;
    let comment = StoredComment::read(row, &key.channel).ok_or_else(strange)?.comment;
    let reason = (!reason.is_empty()).then(|| Reason::parse(reason).ok_or_else(strange)).transpose()?;
    let address = (!address.is_empty()).then(|| address.clone());
    Ok(Some(Filing { comment, reason, reports: reports.parse().unwrap_or(0), address }))
}

fn is_meant(filing: &Filing, search: &Search, words: &Words) -> bool {
    let comment = &filing.comment;
    let author = comment.author.as_ref();
    search.state.is_none_or(|state| comment.state == state)
        && search.author.as_ref().is_none_or(|wanted| author.map(|author| &author.id) == Some(wanted))
        && search.channel.as_ref().is_none_or(|channel| comment.channel == *channel)
        && words.are_in(&comment.body, author.map_or("", |author| &author.name))
}

/// What is looked for in texts: each word as one asked for it is some words in a row, the last of them the beginning of one.
struct Words(Vec<Vec<String>>);

impl Words {
    fn read(text: &str) -> Words {
        Words(text.split_whitespace().take(SEARCH_WORDS_MAX).map(tokens).filter(|word| !word.is_empty()).collect())
    }

    fn are_in(&self, body: &str, name: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let texts = [tokens(body), tokens(name)];
        let is_in = |word: &Vec<String>| {
            let (last, before) = word.split_last().map_or((None, &[][..]), |(last, before)| (Some(last), before));
            texts.iter().flat_map(|text| text.windows(word.len())).any(|window| {
                window[..before.len()] == *before && last.is_none_or(|last| window[before.len()].starts_with(last.as_str()))
            })
        };
        self.0.iter().all(is_in)
    }
}

fn tokens(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_beginnings_and_in_a_row() {
        let found = |words: &str| Words::read(words).are_in("The quick-brown Fox", "Zoë");
        for words in ["", "fo", "QUICK fox", "quick-bro", "\"the", "zoë", "*"] {
            assert!(found(words), "{words}");
        }
        for words in ["ox", "brown-quick", "fox dog", "quick-fox"] {
            assert!(!found(words), "{words}");
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let place = Place { arrived: 7, id: "c1".into() };
        assert_eq!(Place::parse(&place.written()), Ok(place));
        for text in ["", "7", "x-c1", "7-C1", "none of ours"] {
            assert_eq!(Place::parse(text), Err(Fault::CursorInvalid), "{text}");
        }
    }
}
