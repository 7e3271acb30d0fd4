//! A client's events as commands: the names of the commands and of the methods of `rpc`, each with one argument, the command's body.
//! Bodies are those of the JSON form, but that `signals` stands in the body itself.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::code::Code;
use crate::command::{Command, Connect, RPC_METHODS, Signals};
use crate::json::decode;

use super::Event;

/// What a client gave as `auth` on connecting, with what its library adds when it comes back.
#[derive(Debug, Default)]
pub struct Auth {
    /// Token, site, whether to count and whether to be seen.
    pub connect: Connect,
    /// The private id that an earlier connection was given.
    pub pid: Option<String>,
    /// The last string argument that an event brought: RESUME.
    pub offset: Option<String>,
}

#[derive(Deserialize)]
struct AuthBody {
    token: Option<String>,
    site: Option<String>,
    count: Option<bool>,
    face: Option<bool>,
    pid: Option<String>,
    offset: Option<String>,
}

impl Auth {
    /// Reads the object of a connect packet; without one it is a guest who comes for the first time.
    pub fn from_json(auth: Option<&RawValue>) -> Result<Auth, Code> {
        let Some(auth) = auth else {
            return Ok(Auth { connect: Connect { count: true, ..Connect::default() }, ..Auth::default() });
        };
        let body: AuthBody = decode::read(auth)?;
        let (count, face) = (body.count != Some(false), body.face == Some(true));
        let connect = Connect { token: body.token.unwrap_or_default(), count, face, site: body.site };
        Ok(Auth { connect, pid: body.pid, offset: body.offset })
    }
}

impl Event {
    /// The command that the event is. An unknown name is `MethodNotFound`; binary, and more than one argument, `BadRequest`.
    pub fn command(&self) -> Result<Command, Code> {
        let reader: fn(&RawValue) -> Result<Command, Code> = match self.name.as_str() {
            "subscribe" => subscribe,
            "unsubscribe" => decode::unsubscribe,
            "publish" => publish,
            "history" => decode::history,
            "presence" => decode::presence,
            "presence_stats" => decode::presence_stats,
            "refresh" => decode::refresh,
            "sub_refresh" => decode::sub_refresh,
            name if RPC_METHODS.contains(&name) => return decode::call(name.to_owned(), self.body()?),
            _ => return Err(Code::MethodNotFound),
        };
        reader(self.body()?.ok_or(Code::BadRequest)?)
    }

    fn body(&self) -> Result<Option<&RawValue>, Code> {
        match self.arguments.as_slice() {
            _ if !self.attachments.is_empty() => Err(Code::BadRequest),
            [] => Ok(None),
            [body] => Ok(Some(body)),
            _ => Err(Code::BadRequest),
        }
    }
}

fn subscribe(body: &RawValue) -> Result<Command, Code> {
    #[derive(Deserialize)]
    struct Body {
        signals: Option<Vec<String>>,
    }
    let signals = decode::read::<Body>(body)?.signals;
    let mut command = decode::subscribe(body)?;
    if let (Command::Subscribe(subscribe), Some(signals)) = (&mut command, signals) {
        subscribe.signals = Signals::from_names(signals.iter().map(String::as_str));
    }
    Ok(command)
}

/// `publish` is a command and a method of `rpc`. What only the method knows must not be dropped in silence.
fn publish(body: &RawValue) -> Result<Command, Code> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        nonce: Option<&'a RawValue>,
        #[serde(borrow)]
        store: Option<&'a RawValue>,
    }
    let Body { nonce, store } = decode::read(body)?;
    if nonce.is_some() || store.is_some() { decode::call("publish".to_owned(), Some(body)) } else { decode::publish(body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::{Content, Decoder};

    fn event(text: &str) -> Event {
        match Decoder::default().text(text).unwrap().unwrap().content {
            Content::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    fn command(text: &str) -> Command {
        event(text).command().unwrap()
    }

    #[test]
    fn subscribing_takes_signals_from_the_body() {
        let Command::Subscribe(subscribe) =
            command(r#"21["subscribe",{"channel":"c","recover":true,"epoch":"e","offset":4,"signals":["viewers"]}]"#)
        else {
            panic!()
        };
        assert_eq!((subscribe.channel.as_str(), subscribe.recover.unwrap().to_string().as_str()), ("c", "e:4"));
        assert_eq!(subscribe.signals, Signals { viewers: true, typing: false });
        assert_eq!(event(r#"21["subscribe",{"channel":"c","tf":{}}]"#).command().unwrap_err(), Code::NotAvailable);
    }

    #[test]
    fn publishing_with_a_nonce_is_the_method_that_knows_nonces() {
        assert!(
            matches!(command(r#"2["publish",{"channel":"c","data":[1.0]}]"#), Command::Publish { channel, data } if channel == "c" && data.get() == "[1.0]")
        );
        assert!(
            matches!(command(r#"2["publish",{"channel":"c","data":1,"nonce":"n"}]"#), Command::Rpc { method, data: Some(_) } if method == "publish")
        );
        assert!(matches!(command(r#"2["publish",{"channel":"c","data":1,"store":false}]"#), Command::Rpc { .. }));
    }

    #[test]
    fn the_other_events_are_commands() {
        assert!(matches!(command(r#"2["unsubscribe",{"channel":"c"}]"#), Command::Unsubscribe { channel } if channel == "c"));
        assert!(
            matches!(command(r#"2["history",{"channel":"c","limit":3}]"#), Command::History(history) if history.limit == Some(3))
        );
        assert!(matches!(command(r#"2["presence",{"channel":"c"}]"#), Command::Presence { channel } if channel == "c"));
        for method in RPC_METHODS {
            let data = r#"{"channel":"c","data":1,"nonce":"n"}"#;
            assert!(
                matches!(command(&format!("2[\"{method}\",{data}]")), Command::Rpc { method: name, data: Some(_) } if name == method)
            );
        }
        assert!(matches!(command(r#"2["typing"]"#), Command::Rpc { data: None, .. }));
    }

    #[test]
    fn what_is_no_command_is_refused_with_its_code() {
        let refused = |text: &str| event(text).command().unwrap_err();
        for unknown in [r#"2["fly",1,2]"#, r#"2["send",{}]"#, r#"2["ping",{}]"#, r#"2["rpc",{}]"#] {
            assert_eq!(refused(unknown), Code::MethodNotFound, "{unknown}");
        }
        for bad in [
            r#"2["publish"]"#,
            r#"2["publish",{"channel":"c","data":1},2]"#,
            r#"2["publish",5]"#,
            r#"2["publish",["c"]]"#,
            r#"2["typing",1,2]"#,
        ] {
            assert_eq!(refused(bad), Code::BadRequest, "{bad}");
        }
        assert_eq!(refused(&format!("2[\"publish\",{{\"data\":{}{}}}]", "[".repeat(129), "]".repeat(129))), Code::DataInvalid);
        let mut decoder = Decoder::default();
        decoder.text(r#"51-["publish",{"channel":"c","data":{"_placeholder":true,"num":0}}]"#).unwrap();
        let Content::Event(binary) = decoder.binary(&[1], 10).unwrap().unwrap().content else { panic!() };
        assert_eq!(binary.command().unwrap_err(), Code::BadRequest);
    }

    #[test]
    fn auth_brings_token_site_and_what_recovery_needs() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let auth =
            Auth::from_json(Some(&raw(r#"{"token":"t","site":"s","count":false,"face":true,"pid":"p","offset":"r","x":[]}"#)))
                .unwrap();
        assert_eq!((auth.connect.token.as_str(), auth.connect.site.as_deref(), auth.connect.count), ("t", Some("s"), false));
        assert!(auth.connect.face);
        assert_eq!((auth.pid.as_deref(), auth.offset.as_deref()), (Some("p"), Some("r")));
        let none = Auth::from_json(None).unwrap();
        assert!(none.connect.count && !none.connect.face && none.connect.token.is_empty() && none.pid.is_none());
        assert_eq!(Auth::from_json(Some(&raw(r#"{"token":5}"#))).unwrap_err(), Code::BadRequest);
    }
}
