//! A site's own tokens as the examples of `examples/tokens` sign them, in three languages and three algorithms, against the real
//! server; and that what a site says of its tokens' audience and issuer holds over the doors.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::http::Http;
use crate::jwt;
use crate::script::missing;
use crate::server::Server;

const SECRET: &str = "a secret that the examples share, 32+";

/// The test keys, which open nothing.
fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/identity/token/keys").join(name)
}

fn server() -> Server {
    let keys = [("RS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")]
        .map(|(algorithm, name)| format!("\"{algorithm}:{}\"", key(&format!("{name}-public.pem")).display()));
    Server::start(&[], &format!("token-secret = \"{SECRET}\"\ntoken-keys = [{}]\nchats = [\"lobby\"]\n", keys.join(", ")))
}

/// Runs an example with its interpreter; skips aloud where there is none.
async fn shown(program: &str, example: &str, private: &str) {
    let is_there = |program: &str| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !is_there(program) {
        missing(program);
        return;
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tokens").join(example);
    let output = Command::new(program).arg(&example).env("TOKEN_SECRET", SECRET).env("TOKEN_KEY", key(private)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).unwrap();
    let server = server();
    let answer = Http::of(&server).post_as(token.trim(), "/v1/channels/lobby/comments", &json!({ "body": "signed" })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let author = answer.json()["comment"]["author"].clone();
    assert_eq!((author["id"].as_str(), author["name"].as_str()), (Some("42"), Some("Ada")));
    assert_eq!((author["verified"].as_bool(), author["role"].as_str()), (Some(true), Some("member")));
}

#[tokio::test]
async fn the_example_in_node_signs_a_token_that_is_good() {
    shown("node", "node.mjs", "").await;
}

#[tokio::test]
async fn the_example_in_node_with_a_private_key_signs_a_token_that_is_good() {
    shown("node", "node-eddsa.mjs", "ed-private.pem").await;
}

#[tokio::test]
async fn the_example_in_python_signs_a_token_that_is_good() {
    shown("python3", "python.py", "").await;
}

#[tokio::test]
async fn the_example_in_php_signs_a_token_that_is_good() {
    shown("php", "php.php", "").await;
}

#[tokio::test]
async fn the_example_in_php_with_a_private_key_signs_a_token_that_is_good() {
    shown("php", "php-rs256.php", "rsa-private.pem").await;
}

#[tokio::test]
async fn a_token_that_has_not_begun_or_is_for_others_or_of_another_site_is_refused() {
    let file = format!(
        "token-secret = \"{SECRET}\"\ntoken-audience = \"talk\"\ntoken-issuer = \"shop\"\nchats = [\"lobby\"]\n\
         [site.other]\ntoken-secret = \"another secret of another site, 32+\"\n"
    );
    let server = Server::start(&[], &file);
    let http = Http::of(&server);
    let exp = jwt::seconds_from_now(600);
    let good = json!({ "sub": "anna", "exp": exp, "aud": "talk", "iss": "shop" });
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        jwt::signed(SECRET, &claims)
    };
    let path = "/v1/channels/lobby/comments";
    assert_eq!(http.get_as(&jwt::signed(SECRET, &good), path).await.status, 200);
    for (why, token, expected) in [
        ("not begun", with("nbf", json!(jwt::seconds_from_now(300))), (401, "unauthorized")),
        ("for others", with("aud", json!("shop")), (401, "unauthorized")),
        ("by others", with("iss", json!("talk")), (401, "unauthorized")),
        ("expired", with("exp", json!(jwt::seconds_from_now(-1))), (401, "token-expired")),
        ("another site's", jwt::signed("another secret of another site, 32+", &good), (200, "")),
        ("names another site", with("site", json!("other")), (401, "unauthorized")),
    ] {
        let answer = http.get_as(&token, path).await;
        if expected.0 == 200 {
            // It is good, but for its own site alone.
            assert_eq!(answer.status, 200, "{why}");
            let answer = http.get_as(&token, "/v1/channels/lobby/comments?site=default").await;
            assert_eq!(answer.problem(), (403, "site-mismatch".to_owned()), "{why}");
        } else {
            assert_eq!(answer.problem(), (expected.0, expected.1.to_owned()), "{why}");
        }
    }
}
