//! Searching a site's comments for moderators: by state, author, page and words, newest first. Comments are numbered as they
//! came, and a cursor is a number.

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use crate::backend::Fault;
use crate::backend::desk::{Filing, Filings, SEARCH_WORDS_MAX, SEARCHED_MAX, Search};
use crate::channel::{ChannelName, SiteName};
use crate::comment::CommentId;
use crate::moderation::Reason;
use crate::sqlite::rows::{COLUMNS, StoredComment, state_word, unknown_word};

/// Comments of one page at most.
const LIMIT_MAX: usize = 100;

/// Reads a cursor.
pub(in crate::sqlite) fn cursor(text: &str) -> Result<i64, Fault> {
    text.parse().ok().filter(|number| *number > 0).ok_or(Fault::CursorInvalid)
}

/// A page of filings, its cursor already read.
pub(in crate::sqlite) fn page(
    connection: &Connection,
    site: &SiteName,
    search: &Search,
    before: Option<i64>,
) -> rusqlite::Result<Filings> {
    let limit = search.limit.clamp(1, LIMIT_MAX);
    let mut question = Question::new(site);
    if let Some(before) = before {
        question.and("comment.number < ?", before);
    }
    if let Some(state) = search.state {
        question.and("state = ?", state_word(state).to_owned());
    }
    if let Some(author) = &search.author {
        question.and("author_id = ?", author.to_string());
    }
    if let Some(channel) = &search.channel {
        question.and("channel.name = ?", channel.as_str().to_owned());
    }
    let words = words(&search.words);
    if !words.is_empty() {
        question.and("comment.number IN (SELECT rowid FROM comment_words WHERE comment_words MATCH ?)", words);
    }
    let mut filings = question.ask(connection, limit + 1)?;
    let more = filings.len() > limit;
    filings.truncate(limit);
    let next = filings.last().filter(|_| more).map(|(number, _)| number.to_string());
    let filings = filings.into_iter().map(|(_, filing)| filing).collect();
    Ok(Filings { filings, next, waiting: waiting(connection, site)? })
}

/// One comment of the site.
pub(in crate::sqlite) fn one(connection: &Connection, site: &SiteName, id: &CommentId) -> rusqlite::Result<Option<Filing>> {
    let mut question = Question::new(site);
    question.and("comment.id = ?", id.to_string());
    Ok(question.ask(connection, 1)?.pop().map(|(_, filing)| filing))
}

/// Comments of the site that wait.
fn waiting(connection: &Connection, site: &SiteName) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM comment JOIN channel ON channel.id = comment.channel \
               WHERE state = 'pending' AND site = ?1 LIMIT ?2)";
    connection.prepare_cached(sql)?.query_row((site.as_str(), SEARCHED_MAX as i64), |row| row.get(0))
}

/// The words as the index is asked: each in quotes, so that nothing in it is taken for the index's own language, and as a beginning.
fn words(text: &str) -> String {
    let words = text.split_whitespace().take(SEARCH_WORDS_MAX);
    let quoted = words.map(|word| format!("\"{}\"*", word.replace('"', "\"\"")));
    quoted.collect::<Vec<_>>().join(" ")
}

/// A question with as many conditions as were asked; what a stranger wrote is only ever a value.
struct Question {
    conditions: Vec<&'static str>,
    values: Vec<Value>,
}

impl Question {
    fn new(site: &SiteName) -> Question {
        Question { conditions: vec!["channel.site = ?"], values: vec![Value::Text(site.as_str().to_owned())] }
    }

    fn and(&mut self, condition: &'static str, value: impl Into<Value>) {
        self.conditions.push(condition);
        self.values.push(value.into());
    }

    fn ask(mut self, connection: &Connection, rows: usize) -> rusqlite::Result<Vec<(i64, Filing)>> {
        let columns: Vec<String> = COLUMNS.split(',').map(|column| format!("comment.{}", column.trim())).collect();
        let sql = format!(
            "SELECT {}, comment.reason, comment.reports, comment.address_key, channel.name FROM comment \
             JOIN channel ON channel.id = comment.channel WHERE {} ORDER BY comment.number DESC LIMIT ?",
            columns.join(", "),
            self.conditions.join(" AND "),
        );
        self.values.push(Value::Integer(rows as i64));
        let after = columns.len();
        let mut select = connection.prepare_cached(&sql)?;
        let found = select.query_map(rusqlite::params_from_iter(self.values), |row| filing(row, after))?;
        found.collect()
    }
}

fn filing(row: &Row<'_>, after: usize) -> rusqlite::Result<(i64, Filing)> {
    let name: String = row.get(after + 3)?;
    let name = ChannelName::parse(&name).map_err(|_| unknown_word(after + 3))?;
    let stored = StoredComment::read(row, &name)?;
    let reason: Option<String> = row.get(after)?;
    let reason = reason.map(|word| Reason::parse(&word).ok_or_else(|| unknown_word(after))).transpose()?;
    let filing = Filing { comment: stored.comment, reason, reports: row.get(after + 1)?, address: row.get(after + 2)? };
    Ok((stored.number, filing))
}
