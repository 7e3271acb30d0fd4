//! One of a crowd: reads a channel, checks that every offset comes once and in order, comes back where it left off when its line is
//! lost, and counts what it was told it missed.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::sync::watch;

use super::line::{Came, Line};

/// What is asked of a member besides reading.
#[derive(Clone, Copy, Default)]
pub struct Manner {
    /// What this end's kernel takes in.
    pub receive_bytes: Option<u32>,
    /// When times in publications began; `None` where they bear none.
    pub since: Option<Instant>,
}

pub struct Member {
    address: SocketAddr,
    manner: Manner,
    channel: String,
    line: Option<Line>,
    epoch: String,
    pub offset: u64,
    pub heard: u64,
    /// Pushes 2500.
    pub told: u64,
    /// Answers that could not give everything since the position, and how much that was.
    pub gaps: u64,
    pub missed: u64,
    /// Lines lost.
    pub lost: u64,
    pub delays_us: Vec<u32>,
}

impl Member {
    pub fn new(address: SocketAddr, channel: &str, manner: Manner) -> Member {
        let channel = channel.to_owned();
        let epoch = String::new();
        let delays_us = Vec::new();
        Member {
            address,
            manner,
            channel,
            line: None,
            epoch,
            offset: 0,
            heard: 0,
            told: 0,
            gaps: 0,
            missed: 0,
            lost: 0,
            delays_us,
        }
    }

    /// Connects and subscribes, from the position in hand if there is one. `false` when it has to be tried again.
    pub async fn come(&mut self) -> bool {
        self.line = Line::open(self.address, self.manner.receive_bytes).await;
        let Some(line) = &mut self.line else { return false };
        line.say("{\"id\":1,\"connect\":{\"data\":{\"count\":false}}}").await;
        let Some(Came::Text(answer)) = line.next().await else { return false };
        if answer.contains("\"error\"") {
            // Too many at once: later.
            assert!(answer.contains("\"code\":111"), "{answer}");
            return false;
        }
        self.subscribe().await
    }

    async fn subscribe(&mut self) -> bool {
        let recover = match self.epoch.as_str() {
            "" => String::new(),
            epoch => format!(",\"recover\":true,\"epoch\":\"{epoch}\",\"offset\":{}", self.offset),
        };
        let Some(line) = &mut self.line else { return false };
        line.say(&format!("{{\"id\":2,\"subscribe\":{{\"channel\":\"{}\"{recover}}}}}", self.channel)).await;
        loop {
            match line.next().await {
                Some(Came::Text(text)) if text.starts_with("{\"id\":2,") => return self.begin(&text),
                Some(Came::Text(_)) => {}
                Some(Came::Close(_)) | None => return false,
            }
        }
    }

    fn begin(&mut self, reply: &str) -> bool {
        let reply: serde_json::Value = serde_json::from_str(reply).unwrap();
        let subscribed = &reply["subscribe"];
        assert!(subscribed.is_object(), "{reply}");
        let top = subscribed["offset"].as_u64().unwrap_or(0);
        if subscribed["recovered"] == true {
            for publication in subscribed["publications"].as_array().into_iter().flatten() {
                self.note(publication["offset"].as_u64().unwrap());
            }
            assert_eq!(self.offset, top, "a recovery ends elsewhere");
        } else if !self.epoch.is_empty() {
            self.gaps += 1;
            self.missed += top - self.offset;
        }
        self.offset = top;
        self.epoch = subscribed["epoch"].as_str().unwrap().to_owned();
        true
    }

    fn note(&mut self, offset: u64) {
        assert_eq!(offset, self.offset + 1, "a hole, or twice");
        self.offset = offset;
        self.heard += 1;
    }

    /// Reads until it stands at `top`. When its line is lost it waits for `up` and comes again.
    pub async fn read_to(&mut self, top: u64, mut up: watch::Receiver<bool>) {
        while self.offset < top {
            let came = match &mut self.line {
                Some(line) => line.next().await,
                None => None,
            };
            match came {
                Some(Came::Text(text)) if text.contains("\"unsubscribe\"") => {
                    assert!(text.contains("2500"), "{text}");
                    self.told += 1;
                    self.subscribe().await;
                }
                Some(Came::Text(text)) => self.take(&text),
                Some(Came::Close(code)) => assert!((3000..3500).contains(&code), "told never to come back: {code}"),
                None => {
                    self.lost += 1;
                    // Whoever would say so being gone is as good.
                    let _ = up.wait_for(|up| *up).await;
                    while !self.come().await {
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    fn take(&mut self, text: &str) {
        if let Some(offset) = number_after(text, "\"offset\":") {
            self.note(offset);
            if let (Some(since), Some(sent_us)) = (self.manner.since, number_after(text, "\"us\":")) {
                self.delays_us.push((since.elapsed().as_micros() as u64).saturating_sub(sent_us) as u32);
            }
        }
    }

    /// The port of its line.
    pub fn port(&self) -> u16 {
        self.line.as_ref().unwrap().port()
    }
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    let rest = &text[text.rfind(name)? + name.len()..];
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
