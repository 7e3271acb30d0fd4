//! What somebody may do to a comment: to their own, to another's, and to one of another site, whoever they are, through HTTP, the
//! WebSocket's `rpc` and Socket.IO.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::sockets::{Door, Line};
use super::{PAGE_URL, Scene, WHO, all_right, is_foreign, place};

/// What is done, in this order; then to one's own and to another's, a `+` or `-` for each of `WHO` in its order, and a `.` for whom there
/// is no such comment.
type Act = (&'static str, &'static str, &'static str);

/// Everyone writes there. Nobody's own comment is that of the guest who they became; over the sockets they are one from the start.
const OPEN: [Act; 9] = [
    ("read", ".+++++++..+", "++++++++--+"),
    ("report", ".+++++++..+", "++++++++--+"),
    ("react", ".+++++++..+", "++++++++--+"),
    ("unreact", ".+++++++..+", "++++++++--+"),
    ("edit", ".+++++++..+", "-----+++---"),
    ("pin", ".----+++..-", "-----+++---"),
    ("hold", ".----+++..-", "-----+++---"),
    ("approve", ".----+++..-", "-----+++---"),
    ("delete", ".+++++++..+", "-----+++---"),
];

/// Everyone reads there; keys, and tokens that name it, write.
const NAMED: [Act; 9] = [
    ("read", "...+...+...", "++++++++--+"),
    ("report", "...+...+...", "++++++++--+"),
    ("react", "...+...+...", "---+---+---"),
    ("unreact", "...+...+...", "---+---+---"),
    ("edit", "...+...+...", "-----+++---"),
    ("pin", "...-...+...", "-----+++---"),
    ("hold", "...-...+...", "-----+++---"),
    ("approve", "...-...+...", "-----+++---"),
    ("delete", "...+...+...", "-----+++---"),
];

/// Nobody else even reads there, but with a subscribe token.
const PRIVATE: [Act; 9] = [
    ("read", "...+...+..+", "---+---+--+"),
    ("report", "...+...+..+", "---+---+--+"),
    ("react", "...+...+..+", "---+---+--+"),
    ("unreact", "...+...+..+", "---+---+--+"),
    ("edit", "...+...+..+", "-------+---"),
    ("pin", "...-...+..-", "-------+---"),
    ("hold", "...-...+..-", "-------+---"),
    ("approve", "...-...+..-", "-------+---"),
    ("delete", "...+...+..+", "-------+---"),
];

/// The channels with their tables; in demo mode everyone may write where everyone reads, and moderate no more than elsewhere.
fn tables(demo: bool) -> [(&'static str, [Act; 9]); 5] {
    let named = if demo { OPEN } else { NAMED };
    [("page", OPEN), ("lobby", OPEN), ("team-a", OPEN), ("feed", named), ("$secret", PRIVATE)]
}

/// Through what something is asked.
enum Way {
    Http,
    Line(Line),
}

impl Scene {
    fn draft(&self, channel: &str) -> Value {
        match channel.starts_with("page:") {
            true => json!({ "body": "hello", "page": { "url": PAGE_URL } }),
            false => json!({ "body": "hello" }),
        }
    }

    /// Somebody's comment on their own site; its id.
    async fn posted(&self, who: usize, channel: &str) -> String {
        let path = format!("/v1/channels/{channel}/comments");
        let posted = self.on_site(who, Method::POST, &path, Some(self.draft(channel))).await;
        let posted = posted.unwrap_or_else(|refusal| panic!("{} writes in {channel}: {refusal}", WHO[who]));
        posted["comment"]["id"].as_str().unwrap().to_owned()
    }

    /// One's own comment: over a line by the line, whose guest nobody else knows.
    async fn own(&self, way: &mut Way, who: usize, channel: &str) -> String {
        match way {
            Way::Http => self.posted(who, channel).await,
            Way::Line(line) => {
                let mut draft = self.draft(channel);
                draft["channel"] = json!(channel);
                let posted = line.ask("comment.create", draft).await;
                let posted = posted.unwrap_or_else(|refusal| panic!("{} writes in {channel}: {refusal}", WHO[who]));
                posted["comment"]["id"].as_str().unwrap().to_owned()
            }
        }
    }

    /// Does it; the type of the refusal. `None`: there is no such method there.
    async fn done(&self, way: &mut Way, who: usize, act: &str, id: &str, site: &str) -> Option<Result<(), String>> {
        let change = match act {
            "edit" => json!({ "body": "other words" }),
            "pin" => json!({ "pinned": true }),
            "hold" => json!({ "state": "pending" }),
            "approve" => json!({ "state": "approved" }),
            _ => Value::Null,
        };
        let result = match way {
            Way::Http => {
                let (method, rest, body) = match act {
                    "read" => (Method::GET, "", None),
                    "report" => (Method::POST, "/report", None),
                    "react" => (Method::PUT, "/reactions/up", None),
                    "unreact" => (Method::DELETE, "/reactions/up", None),
                    "delete" => (Method::DELETE, "", None),
                    _ => (Method::PATCH, "", Some(change)),
                };
                self.on_site(who, method, &format!("/v1/comments/{id}{rest}{site}"), body).await
            }
            Way::Line(line) => {
                let (method, mut body) = match act {
                    "read" => return None,
                    "report" => ("comment.report", json!({})),
                    "react" => ("comment.react", json!({ "name": "up" })),
                    "unreact" => ("comment.unreact", json!({ "name": "up" })),
                    "delete" => ("comment.delete", json!({})),
                    _ => ("comment.edit", change),
                };
                body["id"] = json!(id);
                line.ask(method, body).await.map_err(str::to_owned)
            }
        };
        Some(result.map(drop))
    }

    async fn way(&self, door: Option<Door>, site: &str, who: usize) -> Way {
        match door {
            None => Way::Http,
            Some(door) => Way::Line(self.line(door, site, who).await.unwrap()),
        }
    }

    /// What is not as the tables say, of all that `who` does through one door.
    async fn wrong_of(&self, door: Option<Door>, who: usize) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut way = self.way(door, "default", who).await;
        let by = door.map_or("HTTP".to_owned(), |door| format!("{door:?}"));
        for (channel, acts) in tables(self.demo) {
            let name = if channel == "page" { self.page.clone() } else { channel.to_owned() };
            let token = self.brought(channel, who);
            if let (Way::Line(line), false) = (&mut way, token.is_empty()) {
                line.ask("subscribe", json!({ "channel": name, "token": token })).await.unwrap();
            }
            let writer = if WHO[who] == "key" { "channels" } else { "key" };
            let others = self.posted(place(writer), &name).await;
            let own = if acts[0].1.as_bytes()[who] == b'+' { Some(self.own(&mut way, who, &name).await) } else { None };
            let may_read = acts[0].2.as_bytes()[who] == b'+';
            for (act, own_cells, other_cells) in acts {
                for (whose, cells, id) in [("own", own_cells, own.as_ref()), ("another's", other_cells, Some(&others))] {
                    let (Some(id), cell) = (id, cells.as_bytes()[who]) else { continue };
                    let site = if door.is_none() && is_foreign(who) { "?site=default" } else { "" };
                    let expected = match WHO[who] {
                        // Reports are counted by member or address, and demo mode looks at no addresses.
                        "nobody" if self.demo && act == "report" && may_read && door.is_none() => Err("unauthorized"),
                        _ if cell == b'+' => Ok(()),
                        _ if is_foreign(who) => Err("site-mismatch"),
                        _ if !may_read => Err("unknown-comment"),
                        "nobody" if door.is_none() => Err("unauthorized"),
                        _ => Err("forbidden"),
                    };
                    let Some(result) = self.done(&mut way, who, act, id, site).await else { continue };
                    if result != expected.map_err(str::to_owned) {
                        wrong.push(format!(
                            "{channel} / {act} {whose} / {} by {by}: {result:?} instead of {expected:?}",
                            WHO[who]
                        ));
                    }
                }
            }
        }
        wrong
    }

    /// What is not refused, of all that `who` does to a comment of the site that is not theirs.
    async fn wrong_across(&self, door: Option<Door>, who: usize, ours: &str, theirs: &str) -> Vec<String> {
        let (site, id) = if is_foreign(who) { ("other", ours) } else { ("default", theirs) };
        let mut way = self.way(door, site, who).await;
        let mut wrong = Vec::new();
        for (act, ..) in OPEN {
            let result = self.done(&mut way, who, act, id, "").await;
            if result.as_ref().is_some_and(|result| *result != Err("unknown-comment".to_owned())) {
                let by = door.map_or("HTTP".to_owned(), |door| format!("{door:?}"));
                wrong.push(format!("{act} another site's / {} by {by}: {result:?}", WHO[who]));
            }
        }
        wrong
    }

    async fn check_comments(&self) {
        let doors = [None, Some(Door::WebSocket), Some(Door::SocketIo)];
        let ours = self.posted(place("key"), "lobby").await;
        let theirs = self.posted(place("foreign key"), "lobby").await;
        let (mut all, mut across) = (Vec::new(), Vec::new());
        for door in doors {
            for (who, name) in WHO.iter().enumerate() {
                // A subscribe token is brought over a line; over one, whoever is of the other site is not let in.
                if (door.is_none() && *name != "subscribe") || (door.is_some() && !is_foreign(who)) {
                    all.push(self.wrong_of(door, who));
                }
                across.push(self.wrong_across(door, who, &ours, &theirs));
            }
        }
        all_right(&[join_all(all).await.concat(), join_all(across).await.concat()].concat());
    }
}

#[tokio::test]
async fn what_is_done_to_a_comment_is_allowed_cell_by_cell_through_every_door() {
    Scene::new(false).await.check_comments().await;
}

#[tokio::test]
async fn what_is_done_to_a_comment_is_allowed_cell_by_cell_through_every_door_in_demo_mode() {
    Scene::new(true).await.check_comments().await;
}
