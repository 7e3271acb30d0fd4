//! What must be so at the end of a run: every reader ends with what the list shows; heard what is stored, or was told that it did not;
//! and was told where it heard what is lost. What was acknowledged is stored, unless the store lost its end.

use std::collections::BTreeMap;

use super::Everyone;
use super::door::Doors;
use super::reader::{Position, Reader, list};
use super::truth::Truth;
use super::writer::Alive;
use crate::server::PATIENCE;

/// What a run promises.
#[derive(Clone, Copy)]
pub struct Expected {
    /// Nobody is told of a gap.
    pub no_gaps: bool,
    /// The log keeps everything: what is stored can be read from its beginning.
    pub keeps_all: bool,
}

pub async fn judge(expected: Expected, truth: &Truth, everyone: Everyone) {
    let doors = &everyone.nodes[0];
    let (truly, top) = answered(|| list(doors, truth, truth.moment())).await;
    let stored = if expected.keeps_all { stored(doors).await } else { truth.all() };
    if expected.keeps_all {
        truth.check_stored(&stored).unwrap();
    }
    for Alive { id, text, act } in everyone.writer.alive() {
        let is_there = truly.get(id) == Some(text);
        assert!(is_there || truth.may_be_lost(*act), "{id} was acknowledged as {text:?} and is {:?}", truly.get(id));
    }
    // Who asks anew mends what was missed for the others too: so those come first who only listen.
    let mut readers = everyone.readers;
    readers.sort_by_key(|reader| !reader.is_on_a_line());
    for mut reader in readers {
        reader.catch_up(&top).await;
        assert_eq!(reader.comments, truly, "{:#?}", reader.diary);
        check(&reader, truth, &stored, &top);
        if expected.keeps_all {
            check_losses(&reader, &stored);
        }
        if expected.no_gaps {
            assert_eq!(reader.told, 0, "a gap where everything is kept: {:#?}", reader.diary);
        }
    }
}

/// What a reader heard, held against what is stored.
fn check(reader: &Reader, truth: &Truth, stored: &BTreeMap<u64, u64>, top: &Position) {
    // Beyond the end of an epoch is what was lost: that is not what stands there now.
    let offset = |from: &Position, to: &Position| match from.epoch == to.epoch {
        true => from.offset,
        false => from.offset.min(truth.end_of(&from.epoch, stored)),
    };
    let gaps: Vec<(u64, u64)> = reader.gaps.iter().map(|(from, to)| (offset(from, to), to.offset)).collect();
    let is_told = |missing: u64| gaps.iter().any(|(from, to)| (from + 1..=*to).contains(&missing));
    let heard: BTreeMap<u64, u64> = reader.heard.iter().map(|heard| (heard.number, heard.at.offset)).collect();
    let begun = reader.begun.as_ref().map_or(0, |begun| offset(begun, top));
    let missed: Vec<(u64, u64)> = stored
        .range(begun + 1..=top.offset)
        .filter(|(offset, number)| !is_told(**offset) && heard.get(number) != Some(offset))
        .map(|(offset, number)| (*offset, *number))
        .collect();
    assert_eq!(missed, [], "missed in silence; gaps {gaps:?}: {:#?}", reader.diary);
    for heard in &reader.heard {
        assert!(truth.is_known(heard.number), "{} at {} was never published", heard.number, heard.at);
        truth.check_publication(&heard.at, heard.number).unwrap();
    }
}

/// Whoever heard what is not stored any more was told so later; `stored` is all there is, not only what was acknowledged.
fn check_losses(reader: &Reader, stored: &BTreeMap<u64, u64>) {
    for heard in &reader.heard {
        let is_lost = stored.get(&heard.at.offset) != Some(&heard.number);
        assert!(
            !is_lost || reader.told > heard.told,
            "{} was heard at {}, is lost, and nothing was said: {:#?}",
            heard.number,
            heard.at,
            reader.diary
        );
    }
}

/// Every publication of the channel by its offset.
async fn stored(doors: &Doors) -> BTreeMap<u64, u64> {
    let mut stored = BTreeMap::new();
    let mut since = String::new();
    loop {
        let path = doors.path(&format!("history?limit=1000{since}"));
        let (status, page) = answered(|| doors.get(&path)).await;
        assert_eq!(status, 200, "{page}");
        let publications = page["publications"].as_array().unwrap();
        for publication in publications.iter().filter(|publication| publication["event"] == "publication") {
            stored.insert(publication["offset"].as_u64().unwrap(), publication["data"]["n"].as_u64().unwrap());
        }
        let top = Position::parse(page["position"].as_str().unwrap());
        match publications.last() {
            Some(last) => since = format!("&since={}:{}", top.epoch, last["offset"]),
            None => return stored,
        }
    }
}

/// Asks until there is an answer: a store may still be on its way back.
async fn answered<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let answered = async {
        loop {
            match ask().await {
                Some(answer) => return answer,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("the store does not come back")
}
