//! Someone who reads a channel through whatever door is next: comes, hears some, is cut, comes back with the position in hand.
//! Keeps what it heard, and says when a rule was broken.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::door::{Doors, Line, Told};
use super::truth::{Dice, Truth};

/// Where a reader stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub epoch: String,
    pub offset: u64,
}

impl Position {
    pub fn parse(text: &str) -> Position {
        let (epoch, offset) = text.split_once(':').unwrap();
        Position { epoch: epoch.to_owned(), offset: offset.parse().unwrap() }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.epoch, self.offset)
    }
}

pub struct Reader {
    doors: Doors,
    truth: Arc<Truth>,
    dice: Dice,
    line: Option<Line>,
    /// Texts that were gone when the line was opened.
    moment: usize,
    pub position: Option<Position>,
    /// The offset before the first that it heard of.
    pub begun: u64,
    pub comments: BTreeMap<String, String>,
    pub heard: Vec<(u64, u64)>,
    /// Offsets that it was told it did not hear: above the first, up to the second.
    pub gaps: Vec<(u64, u64)>,
    /// How often it was told of a gap.
    pub told: usize,
    /// After a gap, or at first: the list is to be read, and what follows its position.
    stale: bool,
    /// The last doors and what they said, for whoever reads a failure.
    pub diary: Vec<String>,
}

impl Reader {
    pub fn new(doors: Doors, truth: Arc<Truth>, dice: Dice) -> Reader {
        Reader {
            doors,
            truth,
            dice,
            line: None,
            moment: 0,
            position: None,
            begun: 0,
            comments: BTreeMap::new(),
            heard: Vec::new(),
            gaps: Vec::new(),
            told: 0,
            stale: true,
            diary: Vec::new(),
        }
    }

    fn note(&mut self, what: impl Into<String>) {
        self.diary.push(what.into());
        if self.diary.len() > 60 {
            self.diary.remove(0);
        }
    }

    /// One step at random.
    pub async fn step(&mut self) {
        if self.stale {
            return self.read_list().await;
        }
        match (self.dice.below(8), self.line.is_some()) {
            (0, true) => self.line = None,
            (_, true) => self.hear().await,
            (0..=1, false) => drop(self.poll().await),
            (2..=3, false) => drop(self.history().await),
            (4..=5, false) => self.open_stream().await,
            (_, false) => self.open_socket().await,
        }
    }

    /// Reads, through the door it is at or the next, until it stands at `top`.
    pub async fn catch_up(&mut self, top: &Position) {
        let until = std::time::Instant::now() + crate::server::PATIENCE;
        while self.stale || self.position.as_ref().is_none_or(|position| position != top) {
            assert!(std::time::Instant::now() < until, "{:?} does not get to {top}: {:#?}", self.position, self.diary);
            self.step().await;
            tokio::task::yield_now().await;
        }
    }

    fn since(&self) -> String {
        self.position.as_ref().map(|position| format!("&since={position}")).unwrap_or_default()
    }

    /// Was told that something is missing: the list first, then on from its position.
    fn stop(&mut self) {
        self.note("told of a gap");
        self.told += usize::from(self.position.is_some());
        self.stale = true;
        self.line = None;
    }

    async fn open_socket(&mut self) {
        self.moment = self.truth.moment();
        self.line = self.doors.connect(json!({})).await;
        self.subscribe().await;
    }

    async fn subscribe(&mut self) {
        let Some(Line::Socket(socket)) = &mut self.line else { return };
        let subscribe = match &self.position {
            None => json!({ "channel": self.doors.channel }),
            Some(Position { epoch, offset }) => {
                json!({ "channel": self.doors.channel, "recover": true, "epoch": epoch, "offset": offset })
            }
        };
        self.moment = self.truth.moment();
        let Some(reply) = socket.try_ask(json!({ "subscribe": subscribe })).await else {
            self.line = None;
            return;
        };
        let reply = &reply["subscribe"];
        let at = Position {
            epoch: reply["epoch"].as_str().expect("no epoch").to_owned(),
            offset: reply["offset"].as_u64().unwrap_or(0),
        };
        self.note(format!("socket from {:?}: {at}, recovered {}", self.position, reply["recovered"]));
        if reply["recovered"] == true {
            for publication in reply["publications"].as_array().into_iter().flatten() {
                self.take_pub(publication);
            }
            let position = self.position.as_ref().unwrap();
            assert_eq!(position.epoch, at.epoch);
            assert!(position.offset <= at.offset, "{:#?}", self.diary);
            self.position = Some(at);
        } else {
            assert_eq!(reply["was_recovering"], true);
            self.stop();
        }
    }

    async fn open_stream(&mut self) {
        self.moment = self.truth.moment();
        let path = self.doors.path(&format!("events?x=1{}", self.since()));
        let Some(mut stream) = self.doors.stream(&path).await else { return };
        self.note(format!("stream from {:?}", self.position));
        let Some(first) = stream.next().await else { return };
        assert_eq!(first.name, "position");
        self.line = Some(Line::Stream(stream));
    }

    /// What came so far, or a part of it.
    async fn hear(&mut self) {
        let most = 1 + self.dice.below(20) as usize;
        match &mut self.line {
            Some(Line::Stream(stream)) => {
                let mut told = Vec::new();
                while told.len() < most {
                    match stream.next_if_here() {
                        Some(one) => told.push(one),
                        None => break,
                    }
                }
                let ended = stream.ended;
                for told in told {
                    // After a gap nothing counts any more.
                    if !self.stale {
                        self.take_told(told);
                    }
                }
                if ended {
                    self.line = None;
                }
            }
            Some(Line::Socket(socket)) => {
                let answered = socket.try_ask(json!({ "ping": {} })).await.is_some();
                let pushes = socket.read_so_far();
                let mut is_cut_off = false;
                for push in pushes {
                    match push["unsubscribe"]["code"].as_u64() {
                        Some(code) => {
                            assert_eq!(code, 2500);
                            is_cut_off = true;
                        }
                        None if push["pub"].is_object() => self.take_pub(&push["pub"]),
                        None => {}
                    }
                }
                if !answered {
                    self.line = None;
                } else if is_cut_off {
                    self.subscribe().await;
                }
            }
            None => {}
        }
    }

    fn take_told(&mut self, told: Told) {
        match told.name.as_str() {
            "gap" => self.stop(),
            _ => {
                let event: Value = serde_json::from_str(&told.data).unwrap();
                assert_eq!(event["event"], told.name.as_str());
                let id = Position::parse(told.id.as_deref().expect("an event without a position"));
                assert_eq!(Some(id.offset), event["offset"].as_u64());
                self.take(id.offset, &told.name, &event["data"]);
            }
        }
    }

    async fn poll(&mut self) -> Option<()> {
        self.moment = self.truth.moment();
        let (status, answer) = self.doors.get(&self.doors.path(&format!("events?wait=0{}", self.since()))).await?;
        assert_eq!(status, 200, "{answer}");
        let at = Position::parse(answer["position"].as_str().unwrap());
        self.note(format!("poll from {:?}: {at}, gap {}", self.position, answer["gap"]));
        let events = answer["events"].as_array().unwrap();
        if answer["gap"] == true {
            self.stop();
            return Some(());
        }
        self.take_events(events);
        self.position = Some(at);
        Some(())
    }

    async fn history(&mut self) -> Option<()> {
        self.moment = self.truth.moment();
        let limit = 1 + self.dice.below(20);
        let (status, answer) = self.doors.get(&self.doors.path(&format!("history?limit={limit}{}", self.since()))).await?;
        self.note(format!("history from {:?}: {status} {}", self.position, answer["position"]));
        if status != 200 {
            assert_eq!(answer["type"], "unrecoverable-position", "{answer}");
            self.stop();
            return Some(());
        }
        let at = Position::parse(answer["position"].as_str().unwrap());
        let publications = answer["publications"].as_array().unwrap();
        if publications.is_empty() {
            self.position = Some(at);
        } else {
            self.take_events(publications);
        }
        Some(())
    }

    fn take_events(&mut self, events: &[Value]) {
        for event in events {
            self.take(event["offset"].as_u64().unwrap(), event["event"].as_str().unwrap(), &event["data"]);
        }
    }

    fn take_pub(&mut self, publication: &Value) {
        let kind = publication["tags"]["event"].as_str().unwrap_or("publication").to_owned();
        self.take(publication["offset"].as_u64().expect("no offset"), &kind, &publication["data"]);
    }

    fn take(&mut self, offset: u64, kind: &str, data: &Value) {
        self.note(format!("{offset} {kind} {}", data["id"].as_str().unwrap_or_default()));
        let position = self.position.as_mut().unwrap();
        assert!(offset > position.offset, "{offset} came after {}: {:#?}", position.offset, self.diary);
        position.offset = offset;
        match kind {
            "publication" => {
                let number = data["n"].as_u64().unwrap();
                self.check(self.truth.check_publication(offset, number));
                self.heard.push((offset, number));
            }
            "comment.created" | "comment.updated" => {
                let body = data["body"].as_str().unwrap().to_owned();
                self.check(self.truth.check_text(&body, Some(offset), self.moment));
                self.comments.insert(data["id"].as_str().unwrap().to_owned(), body);
            }
            "comment.deleted" => drop(self.comments.remove(data["id"].as_str().unwrap())),
            other => panic!("nobody did {other}"),
        }
    }

    fn check(&self, result: Result<(), String>) {
        if let Err(why) = result {
            panic!("{why}: {:#?}", self.diary);
        }
    }

    /// The list in place of what was not heard.
    async fn read_list(&mut self) {
        let moment = self.truth.moment();
        let Some((listed, at)) = list(&self.doors, &self.truth, moment).await else { return };
        self.note(format!("list at {at}"));
        match &self.position {
            None => self.begun = at.offset,
            Some(from) => self.gaps.push((from.offset, at.offset)),
        }
        self.comments = listed;
        self.position = Some(at);
        self.stale = false;
    }
}

/// The comments of a channel as they are now, and where that is.
pub async fn list(doors: &Doors, truth: &Truth, moment: usize) -> Option<(BTreeMap<String, String>, Position)> {
    let (status, page) = doors.get(&doors.path("comments?limit=100")).await?;
    assert_eq!((status, &page["next"]), (200, &Value::Null), "{page}");
    let comments = page["comments"].as_array().unwrap().iter().filter(|comment| comment["state"] == "approved");
    let listed: BTreeMap<String, String> = comments
        .map(|comment| (comment["id"].as_str().unwrap().to_owned(), comment["body"].as_str().unwrap().to_owned()))
        .collect();
    for body in listed.values() {
        truth.check_text(body, None, moment).unwrap();
    }
    Some((listed, Position::parse(page["position"].as_str().unwrap())))
}
