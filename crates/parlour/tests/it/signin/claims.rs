//! What a guest wrote before they signed in: claimed with the guest's token, and by nobody else; forgotten with them. And what a page
//! may know of the ways in.

use serde_json::json;

use super::{PAGE, Scene, page};
use crate::http::Http;
use crate::jwt;
use crate::server::Server;

const RATES: &str = "member-posts = \"1000/1ms\"\naddress-posts = \"1000/1ms\"\n";

/// A guest who wrote three comments and reacted to one; their token and id.
async fn guest(http: &Http) -> (String, String) {
    let first = http.post("/v1/channels/lobby/comments", &json!({ "body": "one", "author": { "name": "Zebedee" } })).await.json();
    let bearer = first["token"].as_str().unwrap().to_owned();
    for body in ["two", "three"] {
        let author = json!({ "name": "Zebedee" });
        let posted = http.post_as(&bearer, "/v1/channels/lobby/comments", &json!({ "body": body, "author": author })).await;
        assert_eq!(posted.status, 201, "{posted:?}");
    }
    let id = first["comment"]["id"].as_str().unwrap();
    let headers = [("authorization", &*format!("Bearer {bearer}"))];
    assert_eq!(http.ask(reqwest::Method::PUT, &format!("/v1/comments/{id}/reactions/up"), &headers, "").await.status, 200);
    (bearer, first["comment"]["author"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_a_guest_wrote_is_theirs_after_they_signed_in_and_is_forgotten_with_them() {
    for scene in Scene::on_each_store(RATES).await {
        let http = Http::of(&scene.server);
        let (guest, guest_id) = guest(&http).await;
        let (browser, bearer) = scene.signed_in("one").await;
        let claim =
            async |take: bool| http.post_as(&bearer, "/v1/me/claim", &json!({ "token": guest, "take": take })).await.json();
        assert_eq!(claim(false).await["comments"], 3, "these three are yours?");
        assert_eq!(http.get_as(&guest, "/v1/me").await.json()["comments"].as_array().unwrap().len(), 3, "asking takes nothing");
        assert_eq!(claim(true).await["comments"], 3);
        let listed = http.get("/v1/channels/lobby/comments").await.json();
        for comment in listed["comments"].as_array().unwrap() {
            let author = &comment["author"];
            assert_eq!((author["name"].as_str(), author["verified"].as_bool()), (Some("Ada Lovelace"), Some(true)), "{comment}");
            assert!(comment["edited"].is_null(), "nobody edited it");
        }
        assert_eq!(listed["total"], 3);
        assert_eq!(http.get_as(&guest, "/v1/me").await.status, 401, "the guest is nobody any more");
        let again = http.post_as(&bearer, "/v1/me/claim", &json!({ "token": guest, "take": true })).await;
        assert_eq!(again.problem().0, 403, "and is claimed once");
        assert!(scene.kept().contains(&guest_id), "it is known who they were");
        assert_eq!(browser.post("/auth/me/forget", &[]).await.status, 200);
        let left = scene.kept();
        assert!(!left.contains("Zebedee") && !left.contains("Lovelace"));
        let revoked = format!("revoked/default/{guest_id}");
        let found = left.matches(&guest_id).count();
        assert_eq!(found, left.matches(&revoked).count(), "the guest stands only where their tokens are refused");
        assert_eq!(http.get("/v1/channels/lobby/comments").await.json()["total"], 0);
    }
}

#[tokio::test]
async fn nobody_claims_what_is_not_a_guests_of_their_site_with_the_guests_own_token() {
    let secret = "a secret of the site default, 32+";
    let other = "a secret of the site other, 32 + ";
    let file = format!(
        "chats = [\"lobby\"]\ntoken-secret = \"{secret}\"\n{RATES}[site.other]\nchats = [\"lobby\"]\ntoken-secret = \"{other}\"\n"
    );
    let server = Server::start(&[], &file);
    let http = Http::of(&server);
    let (guest, _) = guest(&http).await;
    let exp = jwt::seconds_from_now(600);
    let anna = jwt::signed(secret, &json!({ "sub": "anna", "name": "Anna", "exp": exp }));
    let elsewhere = jwt::signed(other, &json!({ "sub": "eve", "exp": exp }));
    let forged = format!("{}x", &guest[..guest.len() - 1]);
    let bob = jwt::signed(secret, &json!({ "sub": "bob", "exp": exp }));
    for (why, bearer, guest, expected) in [
        ("who is no more than a guest", &*guest, &*guest, 401),
        ("a member of another site", &elsewhere, &guest, 403),
        ("what somebody else is signed in with", &anna, &bob, 403),
        ("one's own token", &anna, &anna, 403),
        ("a forged one", &anna, &forged, 403),
        ("no token", &anna, "x", 403),
    ] {
        let answer = http.post_as(bearer, "/v1/me/claim", &json!({ "token": guest, "take": true })).await;
        assert_eq!(answer.problem().0, expected, "{why}: {answer:?}");
    }
    assert_eq!(http.post("/v1/me/claim", &json!({ "token": guest, "take": true })).await.status, 401, "nobody");
    assert_eq!(http.get_as(&guest, "/v1/me").await.json()["comments"].as_array().unwrap().len(), 3, "nothing was taken");
    let taken = http.post_as(&anna, "/v1/me/claim", &json!({ "token": guest, "take": true })).await;
    assert_eq!(taken.json()["comments"], 3, "whoever a site vouches for may claim too");
}

#[tokio::test]
async fn a_page_knows_the_ways_in_and_no_other_is_open() {
    let scene = Scene::with_github("[site.other]\norigins = [\"https://other.example\"]\nsign-in = [\"mail\"]\n").await;
    let http = Http::of(&scene.server);
    assert_eq!(http.get("/v1/auth").await.json(), json!({ "ways": [{ "name": "github", "title": "GitHub" }] }));
    assert_eq!(
        http.get("/v1/auth?site=other").await.json(),
        json!({ "ways": [] }),
        "it offers letters alone, and there are none"
    );
    let challenge = page("one").challenge;
    let closed = http.get(&format!("/auth/start?site=other&origin=https://other.example&challenge={challenge}")).await;
    assert_eq!(closed.status, 404);
    let open = http.get(&format!("/auth/start?site=default&origin={PAGE}&challenge={challenge}")).await;
    assert_eq!(open.status, 200);
    let demo = Server::demo();
    assert_eq!(Http::of(&demo).get("/v1/auth").await.json(), json!({ "ways": [] }));
}
