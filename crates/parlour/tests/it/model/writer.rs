//! The one who changes a channel at random: publishes, comments, edits, deletes; through HTTP or the WebSocket; one at a time or
//! many at once. When the server is killed under it, it goes on with the next.

use std::sync::Arc;

use serde_json::{Value, json};

use super::door::{Doors, Line};
use super::truth::{Dice, Truth};

/// Comments that live at once: so many fit into one page of a list.
const ALIVE_MAX: usize = 40;

pub struct Writer {
    doors: Doors,
    truth: Arc<Truth>,
    dice: Dice,
    token: String,
    alive: Vec<(String, String)>,
    next: u64,
    socket: Option<Line>,
}

impl Writer {
    pub fn new(doors: Doors, truth: Arc<Truth>, dice: Dice, token: String) -> Writer {
        Writer { doors, truth, dice, token, alive: Vec::new(), next: 0, socket: None }
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

    async fn publish(&mut self) {
        let number = self.number();
        let data = self.data(number);
        let answer = match self.dice.below(2) {
            0 => self.doors.post(&self.doors.path("publications"), Some(&self.token), &json!({ "data": data })).await,
            _ => {
                let data = json!({ "channel": self.doors.channel, "data": data });
                self.rpc("publish", data).await
            }
        };
        self.note(number, answer.as_ref());
    }

    async fn publish_many(&mut self) {
        let numbers: Vec<u64> = (0..2 + self.dice.below(12)).map(|_| self.number()).collect();
        let datas: Vec<Value> = numbers.iter().map(|number| self.data(*number)).collect();
        let items: Vec<Value> = datas.iter().map(|data| json!({ "channel": self.doors.channel, "data": data })).collect();
        let answer = self.doors.post("/v1/batch", Some(&self.token), &json!({ "publications": items })).await;
        for (index, number) in numbers.into_iter().enumerate() {
            self.note(number, answer.as_ref().map(|answer| &answer["results"][index]));
        }
    }

    fn note(&self, number: u64, answer: Option<&Value>) {
        match answer.and_then(|answer| answer["position"].as_str()) {
            Some(position) => self.truth.published(position.split_once(':').unwrap().1.parse().unwrap(), number),
            None => self.truth.unsure(number),
        }
    }

    async fn create(&mut self, victim: Option<usize>) {
        let text = format!("text {}", self.number());
        let parent = victim.filter(|_| self.dice.below(4) == 0).map(|index| self.alive[index].0.clone());
        let answer = match self.dice.below(2) {
            0 => {
                self.doors.post(&self.doors.path("comments"), Some(&self.token), &json!({ "body": text, "parent": parent })).await
            }
            _ => self.rpc("comment.create", json!({ "channel": self.doors.channel, "body": text, "parent": parent })).await,
        };
        if let Some(id) = answer.as_ref().and_then(|answer| answer["comment"]["id"].as_str()) {
            self.alive.push((id.to_owned(), text));
        }
    }

    async fn edit(&mut self, index: usize) {
        let text = format!("text {}", self.number());
        let id = self.alive[index].0.clone();
        let path = format!("/v1/comments/{id}");
        let answer = match self.dice.below(2) {
            0 => self.doors.ask(reqwest::Method::PATCH, &path, Some(&self.token), Some(&json!({ "body": text }))).await,
            _ => self.rpc("comment.edit", json!({ "id": id, "body": text })).await,
        };
        match answer.filter(|answer| answer["comment"]["body"] == text.as_str()) {
            Some(answer) => {
                let before = std::mem::replace(&mut self.alive[index].1, text);
                self.truth.withdrawn(before, answer["comment"]["offset"].as_u64());
            }
            // It may have been changed or not: it is left alone from now on.
            None => drop(self.alive.swap_remove(index)),
        }
    }

    async fn delete(&mut self, index: usize) {
        let (id, text) = self.alive.swap_remove(index);
        let answer = self.doors.ask(reqwest::Method::DELETE, &format!("/v1/comments/{id}"), Some(&self.token), None).await;
        if answer.is_some() {
            self.truth.withdrawn(text, None);
        }
    }

    async fn rpc(&mut self, method: &str, data: Value) -> Option<Value> {
        if self.socket.is_none() {
            self.socket = self.doors.connect(json!({ "token": self.token })).await;
        }
        let Some(Line::Socket(socket)) = &mut self.socket else { return None };
        let reply = socket.try_ask(json!({ "rpc": { "method": method, "data": data } })).await;
        if reply.is_none() {
            self.socket = None;
        }
        reply.map(|reply| reply["rpc"]["data"].clone())
    }
}
