//! Signing in at Parlour's own origin, over HTTP and without a browser: a stand-in for GitHub written from its documentation, an
//! OpenID provider and an SMTP server as small as they can be, and everything that must be refused. The browsers' part is in
//! `web/e2e`, against a real provider and a real SMTP server.

mod claims;
mod kept;
pub mod letters;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::backend::folds::everything;
use crate::http::{Answer, Http};
use crate::jwt;
use crate::redis::Redis;
use crate::server::Server;
use crate::socket::Socket;

const OWN: &str = "https://talk.example.net";
const PAGE: &str = "https://example.org";

/// What a provider is asked: method and path, fields of the form, the bearer.
type Asked = (String, HashMap<String, String>, String);

/// A provider: answers JSON by path, and keeps what it was asked.
struct Provider {
    url: String,
    answers: Arc<Mutex<HashMap<String, Value>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Provider {
    async fn serve() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let provider = Provider { url, answers: Arc::default(), asked: Arc::default() };
        let (answers, asked) = (provider.answers.clone(), provider.asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, asked) = (answers.clone(), asked.clone());
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut first = String::new();
                    stream.read_line(&mut first).await.unwrap();
                    let path = first.split_whitespace().nth(1).unwrap_or_default().to_owned();
                    let (mut length, mut bearer) = (0, String::new());
                    loop {
                        let mut line = String::new();
                        stream.read_line(&mut line).await.unwrap();
                        let line = line.trim().to_owned();
                        match line.to_ascii_lowercase().split_once(": ") {
                            Some(("content-length", value)) => length = value.parse().unwrap(),
                            Some(("authorization", _)) => bearer = line.split(' ').next_back().unwrap().to_owned(),
                            _ => {}
                        }
                        if line.is_empty() {
                            break;
                        }
                    }
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).await.unwrap();
                    let form = url::form_urlencoded::parse(&body).into_owned().collect();
                    asked.lock().push((path.clone(), form, bearer));
                    let answer = answers.lock().get(&path).cloned();
                    let status = if answer.is_some() { "200 OK" } else { "404 Not Found" };
                    let body = answer.unwrap_or_default().to_string();
                    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
        provider
    }

    fn answers(&self, path: &str, value: Value) {
        self.answers.lock().insert(path.to_owned(), value);
    }

    fn form_of(&self, path: &str) -> HashMap<String, String> {
        self.asked.lock().iter().rev().find(|(asked, ..)| asked == path).unwrap().1.clone()
    }
}

/// A page with its secret.
struct Page {
    secret: String,
    challenge: String,
}

fn page(seed: &str) -> Page {
    let secret = URL_SAFE_NO_PAD.encode(Sha256::digest(seed));
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&secret));
    Page { secret, challenge }
}

/// A browser, as far as forms need one: it has a cookie, and says where a form comes from.
struct Browser {
    http: Http,
    cookie: String,
}

impl Browser {
    fn new(server: &Server) -> Browser {
        Browser { http: Http::of(server), cookie: String::new() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        let answer = self.http.get_with(path, &[("cookie", &self.cookie)]).await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            for part in ["__Host-parlour=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                assert!(cookie.contains(part) && !cookie.contains("Domain"), "{cookie}");
            }
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        answer
    }

    async fn start(&mut self, page: &Page) -> Answer {
        self.get(&format!("/auth/start?site=default&origin={PAGE}&challenge={}", page.challenge)).await
    }

    async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", &*self.cookie), ("origin", origin)];
        self.http.ask(Method::POST, path, &headers, &body).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(OWN, path, fields).await
    }
}

/// The value of the first attribute of this name that a page has.
#[track_caller]
fn attribute(answer: &Answer, name: &str) -> String {
    let (_, rest) = answer.text.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name}"));
    rest.split('"').next().unwrap().replace("&amp;", "&").replace("&#39;", "'")
}

#[track_caller]
fn flow(answer: &Answer) -> String {
    attribute(answer, "name=\"flow\" value")
}

async fn token(http: &Http, origin: &str, body: Value) -> Answer {
    http.ask(Method::POST, "/v1/auth/token", &[("content-type", "application/json"), ("origin", origin)], &body.to_string()).await
}

struct Scene {
    server: Server,
    provider: Provider,
    /// The store, where it is no file.
    redis: Option<Redis>,
}

impl Scene {
    /// GitHub's stand-in knows one person.
    async fn with_github(more: &str) -> Scene {
        Scene::on(None, more).await
    }

    /// The same on a store of both kinds, one after the other; on the file alone where there is no Redis.
    async fn on_each_store(more: &str) -> Vec<Scene> {
        let mut scenes = vec![Scene::on(None, more).await];
        if crate::redis::can_run() {
            scenes.push(Scene::on(Some(Redis::start()), more).await);
        }
        scenes
    }

    async fn on(redis: Option<Redis>, more: &str) -> Scene {
        let provider = Provider::serve().await;
        provider.answers("/login/oauth/access_token", json!({ "access_token": "gho_x", "token_type": "bearer", "scope": "" }));
        provider.answers("/api/user", json!({ "id": 583_231, "login": "ada", "name": "Ada Lovelace" }));
        provider.answers(
            "/api/user/emails",
            json!([
                { "email": "old@example.org", "primary": false, "verified": true },
                { "email": "ada@example.org", "primary": true, "verified": true }
            ]),
        );
        let file = format!(
            "public-url = \"{OWN}\"\norigins = [\"{PAGE}\"]\nchats = [\"lobby\"]\noutbound-allow = [\"127.0.0.1\"]\n\
             signin-github-id = \"us\"\nsignin-github-secret = \"ours\"\nsignin-github-url = \"{0}\"\nsignin-github-api = \"{0}/api\"\n{more}",
            provider.url
        );
        let server = match &redis {
            Some(redis) => Server::on(&redis.url(), &[], &file),
            None => Server::start(&[], &file),
        };
        Scene { server, provider, redis }
    }

    /// A browser that signed in, and the page that asks "Continue as …".
    async fn arrived(&self, page: &Page) -> (Browser, Answer) {
        let mut browser = Browser::new(&self.server);
        let start = browser.start(page).await;
        assert_eq!(start.status, 200, "{start:?}");
        let leave = browser.post("/auth/go/github", &[("flow", &flow(&start))]).await;
        let address = url::Url::parse(&attribute(&leave, "rel=\"noreferrer\" href")).unwrap();
        let query: HashMap<_, _> = address.query_pairs().into_owned().collect();
        assert_eq!((query["client_id"].as_str(), query["code_challenge_method"].as_str()), ("us", "S256"));
        assert_eq!(query["redirect_uri"], format!("{OWN}/auth/callback/github"));
        let answer = browser.get(&format!("/auth/callback/github?code=c0de&state={}", query["state"])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let form = self.provider.form_of("/login/oauth/access_token");
        assert_eq!((form["code"].as_str(), form["client_secret"].as_str()), ("c0de", "ours"));
        let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
        assert_eq!(query["code_challenge"], verifier);
        assert!(!address.as_str().contains(&form["code_verifier"]) && !address.as_str().contains(&page.secret));
        (browser, answer)
    }

    /// A page's token, and the browser it came by.
    async fn signed_in(&self, seed: &str) -> (Browser, String) {
        let page = page(seed);
        let (browser, answer) = self.arrived(&page).await;
        let done = browser.post("/auth/continue", &[("flow", &flow(&answer))]).await;
        let body = json!({ "secret": page.secret, "code": attribute(&done, "data-code") });
        let answer = token(&browser.http, PAGE, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (browser, answer.json()["token"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn somebody_signs_in_with_github_and_writes_under_their_name() {
    let scene = Scene::with_github("").await;
    let (mut browser, bearer) = scene.signed_in("one").await;
    let posted =
        browser.http.post_as(&bearer, "/v1/channels/lobby/comments", &json!({ "body": "x", "author": { "name": "Eve" } })).await;
    let author = posted.json()["comment"]["author"].clone();
    assert_eq!(
        (author["name"].as_str(), author["verified"].as_bool(), author["role"].as_str()),
        (Some("Ada Lovelace"), Some(true), Some("member"))
    );
    let reply = Socket::open(&scene.server).await.ask(json!({ "connect": { "token": bearer } })).await;
    assert!(reply["connect"]["client"].is_string(), "{reply}");
    let again = browser.start(&page("two")).await;
    assert!(again.text.contains("Continue as Ada Lovelace"), "whoever is signed in is asked all the same: {}", again.text);
    assert!(again.text.contains(PAGE) && again.text.contains("default"), "the window names origin and site");
    for (name, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert!(again.header(name).contains(part), "{name}: {}", again.header(name));
    }
}

#[tokio::test]
async fn a_window_opens_for_the_sites_own_pages_alone() {
    let scene = Scene::with_github("[site.other]\norigins = [\"https://other.example\"]\n").await;
    let http = Http::of(&scene.server);
    let challenge = page("one").challenge;
    for origin in [
        "https://evil.example",
        "https://example.org.evil.example",
        "https://evilexample.org",
        "http://example.org",
        "null",
        "",
        "https://other.example",
        "https://example.org/",
        "https://example.org:444",
        "javascript:alert(1)",
    ] {
        let answer = http.get(&format!("/auth/start?site=default&origin={origin}&challenge={challenge}")).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert!(answer.headers.get("set-cookie").is_none() && answer.headers.get("location").is_none());
    }
    for query in
        ["", "?origin=https://example.org", "?origin=https://example.org&challenge=short", "?site=A&origin=https://example.org"]
    {
        assert_eq!(http.get(&format!("/auth/start{query}")).await.status, 400, "{query}");
    }
    let elsewhere = http.get(&format!("/auth/start?site=nowhere&origin={PAGE}&challenge={challenge}")).await;
    assert_eq!(elsewhere.status, 403);
}

#[tokio::test]
async fn a_code_is_good_once_for_its_secret_and_origin() {
    let scene = Scene::with_github("[site.other]\norigins = [\"https://other.example\"]\n").await;
    let page_one = page("one");
    let (browser, arrived) = scene.arrived(&page_one).await;
    let flow = flow(&arrived);
    let code = async || attribute(&browser.post("/auth/continue", &[("flow", &flow)]).await, "data-code");
    let http = &browser.http;

    let one = code().await;
    for (why, origin, body, expected) in [
        ("somebody else's secret", PAGE, json!({ "secret": page("two").secret, "code": one }), (400, "expired")),
        (
            "another origin",
            "https://other.example",
            json!({ "secret": page_one.secret, "code": one }),
            (403, "origin-not-allowed"),
        ),
        (
            "a foreign origin",
            "https://evil.example",
            json!({ "secret": page_one.secret, "code": one }),
            (403, "origin-not-allowed"),
        ),
        ("no secret", PAGE, json!({ "secret": "", "code": one }), (400, "expired")),
    ] {
        let answer = token(http, origin, body).await;
        assert_eq!(answer.problem(), (expected.0, expected.1.to_owned()), "{why}");
    }
    let without_origin = http.post("/v1/auth/token", &json!({ "secret": page_one.secret, "code": one })).await;
    assert_eq!(without_origin.problem().1, "origin-not-allowed", "a program that says no origin");
    let fetched = token(http, PAGE, json!({ "secret": page_one.secret })).await;
    assert!(fetched.json()["token"].is_null(), "the secret alone opens nothing: {fetched:?}");
    let good = token(http, PAGE, json!({ "secret": page_one.secret, "code": one })).await;
    assert!(good.json()["token"].is_string(), "{good:?}");
    let replayed = token(http, PAGE, json!({ "secret": page_one.secret, "code": one })).await;
    assert_eq!(replayed.problem(), (400, "expired".to_owned()), "replayed");

    let two = code().await;
    let guessed = token(http, PAGE, json!({ "secret": page_one.secret, "code": one })).await;
    assert_eq!(guessed.problem().1, "expired", "a code of before");
    let burnt = token(http, PAGE, json!({ "secret": page_one.secret, "code": two })).await;
    assert_eq!(burnt.problem().1, "expired", "who guesses has no second try");
}

#[tokio::test]
async fn forms_are_taken_from_our_own_pages_and_the_browser_that_began_alone() {
    let scene = Scene::with_github("").await;
    let page = page("one");
    let (browser, arrived) = scene.arrived(&page).await;
    let sealed = flow(&arrived);
    for origin in [PAGE, "null", "https://evil.example"] {
        let answer = browser.post_from(origin, "/auth/continue", &[("flow", &sealed)]).await;
        assert!(matches!(answer.status, 400 | 403), "{origin}: {answer:?}");
        assert!(!answer.text.contains("data-code"));
    }
    let without = browser
        .http
        .ask(
            Method::POST,
            "/auth/continue",
            &[("cookie", &browser.cookie), ("content-type", "application/x-www-form-urlencoded")],
            &format!("flow={sealed}"),
        )
        .await;
    assert_eq!(without.status, 400, "a form without an origin");
    let mut other = Browser::new(&scene.server);
    other.start(&page).await;
    assert_eq!(other.post("/auth/continue", &[("flow", &sealed)]).await.status, 400, "another browser's");
    let changed = format!("{}A", sealed);
    assert_eq!(browser.post("/auth/continue", &[("flow", &changed)]).await.status, 400, "a changed flow");
    let start = other.start(&page).await;
    let leave = other.post("/auth/go/github", &[("flow", &flow(&start))]).await;
    let state =
        attribute(&leave, "rel=\"noreferrer\" href").split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let mut victim = Browser::new(&scene.server);
    victim.start(&page).await;
    let answer = victim.get(&format!("/auth/callback/github?code=c0de&state={state}")).await;
    assert_eq!(answer.status, 400, "somebody else's way back signs nobody in");
}

#[tokio::test]
async fn a_window_that_is_cut_off_asks_for_the_signs_of_the_page() {
    let scene = Scene::with_github("").await;
    let page = page("one");
    let (browser, arrived) = scene.arrived(&page).await;
    let done = browser.post("/auth/continue", &[("flow", &flow(&arrived))]).await;
    let sealed = flow(&done);
    let wrong = browser.post("/auth/release", &[("flow", &sealed), ("signs", "AAAA")]).await;
    let digest = Sha256::digest(format!("parlour signs {}", page.challenge));
    let alphabet = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let signs: String = digest.iter().take(4).map(|byte| char::from(alphabet[usize::from(byte % 32)])).collect();
    assert!(wrong.status == 403 || signs == "AAAA");
    assert!(token(&browser.http, PAGE, json!({ "secret": page.secret })).await.json()["token"].is_null());
    assert_eq!(browser.post("/auth/release", &[("flow", &sealed), ("signs", &signs.to_lowercase())]).await.status, 200);
    let answer = token(&browser.http, PAGE, json!({ "secret": page.secret })).await;
    assert!(answer.json()["token"].is_string(), "{answer:?}");
}

#[tokio::test]
async fn who_signs_out_everywhere_is_signed_out_everywhere() {
    let scene = Scene::with_github("").await;
    let (mut one, first) = scene.signed_in("one").await;
    let (mut two, second) = scene.signed_in("two").await;
    let mut socket = Socket::open(&scene.server).await;
    socket.ask(json!({ "connect": { "token": second } })).await;
    let headers = [("authorization", &*format!("Bearer {first}"))];
    assert_eq!(one.http.ask(Method::DELETE, "/v1/auth/token", &headers, "").await.status, 204);
    assert_eq!(socket.closed().await, 3005);
    for bearer in [&first, &second] {
        let answer = one.http.get_as(bearer, "/v1/channels/lobby/comments").await;
        assert_eq!(answer.problem(), (401, "unauthorized".to_owned()));
    }
    for browser in [&mut one, &mut two] {
        assert!(!browser.start(&page("three")).await.text.contains("Continue as"));
    }
    let (browser, third) = scene.signed_in("four").await;
    assert_eq!(browser.http.get_as(&third, "/v1/channels/lobby/comments").await.status, 200, "who signs in again is in");
}

#[tokio::test]
async fn a_page_keeps_a_members_token_and_parlours_own_pages_what_the_person_is() {
    let scene = Scene::with_github("admins = [\"ada@example.org\"]\n").await;
    let (mut browser, bearer) = scene.signed_in("one").await;
    let me = browser.http.get_as(&bearer, "/v1/me").await.json();
    assert_eq!((me["member"]["role"].as_str(), me["complete"].as_bool()), (Some("member"), Some(false)));
    assert!(!me.to_string().contains("ada@example.org"), "a page does not learn the address");
    let headers = [("authorization", &*format!("Bearer {bearer}"))];
    let answer = browser.http.ask(Method::DELETE, "/v1/me", &headers, "").await;
    assert_eq!(answer.problem(), (403, "own-origin-needed".to_owned()));

    let own = page("own");
    let start = browser.get(&format!("/auth/start?origin={OWN}&challenge={}", own.challenge)).await;
    let done = browser.post("/auth/continue", &[("flow", &flow(&start))]).await;
    let answer = token(&browser.http, OWN, json!({ "secret": own.secret, "code": attribute(&done, "data-code") })).await.json();
    assert_eq!(answer["member"]["role"], "admin");
    let me = browser.http.get_as(answer["token"].as_str().unwrap(), "/v1/me").await.json();
    assert_eq!((me["complete"].as_bool(), me["account"]["email"].as_str()), (Some(true), Some("ada@example.org")));

    let scene = Scene::with_github("admins = [\"ada@example.org\"]\nmoderate-on-pages = true\n").await;
    let (browser, bearer) = scene.signed_in("one").await;
    assert_eq!(browser.http.get_as(&bearer, "/v1/me").await.json()["member"]["role"], "admin", "where the site says so");
}

impl Scene {
    /// Everything that the store holds.
    fn kept(&self) -> String {
        self.redis.as_ref().map_or_else(|| kept(&self.server), everything)
    }
}

/// Everything that the store's files hold.
fn kept(server: &Server) -> String {
    let path = server.store();
    let files = [path.clone(), path.with_extension("db-wal")].map(|path| std::fs::read(path).unwrap_or_default());
    String::from_utf8_lossy(&files.concat()).into_owned()
}

#[tokio::test]
async fn what_is_kept_about_somebody_comes_out_and_after_forgetting_nothing_is_in_the_store() {
    for scene in Scene::on_each_store("member-posts = \"1000/1ms\"\naddress-posts = \"1000/1ms\"\n").await {
        comes_out_and_goes(&scene).await;
    }
}

async fn comes_out_and_goes(scene: &Scene) {
    let (browser, bearer) = scene.signed_in("one").await;
    let long = format!("a secret thing {}", "of which there is much ".repeat(35));
    for body in ["a first confession", &*long] {
        let posted = browser.http.post_as(&bearer, "/v1/channels/lobby/comments", &json!({ "body": body })).await;
        assert_eq!(posted.status, 201, "{posted:?}");
    }
    let id = browser.http.get_as(&bearer, "/v1/me").await.json()["member"]["id"].as_str().unwrap().to_owned();
    let all = browser.post("/auth/me/export", &[]).await;
    for known in ["Ada Lovelace", "ada@example.org", "a first confession", "a secret thing", &id] {
        assert!(all.text.contains(known), "{known}: {}", all.text);
        assert!(scene.kept().contains(known), "{known}");
    }
    let foreign = browser.post_from(PAGE, "/auth/me/forget", &[]).await;
    assert!(matches!(foreign.status, 400 | 403));
    assert!(scene.kept().contains(&id), "no page of the site forgets anybody");
    assert_eq!(browser.post("/auth/me/forget", &[]).await.status, 200);
    let left = scene.kept();
    for known in ["Ada", "Lovelace", "ada@example.org", "confession", "secret thing", "of which there is much"] {
        let at = left.find(known).map(|at| {
            left[..at]
                .chars()
                .rev()
                .take(300)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .chain(left[at..].chars().take(100))
                .collect::<String>()
        });
        assert!(at.is_none(), "{known} is left: {at:?}");
    }
    let revoked = format!("revoked/default/{id}");
    assert_eq!(left.matches(&id).count(), left.matches(&revoked).count(), "the id stands only where its tokens are refused");
    assert_eq!(browser.http.get_as(&bearer, "/v1/me").await.status, 401);
    let listed = browser.http.get("/v1/channels/lobby/comments").await.json();
    assert_eq!(listed["total"], 0);
}

#[tokio::test]
async fn a_guest_has_all_of_it_by_their_token() {
    let server = Server::start(&[], "chats = [\"lobby\"]\n");
    let http = Http::of(&server);
    let posted = http
        .post("/v1/channels/lobby/comments", &json!({ "body": "a confession", "author": { "name": "Zebedee" } }))
        .await
        .json();
    let bearer = posted["token"].as_str().unwrap().to_owned();
    let me = http.get_as(&bearer, "/v1/me").await.json();
    assert_eq!((me["complete"].as_bool(), me["comments"][0]["body"].as_str()), (Some(true), Some("a confession")));
    assert_eq!(http.get("/v1/me").await.status, 401);
    let headers = [("authorization", &*format!("Bearer {bearer}"))];
    assert_eq!(http.ask(Method::DELETE, "/v1/me", &headers, "").await.status, 204);
    let left = kept(&server);
    assert!(!left.contains("confession") && !left.contains("Zebedee"));
    assert_eq!(http.get_as(&bearer, "/v1/me").await.problem().0, 401);
}

#[tokio::test]
async fn an_openid_provider_is_found_by_its_issuer_and_believed_by_its_keys() {
    let provider = Provider::serve().await;
    let issuer = provider.url.clone();
    provider.answers(
        "/.well-known/openid-configuration",
        json!({ "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"), "userinfo_endpoint": format!("{issuer}/me") }),
    );
    let private = jsonwebtoken::EncodingKey::from_ed_pem(include_bytes!("../../src/identity/token/keys/ed-private.pem")).unwrap();
    provider.answers("/keys", json!({ "keys": [crate::people::pair("k1").1] }));
    provider.answers("/me", json!({ "sub": "7", "name": "Grace Hopper", "email": "grace@example.org", "email_verified": false }));
    let file = format!(
        "public-url = \"{OWN}\"\norigins = [\"{PAGE}\"]\nchats = [\"lobby\"]\noutbound-allow = [\"127.0.0.1\"]\nkey-set-every = \"1ms\"\n\
         signin-oidc-id = \"us\"\nsignin-oidc-secret = \"ours\"\nsignin-oidc-url = \"{issuer}\"\nsignin-oidc-name = \"Example\"\n"
    );
    let server = Server::start(&[], &file);
    let page = page("one");
    let mut browser = Browser::new(&server);
    let start = browser.start(&page).await;
    assert!(start.text.contains("Sign in with Example"));
    let leave = browser.post("/auth/go/oidc", &[("flow", &flow(&start))]).await;
    let address = url::Url::parse(&attribute(&leave, "rel=\"noreferrer\" href")).unwrap();
    let query: HashMap<_, _> = address.query_pairs().into_owned().collect();
    let now = jwt::seconds_from_now(0);
    let good = json!({ "iss": issuer, "sub": "7", "aud": "us", "exp": now + 300, "iat": now, "nonce": query["nonce"] });
    let back = format!("/auth/callback/oidc?code=c0de&state={}", query["state"]);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let answer_with = |claims: &Value| {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        header.kid = Some("k1".to_owned());
        let word = jsonwebtoken::encode(&header, claims, &private).unwrap();
        provider.answers("/token", json!({ "id_token": word, "access_token": "at", "token_type": "Bearer" }));
    };
    for (why, claims) in [
        ("another nonce", with("nonce", json!("x"))),
        ("for others", with("aud", json!("them"))),
        ("by others", with("iss", json!("https://evil.example"))),
        ("over", with("exp", json!(now - 3600))),
        ("about somebody else than the rest", with("sub", json!("8"))),
    ] {
        answer_with(&claims);
        let answer = browser.get(&back).await;
        assert_eq!(answer.status, 502, "{why}: {answer:?}");
    }
    provider.answers("/token", json!({ "id_token": jwt::signed("ours", &good), "access_token": "at" }));
    assert_eq!(browser.get(&back).await.status, 502, "signed with the client's secret");
    let mixed = format!("{back}&iss=https://evil.example");
    answer_with(&good);
    assert_eq!(browser.get(&mixed).await.status, 502, "another issuer came back");
    let arrived = browser.get(&back).await;
    assert!(arrived.text.contains("Continue as Grace Hopper"), "{arrived:?}");
    let done = browser.post("/auth/continue", &[("flow", &flow(&arrived))]).await;
    let answer = token(&browser.http, PAGE, json!({ "secret": page.secret, "code": attribute(&done, "data-code") })).await;
    assert_eq!(answer.json()["member"]["name"], "Grace Hopper");
}
