//! The same table as old pages speak: `POST /`, `/msgs`, and over Socket.IO `chat message`, `viewing` and `message`, each in its channel:
//! what is said comes to what it would through any door, and is heard by whoever may read.

use std::time::Instant;

use parlour_wire::code::Code;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ACTS, FILE, PAGE_URL, Row, Scene, TABLE, WHO, all_right, is_foreign, place};
use crate::server::PATIENCE;
use crate::socketio::Client;

/// What an old page's socket comes to: the way, the act, the outcome.
type Tried = (&'static str, &'static str, Result<(), String>);

/// Says something; the type of a refusal.
async fn said(socket: &mut Client, event: &str, body: Value) -> Result<(), String> {
    let answer = socket.ask(event, body).await;
    let number = answer["error"]["code"].as_u64();
    number.map_or(Ok(()), |number| {
        let code = Code::ALL.iter().find(|code| u64::from(code.number()) == number);
        Err(code.unwrap_or_else(|| panic!("{answer}")).name().to_owned())
    })
}

/// Whether it hears such an event, up to now, or at all where it should.
async fn hears(socket: &mut Client, is_expected: bool, is_it: impl Fn(&Value) -> bool) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    loop {
        if socket.heard_so_far().await.iter().any(&is_it) {
            return Ok(());
        }
        if !is_expected || Instant::now() > until {
            return Err("forbidden".to_owned());
        }
    }
}

impl Scene {
    /// The two doors that are plain HTTP.
    async fn try_plain(&self, row: &Row, who: usize) -> Vec<Tried> {
        let chan = json!({ "chan": self.channel(row), "msg": 1 });
        let mut tried = vec![("POST /", "publish", self.over_http(who, Method::POST, "/", Some(chan)).await.map(drop))];
        if row.0 != "page" {
            let entry = json!({ "from": "a", "content": "b" });
            let posted = self.over_http(who, Method::POST, "/msgs", Some(entry)).await;
            tried.push(("POST /msgs", "comment", posted.map(drop)));
            tried.push(("GET /msgs", "read", self.over_http(who, Method::GET, "/msgs", None).await.map(drop)));
        }
        tried
    }

    /// A page of comments: it hears the newest when it gets there, and each that is written.
    async fn try_page(&self, who: usize) -> Vec<Tried> {
        let comment = json!({ "Author": "a", "Body": "b", "PageUrl": PAGE_URL });
        let mut socket = self.socket("default", who, &format!("&page={PAGE_URL}")).await.unwrap();
        let is = |what: &'static str| move |event: &Value| event[0] == "message" && event[1].to_string().contains(what);
        let initial = hears(&mut socket, true, is("initial")).await;
        let posted = said(&mut socket, "message", comment).await;
        let heard = hears(&mut socket, true, is("CreatedAt")).await;
        vec![("initial", "read", initial), ("message", "comment", posted), ("message", "read", heard)]
    }

    /// A post that is viewed: its numbers, which everyone may read as in any other channel.
    async fn try_viewing(&self, who: usize) -> Vec<Tried> {
        let mut socket = self.socket("default", who, "").await.unwrap();
        let mut tried = vec![("viewing", "read", said(&mut socket, "viewing", json!(7)).await)];
        for (way, name) in [("viewing: viewers", "viewers"), ("viewing: views", "views")] {
            said(&mut socket, "viewing", json!(7)).await.unwrap();
            tried.push((way, "read", hears(&mut socket, true, |event| event[0] == name && event[1] == 7).await));
        }
        tried
    }

    /// A chat: what is said is a comment, and whoever may read hears it from the start.
    async fn try_chat(&self, row: &Row) -> Vec<(usize, Vec<Tried>)> {
        let mut sockets = Vec::new();
        for who in (0..place("subscribe")).filter(|who| !is_foreign(*who)) {
            sockets.push((who, self.socket("default", who, "").await.unwrap()));
        }
        let mut all = Vec::new();
        for (who, socket) in &mut sockets {
            let way = said(socket, "chat message", json!("c")).await;
            all.push((*who, vec![("chat message", "comment", way)]));
        }
        let path = format!("/v1/channels/{}/publications", self.channel(row));
        self.over_http(place("key"), Method::POST, &path, Some(json!({ "data": "mark" }))).await.unwrap();
        // Those first who wait until they hear it; by then the others would have.
        sockets.sort_by_key(|(who, _)| !self.is_allowed(row, 0, *who));
        for (who, socket) in &mut sockets {
            let is_mark = |event: &Value| event[0] == "chat message" && event[1] == "mark";
            let heard = hears(socket, self.is_allowed(row, 0, *who), is_mark).await;
            all.push((*who, vec![("chat message heard", "read", heard)]));
        }
        all
    }

    /// Every dialect in the row's channel.
    async fn check_dialects(&self, row: &Row) {
        let mut all = Vec::new();
        // Whoever reads an empty list waits; the key may write everywhere.
        self.over_http(place("key"), Method::POST, "/msgs", Some(json!({ "from": "a", "content": "b" }))).await.unwrap();
        for who in 0..place("subscribe") {
            all.push((who, self.try_plain(row, who).await));
            if row.0 == "page" && !is_foreign(who) {
                all.push((who, self.try_page(who).await));
                all.push((who, self.try_viewing(who).await));
            }
        }
        if row.0 != "page" {
            all.extend(self.try_chat(row).await);
        }
        let mut wrong = Vec::new();
        for (who, tried) in all {
            for (way, act_name, result) in tried {
                let act = ACTS.iter().position(|act| *act == act_name).unwrap();
                let is_plain = way.contains('/');
                let expected = match () {
                    () if self.is_allowed(row, act, who) => Ok(()),
                    () if is_plain => Err(self.refusals(row, act, who).to_owned()),
                    () => Err("forbidden".to_owned()),
                };
                if result != expected {
                    wrong.push(format!("{} / {act_name} / {} by {way}: {result:?} instead of {expected:?}", row.0, WHO[who]));
                }
            }
        }
        all_right(&wrong);
    }
}

/// A dialect is spoken in one channel, so each row but the server's own has a server of its own.
async fn check_rows(options: &[&str], rows: &[&str]) {
    for row in TABLE.iter().filter(|row| rows.contains(&row.0)) {
        let is_page = row.0 == "page";
        let (list, chat) = if is_page { ("lobby", "off") } else { (row.0, row.0) };
        let file = format!(
            "msgs = \"{list}\"\npubsub = \"{chat}\"\ncomments-page = \"on\"\nviewing = \"on\"\npublish-root = \"on\"\n{FILE}"
        );
        Scene::with(options, &file).await.check_dialects(row).await;
    }
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_the_dialects() {
    check_rows(&[], &["page", "lobby", "team-a", "feed", "$secret"]).await;
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_the_dialects_in_demo_mode() {
    check_rows(&["--demo"], &["page", "feed", "$secret"]).await;
}
