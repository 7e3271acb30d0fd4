//! A Redis that is spoken to in secret: with TLS and a certificate of the test's own making, as a user with no more rights than
//! `docs/cluster.md` says, behind Sentinels that ask for a password of their own. Who is refused says why, without the password.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::json;

use super::process::free_address;
use super::{Cluster, Keep, Redis, Sentinels, can_run, can_run_sentinel, until};
use crate::http::Http;
use crate::server::{PATIENCE, Server, binary};
use crate::socket::Socket;

/// The rights of `docs/cluster.md`.
const RIGHTS: &str = "~parlour:* &parlour:* +@read +@write +@pubsub +@scripting +@connection +info +role +time +wait";

const RIGHTS_IN_A_CLUSTER: &str = "+cluster|info +cluster|slots";

/// A server that takes connections with TLS on another port as well, and whom its clients are to believe.
struct Secured {
    redis: Redis,
    port: u16,
    certificate: PathBuf,
    _directory: tempfile::TempDir,
}

impl Secured {
    fn start() -> Secured {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let (certificate, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let port = free_address().port();
        let path = |path: &PathBuf| path.display().to_string();
        let redis = Redis::with(
            Keep::Nothing,
            &[
                &["--tls-port", &port.to_string(), "--tls-auth-clients", "no"][..],
                &["--tls-cert-file", &path(&certificate), "--tls-key-file", &path(&key)],
                &["--tls-ca-cert-file", &path(&certificate)],
            ]
            .concat(),
        );
        Secured { redis, port, certificate, _directory: directory }
    }

    fn admit(&self, user: &str, password: &str) {
        admit(&self.redis, user, password, RIGHTS);
    }

    fn url(&self, login: &str) -> String {
        format!("rediss://{login}@127.0.0.1:{}", self.port)
    }

    fn node(&self, login: &str) -> Server {
        Server::on_with(&self.url(login), &[("SSL_CERT_FILE", &self.certificate.display().to_string())])
    }
}

/// A user of this name and password with these rights.
fn admit(redis: &Redis, user: &str, password: &str, rights: &str) {
    let password = format!(">{password}");
    let words: Vec<&str> = ["ACL", "SETUSER", user, "on", &password].into_iter().chain(rights.split(' ')).collect();
    assert_eq!(redis.ask(&words).text(), "OK");
}

/// What `parlour check` says of a store, and whether it was content.
fn checked(store: &str, environment: &[(&str, String)]) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command.args(["check", "--store", store]).envs(environment.iter().cloned()).current_dir(directory.path());
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

/// What is published on the one is heard on the other, and a comment is listed there.
async fn work_together(one: &Server, other: &Server) {
    let mut socket = Socket::guest(other).await;
    socket.subscribe("a").await;
    let http = Http::of(one);
    assert_eq!(http.post("/v1/channels/a/publications", &json!({ "data": 1 })).await.status, 200);
    assert_eq!(socket.publication("a").await["data"], 1);
    assert_eq!(http.post("/v1/channels/a/comments", &json!({ "body": "hello" })).await.status, 201);
    let listed = Http::of(other).get("/v1/channels/a/comments").await;
    assert!(listed.status == 200 && listed.text.contains("hello"), "{listed:?}");
}

async fn until_degraded(server: &Server, degraded: bool) {
    let begun = Instant::now();
    loop {
        let answer = Http::of(server).get("/readyz").await;
        if answer.status == 200 && answer.text.contains(&format!("\"degraded\":{degraded}")) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_meet_over_tls_as_a_user_who_may_no_more_than_is_said() {
    if !can_run() {
        return;
    }
    let secured = Secured::start();
    secured.admit("parlour", "p@ss%word");
    let (one, other) = (secured.node("parlour:p%40ss%25word"), secured.node("parlour:p%40ss%25word"));
    work_together(&one, &other).await;
    // The last of a node's connections may still be on its way.
    until("both nodes' connections are the user's", || {
        let clients = secured.redis.ask(&["CLIENT", "LIST"]);
        clients.text().lines().filter(|line| line.contains("user=parlour ")).count() >= 6
    });
    assert!(!format!("{}{}", one.log(), other.log()).contains("p@ss"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_used_as_a_user_who_may_no_more_than_is_said() {
    if !can_run() {
        return;
    }
    let cluster = Cluster::start(Keep::Nothing);
    let rights = format!("{RIGHTS} {RIGHTS_IN_A_CLUSTER}");
    cluster.servers.iter().for_each(|server| admit(server, "parlour", "secret", &rights));
    let url = cluster.url().replace("://", "://parlour:secret@");
    let (one, other) = (Server::on_with(&url, &[]), Server::on_with(&url, &[]));
    work_together(&one, &other).await;
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    if !can_run() {
        return;
    }
    let secured = Secured::start();
    secured.admit("parlour", "right-one");
    let (_, said) = checked(&secured.url("parlour:right-one"), &[]);
    assert!(said.contains("certificate") && !said.contains("right-one"), "{said}");
    let vouched = [("SSL_CERT_FILE", secured.certificate.display().to_string())];
    let (is_content, said) = checked(&secured.url("parlour:right-one"), &vouched);
    assert!(is_content && !said.contains("right-one"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_holds_no_longer_is_said_and_not_shown_and_the_node_is_degraded_until_it_does() {
    if !can_run() {
        return;
    }
    let secured = Secured::start();
    secured.admit("parlour", "first-secret");
    let (is_content, said) =
        checked(&secured.url("parlour:wrong-secret"), &[("SSL_CERT_FILE", secured.certificate.display().to_string())]);
    assert!(!is_content && said.contains("password") && !said.contains("-secret"), "{said}");
    let (one, other) = (secured.node("parlour:first-secret"), secured.node("parlour:first-secret"));
    work_together(&one, &other).await;
    secured.redis.ask(&["ACL", "SETUSER", "parlour", "resetpass", ">second-secret"]);
    secured.redis.ask(&["CLIENT", "KILL", "USER", "parlour"]);
    until_degraded(&one, true).await;
    until("the log says why", || one.log().to_lowercase().contains("password"));
    let answer = Http::of(&one).post("/v1/channels/a/publications", &json!({ "data": 2 })).await;
    assert!(answer.status == 503 && answer.headers.contains_key("retry-after"), "{answer:?}");
    secured.redis.ask(&["ACL", "SETUSER", "parlour", ">first-secret"]);
    for node in [&one, &other] {
        until_degraded(node, false).await;
    }
    work_together(&other, &one).await;
    assert!(!format!("{}{}", one.log(), other.log()).contains("-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_ask_for_a_password_of_their_own_are_given_it() {
    if !can_run_sentinel() {
        return;
    }
    let all = Sentinels::start(1, Keep::Nothing);
    for server in &all.servers {
        server.ask(&["CONFIG", "SET", "masterauth", "data-secret"]);
        server.ask(&["CONFIG", "SET", "requirepass", "data-secret"]);
    }
    let hosts: Vec<String> = all.sentinels.iter().map(|sentinel| sentinel.address.to_string()).collect();
    for sentinel in &all.sentinels {
        sentinel.ask(&["SENTINEL", "SET", super::sentinel::NAME, "auth-pass", "data-secret"]);
        sentinel.ask(&["ACL", "SETUSER", "scout", "on", ">guard-secret", "~*", "&*", "+@all"]);
        sentinel.ask(&["ACL", "SETUSER", "default", "off"]);
    }
    let url = |login: &str| format!("redis+sentinel://:data-secret@{}/parlour{login}", hosts.join(","));
    let (is_content, said) = checked(&url("?sentinel-user=scout&sentinel-password=guard-secret"), &[]);
    assert!(is_content && !said.contains("-secret"), "{said}");
    for login in ["", "?sentinel-user=scout&sentinel-password=wrong-secret"] {
        let (is_content, said) = checked(&url(login), &[]);
        let says_why = said.contains("no Sentinel knows") && said.contains("password");
        assert!(!is_content && says_why && !said.contains("-secret"), "{said}");
    }
    let node = || Server::on_with(&url("?sentinel-user=scout&sentinel-password=guard-secret"), &[]);
    let (one, other) = (node(), node());
    work_together(&one, &other).await;
    assert!(!format!("{}{}", one.log(), other.log()).contains("-secret"));
}
