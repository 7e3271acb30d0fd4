//! Every shape, byte by byte.

use super::*;
use crate::position::Position;
use crate::push::{Presence, Publisher};
use serde_json::value::RawValue;

fn an_event(kind: Kind, offset: Option<u64>) -> Event {
    Event { kind, channel: "chat:ü\"".into(), offset, data: r#"{"a":[1.0,"\ud800"]}"#.into(), publisher: None, time_ms: 0 }
}

fn ok(answer: Answer) -> String {
    let text = reply(&Reply { id: 7, result: Ok(answer) });
    serde_json::from_str::<serde_json::Value>(&text.replace("\\ud800", "")).unwrap();
    text
}

fn position() -> Position {
    "ep0:5".parse().unwrap()
}

#[test]
fn connect() {
    let mut connected = Connected { client: "c1".into(), version: "0.1.0", ping_s: 25, expires_in_s: None, guest_token: None };
    let text = reply(&Reply { id: 1, result: Ok(Answer::Connect(Connected { client: "c1".into(), ..connected })) });
    assert_eq!(text, r#"{"id":1,"connect":{"client":"c1","version":"0.1.0","ping":25,"pong":true}}"#);
    connected =
        Connected { client: "c1".into(), version: "0.1.0", ping_s: 25, expires_in_s: Some(60), guest_token: Some("g.t".into()) };
    assert_eq!(
        ok(Answer::Connect(connected)),
        r#"{"id":7,"connect":{"client":"c1","version":"0.1.0","expires":true,"ttl":60,"data":{"token":"g.t"},"ping":25,"pong":true}}"#
    );
}

#[test]
fn subscribe() {
    let fresh = Subscribed {
        position: position(),
        was_recovering: false,
        recovered: false,
        publications: vec![],
        expires_in_s: None,
        home: None,
    };
    assert_eq!(
        ok(Answer::Subscribe(fresh)),
        r#"{"id":7,"subscribe":{"recoverable":true,"epoch":"ep0","offset":5,"positioned":true}}"#
    );
    let back = Subscribed {
        position: position(),
        was_recovering: true,
        recovered: true,
        publications: [an_event(Kind::Publication, Some(4)), an_event(Kind::Reaction, Some(5))]
            .iter()
            .map(|event| publication(event).into())
            .collect(),
        expires_in_s: Some(9),
        home: None,
    };
    assert_eq!(
        ok(Answer::Subscribe(back)),
        r#"{"id":7,"subscribe":{"recoverable":true,"epoch":"ep0","publications":[{"data":{"a":[1.0,"\ud800"]},"offset":4},{"data":{"a":[1.0,"\ud800"]},"offset":5,"tags":{"event":"reaction"}}],"recovered":true,"offset":5,"positioned":true,"was_recovering":true,"expires":true,"ttl":9}}"#
    );
}

#[test]
fn a_subscription_by_another_name_says_where_it_is() {
    let moved = Subscribed {
        position: position(),
        was_recovering: false,
        recovered: false,
        publications: vec![],
        expires_in_s: None,
        home: Some("page:\"2".into()),
    };
    assert_eq!(
        ok(Answer::Subscribe(moved)),
        r#"{"id":7,"subscribe":{"recoverable":true,"epoch":"ep0","offset":5,"positioned":true,"data":{"channel":"page:\"2"}}}"#
    );
}

#[test]
fn the_other_answers() {
    assert_eq!(ok(Answer::Unsubscribe), r#"{"id":7,"unsubscribe":{}}"#);
    assert_eq!(ok(Answer::Publish), r#"{"id":7,"publish":{}}"#);
    assert_eq!(ok(Answer::Ping), r#"{"id":7,"ping":{}}"#);
    assert_eq!(
        ok(Answer::History { publications: vec![], position: position() }),
        r#"{"id":7,"history":{"publications":[],"epoch":"ep0","offset":5}}"#
    );
    assert_eq!(
        ok(Answer::PresenceStats { clients: 2, users: 1 }),
        r#"{"id":7,"presence_stats":{"num_clients":2,"num_users":1}}"#
    );
    assert_eq!(ok(Answer::Refresh { expires_in_s: Some(3) }), r#"{"id":7,"refresh":{"expires":true,"ttl":3}}"#);
    assert_eq!(ok(Answer::SubRefresh { expires_in_s: None }), r#"{"id":7,"sub_refresh":{}}"#);
    let who = |name: &str| ClientInfo { client: format!("c{name}").into(), user: "u".into(), name: name.into(), face: false };
    assert_eq!(
        ok(Answer::Presence(vec![who("Ann"), who("")])),
        r#"{"id":7,"presence":{"presence":{"cAnn":{"user":"u","client":"cAnn","conn_info":{"name":"Ann"}},"c":{"user":"u","client":"c"}}}}"#
    );
    let seen = |name| vec![ClientInfo { face: true, ..who(name) }];
    assert_eq!(
        ok(Answer::Presence(seen("Ann"))),
        r#"{"id":7,"presence":{"presence":{"cAnn":{"user":"u","client":"cAnn","conn_info":{"name":"Ann","face":true}}}}}"#
    );
    assert_eq!(
        ok(Answer::Presence(seen(""))),
        r#"{"id":7,"presence":{"presence":{"c":{"user":"u","client":"c","conn_info":{"face":true}}}}}"#
    );
}

#[test]
fn an_rpc_result_stays_on_its_line() {
    let data = RawValue::from_string("{ \"a\":\n1 }".into()).unwrap();
    assert_eq!(ok(Answer::Rpc(data)), r#"{"id":7,"rpc":{"data":{"a":1}}}"#);
    let data = RawValue::from_string("{\"a\": 1}".into()).unwrap();
    assert_eq!(ok(Answer::Rpc(data)), r#"{"id":7,"rpc":{"data":{"a": 1}}}"#);
}

#[test]
fn errors_speak_the_protocols_words_below_1000_and_names_above() {
    let error = |code| reply(&Reply { id: 2, result: Err(code) });
    assert_eq!(error(Code::Forbidden), r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#);
    assert_eq!(error(Code::Internal), r#"{"id":2,"error":{"code":100,"message":"internal server error","temporary":true}}"#);
    assert_eq!(error(Code::OutcomeUnknown), r#"{"id":2,"error":{"code":1030,"message":"outcome-unknown","temporary":true}}"#);
    for code in Code::ALL {
        assert_eq!(
            code.number() < 1000,
            message(*code) != code.name() || matches!(code, Code::Unauthorized | Code::Expired),
            "{code:?}"
        );
    }
}

#[test]
fn events() {
    assert_eq!(
        event(&an_event(Kind::Publication, Some(3))),
        r#"{"push":{"channel":"chat:ü\"","pub":{"data":{"a":[1.0,"\ud800"]},"offset":3}}}"#
    );
    assert_eq!(
        event(&an_event(Kind::Viewers, None)),
        r#"{"push":{"channel":"chat:ü\"","pub":{"data":{"a":[1.0,"\ud800"]},"tags":{"event":"viewers"}}}}"#
    );
    let mut own = an_event(Kind::Publication, Some(3));
    own.publisher = Some(Publisher { user: "u".into(), client: "c".into() });
    assert_eq!(
        event(&own),
        r#"{"push":{"channel":"chat:ü\"","pub":{"data":{"a":[1.0,"\ud800"]},"info":{"user":"u","client":"c"},"offset":3}}}"#
    );
}

#[test]
fn pushes() {
    let who = ClientInfo { client: "c".into(), user: "u".into(), name: "A".into(), face: false };
    let presence = |joined| push(&Push::Presence(Presence { channel: "a".into(), who: who.clone(), joined }));
    assert_eq!(presence(true), r#"{"push":{"channel":"a","join":{"info":{"user":"u","client":"c","conn_info":{"name":"A"}}}}}"#);
    assert_eq!(
        presence(false),
        r#"{"push":{"channel":"a","leave":{"info":{"user":"u","client":"c","conn_info":{"name":"A"}}}}}"#
    );
    let (code, reason) = crate::code::UNSUBSCRIBE_INSUFFICIENT;
    assert_eq!(
        push(&Push::Unsubscribe { channel: "a".into(), code, reason }),
        r#"{"push":{"channel":"a","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#
    );
}
