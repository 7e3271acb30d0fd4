//! A site's rules and its moderators: what is held and what passes, proofs of work, reports, blocks, orders and taking them back.
//! Every case is asked over HTTP; what readers hear meanwhile, over the WebSocket.

mod akismet;
mod floods;
mod headers;
mod letters;
mod proofs;
mod trust;
mod undo;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http::{Answer, Http};
use crate::redis::{self, Redis};
use crate::server::Server;

/// A configured site: a first comment waits, no proofs are asked for.
const FIRST: &str = "hold = \"first\"\nproof-bits = 0\nchats = [\"lobby\"]\norigins = [\"https://blog.example\"]\n";

struct Desk {
    server: Server,
    http: Http,
    moderator: String,
    page: String,
}

impl Desk {
    async fn open(file: &str) -> Desk {
        Desk::of(Server::start(&[], file)).await
    }

    async fn of(server: Server) -> Desk {
        let moderator = server.token("mia", &["--role", "admin"]);
        let http = Http::of(&server);
        // The page is made by its owner.
        let first = json!({ "body": "welcome", "page": { "url": "https://blog.example/post" } });
        let page = http.post_as(&moderator, "/v1/channels/page/comments?url=https://blog.example/post", &first).await;
        let page = page.json()["comment"]["channel"].as_str().unwrap().to_owned();
        Desk { server, http, moderator, page }
    }

    async fn guest(&self) -> String {
        self.http.post("/v1/guests", &json!({})).await.json()["token"].as_str().unwrap().to_owned()
    }

    async fn post_in(&self, channel: &str, token: &str, draft: Value) -> Answer {
        self.http.post_as(token, &format!("/v1/channels/{channel}/comments"), &draft).await
    }

    async fn post(&self, token: &str, draft: Value) -> Answer {
        self.post_in(&self.page, token, draft).await
    }

    async fn patch(&self, token: &str, path: &str, change: Value) -> Answer {
        let headers = [("content-type", "application/json"), ("authorization", &*format!("Bearer {token}"))];
        self.http.ask(reqwest::Method::PATCH, path, &headers, &change.to_string()).await
    }

    /// The newest act.
    async fn last_record(&self) -> Value {
        self.http.get_as(&self.moderator, "/v1/moderation/records").await.json()["records"][0].clone()
    }

    /// Takes an act back.
    async fn undo(&self, record: &Value) -> Value {
        let answer = self.http.post_as(&self.moderator, &format!("/v1/moderation/records/{record}/undo"), &json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    async fn order(&self, order: Value) -> Value {
        let answer = self.http.post_as(&self.moderator, "/v1/moderation/orders", &order).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    async fn filings(&self, query: &str) -> Value {
        let found = self.http.get_as(&self.moderator, &format!("/v1/moderation/comments?{query}")).await;
        assert_eq!(found.status, 200, "{}", found.text);
        found.json()
    }

    async fn list_as(&self, token: Option<&str>) -> Value {
        let path = format!("/v1/channels/{}/comments", self.page);
        match token {
            Some(token) => self.http.get_as(token, &path).await.json(),
            None => self.http.get(&path).await.json(),
        }
    }

    /// Somebody with an approved comment.
    async fn trusted(&self) -> String {
        let guest = self.guest().await;
        let id = id_of(&self.post(&guest, json!({ "body": "let me in" })).await);
        self.order(json!({ "act": "approve", "ids": [id] })).await;
        guest
    }

    /// The reason for which a body is held when it comes from somebody trusted; `None` if it is shown.
    async fn reason(&self, body: &str) -> Option<String> {
        let guest = self.trusted().await;
        let posted = self.post(&guest, json!({ "body": body })).await;
        assert_eq!(posted.status, 201, "{}", posted.text);
        if posted.json()["comment"]["state"] == "approved" {
            return None;
        }
        let filing = self.http.get_as(&self.moderator, &format!("/v1/moderation/comments/{}", id_of(&posted))).await;
        Some(filing.json()["reason"].as_str().unwrap().to_owned())
    }
}

/// The same on the embedded store and on Redis.
async fn on_both(file: &str, test: impl AsyncFn(Desk)) {
    test(Desk::open(file).await).await;
    if redis::can_run() {
        let redis = Redis::start();
        test(Desk::of(Server::on(&redis.url(), &[], file)).await).await;
    }
}

fn id_of(posted: &Answer) -> String {
    assert!(matches!(posted.status, 200 | 201), "{}", posted.text);
    posted.json()["comment"]["id"].as_str().unwrap().to_owned()
}

fn bodies(list: &Value) -> Vec<&str> {
    list["comments"].as_array().unwrap().iter().map(|comment| comment["body"].as_str().unwrap()).collect()
}

fn solve(challenge: &str) -> String {
    let bits: u32 = challenge.split('.').nth(2).unwrap().parse().unwrap();
    let zeros = |text: &String| {
        let hash = Sha256::digest(text.as_bytes());
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]).leading_zeros() >= bits
    };
    (0_u64..).map(|number| format!("{challenge}:{number}")).find(zeros).unwrap()
}

#[tokio::test]
async fn a_first_comment_waits_and_is_shown_once_approved() {
    on_both(FIRST, async |desk| {
        let guest = desk.guest().await;
        let posted = desk.post(&guest, json!({ "body": "hello" })).await;
        assert_eq!((posted.status, &posted.json()["comment"]["state"]), (201, &json!("pending")));
        assert_eq!(bodies(&desk.list_as(None).await), ["welcome"]);
        assert_eq!(bodies(&desk.list_as(Some(&guest)).await), ["hello", "welcome"]);
        let waiting = desk.filings("state=pending").await;
        assert_eq!((&waiting["waiting"], &waiting["comments"][0]["reason"]), (&json!(1), &json!("first")));
        desk.order(json!({ "act": "approve", "ids": [id_of(&posted)] })).await;
        assert_eq!(bodies(&desk.list_as(None).await), ["hello", "welcome"]);
        let second = desk.post(&guest, json!({ "body": "hello again" })).await;
        assert_eq!(second.json()["comment"]["state"], "approved");
    })
    .await;
}

#[tokio::test]
async fn trust_is_the_members_and_not_the_names() {
    on_both(FIRST, async |desk| {
        let known = desk.guest().await;
        let author = json!({ "name": "Ana", "email_hash": "a".repeat(64) });
        let first = desk.post(&known, json!({ "body": "hello", "author": author })).await;
        desk.order(json!({ "act": "approve", "ids": [id_of(&first)] })).await;
        let pretender = desk.guest().await;
        let posted = desk.post(&pretender, json!({ "body": "me too", "author": author })).await;
        assert_eq!(posted.json()["comment"]["state"], "pending");
    })
    .await;
}

#[tokio::test]
async fn each_rule_holds_its_case_and_lets_the_near_one_pass() {
    on_both(&format!("{FIRST}hold-words = [\"casino\"]\n"), async |desk| {
        for (body, reason) in [
            ("https://a.example and https://b.example", None),
            ("https://a.example https://b.example https://c.example", Some("links")),
            ("a CASINO", Some("word")),
            ("the casinos", None),
        ] {
            assert_eq!(desk.reason(body).await.as_deref(), reason, "{body}");
        }
        let guest = desk.trusted().await;
        let trapped = desk.post(&guest, json!({ "body": "robot", "website": "https://spam.example" })).await;
        assert_eq!((trapped.status, &trapped.json()["comment"]["state"]), (201, &json!("pending")));
        let human = desk.post(&guest, json!({ "body": "human", "website": "" })).await;
        assert_eq!(human.json()["comment"]["state"], "approved");
    })
    .await;
}

#[tokio::test]
async fn new_pages_that_come_too_fast_wait_and_a_site_may_look_at_everything() {
    for (pages, state) in [(1, "pending"), (2, "approved")] {
        // The page that is there is the first.
        let desk = Desk::open(&format!("{FIRST}address-pages = {pages}\n")).await;
        let guest = desk.trusted().await;
        let draft = json!({ "body": "a page more", "page": { "url": "https://blog.example/another" } });
        let posted = desk.http.post_as(&guest, "/v1/channels/page/comments?url=https://blog.example/another", &draft).await;
        assert_eq!(posted.json()["comment"]["state"], state, "{pages}");
        if state == "pending" {
            assert_eq!(desk.filings("state=pending").await["comments"][0]["reason"], "rate");
        }
    }
    for (hold, state) in [("all", "pending"), ("nothing", "approved")] {
        let desk = Desk::open(&FIRST.replace("\"first\"", &format!("\"{hold}\""))).await;
        let known = desk.trusted().await;
        assert_eq!(desk.post(&known, json!({ "body": "known" })).await.json()["comment"]["state"], state);
        let unknown = desk.post(&desk.guest().await, json!({ "body": "unknown" })).await;
        assert_eq!(unknown.json()["comment"]["state"], state);
    }
}

#[tokio::test]
async fn a_line_of_an_old_page_keeps_to_the_rules_of_a_chat() {
    let file = FIRST.replace("[\"lobby\"]", "[\"lobby\", \"msgs\"]");
    let desk = Desk::open(&format!("{file}msgs = \"on\"\nhold-words = [\"casino\"]\n")).await;
    let guest = desk.guest().await;
    let say = async |content: &str| desk.http.post_as(&guest, "/msgs", &json!({ "from": "ann", "content": content })).await;
    assert_eq!(say("the casinos").await.status, 200);
    assert_eq!(say("to the CASINO").await.problem(), (403, "forbidden".to_owned()));
    let line = id_of(&desk.post_in("lobby", &guest, json!({ "body": "hi" })).await);
    desk.order(json!({ "act": "block", "id": line })).await;
    assert_eq!(say("let me").await.problem(), (403, "blocked".to_owned()));
    let list = desk.http.get("/msgs?start=0").await.text;
    assert!(list.contains("the casinos") && !list.contains("CASINO") && !list.contains("let me"), "{list}");

    let desk = Desk::open(&format!("{file}msgs = \"on\"\nslow-seconds = 60\n")).await;
    let (ann, bob) = (desk.guest().await, desk.guest().await);
    let say = async |who: &str| desk.http.post_as(who, "/msgs", &json!({ "from": "x", "content": "hi" })).await.status;
    assert_eq!((say(&ann).await, say(&ann).await, say(&bob).await), (200, 429, 200));
}

#[tokio::test]
async fn an_edit_passes_the_rules_again() {
    on_both(&format!("{FIRST}hold-words = [\"casino\"]\n"), async |desk| {
        let guest = desk.trusted().await;
        let id = id_of(&desk.post(&guest, json!({ "body": "harmless" })).await);
        let patch = async |body: &str| desk.patch(&guest, &format!("/v1/comments/{id}"), json!({ "body": body })).await;
        assert_eq!(patch("still harmless").await.json()["comment"]["state"], "approved");
        assert_eq!(patch("to the casino").await.json()["comment"]["state"], "pending");
        assert!(!bodies(&desk.list_as(None).await).iter().any(|body| body.contains("casino")));
        assert_eq!(desk.filings("state=pending").await["comments"][0]["reason"], "word");
    })
    .await;
}

#[tokio::test]
async fn a_chat_is_held_for_words_and_slowed_down() {
    on_both(&format!("{FIRST}hold-words = [\"casino\"]\nslow-seconds = 60\n"), async |desk| {
        let ana = desk.guest().await;
        let line = desk.post_in("lobby", &ana, json!({ "body": "hi" })).await;
        assert_eq!(line.json()["comment"]["state"], "approved");
        let next = desk.post_in("lobby", &ana, json!({ "body": "hi again" })).await;
        assert_eq!((next.status, &next.json()["type"]), (429, &json!("too-many-requests")));
        let bob = desk.guest().await;
        let held = desk.post_in("lobby", &bob, json!({ "body": "casino" })).await;
        assert_eq!(held.json()["comment"]["state"], "pending");
    })
    .await;
}

#[tokio::test]
async fn a_proof_is_asked_for_taken_once_and_counts_nowhere_else() {
    on_both(&FIRST.replace("proof-bits = 0", "proof-bits = 8"), async |desk| {
        let guest = desk.guest().await;
        let refused = desk.post(&guest, json!({ "body": "hello" })).await;
        assert_eq!((refused.status, &refused.json()["type"]), (428, &json!("proof-required")));
        let proof = solve(refused.json()["challenge"].as_str().unwrap());
        let other = desk.guest().await;
        assert_eq!(desk.post(&other, json!({ "body": "stolen", "proof": proof })).await.status, 428);
        let posted = desk.post(&guest, json!({ "body": "hello", "proof": proof })).await;
        assert_eq!((posted.status, &posted.json()["comment"]["state"]), (201, &json!("pending")));
        assert_eq!(desk.post(&guest, json!({ "body": "hello twice", "proof": proof })).await.status, 428);
        // Whoever is not held is asked for nothing.
        desk.order(json!({ "act": "approve", "ids": [id_of(&posted)] })).await;
        assert_eq!(desk.post(&guest, json!({ "body": "now known" })).await.status, 201);
    })
    .await;
}

#[tokio::test]
async fn the_third_different_reader_holds_a_comment_and_undo_brings_it_back() {
    on_both(&format!("{FIRST}trusted-proxy = [\"127.0.0.1\"]\n"), async |desk| {
        let guest = desk.trusted().await;
        let id = id_of(&desk.post(&guest, json!({ "body": "rude" })).await);
        let report = async |address: &str| {
            let path = format!("/v1/comments/{id}/report");
            let status = desk.http.ask(reqwest::Method::POST, &path, &[("x-forwarded-for", address)], "").await.status;
            assert_eq!(status, 204);
            bodies(&desk.list_as(None).await).contains(&"rude")
        };
        assert!(report("192.0.2.1").await && report("192.0.2.1").await && report("192.0.2.2").await);
        assert!(!report("192.0.2.3").await);
        assert_eq!(desk.filings("state=pending").await["comments"][0]["reason"], "reported");
        let records = desk.http.get_as(&desk.moderator, "/v1/moderation/records").await.json();
        let last = &records["records"][0];
        assert_eq!((&last["by"], &last["act"], &last["undoable"]), (&json!("readers"), &json!("report"), &json!(true)));
        let undo = format!("/v1/moderation/records/{}/undo", last["id"]);
        assert_eq!(desk.http.post_as(&desk.moderator, &undo, &json!({})).await.status, 200);
        assert!(bodies(&desk.list_as(None).await).contains(&"rude"));
        assert_eq!(desk.http.post_as(&desk.moderator, &undo, &json!({})).await.status, 400);
    })
    .await;
}

#[tokio::test]
async fn a_troll_is_blocked_all_of_theirs_goes_and_comes_back_by_undo() {
    on_both(FIRST, async |desk| {
        let troll = desk.trusted().await;
        let mut last = String::new();
        for number in 0..2 {
            last = id_of(&desk.post(&troll, json!({ "body": format!("troll {number}") })).await);
        }
        let before = desk.list_as(None).await;
        assert_eq!(bodies(&before).len(), 4);
        let done = desk.order(json!({ "act": "block", "id": last, "all": true })).await;
        assert_eq!(done["changed"], 3);
        assert_eq!(bodies(&desk.list_as(None).await), ["welcome"]);
        assert_eq!(bodies(&desk.list_as(Some(&troll)).await), ["welcome"]);
        let refused = desk.post(&troll, json!({ "body": "let me" })).await;
        assert_eq!((refused.status, &refused.json()["type"]), (403, &json!("blocked")));
        assert_eq!(
            desk.http.get_as(&desk.moderator, "/v1/moderation/blocks").await.json()["blocks"].as_array().unwrap().len(),
            1
        );
        let undo = format!("/v1/moderation/records/{}/undo", done["record"]);
        assert_eq!(desk.http.post_as(&desk.moderator, &undo, &json!({})).await.json()["changed"], 3);
        assert_eq!(bodies(&desk.list_as(None).await), bodies(&before));
        assert_eq!(desk.post(&troll, json!({ "body": "I am back" })).await.status, 201);
    })
    .await;
}

#[tokio::test]
async fn a_shadow_is_seen_by_its_author_alone_with_counts_and_answers() {
    on_both(FIRST, async |desk| {
        let author = desk.trusted().await;
        let id = id_of(&desk.post(&author, json!({ "body": "look at me" })).await);
        desk.order(json!({ "act": "shadow", "ids": [id] })).await;
        let below = desk.post(&author, json!({ "body": "nobody answers", "parent": id })).await;
        assert_eq!(below.json()["comment"]["state"], "approved");
        let own = desk.list_as(Some(&author)).await;
        let states: Vec<&str> =
            own["comments"].as_array().unwrap().iter().map(|comment| comment["state"].as_str().unwrap()).collect();
        assert_eq!((bodies(&own).len(), states), (4, vec!["approved"; 4]));
        assert_eq!(own["total"], 4);
        let others = desk.list_as(Some(&desk.guest().await)).await;
        assert_eq!((bodies(&others).len(), &others["total"]), (2, &json!(2)));
        let stranger = desk.trusted().await;
        let answer = desk.post(&stranger, json!({ "body": "what?", "parent": id })).await;
        assert_eq!(answer.json()["type"], "parent-not-found");
    })
    .await;
}

#[tokio::test]
async fn rules_are_set_while_the_server_runs_and_options_stay_locked() {
    on_both("hold-links = 1\nproof-bits = 0\norigins = [\"https://blog.example\"]\n", async |desk| {
        let set = json!({ "act": "rules", "rules": { "hold": "nothing", "links": 9, "words": ["casino"], "slow_seconds": 0 } });
        let done = desk.order(set).await;
        let rules = desk.http.get_as(&desk.moderator, "/v1/moderation/rules").await.json();
        assert_eq!((&rules["rules"]["hold"], &rules["locked"]), (&json!("nothing"), &json!(["links"])));
        let guest = desk.guest().await;
        assert_eq!(desk.post(&guest, json!({ "body": "free" })).await.json()["comment"]["state"], "approved");
        let links = json!({ "body": "https://a.example https://b.example" });
        assert_eq!(desk.post(&guest, links).await.json()["comment"]["state"], "pending");
        assert_eq!(desk.post(&guest, json!({ "body": "casino" })).await.json()["comment"]["state"], "pending");
        let undo = format!("/v1/moderation/records/{}/undo", done["record"]);
        desk.http.post_as(&desk.moderator, &undo, &json!({})).await;
        assert_eq!(desk.post(&desk.guest().await, json!({ "body": "free?" })).await.json()["comment"]["state"], "pending");
    })
    .await;
}

#[tokio::test]
async fn nobody_but_moderators_sees_the_desk() {
    on_both(FIRST, async |desk| {
        let guest = desk.guest().await;
        let member = desk.server.token("max", &["--role", "member"]);
        for path in ["comments", "comments/c1", "records", "blocks", "trusted", "hours", "rules", "channels"] {
            let path = format!("/v1/moderation/{path}");
            assert_eq!(desk.http.get(&path).await.status, 401, "{path}");
            assert_eq!(desk.http.get_as(&guest, &path).await.status, 403, "{path}");
            assert_eq!(desk.http.get_as(&member, &path).await.status, 403, "{path}");
        }
        for token in [&guest, &member] {
            for act in ["approve", "trust"] {
                let order = json!({ "act": act, "ids": ["c1"] });
                assert_eq!(desk.http.post_as(token, "/v1/moderation/orders", &order).await.status, 403);
            }
            assert_eq!(desk.http.post_as(token, "/v1/moderation/records/1/undo", &json!({})).await.status, 403);
        }
        let moderator = desk.server.token("moe", &["--role", "moderator"]);
        assert_eq!(desk.http.get_as(&moderator, "/v1/moderation/rules").await.status, 200);
        let rules = json!({ "act": "rules", "rules": { "hold": "nothing" } });
        assert_eq!(desk.http.post_as(&moderator, "/v1/moderation/orders", &rules).await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn moderators_hear_of_what_waits_and_the_log_quotes_nobody() {
    on_both(FIRST, async |desk| {
        let path = "/v1/channels/%24parlour%3Amoderation/events";
        let start = desk.http.get_as(&desk.moderator, path).await.json();
        let mut since = start["position"].as_str().unwrap().to_owned();
        let guest = desk.guest().await;
        let id = id_of(&desk.post(&guest, json!({ "body": "a secret thought" })).await);
        desk.order(json!({ "act": "approve", "ids": [id] })).await;
        // A poll answers as soon as there is something, so the two may come in one answer or in two.
        let mut names = Vec::new();
        while names.len() < 2 {
            let told = desk.http.get_as(&desk.moderator, &format!("{path}?since={since}")).await;
            assert!(!told.text.contains("secret thought"));
            since = told.json()["position"].as_str().unwrap().to_owned();
            let events = told.json()["events"].as_array().unwrap().clone();
            names.extend(events.iter().map(|event| event["data"]["event"].as_str().unwrap().to_owned()));
        }
        assert_eq!(names, ["held", "done"]);
        assert_eq!(desk.http.get(path).await.status, 401);
        assert_eq!(desk.http.get_as(&guest, path).await.status, 403);
    })
    .await;
}
