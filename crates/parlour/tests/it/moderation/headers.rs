//! What every answer carries, whatever the route: the routes are read from the router itself, so that a new one is looked at too.

use parlour::config::Sources;
use parlour::config::layer::FileLayers;
use reqwest::Method;
use serde_json::json;

use crate::http::{Answer, Http};
use crate::server::Server;

/// The paths of the server's router, as it writes itself for people.
async fn routes() -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = format!("store = \"sqlite:{}\"", directory.path().join("parlour.db").display());
    let config = Sources::default().read_with(FileLayers::from_text(&file).unwrap(), None).unwrap();
    let server = parlour::server::Server::open(&config).await.unwrap();
    let written = format!("{:?}", server.router());
    let is_path = |text: &&str| text.starts_with('/') && !text.contains("__private");
    let mut found: Vec<String> = written.split('"').filter(is_path).map(str::to_owned).collect();
    found.sort();
    found.dedup();
    found
}

fn check(method: &Method, path: &str, answer: &Answer) {
    let of = format!("{method} {path}");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{of}: {policy}");
    assert!(!policy.contains("unsafe") && !policy.contains(" *"), "{of}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{of}");
    // Our own forms need their origin (with `no-referrer` a browser says `null`).
    let referrer = if answer.header("content-type").starts_with("text/html") && path.starts_with("/auth/") {
        "same-origin"
    } else {
        "no-referrer"
    };
    assert_eq!(answer.header("referrer-policy"), referrer, "{of}");
}

#[tokio::test]
async fn every_route_answers_with_strict_headers_whoever_asks_and_however() {
    let routes = routes().await;
    for known in ["/admin", "/v1/moderation/orders", "/auth/held", "/embed.js", "/socket.io/", "/v1/comments/{id}", "/"] {
        assert!(routes.iter().any(|route| route == known), "{known} is not among {routes:?}");
    }
    for server in [Server::demo(), Server::start(&[], "").knows_itself()] {
        let http = Http::of(&server);
        // Who reads an empty list waits.
        http.post("/msgs", &json!({ "from": "ann", "content": "hi" })).await;
        for route in routes.iter().map(String::as_str).chain(["/nothing/here"]) {
            let path = route.replace("{channel}", "lobby").replace("{id}", "c1").replace("{name}", "up");
            let path = path.replace("{site}", "default").replace("{provider}", "github").replace("{act}", "show");
            let path = path.replace("{method}", "publish");
            assert!(!path.contains('{'), "{path}: what is meant by its name?");
            // What waits is asked not to, and what streams to end.
            let asked = format!("{path}?wait=0&start=0");
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
                let answer = http.ask(method.clone(), &asked, &[("content-type", "application/json")], "{}").await;
                check(&method, &path, &answer);
            }
        }
    }
}
