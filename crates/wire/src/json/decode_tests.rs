//! What lines mean, and what is refused how.

use super::*;
use proptest::prelude::*;

fn one(line: &str) -> Result<Incoming, Fault> {
    let mut all = decode(line);
    let first = all.next().unwrap();
    assert!(all.next().is_none());
    first
}

fn command(line: &str) -> Command {
    match one(line) {
        Ok(Incoming::Command { command, .. }) => command,
        other => panic!("{line}: {other:?}"),
    }
}

fn subscribe_of(body: &str) -> Subscribe {
    match command(&format!("{{\"id\":1,\"subscribe\":{body}}}")) {
        Command::Subscribe(subscribe) => subscribe,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_frame_carries_a_command_to_a_line_in_order() {
    let text = "{\"connect\":{\"token\":\"t\"},\"id\":1}\n{\"id\":2,\"ping\":{}}\r\n{}\n{\"send\":{\"data\":1}}\n";
    let all: Vec<_> = decode(text).collect::<Result<_, _>>().unwrap();
    assert!(
        matches!(&all[0], Incoming::Command { id: 1, command: Command::Connect(connect) } if connect.token == "t" && connect.count)
    );
    assert!(matches!(&all[1], Incoming::Command { id: 2, command: Command::Ping }));
    assert!(matches!(&all[2], Incoming::Pong));
    assert!(matches!(&all[3], Incoming::Command { id: 0, command: Command::Send }));
    assert_eq!(all.len(), 4);
}

#[test]
fn connect_data_says_whether_to_count_and_to_be_seen_and_which_site() {
    let Command::Connect(connect) =
        command(r#"{"id":1,"connect":{"name":"js","flag":1,"data":{"count":false,"face":true,"site":"s","x":[1]}}}"#)
    else {
        panic!()
    };
    assert!(!connect.count && connect.face && connect.token.is_empty());
    assert_eq!(connect.site.as_deref(), Some("s"));
    let Command::Connect(connect) = command(r#"{"id":1,"connect":{"data":["theirs"]}}"#) else { panic!() };
    assert!(connect.count && !connect.face && connect.site.is_none());
    assert_eq!(one(r#"{"id":1,"connect":{"data":{"site":5}}}"#).unwrap_err(), Fault::Refused { id: 1, code: Code::BadRequest });
}

#[test]
fn subscribe_reads_its_options_and_ignores_delta_and_flag() {
    let subscribe = subscribe_of(
        r#"{"channel":"a\u00e9","token":"t","recover":true,"epoch":"e0","offset":7,"join_leave":true,"delta":"fossil","flag":1,"positioned":true,"data":{"signals":["typing","later"]}}"#,
    );
    assert_eq!(subscribe.channel, "aé");
    assert_eq!(subscribe.token, "t");
    assert_eq!(subscribe.recover.unwrap().to_string(), "e0:7");
    assert!(!subscribe.recover_unreadable && subscribe.join_leave);
    assert_eq!(subscribe.signals, Signals { viewers: false, typing: true });
}

#[test]
fn an_offset_that_is_left_out_is_zero_and_a_position_is_read_only_when_asked_to_recover() {
    assert_eq!(subscribe_of(r#"{"channel":"a","recover":true,"epoch":"e"}"#).recover.unwrap().offset, 0);
    let idle = subscribe_of(r#"{"channel":"a","epoch":"e","offset":"?"}"#);
    assert!(idle.recover.is_none() && !idle.recover_unreadable);
}

#[test]
fn a_position_that_cannot_be_read_is_marked_and_not_refused() {
    for body in [
        r#"{"recover":true}"#,
        r#"{"recover":true,"epoch":"E","offset":1}"#,
        r#"{"recover":true,"epoch":"e","offset":-1}"#,
        r#"{"recover":true,"epoch":5,"offset":"1"}"#,
    ] {
        let subscribe = subscribe_of(body);
        assert!(subscribe.recover_unreadable && subscribe.recover.is_none(), "{body}");
    }
}

#[test]
fn what_would_change_the_delivery_is_refused_with_its_number() {
    for line in [
        r#"{"id":9,"subscribe":{"channel":"a","tf":{}}}"#,
        r#"{"id":9,"subscribe":{"channel":"a","type":4}}"#,
        r#"{"id":9,"publish":{"channel":"a","data":1,"type":1}}"#,
        r#"{"id":9,"sub_refresh":{"channel":"a","type":1,"track":[]}}"#,
    ] {
        assert_eq!(one(line).unwrap_err(), Fault::Refused { id: 9, code: Code::NotAvailable }, "{line}");
    }
}

#[test]
fn published_data_is_kept_to_the_letter() {
    for data in ["null", "1.0e+2", r#"{"a":1,"a":"\ud800"}"#, r#""ü\/""#, "[1 , 2]"] {
        let Command::Publish { channel, data: kept } =
            command(&format!("{{\"id\":1,\"publish\":{{\"data\":{data},\"channel\":\"c\"}}}}"))
        else {
            panic!()
        };
        assert_eq!((channel.as_str(), kept.get()), ("c", data));
    }
    assert_eq!(one(r#"{"id":1,"publish":{"channel":"c"}}"#).unwrap_err(), Fault::Refused { id: 1, code: Code::BadRequest });
}

#[test]
fn data_may_be_nested_128_deep_and_no_deeper() {
    let nested = |depth: usize| {
        format!("{{\"id\":1,\"publish\":{{\"data\":{}{},\"channel\":\"c\"}}}}", "[".repeat(depth), "]".repeat(depth))
    };
    assert!(one(&nested(128)).is_ok());
    assert_eq!(one(&nested(129)).unwrap_err(), Fault::Refused { id: 1, code: Code::DataInvalid });
    assert_eq!(one(&nested(30_000)).unwrap_err(), Fault::Refused { id: 1, code: Code::DataInvalid });
    let called = |depth: usize| {
        format!(
            "{{\"id\":1,\"rpc\":{{\"method\":\"publish\",\"data\":{{\"data\":{}{}}}}}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert!(one(&called(128)).is_ok());
    assert_eq!(one(&called(129)).unwrap_err(), Fault::Refused { id: 1, code: Code::DataInvalid });
    assert!(one(&format!("{{\"id\":1,\"x\":{}{},\"ping\":{{}}}}", "[".repeat(30_000), "]".repeat(30_000))).is_ok());
}

#[test]
fn the_other_commands_are_read() {
    assert!(matches!(command(r#"{"id":1,"unsubscribe":{"channel":"c"}}"#), Command::Unsubscribe { channel } if channel == "c"));
    assert!(matches!(command(r#"{"id":1,"presence":{"channel":"c"}}"#), Command::Presence { channel } if channel == "c"));
    assert!(
        matches!(command(r#"{"id":1,"presence_stats":{"channel":"c"}}"#), Command::PresenceStats { channel } if channel == "c")
    );
    assert!(matches!(command(r#"{"id":1,"refresh":{"token":"t"}}"#), Command::Refresh { token } if token == "t"));
    assert!(
        matches!(command(r#"{"id":1,"sub_refresh":{"channel":"c","token":"t"}}"#), Command::SubRefresh { channel, token } if channel == "c" && token == "t")
    );
    assert!(
        matches!(command(r#"{"id":1,"rpc":{"method":"typing","data":{"a":1}}}"#), Command::Rpc { method, data: Some(data) } if method == "typing" && data.get() == r#"{"a":1}"#)
    );
    assert!(matches!(command(r#"{"id":1,"rpc":{"method":"m"}}"#), Command::Rpc { data: None, .. }));
    let Command::History(history) =
        command(r#"{"id":1,"history":{"channel":"c","limit":-1,"since":{"epoch":"e","offset":3},"reverse":true}}"#)
    else {
        panic!()
    };
    assert_eq!((history.limit, history.since.unwrap().to_string().as_str(), history.reverse), (Some(-1), "e:3", true));
    let Command::History(history) = command(r#"{"id":1,"history":{"channel":"c"}}"#) else { panic!() };
    assert!(history.limit.is_none() && history.since.is_none() && !history.reverse);
}

#[test]
fn a_line_without_a_known_command_is_answered_when_it_has_a_number() {
    assert_eq!(one(r#"{"id":3}"#).unwrap_err(), Fault::Refused { id: 3, code: Code::MethodNotFound });
    assert_eq!(one(r#"{"id":3,"fly":{},"connect":null}"#).unwrap_err(), Fault::Refused { id: 3, code: Code::MethodNotFound });
    assert_eq!(
        one(r#"{"id":3,"history":{"since":{"epoch":"?"}}}"#).unwrap_err(),
        Fault::Refused { id: 3, code: Code::UnrecoverablePosition }
    );
    for body in ["1", "[]", "[\"c\"]", "{\"channel\":5}", "{\"channel\":\"\\ud800\"}"] {
        assert_eq!(
            one(&format!("{{\"id\":3,\"subscribe\":{body}}}")).unwrap_err(),
            Fault::Refused { id: 3, code: Code::BadRequest },
            "{body}"
        );
    }
}

#[test]
fn what_cannot_be_answered_is_malformed() {
    for line in [
        "",
        "x",
        "[1]",
        "1",
        "null",
        "{\"id\":-1}",
        "{\"id\":1.5}",
        "{\"id\":4294967296}",
        "{\"id\":1,\"id\":2}",
        "{} {}",
        "{\"ping\":{}}",
        "{\"id\":0,\"connect\":{}}",
        "{\"subscribe\":5}",
    ] {
        assert_eq!(one(line).unwrap_err(), Fault::Malformed, "{line}");
    }
    assert_eq!(decode("{}\n\n{}").filter(Result::is_err).count(), 1);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        decode(&text).for_each(drop);
    }

    #[test]
    fn any_body_is_survived(method in "connect|subscribe|publish|history|rpc|sub_refresh", body in "[\\[\\]{}:,\"a-z0-9\\\\ -]{0,40}") {
        decode(&format!("{{\"id\":1,\"{method}\":{body}}}")).for_each(drop);
    }
}
