//! One connection to one server, kept: it is made again whenever it breaks or stops answering, and everyone's commands travel on
//! it side by side. While it is being made for the first time after a break, callers wait; once that failed they are refused at
//! once, until it stands again. What it is for, its [`Use`] says; what an answer means is not looked at here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Pipeline, PushInfo, PushKind, RedisError, Value};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::dial::Dial;
use super::place::Address;

/// Callers that one connection carries at once; more wait.
const CALLERS_MAX: usize = 1_024;
/// The shortest pause before another attempt to connect.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A connection that stood for so long was a good one: the next pause is the shortest again.
const STOOD: Duration = Duration::from_secs(5);
/// The first words on a connection have so long.
const GREET_WITHIN: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum Broken {
    /// Nothing was sent.
    NotSent(Arc<str>),
    /// It was or may have been sent.
    Sent,
}

/// What a connection is for.
#[async_trait]
pub(super) trait Use: Send + Sync + 'static {
    /// The first words on a new connection, before anybody else's; what is wrong with it, if something is.
    async fn greet(&self, connection: &mut MultiplexedConnection) -> Result<(), String>;

    /// Hears what the server says unasked, on the connection's own task: never blocks. Whether the connection is still good.
    fn told(&self, push: PushInfo) -> bool;

    /// The connection broke or could not be made.
    fn away(&self);
}

#[derive(Clone)]
enum State {
    Connecting,
    Up(MultiplexedConnection, u64),
    Away(Arc<str>),
}

/// A kept connection.
pub(super) struct Line {
    kept: Arc<Kept>,
    keeper: JoinHandle<()>,
}

struct Kept {
    address: Address,
    state: watch::Sender<State>,
    room: Semaphore,
    /// Rung when the connection that is up is no good.
    broken: Notify,
}

impl Line {
    /// Begins to connect.
    pub(super) fn start(dial: Dial, address: Address, used: Arc<impl Use>) -> Line {
        let kept = Arc::new(Kept {
            address,
            state: watch::Sender::new(State::Connecting),
            room: Semaphore::new(CALLERS_MAX),
            broken: Notify::new(),
        });
        let keeper = tokio::spawn(keep(kept.clone(), dial, used));
        Line { kept, keeper }
    }

    /// Sends commands one directly after the other and waits for their answers, refusals by the server among them.
    pub(super) async fn ask(&self, commands: &Pipeline, until: Instant) -> Result<Vec<Value>, Broken> {
        let (mut connection, number) = self.up(until).await?;
        let Ok(Ok(_room)) = timeout_at(until, self.kept.room.acquire()).await else {
            return Err(Broken::NotSent("too much waits for Redis".into()));
        };
        let answers = timeout_at(until, said(&mut connection, commands)).await;
        // A connection that owes an answer for so long is as good as broken.
        answers.ok().flatten().ok_or_else(|| {
            self.kept.give_up(Some(number));
            Broken::Sent
        })
    }

    /// The connection that stands is no good: it is made again.
    pub(super) fn give_up(&self) {
        self.kept.give_up(None);
    }

    /// Waits until the connection stands and was greeted.
    pub(super) async fn ready(&self, until: Instant) -> Result<(), Broken> {
        self.up(until).await.map(drop)
    }

    async fn up(&self, until: Instant) -> Result<(MultiplexedConnection, u64), Broken> {
        let mut state = self.kept.state.subscribe();
        let known = timeout_at(until, state.wait_for(|state| !matches!(state, State::Connecting))).await;
        match known.map(|known| known.map(|state| state.clone())) {
            Ok(Ok(State::Up(connection, number))) => Ok((connection, number)),
            Ok(Ok(State::Away(why))) => Err(Broken::NotSent(why)),
            _ => Err(Broken::NotSent(format!("Redis at {} is being connected", self.kept.address).into())),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Kept {
    /// From now on callers wait for the next connection, unless that one (with this number) is already there.
    fn give_up(&self, number: Option<u64>) {
        let left = self.state.send_if_modified(|state| {
            let stands = matches!(state, State::Up(_, current) if number.is_none_or(|number| number == *current));
            if stands {
                *state = State::Connecting;
            }
            stands
        });
        if left {
            self.broken.notify_one();
        }
    }
}

/// Sends commands on a connection; `None` where it broke before they were all answered.
pub(super) async fn said(connection: &mut MultiplexedConnection, commands: &Pipeline) -> Option<Vec<Value>> {
    let count = commands.len();
    let answers = connection.req_packed_commands(commands, 0, count).await.ok()?;
    (answers.len() == count).then_some(answers)
}

async fn keep(kept: Arc<Kept>, dial: Dial, used: Arc<impl Use>) {
    let mut pause = PAUSE_MIN;
    for number in 0.. {
        let ended = Arc::new(Notify::new());
        match connect(&kept, &dial, &used, &ended).await {
            Ok(connection) => {
                let since = Instant::now();
                kept.state.send_replace(State::Up(connection, number));
                tokio::select! {
                    () = ended.notified() => kept.give_up(Some(number)),
                    () = kept.broken.notified() => {}
                }
                tracing::warn!(server = %kept.address, "a connection to Redis broke; connecting again");
                if since.elapsed() >= STOOD {
                    pause = PAUSE_MIN;
                }
            }
            Err(why) => {
                // Said once, not at each attempt.
                if !matches!(*kept.state.borrow(), State::Away(_)) {
                    tracing::warn!(%why, "no connection to Redis; trying again");
                }
                kept.state.send_replace(State::Away(why));
            }
        }
        used.away();
        // Between half of it and the whole, so that nodes do not come back in step.
        sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn connect(kept: &Kept, dial: &Dial, used: &Arc<impl Use>, ended: &Arc<Notify>) -> Result<MultiplexedConnection, Arc<str>> {
    let (hearer, end) = (used.clone(), ended.clone());
    let told = move |push: PushInfo| {
        if push.kind == PushKind::Disconnection || !hearer.told(push) {
            end.notify_one();
        }
    };
    let address = &kept.address;
    let mut connection = dial.server(address, told).await.map_err(|error| said_of(address, &error))?;
    match timeout(GREET_WITHIN, used.greet(&mut connection)).await {
        Ok(Ok(())) => Ok(connection),
        Ok(Err(why)) => Err(format!("Redis at {address}: {why}").into()),
        Err(_) => Err(format!("Redis at {address} does not answer").into()),
    }
}

/// Refuses a server that does not accept writes.
pub(super) async fn master_only(connection: &mut MultiplexedConnection) -> Result<(), String> {
    let mut role = Pipeline::new();
    role.cmd("ROLE");
    match said(connection, &role).await.ok_or("it broke at once")?.as_slice() {
        [Value::Array(role)] if matches!(role.first(), Some(Value::BulkString(word)) if word == b"master") => Ok(()),
        [Value::Array(_)] => Err("it is a replica".to_owned()),
        [Value::ServerError(error)] => Err(format!("{} {}", error.code(), error.details().unwrap_or_default())),
        _ => Err("it does not say what it is".to_owned()),
    }
}

/// A sentence for the operator; what the library says of an error holds neither user nor password.
pub(super) fn said_of(address: &Address, error: &RedisError) -> Arc<str> {
    match error.to_string() {
        said if said.contains("NOAUTH") => format!("Redis at {address} asks for a password, and none is given"),
        said if said.contains("WRONGPASS") => format!("Redis at {address} does not take this user with this password"),
        said => format!("Redis at {address}: {said}"),
    }
    .into()
}
