//! The whole server in process: its router asked directly, and once through a socket from start to end.

use super::*;
use axum::body::Body;
use axum::response::Response;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt as _;

use crate::backend::KeyRow;
use crate::channel::SiteName;
use crate::config::Sources;
use crate::config::layer::FileLayers;
use crate::identity::ApiKey;

/// A server that nobody reaches but by its router.
struct Tested {
    server: Server,
    router: Router,
    _directory: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        (self.status.as_u16(), problem["type"].as_str().unwrap().to_owned())
    }
}

fn config(file: &str, directory: &tempfile::TempDir) -> Config {
    let store = format!("store = \"sqlite:{}\"\n", directory.path().join("t.db").display());
    let layers = FileLayers::from_text(&(store + file)).unwrap();
    Sources::default().read_with(layers, None).unwrap()
}

async fn tested(file: &str) -> Tested {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::open(&config(file, &directory)).await.unwrap();
    Tested { router: server.router(), server, _directory: directory }
}

impl Tested {
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response: Response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, &[("content-type", "application/json")], &body.to_string()).await
    }

    async fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        self.ask(Method::POST, path, &[("content-type", "application/json"), ("authorization", &bearer)], &body.to_string()).await
    }

    async fn key(&self) -> String {
        let key = ApiKey::from_random([7; 32]);
        let row = KeyRow { id: "k".to_owned(), site: SiteName::default(), label: String::new(), created_ms: 0 };
        self.server.node.backend().store.add_key(key.hash().as_str(), row).await.unwrap();
        key.reveal()
    }
}

#[tokio::test]
async fn what_is_published_is_answered_ok_and_stands_in_the_history() {
    let tested = tested("demo = true").await;
    let answer = tested.post("/", &json!({ "chan": "a", "msg": { "x": 1 } })).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "ok\n"));
    let raw = "{\"data\": {\"big\": 12345678901234567890123, \"float\": 1.0e10}}";
    let answer = tested.ask(Method::POST, "/v1/channels/a/publications", &[("content-type", "application/json")], raw).await;
    assert!(answer.json()["position"].as_str().unwrap().ends_with(":2"));
    let history = tested.get("/v1/channels/a/history?limit=10").await;
    assert!(history.text.contains("{\"big\":12345678901234567890123,\"float\":1.0e10}"), "{}", history.text);
    let history = history.json();
    assert_eq!(history["publications"][0]["event"], "publication");
    assert_eq!(history["publications"][0]["offset"], 1);
    assert_eq!(history["publications"][0]["data"], json!({ "x": 1 }));
    let newest = tested.get("/v1/channels/a/history?limit=1&reverse=true").await.json();
    assert_eq!(newest["publications"][0]["offset"], 2);
    let since = history["position"].as_str().unwrap().replace(":2", ":1");
    let later = tested.get(&format!("/v1/channels/a/history?since={since}")).await.json();
    assert_eq!(later["publications"].as_array().unwrap().len(), 1);
    assert_eq!(tested.get("/v1/channels/a/history?since=junk").await.problem().0, 400);
}

#[tokio::test]
async fn a_batch_says_for_each_what_came_of_it() {
    let tested = tested("demo = true\nbatch-entries = 4").await;
    let items = json!([{ "channel": "a", "data": 1 }, { "channel": "a b", "data": 1 }, { "data": 1 }, { "channel": "a", "data": 2, "store": false }]);
    let answer = tested.post("/v1/batch", &json!({ "publications": items })).await.json();
    let results = answer["results"].as_array().unwrap();
    assert!(results[0]["position"].as_str().unwrap().ends_with(":1"));
    assert_eq!(results[1]["error"]["type"], "invalid-channel");
    assert_eq!(results[2]["error"]["type"], "bad-request");
    assert_eq!(results[3], json!({ "position": null }));
    let five = json!({ "publications": vec![json!({ "channel": "a", "data": 1 }); 5] });
    assert_eq!(tested.post("/v1/batch", &five).await.problem(), (400, "limit-exceeded".to_owned()));
}

#[tokio::test]
async fn a_comment_is_written_read_changed_and_taken_away() {
    let tested = tested("demo = true").await;
    let page = "/v1/channels/page/comments?url=http%3A%2F%2Flocalhost%2Fpost";
    let draft = json!({ "body": "*hello*", "author": { "name": "Ann" }, "page": { "url": "http://localhost/post" } });
    let posted = tested.post(page, &draft).await;
    assert_eq!(posted.status, 201);
    assert_eq!(posted.headers[CACHE_CONTROL], "no-store");
    let (posted, token) = (posted.json(), posted.json()["token"].as_str().unwrap().to_owned());
    let id = posted["comment"]["id"].as_str().unwrap().to_owned();
    assert_eq!(posted["comment"]["author"]["name"], "Ann");

    let listed = tested.get(page).await;
    assert_eq!(listed.json()["comments"][0]["id"], posted["comment"]["id"]);
    assert_eq!(listed.json()["total"], 1);
    assert!(listed.json()["comments"][0].get("mine").is_none());

    let nonced = json!({ "body": "again", "nonce": "n1", "parent": id });
    let first = tested.post_as(&token, page, &nonced).await;
    let second = tested.post_as(&token, page, &nonced).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 200));
    assert_eq!(first.json()["comment"]["id"], second.json()["comment"]["id"]);
    let other = tested.post_as(&token, page, &json!({ "body": "else", "nonce": "n1" })).await;
    assert_eq!(other.problem(), (409, "nonce-conflict".to_owned()));

    let bearer = format!("Bearer {token}");
    let mine = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let path = format!("/v1/comments/{id}");
    let edited = tested.ask(Method::PATCH, &path, &mine, "{\"body\": \"changed\"}").await;
    assert_eq!(edited.json()["comment"]["body"], "changed");
    assert_eq!(tested.ask(Method::PATCH, &path, &mine[1..], "{\"body\": \"x\"}").await.problem().0, 401);
    assert_eq!(tested.ask(Method::DELETE, &path, &mine[1..], "").await.problem().0, 401);
    assert_eq!(tested.ask(Method::DELETE, &path, &mine, "").await.status, 204);
    assert_eq!(tested.get(&path).await.json()["comment"]["state"], "deleted");
    assert_eq!(tested.get("/v1/comments/nope").await.problem(), (404, "unknown-comment".to_owned()));
}

#[tokio::test]
async fn what_is_the_same_for_all_has_a_tag_and_what_is_ones_own_is_not_stored() {
    let tested = tested("demo = true").await;
    let path = "/v1/channels/a/comments";
    let first = tested.get(path).await;
    assert!(first.headers.get_all(VARY).iter().any(|value| value == "Origin"));
    let again = tested.ask(Method::GET, path, &[(IF_NONE_MATCH.as_str(), first.headers[ETAG].to_str().unwrap())], "").await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    let guest = tested.post("/v1/guests", &json!({})).await.json();
    let bearer = format!("Bearer {}", guest["token"].as_str().unwrap());
    let mine = tested.ask(Method::GET, path, &[(AUTHORIZATION.as_str(), &bearer)], "").await;
    assert_eq!(mine.headers[CACHE_CONTROL], "no-store");
    assert!(!mine.headers.contains_key(ETAG));
    assert!(guest["member"]["id"].as_str().unwrap().starts_with('g'));
}

#[tokio::test]
async fn a_foreign_origin_is_refused_before_anything_is_done_and_can_read_why() {
    let tested = tested("origins = [\"https://example.org\"]").await;
    for (method, path) in [
        (Method::GET, "/healthz"),
        (Method::POST, "/v1/guests"),
        (Method::GET, "/nowhere"),
        (Method::GET, "/connection/websocket"),
    ] {
        let answer = tested.ask(method, path, &[("origin", "https://evil.example")], "").await;
        assert_eq!(answer.problem(), (403, "origin-not-allowed".to_owned()), "{path}");
        assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://evil.example");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    }
    let good = tested.ask(Method::GET, "/healthz", &[("origin", "https://example.org")], "").await;
    assert_eq!(
        (good.status.as_u16(), &good.headers[ACCESS_CONTROL_ALLOW_ORIGIN]),
        (200, &http::HeaderValue::from_static("https://example.org"))
    );
    let preflight = [("origin", "https://example.org"), ("access-control-request-method", "POST")];
    let answer = tested.ask(Method::OPTIONS, "/v1/batch", &preflight, "").await;
    assert_eq!(answer.status, 204);
    assert!(answer.headers["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
}

#[tokio::test]
async fn demo_mode_answers_no_other_host() {
    let tested = tested("demo = true").await;
    let answer = tested.ask(Method::GET, "/", &[("host", "evil.example")], "").await;
    assert_eq!(answer.problem(), (403, "demo-is-local".to_owned()));
    assert!(tested.get("/").await.text.contains("<parlour-comments>"));
    assert!(tested.get("/").await.headers.contains_key("content-security-policy"));
}

#[tokio::test]
async fn bodies_must_be_json_and_not_too_large() {
    let tested = tested("demo = true\nrequest-bytes = \"1KiB\"").await;
    let plain = tested.ask(Method::POST, "/", &[("content-type", "text/plain")], "{}").await;
    assert_eq!(plain.problem(), (415, "unsupported-media-type".to_owned()));
    let large = tested.post("/v1/preview", &json!({ "body": "x".repeat(2_000) })).await;
    assert_eq!(large.problem(), (413, "request-too-large".to_owned()));
    let broken = tested.ask(Method::POST, "/", &[("content-type", "application/json")], "{").await;
    assert_eq!(broken.problem(), (400, "bad-request".to_owned()));
}

#[tokio::test]
async fn outside_demo_mode_publishing_needs_a_key_and_dialects_are_off() {
    let tested = tested("").await;
    let body = json!({ "data": 1 });
    assert_eq!(tested.post("/v1/channels/a/publications", &body).await.problem().0, 401);
    assert_eq!(tested.post("/", &json!({ "chan": "a", "msg": 1 })).await.problem().0, 405);
    assert!(tested.get("/msgs?start=0").await.status.is_client_error());
    assert!(tested.get("/").await.text.starts_with("Parlour "));
    let key = tested.key().await;
    assert_eq!(tested.post_as(&key, "/v1/channels/a/publications", &body).await.status, 200);
    assert_eq!(tested.post_as("pk_wrong", "/v1/channels/a/publications", &body).await.problem().0, 401);
    assert_eq!(tested.post_as(&key, "/v1/channels/a/publications?site=other", &body).await.problem().0, 403);
    assert_eq!(tested.get("/v1/channels/a/history?site=other").await.problem(), (404, "unknown-site".to_owned()));
}

#[tokio::test]
async fn figures_need_a_key_even_in_demo_mode() {
    let tested = tested("demo = true").await;
    assert_eq!(tested.get("/metrics").await.problem().0, 401);
    let bearer = format!("Bearer {}", tested.key().await);
    tested.post("/", &json!({ "chan": "a", "msg": 1 })).await;
    let figures = tested.ask(Method::GET, "/metrics", &[("authorization", &bearer)], "").await;
    assert!(figures.text.contains("parlour_publications_total 1\n"), "{}", figures.text);
    assert!(figures.text.contains("route=\"/\",status=\"200\""), "{}", figures.text);
}

#[tokio::test]
async fn counts_are_answered_as_asked_and_unknown_ones_are_zeros() {
    let tested = tested("demo = true").await;
    tested
        .post(
            "/v1/channels/page/comments?url=http://localhost/a",
            &json!({ "body": "x", "page": { "url": "http://localhost/a" } }),
        )
        .await;
    let asked = tested.get("/v1/counts?url=http://localhost/a&channel=nothing&channel=no%20name&url=junk").await.json();
    let counts = &asked["counts"];
    assert_eq!(counts["http://localhost/a"]["comments"], 1);
    for name in ["nothing", "no name", "junk"] {
        assert_eq!(counts[name], json!({ "comments": 0, "viewers": 0, "views": 0 }), "{name}");
    }
    let listed = tested.post("/v1/counts", &json!({ "channels": ["x"], "urls": ["http://localhost/a"] })).await.json();
    assert_eq!(listed["counts"]["http://localhost/a"]["comments"], 1);
    let many = json!({ "channels": vec!["x"; 201] });
    assert_eq!(tested.post("/v1/counts", &many).await.problem().0, 400);
}

#[tokio::test]
async fn what_there_is_not_is_a_problem_too() {
    let tested = tested("demo = true").await;
    assert_eq!(tested.get("/v1/nothing").await.problem(), (404, "method-not-found".to_owned()));
    let answer = tested.ask(Method::PUT, "/healthz", &[], "").await;
    assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()));
    assert!(answer.headers.contains_key("allow"));
    assert_eq!(tested.get("/embed/nothing-1.js").await.problem().0, 404);
    assert_eq!(tested.get("/embed/manifest.json").await.problem().0, 404);
    assert_eq!(tested.get("/v1/channels/a%20b/history").await.problem(), (400, "invalid-channel".to_owned()));
    assert_eq!(tested.get("/v1/channels/%FF/history").await.problem(), (400, "invalid-channel".to_owned()));
    assert_eq!(tested.get("/v1/channels/%FF/events").await.problem(), (400, "invalid-channel".to_owned()));
    assert_eq!(tested.get("/v1/channels/a/comments?limit=x").await.problem().0, 400);
}

#[tokio::test]
async fn the_loader_and_its_parts_are_served_to_be_kept() {
    let tested = tested("demo = true").await;
    let loader = tested.get("/embed.js").await;
    assert_eq!(loader.status, 200);
    assert!(loader.headers.contains_key(ETAG));
    let part = loader.text.split('"').find(|word| word.contains("comments-") && word.ends_with(".js")).unwrap();
    let part = tested.get(&format!("/embed/{part}")).await;
    assert!(part.headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert!(part.headers[CONTENT_TYPE].to_str().unwrap().starts_with("text/javascript"));
    assert_eq!(tested.get("/openapi.json").await.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn presence_names_people_to_those_who_may_see_them() {
    let demo = tested("demo = true").await;
    assert_eq!(demo.get("/v1/channels/a/presence").await.json(), json!({ "viewers": 0, "members": [] }));
    let other = tested("").await;
    assert_eq!(other.get("/v1/channels/a/presence").await.json(), json!({ "viewers": 0 }));
}

#[tokio::test]
async fn a_moderator_closes_a_thread() {
    let tested = tested("demo = true").await;
    let key = format!("Bearer {}", tested.key().await);
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    assert_eq!(tested.ask(Method::PATCH, "/v1/channels/a", &headers[1..], "{\"closed\": true}").await.problem().0, 401);
    assert_eq!(tested.ask(Method::PATCH, "/v1/channels/a", &headers, "{}").await.problem().0, 400);
    assert_eq!(tested.ask(Method::PATCH, "/v1/channels/a", &headers, "{\"closed\": true}").await.status, 200);
    assert_eq!(
        tested.post("/v1/channels/a/comments", &json!({ "body": "x" })).await.problem(),
        (403, "thread-closed".to_owned())
    );
}

#[tokio::test]
async fn a_server_starts_serves_drains_and_ends() {
    let directory = tempfile::tempdir().unwrap();
    let config = config("demo = true\ndrain = \"10ms\"", &directory);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        run(&config, listener, async {
            let _ = stopped.await;
        })
        .await
    });
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /v1/channels/a/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n")
        .await
        .unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("event: position") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "{}", String::from_utf8_lossy(&seen));
    }
    stop.send(()).unwrap();
    stream.read_to_end(&mut seen).await.unwrap();
    assert!(
        String::from_utf8_lossy(&seen).trim_end().ends_with('0'),
        "the stream ends properly: {}",
        String::from_utf8_lossy(&seen)
    );
    running.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn who_sends_too_much_gets_to_read_why() {
    let directory = tempfile::tempdir().unwrap();
    let config = config("demo = true\ndrain = \"10ms\"", &directory);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let running = tokio::spawn(async move { run(&config, listener, std::future::pending()).await });
    for _ in 0..20 {
        let body = "x".repeat(1 << 20);
        let head = "POST /v1/preview HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n";
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
    running.abort();
}
