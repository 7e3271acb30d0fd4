//! Commands that are well formed and ask for what is not to be had: an error with its number, and the connection goes on.

use serde_json::{Value, json};

use super::{Scene, bad_names, long_name, nested};
use crate::socket::Socket;

/// Asks on one connection; each must be refused with this code, and the next be heard.
async fn are_refused(scene: &mut Scene, cases: &[(u64, Value)]) {
    let mut socket = Socket::guest(&scene.server).await;
    for (code, command) in cases {
        let reply = socket.ask(command.clone()).await;
        assert_eq!(reply["error"]["code"], *code, "{command}: {reply}");
        assert!(reply["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{reply}");
    }
    assert!(socket.ask(json!({ "ping": {} })).await["error"].is_null());
    scene.is_unharmed().await;
}

#[tokio::test]
async fn unknown_commands_are_refused_with_104() {
    let mut scene = Scene::demo().await;
    let cases = [
        (104, json!({ "dance": {} })),
        (104, json!({})),
        (104, json!({ "method": 1, "params": {} })),
        (104, json!({ "rpc": { "method": "dance", "data": {} } })),
        (104, json!({ "rpc": {} })),
    ];
    are_refused(&mut scene, &cases).await;
}

#[tokio::test]
async fn bodies_that_are_none_are_refused_with_107() {
    let mut scene = Scene::demo().await;
    let mut cases = Vec::new();
    for command in
        ["subscribe", "unsubscribe", "publish", "history", "presence", "presence_stats", "rpc", "refresh", "sub_refresh"]
    {
        for body in [json!([]), json!(5), json!("a"), json!({ "channel": 5, "method": 5, "token": 5 })] {
            cases.push((107, json!({ command: body })));
        }
    }
    cases.push((107, json!({ "publish": { "channel": "a" } })));
    for data in [json!({}), json!({ "channel": "lobby", "body": 5 }), json!(["lobby", "x"]), json!("x"), Value::Null] {
        cases.push((107, json!({ "rpc": { "method": "comment.create", "data": data } })));
    }
    are_refused(&mut scene, &cases).await;
}

#[tokio::test]
async fn names_that_no_channel_may_have_are_refused_in_every_command() {
    let mut scene = Scene::demo().await;
    let mut cases = Vec::new();
    for name in bad_names() {
        cases.push((1000, json!({ "subscribe": { "channel": name } })));
        cases.push((1000, json!({ "unsubscribe": { "channel": name } })));
        cases.push((1000, json!({ "publish": { "channel": name, "data": 1 } })));
        cases.push((1000, json!({ "history": { "channel": name } })));
        cases.push((1000, json!({ "presence": { "channel": name } })));
        cases.push((1000, json!({ "presence_stats": { "channel": name } })));
        for (method, more) in [
            ("comment.create", json!({ "body": "x" })),
            ("comment.list", json!({})),
            ("typing", json!({})),
            ("publish", json!({ "data": 1 })),
        ] {
            let mut data = more;
            data["channel"] = json!(name);
            cases.push((1000, json!({ "rpc": { "method": method, "data": data } })));
        }
    }
    are_refused(&mut scene, &cases).await;
    let mut socket = Socket::guest(&scene.server).await;
    for good in [long_name(200), "é".repeat(100), "a/b:c?d#e%20".into(), "...".into(), "名前".into()] {
        socket.subscribe(&good).await;
    }
}

#[tokio::test]
async fn what_would_change_deliveries_and_is_not_spoken_is_refused_with_108() {
    let mut scene = Scene::demo().await;
    let cases = [
        (108, json!({ "subscribe": { "channel": "a", "tf": "x" } })),
        (108, json!({ "subscribe": { "channel": "a", "type": 1 } })),
        (108, json!({ "publish": { "channel": "a", "data": 1, "type": 1 } })),
        (108, json!({ "sub_refresh": { "channel": "a", "type": 1 } })),
    ];
    are_refused(&mut scene, &cases).await;
    assert_eq!(scene.kept("a").await, 0);
    let mut socket = Socket::guest(&scene.server).await;
    let reply = socket.ask(json!({ "subscribe": { "channel": "a", "type": 0, "delta": "fossil" } })).await;
    assert!(reply["subscribe"].is_object() && reply["subscribe"]["delta"].is_null(), "{reply}");
}

#[tokio::test]
async fn a_channel_is_subscribed_to_once() {
    let mut scene = Scene::demo().await;
    let mut socket = Socket::guest(&scene.server).await;
    socket.subscribe("a").await;
    let reply = socket.ask(json!({ "subscribe": { "channel": "a" } })).await;
    assert_eq!(reply["error"]["code"], 105);
    socket.ask(json!({ "publish": { "channel": "a", "data": 1 } })).await;
    socket.ask(json!({ "publish": { "channel": "a", "data": 2 } })).await;
    assert_eq!(socket.publication("a").await["data"], 1);
    assert_eq!(socket.publication("a").await["data"], 2, "each is heard once");
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_session_has_128_subscriptions_and_room_again_when_one_ends() {
    let mut scene = Scene::demo().await;
    let mut socket = Socket::guest(&scene.server).await;
    for number in 0..128 {
        socket.subscribe(&format!("c{number}")).await;
    }
    let one_more = json!({ "subscribe": { "channel": "one-more" } });
    assert_eq!(socket.ask(one_more.clone()).await["error"]["code"], 106);
    socket.ask(json!({ "unsubscribe": { "channel": "c5" } })).await;
    assert!(socket.ask(one_more).await["subscribe"].is_object());
    scene.is_unharmed().await;
}

#[tokio::test]
async fn data_deeper_than_128_is_refused_over_the_websocket() {
    let mut scene = Scene::demo().await;
    let mut socket = Socket::guest(&scene.server).await;
    let mut publish = async |id: u32, depth: usize, is_rpc: bool| {
        let body = format!(r#"{{"channel":"a","data":{}}}"#, nested(depth));
        let command =
            if is_rpc { format!(r#""rpc":{{"method":"publish","data":{body}}}"#) } else { format!(r#""publish":{body}"#) };
        socket.send_text(format!("{{\"id\":{id},{command}}}")).await;
        socket.reply(id).await
    };
    for (id, is_rpc) in [(100, false), (200, true)] {
        assert!(publish(id, 128, is_rpc).await["error"].is_null());
        for (more, depth) in [(1, 129), (2, 1_000), (3, 30_000)] {
            assert_eq!(publish(id + more, depth, is_rpc).await["error"]["code"], 1027, "{depth}");
        }
    }
    assert_eq!(scene.kept("a").await, 2);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_comment_that_cannot_be_is_refused_with_its_reason() {
    let mut scene = Scene::demo().await;
    let create = |data: Value| json!({ "rpc": { "method": "comment.create", "data": data } });
    let cases = [
        (1010, create(json!({ "channel": "lobby", "body": " \n\t " }))),
        (1011, create(json!({ "channel": "lobby", "body": "x".repeat(1_001) }))),
        (1014, create(json!({ "channel": "lobby", "body": "x", "parent": "nobodyknowsthis" }))),
        (1013, create(json!({ "channel": "lobby", "body": "x", "nonce": "" }))),
        (1022, json!({ "rpc": { "method": "comment.edit", "data": { "id": "nobodyknowsthis", "body": "x" } } })),
        (1022, json!({ "rpc": { "method": "comment.delete", "data": { "id": "../../etc" } } })),
    ];
    are_refused(&mut scene, &cases).await;
}
