//! The one who changes a channel at random: publishes, comments, edits, deletes; through HTTP or the WebSocket; one at a time or
//! many at once, each time at another node. When the server is killed under it, it goes on with the next.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::door::{Doors, Line, Store};
use super::reader::Position;
use super::truth::{Act, Dice, Truth};

/// Comments that live at once: so many fit into one page of a list.
const ALIVE_MAX: usize = 40;

/// Between two looks whether the store is back.
const PAUSE: Duration = Duration::from_millis(5);

pub struct Writer {
    nodes: Vec<Doors>,
    /// The node that is asked now.
    node: usize,
    truth: Arc<Truth>,
    dice: Dice,
    token: String,
    alive: Vec<Alive>,
    next: u64,
    /// A line, and to which node.
    socket: Option<(usize, Line)>,
}

/// A comment that was acknowledged as it is.
pub struct Alive {
    pub id: String,
    pub text: String,
    pub act: Act,
}

impl Writer {
    pub fn new(nodes: Vec<Doors>, truth: Arc<Truth>, dice: Dice, token: String) -> Writer {
        Writer { nodes, node: 0, truth, dice, token, alive: Vec::new(), next: 0, socket: None }
    }

    /// The comments that are there now, as far as that was acknowledged.
    pub fn alive(&self) -> &[Alive] {
        &self.alive
    }

    fn doors(&self) -> &Doors {
        &self.nodes[self.node]
    }

    /// What is published: small, or so large that a reader gets it in several turns.
    fn data(&mut self, number: u64) -> Value {
        let pad = if self.dice.below(3) == 0 { "x".repeat(8_000) } else { String::new() };
        json!({ "n": number, "pad": pad })
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// One change of a random kind.
    pub async fn change(&mut self) {
        self.node = self.dice.below(self.nodes.len() as u64) as usize;
        let victim = (!self.alive.is_empty()).then(|| self.dice.below(self.alive.len() as u64) as usize);
        match (self.dice.below(12), victim) {
            (0..=3, _) => self.publish().await,
            (4, _) => self.publish_many().await,
            (5..=6, Some(index)) => self.edit(index).await,
            (7..=8, Some(index)) => self.delete(index).await,
            (_, Some(index)) if self.alive.len() >= ALIVE_MAX => self.delete(index).await,
            (_, victim) => self.create(victim).await,
        }
    }

    /// Waits until what is stored can be written again, where nothing of it is the server's own.
    pub async fn until_it_is_back(&mut self) {
        let mut pace = tokio::time::interval(PAUSE);
        while self.doors().store != Store::Own && self.look().await.is_none() {
            pace.tick().await;
            self.node = (self.node + 1) % self.nodes.len();
        }
    }

    async fn look(&self) -> Option<Value> {
        let path = self.doors().path("history?limit=0");
        self.doors().get(&path).await.map(|(_, answer)| answer)
    }

    async fn publish(&mut self) {
        let number = self.number();
        let data = self.data(number);
        let era = self.truth.era();
        let answer = match self.dice.below(2) {
            0 => self.doors().post(&self.doors().path("publications"), Some(&self.token), &json!({ "data": data })).await,
            _ => {
                let data = json!({ "channel": self.doors().channel, "data": data });
                self.rpc("publish", data).await
            }
        };
        self.note(number, answer.as_ref(), era);
    }

    async fn publish_many(&mut self) {
        let numbers: Vec<u64> = (0..2 + self.dice.below(12)).map(|_| self.number()).collect();
        let datas: Vec<Value> = numbers.iter().map(|number| self.data(*number)).collect();
        let items: Vec<Value> = datas.iter().map(|data| json!({ "channel": self.doors().channel, "data": data })).collect();
        let era = self.truth.era();
        let answer = self.doors().post("/v1/batch", Some(&self.token), &json!({ "publications": items })).await;
        for (index, number) in numbers.into_iter().enumerate() {
            self.note(number, answer.as_ref().map(|answer| &answer["results"][index]), era);
        }
    }

    fn note(&self, number: u64, answer: Option<&Value>, era: usize) {
        match answer.and_then(|answer| answer["position"].as_str()) {
            Some(position) => self.truth.published(Position::parse(position), number, era),
            None => self.truth.unsure(number),
        }
    }

    async fn create(&mut self, victim: Option<usize>) {
        let text = format!("text {}", self.number());
        let parent = victim.filter(|_| self.dice.below(4) == 0).map(|index| self.alive[index].id.clone());
        let era = self.truth.era();
        let comment = json!({ "channel": self.doors().channel, "body": text, "parent": parent });
        let answer = match self.dice.below(2) {
            0 => {
                let comment = json!({ "body": text, "parent": parent });
                self.doors().post(&self.doors().path("comments"), Some(&self.token), &comment).await
            }
            _ => self.rpc("comment.create", comment).await,
        };
        if let Some(id) = answer.as_ref().and_then(|answer| answer["comment"]["id"].as_str()) {
            self.alive.push(Alive { id: id.to_owned(), text, act: self.truth.acknowledged(era) });
        }
    }

    async fn edit(&mut self, index: usize) {
        let text = format!("text {}", self.number());
        let id = self.alive[index].id.clone();
        let path = format!("/v1/comments/{id}");
        let era = self.truth.era();
        let answer = match self.dice.below(2) {
            0 => self.doors().ask(reqwest::Method::PATCH, &path, Some(&self.token), Some(&json!({ "body": text }))).await,
            _ => self.rpc("comment.edit", json!({ "id": id, "body": text })).await,
        };
        match answer.filter(|answer| answer["comment"]["body"] == text.as_str()) {
            Some(answer) => {
                let act = self.truth.acknowledged(era);
                let before = std::mem::replace(&mut self.alive[index], Alive { id, text, act });
                self.truth.withdrawn(before.text, answer["comment"]["offset"].as_u64(), self.node, era);
            }
            // It may have been changed or not: it is left alone from now on.
            None => drop(self.alive.swap_remove(index)),
        }
    }

    async fn delete(&mut self, index: usize) {
        let Alive { id, text, .. } = self.alive.swap_remove(index);
        let era = self.truth.era();
        let answer = self.doors().ask(reqwest::Method::DELETE, &format!("/v1/comments/{id}"), Some(&self.token), None).await;
        if answer.is_some() {
            self.truth.withdrawn(text, None, self.node, era);
        }
    }

    async fn rpc(&mut self, method: &str, data: Value) -> Option<Value> {
        if self.socket.as_ref().is_none_or(|(node, _)| *node != self.node) {
            let line = self.doors().connect(json!({ "token": self.token })).await?;
            self.socket = Some((self.node, line));
        }
        let Some((_, Line::Socket(socket))) = &mut self.socket else { return None };
        let reply = socket.try_ask(json!({ "rpc": { "method": method, "data": data } })).await;
        if reply.is_none() {
            self.socket = None;
        }
        reply.map(|reply| reply["rpc"]["data"].clone())
    }
}
