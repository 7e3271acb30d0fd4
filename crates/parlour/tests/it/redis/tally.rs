//! Writers on one node, readers on another, and the sum at the end: what was acknowledged is stored and delivered once and in order, or the
//! reader was told that it missed something.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::http::Http;
use crate::server::Server;

/// What was published last in each channel.
const END: u64 = u64::MAX >> 16;
/// Everything has come to rest after so long at most.
const REST_WITHIN: Duration = Duration::from_secs(90);

/// Everyone at work.
pub struct Tally {
    channels: Vec<String>,
    over: Arc<AtomicBool>,
    writers: JoinSet<Written>,
    readers: Vec<Reader>,
    reading: JoinSet<()>,
}

/// What became of what one channel's writer wrote.
#[derive(Default)]
struct Written {
    acknowledged: HashSet<u64>,
    unknown: usize,
    refused: usize,
    longest: Duration,
}

struct Reader {
    channel: usize,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    delivered: Vec<u64>,
    gaps: usize,
    wrong: Vec<String>,
    position: String,
    offset: Option<u64>,
}

/// The sum over all channels.
#[derive(Debug, Default)]
pub struct Sum {
    pub acknowledged: usize,
    pub stored: usize,
    /// Acknowledged and no longer stored.
    pub lost: usize,
    pub delivered: usize,
    /// Acknowledged and not delivered to a reader that was told so.
    pub told_as_lost: usize,
    /// How often an answer was that the outcome is unknown, or that the store is away.
    pub unknown: usize,
    pub refused: usize,
    /// The longest time between two acknowledgements in a channel.
    pub longest: Duration,
}

impl Sum {
    /// The head of a table of sums.
    pub const HEAD: &str = "| | acknowledged | stored | acknowledged, not stored | deliveries | told as lost | outcome unknown | refused, repeated | longest wait |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |";

    /// A line of it.
    pub fn line(&self, what: &str) -> String {
        let Sum { acknowledged, stored, lost, delivered, told_as_lost, unknown, refused, longest } = self;
        format!(
            "| {what} | {acknowledged} | {stored} | {lost} | {delivered} | {told_as_lost} | {unknown} | {refused} | {longest:.1?} |"
        )
    }
}

impl Tally {
    /// Begins to write over one node and to read over others, in so many channels.
    pub async fn start(writes: &Server, reads: &[&Server], channels: usize) -> Tally {
        let channels: Vec<String> = (0..channels).map(|number| format!("tally-{number}")).collect();
        let mut tally =
            Tally { channels, over: Arc::default(), writers: JoinSet::new(), readers: Vec::new(), reading: JoinSet::new() };
        for (number, channel) in tally.channels.iter().enumerate() {
            for server in reads {
                let heard = Arc::new(Mutex::new(Heard::default()));
                tally.reading.spawn(read(server.url(&format!("/v1/channels/{channel}/events")), heard.clone()));
                tally.readers.push(Reader { channel: number, heard });
            }
        }
        // Who reads from the start misses nothing.
        let reads = |reader: &Reader| !reader.heard.lock().unwrap().position.is_empty();
        tally.until("everybody reads", || tally.readers.iter().all(reads)).await;
        for channel in &tally.channels {
            tally.writers.spawn(write(Http::of(writes), channel.clone(), tally.over.clone()));
        }
        tally
    }

    /// Waits until every reader has so many more.
    pub async fn goes_on(&self, more: usize) {
        let counts = || self.readers.iter().map(|reader| reader.heard.lock().unwrap().delivered.len()).collect::<Vec<_>>();
        let before = counts();
        self.until("everybody hears more", || counts().iter().zip(&before).all(|(now, before)| *now >= before + more)).await;
    }

    async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < REST_WITHIN, "in {REST_WITHIN:?} it did not come to this: {what}");
            tokio::task::yield_now().await;
        }
    }

    /// Lets everyone end, and adds up. Panics where something is missing without a word, came twice or out of order.
    pub async fn sum(mut self, http: Http) -> Sum {
        self.over.store(true, Ordering::SeqCst);
        let mut written: Vec<Option<Written>> = self.channels.iter().map(|_| None).collect();
        while let Some(done) = self.writers.join_next().await {
            let done = done.unwrap();
            let number = *done.acknowledged.iter().find(|number| **number >= END).unwrap() - END;
            written[number as usize] = Some(done);
        }
        let is_at_its_end = |reader: &Reader| reader.heard.lock().unwrap().delivered.last().is_some_and(|last| *last >= END);
        self.until("every reader has the last one", || self.readers.iter().all(is_at_its_end)).await;
        self.reading.abort_all();
        let mut sum = Sum::default();
        for (number, written) in written.into_iter().map(Option::unwrap).enumerate() {
            let stored = stored(&http, &self.channels[number]).await;
            sum.acknowledged += written.acknowledged.len();
            sum.stored += stored.len();
            sum.lost += written.acknowledged.difference(&stored).count();
            sum.unknown += written.unknown;
            sum.refused += written.refused;
            sum.longest = sum.longest.max(written.longest);
            for reader in self.readers.iter().filter(|reader| reader.channel == number) {
                let heard = reader.heard.lock().unwrap();
                assert!(heard.wrong.is_empty(), "{}: {:?}", self.channels[number], heard.wrong);
                let delivered: HashSet<u64> = heard.delivered.iter().copied().collect();
                let missing = written.acknowledged.difference(&delivered).count();
                assert!(missing == 0 || heard.gaps > 0, "{missing} of {} are missing silently", self.channels[number]);
                let heard_lost = written.acknowledged.difference(&stored).filter(|number| delivered.contains(number)).count();
                assert!(heard_lost == 0 || heard.gaps > 0, "{heard_lost} were heard, are lost, and nothing was said");
                assert!(heard.gaps > 0 || delivered.len() == heard.delivered.len(), "something came twice");
                sum.delivered += delivered.len();
                sum.told_as_lost += missing;
            }
        }
        sum
    }
}

/// Publishes numbers, each until it is acknowledged; last the end.
async fn write(http: Http, channel: String, over: Arc<AtomicBool>) -> Written {
    let mut written = Written::default();
    let mut pace = tokio::time::interval(Duration::from_millis(2));
    let path = format!("/v1/channels/{channel}/publications");
    let end = END + channel.rsplit('-').next().unwrap().parse::<u64>().unwrap();
    for number in 0.. {
        let number = if over.load(Ordering::SeqCst) { end } else { number };
        let (begun, body) = (Instant::now(), json!({ "data": number, "nonce": format!("n{number}") }).to_string());
        loop {
            let answer = http.attempt(Method::POST, &path, &[("content-type", "application/json")], &body).await.unwrap();
            match answer.status {
                200 | 201 => break,
                503 if answer.text.contains("outcome-unknown") => written.unknown += 1,
                503 => {
                    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
                    written.refused += 1;
                    pace.tick().await;
                }
                _ => panic!("{answer:?}"),
            }
            assert!(begun.elapsed() < REST_WITHIN, "nothing can be published any more: {answer:?}");
        }
        written.longest = written.longest.max(begun.elapsed());
        written.acknowledged.insert(number);
        if number == end {
            break;
        }
        // A load, and no race: everyone else is to get their turn.
        pace.tick().await;
    }
    written
}

/// What a channel has.
async fn stored(http: &Http, channel: &str) -> HashSet<u64> {
    let mut stored = HashSet::new();
    let mut since = String::new();
    loop {
        let page = http.get(&format!("/v1/channels/{channel}/history?limit=1000{since}")).await;
        let page: Value = serde_json::from_str(&page.text).unwrap();
        let publications = page["publications"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
        stored.extend(publications.iter().filter_map(|publication| publication["data"].as_u64()));
        let epoch = page["position"].as_str().unwrap().split(':').next().unwrap();
        match publications.last() {
            Some(last) => since = format!("&since={epoch}:{}", last["offset"]),
            None => return stored,
        }
    }
}

/// Reads an event stream, and comes back whenever it ends, with the position it had.
async fn read(url: String, heard: Arc<Mutex<Heard>>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    loop {
        let position = heard.lock().unwrap().position.clone();
        let mut request = client.get(&url).header("accept", "text/event-stream");
        if !position.is_empty() {
            request = request.header("last-event-id", position);
        }
        if let Ok(response) = request.send().await {
            let (mut body, mut text) = (response.bytes_stream(), String::new());
            while let Some(Ok(bytes)) = body.next().await {
                text += str::from_utf8(&bytes).unwrap();
                while let Some((event, rest)) = text.split_once("\n\n") {
                    heard.lock().unwrap().take(event);
                    text = rest.to_owned();
                }
            }
        }
        pace.tick().await;
    }
}

impl Heard {
    fn take(&mut self, event: &str) {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let id = field("id: ");
        let offset = id.rsplit(':').next().and_then(|offset| offset.parse::<u64>().ok());
        match field("event: ") {
            "gap" => {
                self.gaps += 1;
                self.offset = offset;
            }
            "position" if self.offset.is_none() => self.offset = offset,
            "publication" => {
                if offset != self.offset.map(|before| before + 1) {
                    self.wrong.push(format!("after {:?} came {id}", self.position));
                }
                self.offset = offset;
                let data: Value = serde_json::from_str(field("data: ")).unwrap();
                self.delivered.extend(data["data"].as_u64());
            }
            _ => {}
        }
        if !id.is_empty() {
            self.position = id.to_owned();
        }
    }
}
