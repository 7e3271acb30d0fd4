//! Any bytes as what one Socket.IO client sends: messages with 0xFF between them, those that begin with 0xFE binary, the others text.
//! What was read is written and read again, and must be the same; attachments keep to their limits; events are tried as
//! commands, and objects of `connect` as what they must be. Relies on `parlour_wire::socketio`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlour_wire::engineio::Version;
use parlour_wire::socketio::{
    ATTACHMENTS_MAX, Auth, Content, Decoder, Event, Kind, MAIN_NAMESPACE, Packet, acknowledgement, event, packet,
};
use serde_json::value::RawValue;

/// Small, so that it is reached.
const BYTES_MAX: usize = 64;

fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::default();
    for message in data.split(|byte| *byte == 0xff) {
        let read = match message {
            [0xfe, bytes @ ..] => decoder.binary(bytes, BYTES_MAX),
            _ => match std::str::from_utf8(message) {
                Ok(text) => decoder.text(text),
                Err(_) => return,
            },
        };
        match read {
            Ok(Some(packet)) => check(&packet),
            Ok(None) => {}
            // Here a server closes.
            Err(_) => return,
        }
    }
});

fn check(packet: &Packet) {
    assert!(packet.namespace.starts_with('/') && !packet.namespace.contains(['?', ',']));
    let again = read_again(packet);
    assert_eq!(packet.namespace, again.namespace);
    match (&packet.content, &again.content) {
        (Content::Connect { auth }, Content::Connect { auth: again }) => {
            assert_eq!(auth.as_deref().map(RawValue::get), again.as_deref().map(RawValue::get));
            let _ = Auth::from_json(auth.as_deref());
        }
        (Content::Disconnect, Content::Disconnect) => {}
        (Content::Event(event), Content::Event(again)) => {
            assert_eq!((event.id, &event.name), (again.id, &again.name));
            assert_eq!(texts(&event.arguments), texts(&again.arguments));
            same_attachments(&event.attachments, &again.attachments);
            answer(event);
            echo(event);
        }
        (
            Content::Acknowledgement { id, arguments, attachments },
            Content::Acknowledgement { id: id_again, arguments: arguments_again, attachments: attachments_again },
        ) => {
            assert_eq!((id, texts(arguments)), (id_again, texts(arguments_again)));
            same_attachments(attachments, attachments_again);
        }
        other => panic!("{other:?}"),
    }
}

fn same_attachments(attachments: &[Vec<u8>], again: &[Vec<u8>]) {
    assert_eq!(attachments, again);
    assert!(attachments.len() <= ATTACHMENTS_MAX);
    assert!(attachments.iter().map(Vec::len).sum::<usize>() <= BYTES_MAX);
}

/// The packet as it would be written, read by another decoder.
fn read_again(read: &Packet) -> Packet {
    let nothing: &[Vec<u8>] = &[];
    let (kind, id, data, attachments) = match &read.content {
        Content::Connect { auth } => {
            (Kind::Connect, None, auth.as_deref().map_or(String::new(), |auth| auth.get().to_owned()), nothing)
        }
        Content::Disconnect => (Kind::Disconnect, None, String::new(), nothing),
        Content::Event(event) => {
            let name = serde_json::Value::from(event.name.as_str()).to_string();
            (Kind::Event, event.id, array(Some(&name), &event.arguments), event.attachments.as_slice())
        }
        Content::Acknowledgement { id, arguments, attachments } => {
            (Kind::Acknowledgement, Some(*id), array(None, arguments), attachments.as_slice())
        }
    };
    let text = packet(kind, &read.namespace, id, attachments.len(), &data);
    let mut decoder = Decoder::default();
    let mut again = decoder.text(&text[1..]).expect("what was written can be read");
    for attachment in attachments {
        assert!(again.is_none());
        again = decoder.binary(attachment, BYTES_MAX).expect("what was written can be read");
    }
    again.expect("a packet is whole with its last attachment")
}

/// The event as a command, and its refusal as an acknowledgement that can be read.
fn answer(event: &Event) {
    let Err(code) = event.command() else { return };
    for version in [Version::V3, Version::V4] {
        let text = acknowledgement(version, 7, &Err(code));
        let read = Decoder::default().text(&text[1..]).expect("an acknowledgement can be read").expect("it is whole");
        assert!(matches!(read.content, Content::Acknowledgement { id: 7, .. }));
    }
}

/// The event as the server would send it on, with RESUME.
fn echo(read: &Event) {
    for version in [Version::V3, Version::V4] {
        let text = event(version, &read.name, texts(&read.arguments), Some("e:1"));
        assert!(version == Version::V4 || text.is_ascii());
        let again = Decoder::default().text(&text[1..]).expect("what was written can be read").expect("it is whole");
        assert_eq!(again.namespace, MAIN_NAMESPACE);
        let Content::Event(again) = again.content else { panic!("an event stays one") };
        assert_eq!((&read.name, read.arguments.len() + 1), (&again.name, again.arguments.len()));
        if version == Version::V4 {
            assert_eq!(texts(&read.arguments), texts(&again.arguments[..read.arguments.len()]));
        }
    }
}

fn array(first: Option<&str>, rest: &[Box<RawValue>]) -> String {
    let all: Vec<&str> = first.into_iter().chain(texts(rest)).collect();
    format!("[{}]", all.join(","))
}

fn texts(arguments: &[Box<RawValue>]) -> Vec<&str> {
    arguments.iter().map(|argument| argument.get()).collect()
}
