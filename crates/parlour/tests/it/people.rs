//! Who somebody is, over the doors: names that nobody else may use, guests who come back, sets of keys that change and are not asked
//! too often. Sites' tokens are signed here by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use parlour::channel::SiteName;
use parlour::identity::{InstallSecret, Signer};
use parlour::sqlite::Beside;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::http::{Answer, Http};
use crate::jwt;
use crate::server::{PATIENCE, Server};
use crate::socket::Socket;

const SECRET: &str = "a secret of the site default, 32+";
const FILE: &str = r#"
chats = ["lobby"]
token-secret = "a secret of the site default, 32+"
member-posts = "100000/1ms"
address-posts = "100000/1ms"
reserved-names = ["The Editors"]
"#;

async fn post_as(http: &Http, token: &str, author: Value) -> Answer {
    http.post_as(token, "/v1/channels/lobby/comments", &json!({ "body": "x", "author": author })).await
}

fn alice() -> String {
    let claims = json!({ "sub": "alice", "name": "Alice Miller", "email": "alice@example.org", "email_verified": true,
        "exp": jwt::seconds_from_now(600) });
    jwt::signed(SECRET, &claims)
}

#[tokio::test]
async fn nobody_types_a_name_that_looks_like_one_of_somebody_who_is_signed_in() {
    let server = Server::start(&[], FILE);
    let http = Http::of(&server);
    let guest = http.post("/v1/guests", &json!({})).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(post_as(&http, &guest, json!({ "name": "Alice Miller" })).await.status, 201, "nobody has the name yet");
    assert_eq!(post_as(&http, &alice(), json!({})).await.status, 201);
    let look_alikes: Vec<String> = serde_json::from_str(include_str!("../../src/identity/look_alikes.json")).unwrap();
    assert_eq!(look_alikes.len(), 50);
    for name in look_alikes.iter().map(String::as_str).chain(["Alice Miller", "Admin", "moderat0r", "the  editors"]) {
        let answer = post_as(&http, &guest, json!({ "name": name })).await;
        assert_eq!(answer.problem(), (422, "name-reserved".to_owned()), "{name:?}");
        let typing = http.post_as(&guest, "/v1/channels/lobby/typing", &json!({ "name": name })).await;
        assert_eq!(typing.problem(), (422, "name-reserved".to_owned()), "{name:?}");
    }
    let answer = http.post("/v1/channels/lobby/comments", &json!({ "body": "x", "author": { "name": "ALICE MILLER" } })).await;
    assert_eq!(answer.problem().1, "name-reserved", "nor does somebody without a token");
    for name in ["Alina Miller", "Bob", ""] {
        assert_eq!(post_as(&http, &guest, json!({ "name": name })).await.status, 201, "{name}");
    }
    // What a site vouches for is its own affair, and whoever is signed in types no name.
    let other = jwt::signed(SECRET, &json!({ "sub": "alice2", "name": "Alice Miller", "exp": jwt::seconds_from_now(600) }));
    let posted = post_as(&http, &other, json!({ "name": "Bob" })).await.json();
    assert_eq!(posted["comment"]["author"]["name"], "Alice Miller");
}

#[tokio::test]
async fn a_typed_address_gives_neither_name_nor_picture_nor_trust() {
    let server = Server::start(&[], FILE);
    let http = Http::of(&server);
    assert_eq!(post_as(&http, &alice(), json!({})).await.status, 201);
    let hash: String = Sha256::digest("alice@example.org").iter().map(|byte| format!("{byte:02x}")).collect();
    let guest = http.post("/v1/guests", &json!({})).await.json()["token"].as_str().unwrap().to_owned();
    let with = post_as(&http, &guest, json!({ "name": "Eve", "email_hash": hash })).await.json()["comment"]["author"].clone();
    let without = post_as(&http, &guest, json!({ "name": "Eve" })).await.json()["comment"]["author"].clone();
    assert_eq!(with, without);
    assert_eq!((&with["verified"], &with["role"], &with["avatar"]), (&json!(false), &Value::Null, &Value::Null));
    let listed = http.get_as(&alice(), "/v1/channels/lobby/comments").await;
    assert!(!listed.text.contains(&hash) && !listed.text.contains("example.org"), "{}", listed.text);
    let store = std::fs::read(server.store()).unwrap();
    let wal = std::fs::read(server.store().with_extension("db-wal")).unwrap_or_default();
    for bytes in [store, wal] {
        assert!(!String::from_utf8_lossy(&bytes).contains(&hash), "only its keyed hash is kept");
    }
}

#[tokio::test]
async fn a_guest_who_comes_back_stays_and_their_token_is_renewed_once_a_day() {
    let server = Server::start(&[], FILE);
    let http = Http::of(&server);
    let secret = InstallSecret::from_bytes(Beside::open(&server.store()).unwrap().secret().unwrap());
    let made_s = |days: i64| jwt::seconds_from_now(-days * 86_400);
    let signer = Signer::new(&secret);
    let (old, token) = signer.guest(&SiteName::default(), [7; 14], made_s(30)).unwrap();
    let id = token.member.id.as_str();
    let reply = Socket::open(&server).await.ask(json!({ "connect": { "token": old } })).await;
    let fresh = reply["connect"]["data"]["token"].as_str().expect("an old token is renewed").to_owned();
    let posted = post_as(&http, &fresh, json!({ "name": "Eve" })).await.json();
    assert_eq!(posted["comment"]["author"]["id"], id);
    assert!(posted["token"].is_null(), "a fresh one is not");
    let posted = post_as(&http, &old, json!({ "name": "Eve" })).await.json();
    assert_eq!(posted["comment"]["author"]["id"], id);
    assert!(posted["token"].is_string(), "writing renews it too");
    let again = http.post_as(&old, "/v1/guests", &json!({})).await.json();
    assert_eq!((again["member"]["id"].as_str(), again["token"] == old.as_str()), (Some(id), false));
    let again = http.post_as(&fresh, "/v1/guests", &json!({})).await.json();
    assert_eq!(again["token"], fresh.as_str());
    let (dead, _) = signer.guest(&SiteName::default(), [7; 14], made_s(181)).unwrap();
    assert_eq!(post_as(&http, &dead, json!({})).await.problem(), (401, "token-expired".to_owned()));
}

/// A server that has a set of keys and counts how often it is asked.
struct KeySet {
    url: String,
    asked: Arc<AtomicUsize>,
    keys: Arc<Mutex<Value>>,
}

impl KeySet {
    async fn serve(keys: Value) -> KeySet {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (asked, keys) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(keys)));
        let (count, set) = (asked.clone(), keys.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let body = json!({ "keys": *set.lock() }).to_string();
                tokio::spawn(async move {
                    let mut head = [0; 4_096];
                    let _ = stream.read(&mut head).await;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
        KeySet { url, asked, keys }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A pair of Ed25519 keys under a name: what signs, and the public half as a JWK.
pub fn pair(kid: &str) -> (jsonwebtoken::EncodingKey, Value) {
    let pem = include_bytes!("../../src/identity/token/keys/ed-private.pem");
    let key = jsonwebtoken::EncodingKey::from_ed_pem(pem).unwrap();
    let public = std::str::from_utf8(include_bytes!("../../src/identity/token/keys/ed-public.pem")).unwrap();
    let der = base64::engine::general_purpose::STANDARD
        .decode(public.lines().filter(|line| !line.starts_with('-')).collect::<String>())
        .unwrap();
    let x = URL_SAFE_NO_PAD.encode(&der[der.len() - 32..]);
    (key, json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid, "x": x }))
}

fn signed_by(kid: &str) -> String {
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    let claims = json!({ "sub": "anna", "exp": jwt::seconds_from_now(600) });
    jsonwebtoken::encode(&header, &claims, &pair(kid).0).unwrap()
}

async fn status_of(http: &Http, token: &str) -> u16 {
    http.get_as(token, "/v1/channels/lobby/comments").await.status
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_for_the_set_once() {
    let set = KeySet::serve(json!([pair("one").1])).await;
    let file = format!("chats = [\"lobby\"]\ntoken-key-set = \"{}\"\noutbound-allow = [\"127.0.0.1\"]\n", set.url);
    let server = Server::start(&[], &file);
    let http = Arc::new(Http::of(&server));
    assert_eq!(set.asked(), 0, "nobody asked for it");
    let flood: Vec<_> = (0..200)
        .map(|index| {
            let http = http.clone();
            tokio::spawn(async move { status_of(&http, &signed_by(&format!("unknown {index}"))).await })
        })
        .collect();
    for one in flood {
        assert_eq!(one.await.unwrap(), 401);
    }
    assert_eq!(set.asked(), 1);
    assert_eq!(status_of(&http, &signed_by("one")).await, 200, "what it brought is known");
    let mut socket = Socket::open(&server).await;
    let reply = socket.ask(json!({ "connect": { "token": signed_by("one") } })).await;
    assert!(reply["connect"]["client"].is_string(), "{reply}");
    assert_eq!(set.asked(), 1);
}

#[tokio::test]
async fn a_site_changes_its_keys_and_nobody_is_told() {
    let set = KeySet::serve(json!([pair("one").1])).await;
    let file = format!(
        "chats = [\"lobby\"]\ntoken-key-set = \"{}\"\noutbound-allow = [\"127.0.0.1\"]\nkey-set-every = \"1ms\"\n",
        set.url
    );
    let server = Server::start(&[], &file);
    let http = Http::of(&server);
    assert_eq!(status_of(&http, &signed_by("one")).await, 200);
    assert_eq!(status_of(&http, &signed_by("two")).await, 401);
    *set.keys.lock() = json!([pair("two").1]);
    let until = std::time::Instant::now() + PATIENCE;
    while status_of(&http, &signed_by("two")).await != 200 {
        assert!(std::time::Instant::now() < until, "the new key is not taken");
    }
    assert_eq!(status_of(&http, &signed_by("one")).await, 401, "the old one is gone with the set that had it");
    *set.keys.lock() = json!([]);
    assert_eq!(status_of(&http, &signed_by("three")).await, 401);
    assert_eq!(status_of(&http, &signed_by("two")).await, 200, "what cannot be read changes nothing");
}

#[tokio::test]
async fn of_guests_it_is_not_told_that_they_write_where_the_site_wants_none_of_it() {
    let server = Server::start(&[], &format!("guests-typing = false\n{FILE}"));
    let http = Http::of(&server);
    let guest = http.post("/v1/guests", &json!({})).await.json()["token"].as_str().unwrap().to_owned();
    let mut reader = Socket::guest(&server).await;
    reader.ask(json!({ "subscribe": { "channel": "lobby", "data": { "signals": ["typing"] } } })).await;
    assert_eq!(http.post_as(&guest, "/v1/channels/lobby/typing", &json!({ "name": "Bob" })).await.status, 204);
    assert_eq!(http.post_as(&alice(), "/v1/channels/lobby/typing", &json!({})).await.status, 204);
    let told = reader.push().await;
    assert_eq!(told["pub"]["data"]["name"], "Alice Miller", "the guest's would have come before");
}

#[tokio::test]
async fn whoever_is_signed_in_and_lets_themselves_be_seen_is_marked_among_those_present_and_nobody_else() {
    let server = Server::start(&[], FILE);
    let http = Http::of(&server);
    let mut lines = Vec::new();
    for connect in [
        json!({ "token": alice(), "data": { "face": true } }),
        json!({ "token": alice() }),
        json!({ "token": alice(), "data": { "face": false } }),
        json!({ "data": { "face": true } }),
    ] {
        let mut line = Socket::connect(&server, connect).await;
        line.subscribe("lobby").await;
        lines.push(line);
    }
    let faces = async || {
        let told = http.get("/v1/channels/lobby/presence").await.json();
        let mut faces: Vec<(String, bool)> = told["members"].as_array().unwrap().iter().map(face).collect();
        faces.sort();
        faces
    };
    let [none, seen] = [false, true].map(|face| ("Alice Miller".to_owned(), face));
    assert_eq!(faces().await, [(String::new(), false), none.clone(), none.clone(), seen]);
    let presence = lines[3].ask(json!({ "presence": { "channel": "lobby" } })).await;
    assert_eq!(presence.to_string().matches("\"face\":true").count(), 1, "{presence}");
    // It is said of a connection, and goes with it.
    lines.remove(0).goodbye().await;
    let until = std::time::Instant::now() + PATIENCE;
    while faces().await.iter().any(|(_, face)| *face) {
        assert!(std::time::Instant::now() < until, "it is still there");
    }
}

fn face(member: &Value) -> (String, bool) {
    (member["name"].as_str().unwrap().to_owned(), member["face"] == true)
}
