//! Whether the servers can be used at all, and what the operator chose that they keep: asked once, at the start. What makes stored
//! things vanish is refused; what makes a crash cost something is said.

use std::collections::HashMap;

use redis::{Pipeline, Value, from_redis_value_ref};

use super::chart::Shard;
use super::line::Broken;
use super::link::CALL_WITHIN;
use tokio::time::Instant;

/// The oldest version that is spoken to.
const VERSION_MIN: (u32, u32) = (7, 0);

/// What a server keeps, the safest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    /// The append-only file is synced before a command is answered.
    Always,
    /// The append-only file, synced once a second or as the system likes, or as is not told.
    Log { every_second: bool },
    /// Snapshots alone.
    Snapshots,
    /// Nothing.
    Nothing,
}

impl Kept {
    /// For the line at the start.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Kept::Always => "everything is synced before it is acknowledged",
            Kept::Log { every_second: true } => {
                "a crash of Redis costs nothing that was acknowledged while its disk keeps up, one of its machine up to two seconds"
            }
            Kept::Log { every_second: false } => {
                "a crash of Redis costs nothing that was acknowledged, one of its machine what the system had not written"
            }
            Kept::Snapshots => "a crash of Redis costs what came after its last snapshot",
            Kept::Nothing => "nothing is kept when Redis stops",
        }
    }

    /// What the operator should know before it happens.
    pub(super) fn warning(self) -> Option<&'static str> {
        match self {
            Kept::Always | Kept::Log { .. } => None,
            Kept::Snapshots => {
                Some("Redis keeps snapshots alone; with `appendonly yes` what was acknowledged survives its crash")
            }
            Kept::Nothing => Some("Redis keeps nothing on disk: comments are gone when it stops; set `appendonly yes`"),
        }
    }
}

/// Asks a server what it is and what it keeps.
pub(super) async fn of(shard: &Shard) -> Result<Kept, String> {
    let mut questions = Pipeline::new();
    for section in ["server", "memory", "persistence"] {
        questions.cmd("INFO").arg(section);
    }
    questions.cmd("CONFIG").arg("GET").arg("appendfsync").cmd("CONFIG").arg("GET").arg("save");
    let address = &shard.address;
    let answers = shard.reads.ask(&questions, Instant::now() + CALL_WITHIN).await.map_err(|broken| match broken {
        Broken::NotSent(why) => why.to_string(),
        Broken::Sent => format!("Redis at {address} does not say what it is"),
    })?;
    judge(&answers).map_err(|why| format!("Redis at {address}: {why}"))
}

fn judge(answers: &[Value]) -> Result<Kept, String> {
    let (info, config) = answers.split_at_checked(3).ok_or("it does not say what it is")?;
    let info: Vec<String> = info.iter().map(from_redis_value_ref).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let fields: HashMap<&str, &str> = info.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_once(':')).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let version = field("redis_version");
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    if (numbers.next(), numbers.next()) < (Some(VERSION_MIN.0), Some(VERSION_MIN.1)) {
        return Err(format!("version {version} is too old, 7.0 is needed"));
    }
    let policy = field("maxmemory_policy");
    if policy != "noeviction" {
        return Err(format!(
            "`maxmemory-policy` is {policy}, which throws comments away when memory is short; it must be noeviction"
        ));
    }
    // Where `CONFIG` is forbidden, as with many hosts, the rest is taken from what `INFO` says.
    let set = |answer: Option<&Value>, name: &str| {
        let set: Option<HashMap<String, String>> = answer.and_then(|answer| from_redis_value_ref(answer).ok());
        set.and_then(|mut set| set.remove(name))
    };
    let (sync, save) = (set(config.first(), "appendfsync"), set(config.get(1), "save"));
    Ok(match (field("aof_enabled"), sync.as_deref(), save.as_deref()) {
        ("1", Some("always"), _) => Kept::Always,
        ("1", sync, _) => Kept::Log { every_second: sync == Some("everysec") },
        (_, _, Some("")) => Kept::Nothing,
        _ => Kept::Snapshots,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(version: &str, policy: &str, aof: &str, config: Option<[&str; 2]>) -> Result<Kept, String> {
        let text = |text: String| Value::BulkString(text.into_bytes());
        let set = |name: &str, value: &str| Value::Map(vec![(text(name.to_owned()), text(value.to_owned()))]);
        let mut answers = vec![
            text(format!("# Server\r\nredis_version:{version}\r\n")),
            text(format!("maxmemory_policy:{policy}\r\n")),
            text(format!("aof_enabled:{aof}\r\n")),
        ];
        answers.extend(config.iter().flat_map(|[sync, save]| [set("appendfsync", sync), set("save", save)]));
        judge(&answers)
    }

    #[test]
    fn what_is_kept_is_told_from_what_redis_says() {
        assert_eq!(judged("7.0.15", "noeviction", "1", Some(["always", ""])), Ok(Kept::Always));
        assert_eq!(judged("8.2.0", "noeviction", "1", Some(["everysec", ""])), Ok(Kept::Log { every_second: true }));
        assert_eq!(judged("7.2.4", "noeviction", "1", None), Ok(Kept::Log { every_second: false }));
        assert_eq!(judged("7.0.0", "noeviction", "0", Some(["everysec", "3600 1"])), Ok(Kept::Snapshots));
        assert_eq!(judged("10.0.0", "noeviction", "0", Some(["everysec", ""])), Ok(Kept::Nothing));
    }

    #[test]
    fn what_throws_comments_away_or_is_too_old_is_refused() {
        for policy in ["allkeys-lru", "volatile-ttl", ""] {
            assert!(judged("7.0.0", policy, "1", None).is_err_and(|why| why.contains("maxmemory-policy")));
        }
        assert!(judged("6.2.14", "noeviction", "1", None).is_err_and(|why| why.contains("6.2.14")));
        assert!(judged("", "noeviction", "1", None).is_err());
        assert!(judge(&[]).is_err());
    }
}
