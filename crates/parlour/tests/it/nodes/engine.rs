//! A Socket.IO client by hand that polls and sends each request to the next node, as a balancer without sticky sessions does.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde_json::{Value, json};

pub struct Engine {
    http: reqwest::Client,
    nodes: Vec<SocketAddr>,
    next: usize,
    sid: String,
    packets: VecDeque<String>,
}

impl Engine {
    /// Opens a session on one of the nodes and connects to the namespace.
    pub async fn connect(nodes: Vec<SocketAddr>) -> Engine {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut engine = Engine { http, nodes, next: 0, sid: String::new(), packets: VecDeque::new() };
        let (status, opened) = engine.poll().await;
        assert_eq!(status, 200, "{opened}");
        let open: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
        engine.sid = open["sid"].as_str().unwrap().to_owned();
        engine.say("40").await;
        assert!(engine.packet().await.starts_with("40{"));
        engine
    }

    pub fn sid(&self) -> &str {
        &self.sid
    }

    fn address(&mut self) -> String {
        self.next += 1;
        let node = self.nodes[self.next % self.nodes.len()];
        let sid = if self.sid.is_empty() { String::new() } else { format!("&sid={}", self.sid) };
        format!("http://{node}/socket.io/?EIO=4&transport=polling{sid}")
    }

    /// One poll of the next node: status and body.
    pub async fn poll(&mut self) -> (u16, String) {
        let address = self.address();
        let answer = self.http.get(address).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn say(&mut self, packet: &str) {
        let address = self.address();
        let answer = self.http.post(address).body(packet.to_owned()).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "ok"));
    }

    /// The next packet that is no heartbeat.
    async fn packet(&mut self) -> String {
        loop {
            match self.packets.pop_front() {
                Some(ping) if ping == "2" => self.say("3").await,
                Some(packet) => return packet,
                None => {
                    let (status, body) = self.poll().await;
                    assert_eq!(status, 200, "{body}");
                    self.packets.extend(body.split('\u{1e}').map(str::to_owned));
                }
            }
        }
    }

    /// Subscribes; the acknowledgement comes after the positions.
    pub async fn subscribe(&mut self, channel: &str) {
        self.say(&format!("421{}", json!(["subscribe", { "channel": channel }]))).await;
        loop {
            let packet = self.packet().await;
            if let Some(answer) = packet.strip_prefix("431") {
                assert!(answer.contains("epoch"), "{answer}");
                return;
            }
        }
    }

    /// The data of the next publication.
    pub async fn publication(&mut self) -> Value {
        loop {
            let packet = self.packet().await;
            let Some(event) = packet.strip_prefix("42") else { continue };
            let event: Value = serde_json::from_str(event).unwrap();
            if event[0] == "publication" {
                return event[2].clone();
            }
        }
    }
}
