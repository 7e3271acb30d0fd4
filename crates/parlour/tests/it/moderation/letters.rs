//! Letters about what waits: gathered, once, and with links that do nothing by themselves.

use reqwest::Method;
use serde_json::json;

use super::{Desk, FIRST, bodies, id_of};
use crate::http::{Answer, Http};
use crate::redis::{self, Redis};
use crate::server::{PATIENCE, Server};
use crate::signin::letters::smtp;

const OWN: &str = "https://talk.example.net";

async fn form(desk: &Desk, fields: &[(&str, &str)], origin: Option<&str>) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
    headers.extend(origin.map(|origin| ("origin", origin)));
    desk.http.ask(Method::POST, "/auth/held", &headers, &body).await
}

/// The letters' sender, the owner, and how often they are written to.
fn file(port: u16) -> String {
    format!(
        "{FIRST}public-url = \"{OWN}\"\nmail-server = \"smtp://127.0.0.1:{port}\"\nmail-from = \"Talk <talk@example.net>\"\n\
         notify = [\"owner@example.net\"]\nnotify-every = \"4s\"\n"
    )
}

#[tokio::test]
async fn over_two_nodes_an_owner_gets_each_letter_once() {
    if !redis::can_run() {
        return;
    }
    let redis = Redis::start();
    let (port, letters) = smtp().await;
    let start = || Server::on(&redis.url(), &[], &file(port));
    let (desk, other) = (Desk::of(start()).await, start());
    let second = Http::of(&other);
    let path = format!("/v1/channels/{}/comments", desk.page);
    for number in 0..6 {
        let draft = json!({ "body": format!("waiting {number}") });
        let http = if number % 2 == 0 { &desk.http } else { &second };
        assert_eq!(http.post(&path, &draft).await.json()["comment"]["state"], "pending");
    }
    // The second letter has all of them; whatever the nodes wrote besides would have come before it.
    let until = std::time::Instant::now() + PATIENCE;
    while !letters.lock().iter().any(|letter| letter.contains("Subject: 6 comments on default")) {
        assert!(std::time::Instant::now() < until, "no letter came");
        tokio::task::yield_now().await;
    }
    assert!(letters.lock().len() <= 2, "{} letters", letters.lock().len());
}

#[tokio::test]
async fn an_owner_is_written_to_about_what_waits_and_decides_by_a_button_alone() {
    let (port, letters) = smtp().await;
    let desk = Desk::open(&file(port)).await;
    let until = async |count: usize| {
        let until = std::time::Instant::now() + PATIENCE;
        while letters.lock().len() < count {
            assert!(std::time::Instant::now() < until, "no letter came");
            tokio::task::yield_now().await;
        }
        letters.lock()[count - 1].replace("=\n", "").replace("=3D", "=")
    };
    let hostile = "look <b>here</b>\nhttps://spam.example/x";
    let first = id_of(&desk.post(&desk.guest().await, json!({ "body": hostile, "author": { "name": "Vera" } })).await);
    let letter = until(1).await;
    assert!(letter.contains("To: owner@example.net") && letter.contains("Subject: 1 comment on default"), "{letter}");
    assert!(
        letter.contains("Vera on https://blog.example/post (first):") && !letter.contains("https://spam.example"),
        "{letter}"
    );

    // What comes meanwhile is gathered.
    for number in 0..3 {
        desk.post(&desk.guest().await, json!({ "body": format!("waiting {number}") })).await;
    }
    let second = until(2).await;
    assert!(second.contains("Subject: 4 comments on default") && second.contains("waiting 0") && second.contains("waiting 2"));
    assert_eq!(letters.lock().len(), 2, "one letter for all of them");

    let ticket = letter.split("/auth/held#").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let is_shown = async || bodies(&desk.list_as(None).await).iter().any(|body| body.starts_with("look"));
    // A scanner opens the link, and what it leads to; another site posts the form; somebody makes a ticket up.
    assert_eq!(desk.http.get("/auth/held").await.status, 200);
    assert_eq!(form(&desk, &[("ticket", &ticket), ("act", "approve")], None).await.status, 400);
    assert_eq!(form(&desk, &[("ticket", &ticket), ("act", "approve")], Some("https://blog.example")).await.status, 400);
    assert_eq!(form(&desk, &[("ticket", &format!("{ticket}x")), ("act", "approve")], Some(OWN)).await.status, 400);
    let page = form(&desk, &[("ticket", &ticket)], Some(OWN)).await;
    assert!(page.text.contains("look &lt;b&gt;here") && page.text.contains("It waits."), "{}", page.text);
    assert!(!is_shown().await);
    let done = form(&desk, &[("ticket", &ticket), ("act", "approve")], Some(OWN)).await;
    assert!(done.text.contains("It is shown.") && is_shown().await);
    let record = desk.last_record().await;
    assert_eq!(
        (&record["act"], &record["by"], &record["target"]),
        (&json!("approve"), &json!("mail owner@example.net"), &json!(first))
    );
    desk.undo(&record["id"]).await;
    assert!(!is_shown().await);
}
