//! Nothing that a moderator does is irreversible, and nothing is left out of the record; but what its author took away is gone.

use serde_json::json;

use super::{Desk, FIRST, bodies, id_of, on_both};

#[tokio::test]
async fn edits_pins_closings_and_deletions_are_noted_and_taken_back() {
    on_both(FIRST, async |desk| {
        let guest = desk.trusted().await;
        let id = id_of(&desk.post(&guest, json!({ "body": "as it was", "author": { "name": "Vera" } })).await);
        let path = format!("/v1/comments/{id}");
        let body = async || desk.http.get(&path).await.json()["comment"]["body"].as_str().unwrap_or_default().to_owned();

        assert_eq!(desk.patch(&desk.moderator, &path, json!({ "body": "made milder" })).await.status, 200);
        let edit = desk.last_record().await;
        assert_eq!((&edit["act"], &edit["target"], &edit["by"]), (&json!("edit"), &json!(id), &json!("mia")));
        let undone = desk.undo(&edit["id"]).await;
        assert_eq!(undone["undone"], json!({ "record": edit["id"], "act": "edit", "target": id, "ids": [id] }));
        assert_eq!((body().await.as_str(), &undone["changed"]), ("as it was", &json!(1)));
        desk.undo(&undone["record"]).await;
        assert_eq!(body().await, "made milder", "taking back is taken back");

        assert_eq!(desk.patch(&desk.moderator, &path, json!({ "pinned": true })).await.json()["comment"]["pinned"], true);
        let pin = desk.last_record().await;
        assert_eq!(pin["act"], "pin");
        desk.undo(&pin["id"]).await;
        assert_eq!(desk.http.get(&path).await.json()["comment"]["pinned"], false);

        let thread = format!("/v1/channels/{}", desk.page);
        assert_eq!(desk.patch(&desk.moderator, &thread, json!({ "closed": true })).await.status, 200);
        assert_eq!(desk.post(&guest, json!({ "body": "too late" })).await.json()["type"], "thread-closed");
        let close = desk.last_record().await;
        assert_eq!(close["act"], "close");
        desk.undo(&close["id"]).await;
        assert_eq!(desk.post(&guest, json!({ "body": "in time" })).await.status, 201);

        let headers = [("authorization", &*format!("Bearer {}", desk.moderator))];
        assert_eq!(desk.http.ask(reqwest::Method::DELETE, &path, &headers, "").await.status, 204);
        assert!(!bodies(&desk.list_as(None).await).contains(&"made milder"));
        let gone = desk.last_record().await;
        assert_eq!(gone["act"], "reject");
        desk.undo(&gone["id"]).await;
        assert!(bodies(&desk.list_as(None).await).contains(&"made milder"));

        let acts = desk.http.get_as(&desk.moderator, "/v1/moderation/records").await.json();
        let acts: Vec<&str> = acts["records"].as_array().unwrap().iter().map(|record| record["act"].as_str().unwrap()).collect();
        assert_eq!(acts, ["undo", "reject", "undo", "close", "undo", "pin", "undo", "undo", "edit", "approve"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_moderator_edited_away_does_not_come_back_when_its_author_took_the_comment_away() {
    let desk = Desk::open(FIRST).await;
    let guest = desk.trusted().await;
    let id = id_of(&desk.post(&guest, json!({ "body": "a secret of mine" })).await);
    let path = format!("/v1/comments/{id}");
    assert_eq!(desk.patch(&desk.moderator, &path, json!({ "body": "(private matter)" })).await.status, 200);
    let edit = desk.last_record().await;
    let kept = || {
        let connection = rusqlite::Connection::open(desk.server.store()).unwrap();
        let count = "SELECT count(*) FROM shelf WHERE name LIKE 'edited/%'";
        connection.query_row(count, [], |row| row.get::<_, u64>(0)).unwrap()
    };
    assert_eq!(kept(), 1);
    let headers = [("authorization", &*format!("Bearer {guest}"))];
    assert_eq!(desk.http.ask(reqwest::Method::DELETE, &path, &headers, "").await.status, 204);
    assert_eq!(kept(), 0);
    assert_eq!(desk.undo(&edit["id"]).await["changed"], 0);
    assert!(!desk.http.get(&path).await.text.contains("secret"));
}
