//! Any bytes as a frame of the Centrifuge JSON form, and as a position. What is published is JSON within the limit of depth, and stays
//! the same when it is compacted twice; a refusal is answered by a line of JSON. Relies on `parlour_wire::json` and `text`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlour_wire::command::Command;
use parlour_wire::json::{Fault, Incoming, decode, reply};
use parlour_wire::position::Position;
use parlour_wire::push::Reply;
use parlour_wire::text::{DEPTH_MAX, compact, depth_within, to_ascii};
use serde_json::value::RawValue;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
    for line in decode(text) {
        match line {
            Ok(Incoming::Pong) => {}
            Ok(Incoming::Command { id, command }) => check(id, &command),
            Err(Fault::Refused { id, code }) => {
                assert_ne!(id, 0, "a refusal has somebody to answer");
                let line = reply(&Reply { id, result: Err(code) });
                assert!(!line.contains('\n'));
                let read: serde_json::Value = serde_json::from_str(&line).expect("a reply is JSON");
                assert_eq!(read["id"], id);
            }
            // Here a server closes.
            Err(Fault::Malformed) => return,
        }
    }
});

fn check(id: u32, command: &Command) {
    assert!(id != 0 || matches!(command, Command::Send));
    match command {
        Command::Publish { data, .. } | Command::Rpc { data: Some(data), .. } => published(data),
        Command::Subscribe(subscribe) => same_position(subscribe.recover.as_ref()),
        Command::History(history) => same_position(history.since.as_ref()),
        _ => {}
    }
}

fn published(data: &RawValue) {
    assert!(depth_within(data.get(), DEPTH_MAX));
    let compacted = compact(data.get());
    assert!(compacted.len() <= data.get().len() && !compacted.contains(['\n', '\r']));
    assert_eq!(compact(&compacted), compacted);
    assert!(to_ascii(&compacted).is_ascii());
    assert!(serde_json::from_str::<&RawValue>(&compacted).is_ok(), "compact JSON is JSON");
}

fn same_position(position: Option<&Position>) {
    if let Some(position) = position {
        assert_eq!(position.to_string().parse().as_ref(), Ok(position));
    }
}
