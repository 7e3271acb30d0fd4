//! Someone who reads a channel through whatever door is next, of whatever node: comes, hears some, is cut, comes back with the position in hand.
//! Keeps what it heard, and says when a rule was broken.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::door::{Doors, Line, Store, Told};
use super::truth::{Dice, Teller, Truth};

/// Where a reader stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// A publication as a reader heard it.
pub struct Heard {
    pub at: Position,
    pub number: u64,
    /// How often the reader had been told of a gap by then.
    pub told: usize,
}

pub struct Reader {
    nodes: Vec<Doors>,
    /// The node that it is at.
    node: usize,
    truth: Arc<Truth>,
    dice: Dice,
    line: Option<Line>,
    /// Texts that were gone when the line was opened.
    moment: usize,
    pub position: Option<Position>,
    /// Where it stood before the first that it heard of.
    pub begun: Option<Position>,
    pub comments: BTreeMap<String, String>,
    pub heard: Vec<Heard>,
    /// What it was told it did not hear: above the first, up to the second.
    pub gaps: Vec<(Position, Position)>,
    /// How often it was told of a gap.
    pub told: usize,
    /// After a gap, or at first: the list is to be read, and what follows its position.
    stale: bool,
    /// The last doors and what they said, for whoever reads a failure.
    pub diary: Vec<String>,
}

impl Reader {
    pub fn new(nodes: Vec<Doors>, truth: Arc<Truth>, dice: Dice) -> Reader {
        Reader {
            nodes,
            node: 0,
            truth,
            dice,
            line: None,
            moment: 0,
            position: None,
            begun: None,
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
        if self.diary.len() > 400 {
            self.diary.remove(0);
        }
    }

    fn doors(&self) -> &Doors {
        &self.nodes[self.node]
    }

    /// One step at random.
    pub async fn step(&mut self) {
        if self.line.is_none() {
            self.node = self.dice.below(self.nodes.len() as u64) as usize;
        }
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

    /// Whether it is on a line that stays open.
    pub fn is_on_a_line(&self) -> bool {
        self.line.is_some()
    }

    /// Reads until it stands at `top`: over the line that it has, as long as that is there, else through one door after the other.
    pub async fn catch_up(&mut self, top: &Position) {
        let until = std::time::Instant::now() + crate::server::PATIENCE;
        while self.stale || self.position.as_ref().is_none_or(|position| position != top) {
            assert!(std::time::Instant::now() < until, "{:?} does not get to {top}: {:#?}", self.position, self.diary);
            match &self.line {
                Some(_) if !self.stale => self.hear().await,
                _ => self.step().await,
            }
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
        self.line = self.doors().connect(json!({})).await;
        self.subscribe().await;
    }

    async fn subscribe(&mut self) {
        let channel = self.doors().channel.clone();
        let Some(Line::Socket(socket)) = &mut self.line else { return };
        let subscribe = match &self.position {
            None => json!({ "channel": channel }),
            Some(Position { epoch, offset }) => {
                json!({ "channel": channel, "recover": true, "epoch": epoch, "offset": offset })
            }
        };
        self.moment = self.truth.moment();
        let Some(reply) = socket.try_ask(json!({ "subscribe": subscribe })).await else {
            self.line = None;
            return;
        };
        if self.doors().is_no_reply(&reply) {
            self.line = None;
            return;
        }
        let reply = &reply["subscribe"];
        let at = Position {
            epoch: reply["epoch"].as_str().expect("no epoch").to_owned(),
            offset: reply["offset"].as_u64().unwrap_or(0),
        };
        self.note(format!("socket from {:?}: {at}, recovered {}", self.position, reply["recovered"]));
        if reply["recovered"] == true {
            self.goes_on_in(&at.epoch);
            for publication in reply["publications"].as_array().into_iter().flatten() {
                self.take_pub(publication);
            }
            let position = self.position.as_ref().unwrap();
            assert!(position.offset <= at.offset, "{:#?}", self.diary);
            self.position = Some(at);
        } else {
            assert_eq!(reply["was_recovering"], true);
            self.stop();
        }
    }

    /// What follows without a gap is told in this epoch: another than before only where the store outlives its servers.
    fn goes_on_in(&mut self, epoch: &str) {
        let is_apart = self.doors().store != Store::Own;
        let position = self.position.as_mut().unwrap();
        assert!(is_apart || position.epoch == epoch, "{} goes on in {epoch}", position);
        position.epoch = epoch.to_owned();
    }

    async fn open_stream(&mut self) {
        self.moment = self.truth.moment();
        let path = self.doors().path(&format!("events?x=1{}", self.since()));
        let Some(mut stream) = self.doors().stream(&path).await else { return };
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
            "position" => {
                let at = Position::parse(&told.data);
                assert!(self.position.as_ref().is_some_and(|position| position.offset < at.offset), "{at}: {:#?}", self.diary);
                self.position = Some(at);
            }
            _ => {
                let event: Value = serde_json::from_str(&told.data).unwrap();
                assert_eq!(event["event"], told.name.as_str());
                let id = Position::parse(told.id.as_deref().expect("an event without a position"));
                assert_eq!(Some(id.offset), event["offset"].as_u64());
                self.goes_on_in(&id.epoch);
                self.take(id.offset, &told.name, &event["data"], false);
            }
        }
    }

    async fn poll(&mut self) -> Option<()> {
        self.moment = self.truth.moment();
        let (status, answer) = self.doors().get(&self.doors().path(&format!("events?wait=0{}", self.since()))).await?;
        assert_eq!(status, 200, "{answer}");
        let at = Position::parse(answer["position"].as_str().unwrap());
        self.note(format!("poll from {:?}: {at}, gap {}", self.position, answer["gap"]));
        let events = answer["events"].as_array().unwrap();
        if answer["gap"] == true {
            self.stop();
            return Some(());
        }
        self.goes_on_in(&at.epoch);
        self.take_events(events, false);
        self.position = Some(at);
        Some(())
    }

    async fn history(&mut self) -> Option<()> {
        self.moment = self.truth.moment();
        let limit = 1 + self.dice.below(20);
        let (status, answer) = self.doors().get(&self.doors().path(&format!("history?limit={limit}{}", self.since()))).await?;
        self.note(format!("history from {:?}: {status} {}", self.position, answer["position"]));
        if status != 200 {
            assert_eq!(answer["type"], "unrecoverable-position", "{answer}");
            self.stop();
            return Some(());
        }
        let at = Position::parse(answer["position"].as_str().unwrap());
        let publications = answer["publications"].as_array().unwrap();
        self.goes_on_in(&at.epoch);
        if publications.is_empty() {
            self.position = Some(at);
        } else {
            self.take_events(publications, true);
        }
        Some(())
    }

    fn take_events(&mut self, events: &[Value], is_stored: bool) {
        for event in events {
            self.take(event["offset"].as_u64().unwrap(), event["event"].as_str().unwrap(), &event["data"], is_stored);
        }
    }

    fn take_pub(&mut self, publication: &Value) {
        let kind = publication["tags"]["event"].as_str().unwrap_or("publication").to_owned();
        self.take(publication["offset"].as_u64().expect("no offset"), &kind, &publication["data"], false);
    }

    fn take(&mut self, offset: u64, kind: &str, data: &Value, is_stored: bool) {
        self.note(format!("{offset} {kind} {}", data["id"].as_str().unwrap_or_default()));
        let position = self.position.as_mut().unwrap();
        assert!(offset > position.offset, "{offset} came after {}: {:#?}", position.offset, self.diary);
        position.offset = offset;
        let at = position.clone();
        match kind {
            "publication" => {
                let number = data["n"].as_u64().unwrap();
                self.check(self.truth.check_publication(&at, number));
                self.heard.push(Heard { at, number, told: self.told });
            }
            "comment.created" | "comment.updated" => {
                let body = data["body"].as_str().unwrap().to_owned();
                let teller = Teller { ring_of: (!is_stored).then_some(self.node), offset: Some(offset) };
                self.check(self.truth.check_text(&body, teller, self.moment));
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
        let Some((listed, at)) = list(self.doors(), &self.truth, moment).await else { return };
        self.note(format!("list at {at}"));
        match &self.position {
            None => self.begun = Some(at.clone()),
            Some(from) => self.gaps.push((from.clone(), at.clone())),
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
        truth.check_text(body, Teller { ring_of: None, offset: None }, moment).unwrap();
    }
    Some((listed, Position::parse(page["position"].as_str().unwrap())))
}
