//! Lua that runs inside Redis: a script with its name, and a call of it with keys and arguments. It is sent by its hash; who does
//! not know it yet gets the text ([`super::link`]).

use std::sync::OnceLock;

use redis::{Cmd, ToRedisArgs, cmd};
use sha1::{Digest, Sha1};

/// A script.
#[derive(Debug)]
pub struct Script {
    /// What it is called in the log.
    pub name: &'static str,
    /// The Lua text.
    pub text: &'static str,
    /// Whether it stores something: then a broken connection leaves its outcome unknown, and it is never sent twice.
    pub writes: bool,
    hash: OnceLock<String>,
}

impl Script {
    /// One that only reads. It is repeated where a connection breaks.
    pub const fn reading(name: &'static str, text: &'static str) -> Script {
        Script { name, text, writes: false, hash: OnceLock::new() }
    }

    /// One that stores something.
    pub const fn writing(name: &'static str, text: &'static str) -> Script {
        Script { name, text, writes: true, hash: OnceLock::new() }
    }

    /// The SHA-1 of the text in hex, by which Redis knows it.
    pub fn hash(&self) -> &str {
        self.hash.get_or_init(|| Sha1::digest(self.text).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A call of a script.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which.
    pub script: &'static Script,
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    /// Without keys or arguments yet.
    pub fn new(script: &'static Script) -> Call {
        Call { script, keys: Vec::new(), arguments: Vec::new() }
    }

    /// One more of `KEYS`; all are of one partition.
    #[must_use]
    pub fn key(mut self, key: impl ToRedisArgs) -> Call {
        self.keys.extend(key.to_redis_args());
        self
    }

    /// One more of `ARGV`: text, bytes or a number.
    #[must_use]
    pub fn arg(mut self, argument: impl ToRedisArgs) -> Call {
        self.arguments.extend(argument.to_redis_args());
        self
    }

    /// The command, by the script's hash or with its whole text.
    pub(super) fn command(&self, whole: bool) -> Cmd {
        let mut command = cmd(if whole { "EVAL" } else { "EVALSHA" });
        command.arg(if whole { self.script.text } else { self.script.hash() }).arg(self.keys.len());
        self.keys.iter().chain(&self.arguments).for_each(|text| {
            command.arg(text.as_slice());
        });
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ECHO: Script = Script::reading("echo", "return 1");

    #[test]
    fn a_call_is_sent_by_its_hash_or_whole() {
        let call = Call::new(&ECHO).key("{a}k").arg(7).arg("x");
        let packed = |whole| String::from_utf8_lossy(&call.command(whole).get_packed_command()).replace("\r\n", " ");
        assert_eq!(packed(false), "*6 $7 EVALSHA $40 e0e1f9fabfc9d4800c877a703b823ac0578ff8db $1 1 $4 {a}k $1 7 $1 x ");
        assert!(packed(true).starts_with("*6 $4 EVAL $8 return 1 "));
    }
}
