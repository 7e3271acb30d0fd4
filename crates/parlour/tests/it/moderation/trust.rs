//! Whom a moderator trusts: what passes for them and what does not, that it is the member's alone, and how it ends.

use serde_json::{Value, json};

use super::{Desk, FIRST, id_of, on_both};
use crate::http::Http;

/// Everything waits, for whatever reason there is.
const ALL: &str = "hold = \"all\"\nhold-words = [\"casino\"]\nproof-bits = 0\norigins = [\"https://blog.example\"]\n";
const LINKS: &str = "https://a.example https://b.example https://c.example";

impl Desk {
    /// Why it waits; null if it is shown.
    async fn why(&self, token: &str, draft: Value) -> Value {
        let posted = self.post(token, draft).await;
        if posted.json()["comment"]["state"] == "approved" {
            return Value::Null;
        }
        self.http.get_as(&self.moderator, &format!("/v1/moderation/comments/{}", id_of(&posted))).await.json()["reason"].clone()
    }

    async fn trusted_list(&self) -> Value {
        self.http.get_as(&self.moderator, "/v1/moderation/trusted").await.json()
    }

    /// A guest whose comment is approved, and who is trusted from then on; the comment's id, and what came of it.
    async fn guest_in_trust(&self) -> (String, String, Value) {
        let guest = self.guest().await;
        let id = id_of(&self.post(&guest, json!({ "body": "believe me", "author": { "name": "Ana" } })).await);
        let done = self.order(json!({ "act": "trust", "ids": [id] })).await;
        (guest, id, done)
    }
}

#[tokio::test]
async fn whoever_is_approved_and_trusted_waits_for_words_and_traps_alone() {
    on_both(ALL, async |desk| {
        let (guest, id, done) = desk.guest_in_trust().await;
        assert_eq!(done["changed"], 1);
        let comment = desk.http.get(&format!("/v1/comments/{id}")).await.json();
        assert_eq!(comment["comment"]["state"], "approved");
        assert_eq!(desk.why(&guest, json!({ "body": "at once" })).await, Value::Null);
        assert_eq!(desk.why(&guest, json!({ "body": LINKS })).await, Value::Null);
        assert_eq!(desk.why(&guest, json!({ "body": "a casino" })).await, "word");
        assert_eq!(desk.why(&guest, json!({ "body": "robot", "website": "https://spam.example" })).await, "trap");
        // An edit of theirs passes as a comment does.
        assert_eq!(desk.patch(&guest, &format!("/v1/comments/{id}"), json!({ "body": LINKS })).await.status, 200);
        assert_eq!(desk.http.get(&format!("/v1/comments/{id}")).await.json()["comment"]["state"], "approved");
        // It is the guest's who was trusted, whatever another is called.
        let other = desk.guest().await;
        assert_eq!(desk.why(&other, json!({ "body": "me too", "author": { "name": "Ana" } })).await, "all");
        let approved = desk.trusted().await;
        assert_eq!(desk.why(&approved, json!({ "body": "approved is not trusted" })).await, "all");
    })
    .await;
}

#[tokio::test]
async fn trust_is_shown_noted_undone_and_taken_back() {
    on_both(ALL, async |desk| {
        let (guest, id, done) = desk.guest_in_trust().await;
        let found = desk.filings("words=believe").await;
        assert_eq!((&found["comments"][0]["trusted"], desk.last_record().await["act"].clone()), (&json!(true), json!("trust")));
        assert_eq!(desk.http.get_as(&desk.moderator, &format!("/v1/moderation/comments/{id}")).await.json()["trusted"], true);
        let listed = desk.trusted_list().await;
        assert_eq!((&listed["trusted"][0]["name"], &listed["next"]), (&json!("Ana"), &Value::Null));
        let whom = listed["trusted"][0]["whom"].clone();
        let after = format!("/v1/moderation/trusted?after={}", whom.as_str().unwrap());
        assert_eq!(desk.http.get_as(&desk.moderator, &after).await.json()["trusted"], json!([]));
        assert_eq!(desk.http.get_as(&desk.moderator, "/v1/moderation/trusted?after=ana").await.status, 400);

        // Undoing takes back both, and what it took back can be had again.
        let undone = desk.undo(&done["record"]).await;
        assert_eq!(desk.http.get_as(&guest, &format!("/v1/comments/{id}")).await.json()["comment"]["state"], "pending");
        assert_eq!(desk.why(&guest, json!({ "body": "no more" })).await, "all");
        desk.undo(&undone["record"]).await;
        assert_eq!(desk.why(&guest, json!({ "body": "once more" })).await, Value::Null);
        assert_eq!(desk.trusted_list().await, listed, "since when it was");

        // Taken back by whom it is about; once.
        let untrust = json!({ "act": "untrust", "whom": whom });
        let taken = desk.order(untrust.clone()).await;
        assert_eq!((&taken["changed"], desk.last_record().await["target"].clone()), (&json!(0), json!("Ana")));
        assert_eq!(desk.why(&guest, json!({ "body": "not any more" })).await, "all");
        assert_eq!(desk.filings("words=believe").await["comments"][0]["trusted"], false);
        for order in [untrust, json!({ "act": "untrust", "whom": "somebody" })] {
            assert_eq!(desk.http.post_as(&desk.moderator, "/v1/moderation/orders", &order).await.status, 400);
        }
        desk.undo(&taken["record"]).await;
        assert_eq!(desk.why(&guest, json!({ "body": "after all" })).await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_block_ends_trust_and_both_come_back_by_undo() {
    on_both(ALL, async |desk| {
        let (guest, id, _) = desk.guest_in_trust().await;
        let blocked = desk.order(json!({ "act": "block", "id": id })).await;
        assert_eq!(desk.trusted_list().await["trusted"], json!([]));
        // Trust opens nothing to whoever is blocked.
        let trust = desk.order(json!({ "act": "trust", "ids": [id] })).await;
        assert_eq!(desk.post(&guest, json!({ "body": "let me" })).await.json()["type"], "blocked");
        desk.undo(&trust["record"]).await;
        desk.undo(&blocked["record"]).await;
        assert_eq!(desk.why(&guest, json!({ "body": "I am back" })).await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_forgotten_is_trusted_no_more() {
    on_both(FIRST, async |desk| {
        let (guest, _, _) = desk.guest_in_trust().await;
        let headers = [("authorization", &*format!("Bearer {guest}"))];
        let all = desk.http.get_as(&guest, "/v1/me").await.json();
        assert!(all["trusted"]["since"].is_string(), "{all}");
        assert_eq!(desk.http.ask(reqwest::Method::DELETE, "/v1/me", &headers, "").await.status, 204);
        assert_eq!(desk.trusted_list().await["trusted"], json!([]));
        let record = desk.last_record().await;
        assert_eq!((&record["target"], &record["undoable"]), (&json!(""), &json!(false)), "and the record names nobody");
    })
    .await;
}

#[tokio::test]
async fn trust_outlives_a_killed_server() {
    let mut desk = Desk::open(ALL).await;
    let (guest, ..) = desk.guest_in_trust().await;
    desk.server.kill();
    desk.server.start_again();
    desk.http = Http::of(&desk.server);
    assert_eq!(desk.why(&guest, json!({ "body": "still" })).await, Value::Null);
}
