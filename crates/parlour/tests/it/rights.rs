//! Every cell of the table of rights, on a server with sites and on one in demo mode: here through HTTP, in `sockets` through the WebSocket
//! and Socket.IO, in `dialects` as old pages speak; and in `comments` what is done to a comment of one's own, another's and another
//! site's. The tables are written from CONTRACT §1 and §3 by hand and know nothing of the server's own; a failure names its cells.

mod comments;
mod dialects;
mod sockets;

use reqwest::Method;
use serde_json::{Value, json};

use crate::http::Http;
use crate::jwt;
use crate::server::Server;

/// The columns.
const WHO: [&str; 11] = [
    "nobody",
    "guest",
    "member",
    "channels",
    "publish",
    "moderator",
    "admin",
    "key",
    "foreign key",
    "foreign token",
    "subscribe",
];

/// What is asked of each channel: the first group of letters is read, then names, comment, publish. In a group a `+` or `-` for
/// each of `WHO`, in its order.
type Row = (&'static str, [&'static str; 4]);

const PAGE_URL: &str = "https://example.org/a";

const TABLE: [Row; 7] = [
    ("page", ["++++++++--+", "-----+++---", "++++++++--+", "-------+---"]),
    ("lobby", ["++++++++--+", "++++++++--+", "++++++++--+", "-------+---"]),
    ("team-a", ["++++++++--+", "++++++++--+", "++++++++--+", "-------+---"]),
    ("feed", ["++++++++--+", "---+---+---", "---+---+---", "----+--+---"]),
    ("$secret", ["---+---+--+", "---+---+--+", "---+---+--+", "----+--+---"]),
    ("$parlour:moderation", ["-----+++---", "-----------", "-----------", "-----------"]),
    ("$parlour:x", ["-----------", "-----------", "-----------", "-----------"]),
];

const ACTS: [&str; 4] = ["read", "names", "comment", "publish"];
const SECRET: &str = "a secret of the site default, 32+";
const OTHER_SECRET: &str = "a secret of the site other, 32 + ";

const FILE: &str = r#"
origins = ["https://example.org"]
chats = ["lobby", "team-*"]
token-secret = "a secret of the site default, 32+"
hold = "nothing"
member-posts = "100000/1ms"
address-posts = "100000/1ms"
reaction-pace = "100000/1ms"
[site.other]
origins = ["https://other.example"]
chats = ["lobby", "team-*"]
token-secret = "a secret of the site other, 32 + "
"#;

/// Whether this one is of the other site.
fn is_foreign(who: usize) -> bool {
    WHO[who].starts_with("foreign")
}

/// The place in `WHO`.
fn place(name: &str) -> usize {
    WHO.iter().position(|who| *who == name).unwrap()
}

/// A server and everyone who asks it.
struct Scene {
    server: Server,
    http: Http,
    demo: bool,
    /// A token or key for each of `WHO`; none for nobody.
    credentials: Vec<Option<String>>,
    page: String,
}

impl Scene {
    async fn new(demo: bool) -> Scene {
        Scene::with(if demo { &["--demo"] } else { &[] }, FILE).await
    }

    async fn with(options: &[&str], file: &str) -> Scene {
        let demo = options.contains(&"--demo");
        let server = Server::start(options, file);
        let http = Http::of(&server);
        let page =
            http.get(&format!("/v1/channels/page/comments?url={PAGE_URL}")).await.json()["channel"].as_str().unwrap().to_owned();
        let named = |flag: &'static str| -> Vec<String> {
            TABLE
                .iter()
                .flat_map(|(channel, _)| [flag.to_owned(), if *channel == "page" { page.clone() } else { (*channel).to_owned() }])
                .collect()
        };
        let token = |user: &str, more: &[String]| server.token(user, &more.iter().map(String::as_str).collect::<Vec<_>>());
        let guest = http.post("/v1/guests", &json!({})).await.json()["token"].as_str().unwrap().to_owned();
        let foreign = json!({ "sub": "mallory", "role": "admin", "channels": ["feed", "$secret"], "publish": ["feed", "$secret"], "exp": jwt::seconds_from_now(600) });
        let credentials = WHO
            .iter()
            .map(|who| match *who {
                "nobody" => None,
                "guest" | "subscribe" => Some(guest.clone()),
                "member" => Some(token("member", &[])),
                "channels" => Some(token("channels", &named("--channel"))),
                "publish" => Some(token("publish", &named("--publish"))),
                "moderator" | "admin" => Some(server.token(who, &["--role", who])),
                "key" => Some(server.key("default")),
                "foreign key" => Some(server.key("other")),
                _ => Some(jwt::signed(OTHER_SECRET, &foreign)),
            })
            .collect();
        Scene { server, http, demo, credentials, page }
    }

    fn channel(&self, row: &Row) -> String {
        if row.0 == "page" { self.page.clone() } else { row.0.to_owned() }
    }

    fn credential(&self, who: &str) -> Option<&str> {
        self.credentials[place(who)].as_deref()
    }

    fn is_allowed(&self, row: &Row, act: usize, who: usize) -> bool {
        row.1[act].as_bytes()[who] == b'+' || (self.demo && !is_foreign(who) && !row.0.starts_with('$'))
    }

    fn comment(&self, row: &Row) -> Value {
        match row.0 {
            "page" => json!({ "body": "hello", "page": { "url": PAGE_URL } }),
            _ => json!({ "body": "hello" }),
        }
    }

    /// A subscribe token for `$secret`, made by the site for whoever is signed in.
    fn subscribe_token(&self) -> String {
        jwt::signed(SECRET, &json!({ "sub": "anna", "channel": "$secret", "exp": jwt::seconds_from_now(600) }))
    }

    /// `Ok` where it was done, else the type of the refusal, or `no names` where the rest was answered.
    async fn over_http(&self, who: usize, method: Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        let site = if is_foreign(who) { "?site=default" } else { "" };
        self.on_site(who, method, &format!("{path}{site}"), body).await
    }

    /// The same on the asker's own site.
    async fn on_site(&self, who: usize, method: Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(self.credentials[who].as_ref().map(|credential| ("authorization", format!("Bearer {credential}"))));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.http.ask(method, path, &headers, &body).await;
        match answer.status {
            204 => Ok(Value::Null),
            // The answer of one dialect is no JSON.
            200..300 => Ok(serde_json::from_str(&answer.text).unwrap_or_default()),
            _ => Err(answer.problem().1),
        }
    }

    /// Events, with the credential in a parameter as browsers must.
    async fn events_with_parameter(&self, who: usize, channel: &str) -> Result<Value, String> {
        let token = self.credentials[who].as_ref().map(|credential| format!("&token={credential}")).unwrap_or_default();
        let site = if is_foreign(who) { "&site=default" } else { "" };
        let answer = self.http.get(&format!("/v1/events?channel={channel}{token}{site}")).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(answer.problem().1) }
    }

    /// What each way to do `act` came to.
    async fn try_over_http(&self, row: &Row, act: usize, who: usize) -> Vec<(&'static str, Result<(), String>)> {
        let channel = self.channel(row);
        let path = |rest: &str| format!("/v1/channels/{channel}/{rest}");
        let mut results = Vec::new();
        let mut note = |way, result: Result<Value, String>| results.push((way, result.map(drop)));
        match ACTS[act] {
            "read" => {
                for way in ["comments", "history", "events", "presence"] {
                    note(way, self.over_http(who, Method::GET, &path(way), None).await);
                }
                note("events?token=", self.events_with_parameter(who, &channel).await);
            }
            "names" => {
                let answer = self.over_http(who, Method::GET, &path("presence"), None).await;
                let names = answer.and_then(|answer| answer.get("members").cloned().ok_or("no names".to_owned()));
                note("members", names);
            }
            "comment" => {
                note("comments", self.over_http(who, Method::POST, &path("comments"), Some(self.comment(row))).await);
                note("typing", self.over_http(who, Method::POST, &path("typing"), None).await);
            }
            _ => {
                note("publications", self.over_http(who, Method::POST, &path("publications"), Some(json!({ "data": 1 }))).await);
                note(
                    "unkept",
                    self.over_http(who, Method::POST, &path("publications"), Some(json!({ "data": 1, "store": false }))).await,
                );
                let batch = json!({ "publications": [{ "channel": channel, "data": 1 }] });
                let answer = self.over_http(who, Method::POST, "/v1/batch", Some(batch)).await;
                note(
                    "batch",
                    answer.and_then(|answer| match answer["results"][0]["error"]["type"].as_str() {
                        Some(refused) => Err(refused.to_owned()),
                        None => Ok(answer),
                    }),
                );
            }
        }
        results
    }

    /// The refusals that fit.
    fn refusals(&self, row: &Row, act: usize, who: usize) -> &'static str {
        match WHO[who] {
            _ if is_foreign(who) => "site-mismatch",
            _ if ACTS[act] == "names" && self.is_allowed(row, 0, who) => "no names",
            "nobody" => "unauthorized",
            _ => "forbidden",
        }
    }

    async fn check_http(&self) {
        let mut wrong = Vec::new();
        for row in &TABLE {
            for (act, act_name) in ACTS.iter().enumerate() {
                // A subscribe token is brought by `subscribe` alone; over HTTP there is no such column.
                for (who, who_name) in WHO.iter().enumerate().take(WHO.len() - 1) {
                    let expected =
                        if self.is_allowed(row, act, who) { Ok(()) } else { Err(self.refusals(row, act, who).to_owned()) };
                    for (way, result) in self.try_over_http(row, act, who).await {
                        if result != expected {
                            wrong.push(format!(
                                "{} / {act_name} / {who_name} by {way}: {result:?} instead of {expected:?}",
                                row.0
                            ));
                        }
                    }
                }
            }
        }
        all_right(&wrong);
    }
}

#[track_caller]
fn all_right(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_http() {
    Scene::new(false).await.check_http().await;
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_http_in_demo_mode() {
    Scene::new(true).await.check_http().await;
}

#[tokio::test]
async fn a_subscribe_token_opens_its_own_channel_alone_and_is_no_bearer() {
    let scene = Scene::new(false).await;
    let mut socket = scene.connect("nobody").await.unwrap();
    let claims = |channel: &str, seconds| json!({ "sub": "anna", "channel": channel, "exp": jwt::seconds_from_now(seconds) });
    let mut signed_in = claims("$secret", 600);
    signed_in["channel"] = Value::Null;
    for (why, token, code) in [
        ("of another channel", jwt::signed(SECRET, &claims("$other", 600)), 103),
        ("signed by another site", jwt::signed(OTHER_SECRET, &claims("$secret", 600)), 103),
        ("expired", jwt::signed(SECRET, &claims("$secret", -5)), 109),
        ("without a channel", jwt::signed(SECRET, &signed_in), 103),
        ("no token", "x.y.z".to_owned(), 103),
    ] {
        let reply = socket.ask(json!({ "subscribe": { "channel": "$secret", "token": token } })).await;
        assert_eq!(reply["error"]["code"], code, "{why}: {reply}");
    }
    let token = scene.subscribe_token();
    let answer = scene.http.get_as(&token, "/v1/channels/$secret/history").await;
    assert_eq!(answer.problem(), (401, "unauthorized".to_owned()));
    let mut member = scene.connect("member").await.unwrap();
    let reply = member.ask(json!({ "subscribe": { "channel": "$secret", "token": token } })).await;
    assert_eq!(reply["error"]["code"], 103, "made for anna, brought by another member: {reply}");
    let reply = socket.ask(json!({ "subscribe": { "channel": "$secret", "token": token } })).await;
    assert!(reply["subscribe"]["expires"] == true && reply["subscribe"]["ttl"].as_u64().is_some_and(|ttl| ttl <= 600), "{reply}");
    socket.ask(json!({ "unsubscribe": { "channel": "$secret" } })).await;
    let reply = socket.ask(json!({ "history": { "channel": "$secret", "limit": 1 } })).await;
    assert_eq!(reply["error"]["code"], 103, "what the token opened is closed with the subscription: {reply}");
}

#[tokio::test]
async fn whoever_is_of_another_site_acts_there_and_is_not_heard_here() {
    let scene = Scene::new(false).await;
    let mut here = scene.connect("nobody").await.unwrap();
    here.subscribe("lobby").await;
    let foreign = scene.credential("foreign key").unwrap();
    let answer = scene.http.post_as(foreign, "/v1/channels/lobby/publications", &json!({ "data": "there" })).await;
    assert_eq!(answer.status, 200);
    let answer =
        scene.http.post_as(scene.credential("key").unwrap(), "/v1/channels/lobby/publications", &json!({ "data": "here" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(here.publication("lobby").await["data"], "here");
    let history = async |site: &str| {
        scene.http.get(&format!("/v1/channels/lobby/history?site={site}")).await.json()["publications"].clone()
    };
    assert_eq!(
        (history("default").await[0]["data"].clone(), history("other").await[0]["data"].clone()),
        (json!("here"), json!("there"))
    );
}
