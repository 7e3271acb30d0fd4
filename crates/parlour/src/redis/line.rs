//! One connection to one server, kept: it is made again whenever it breaks or stops answering, and everyone's commands travel on
//! it side by side. While it is being made for the first time after a break, callers wait; once that failed they are refused at
//! once, until it stands again. What an answer means is not looked at here.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Pipeline, PushKind, RedisError, Value};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

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

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum Broken {
    /// Nothing was sent.
    NotSent(Arc<str>),
    /// It was or may have been sent.
    Sent,
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
    state: watch::Sender<State>,
    room: Semaphore,
    /// Rung when the connection that is up is no good.
    broken: Arc<Notify>,
}

impl Line {
    /// Begins to connect. `away` is called after each attempt that failed.
    pub(super) fn start(dial: Dial, address: Address, away: impl Fn() + Send + Sync + 'static) -> Line {
        let kept = Arc::new(Kept {
            state: watch::Sender::new(State::Connecting),
            room: Semaphore::new(CALLERS_MAX),
            broken: Arc::new(Notify::new()),
        });
        let keeper = tokio::spawn(keep(kept.clone(), dial, address, away));
        Line { kept, keeper }
    }

    /// Sends commands one directly after the other and waits for their answers, refusals by the server among them.
    pub(super) async fn ask(&self, commands: &Pipeline, until: Instant) -> Result<Vec<Value>, Broken> {
        let (mut connection, number) = self.up(until).await?;
        let Ok(Ok(_room)) = timeout_at(until, self.kept.room.acquire()).await else {
            return Err(Broken::NotSent("too much waits for it".into()));
        };
        let count = commands.len();
        match timeout_at(until, connection.req_packed_commands(commands, 0, count)).await {
            Ok(Ok(answers)) if answers.len() == count => Ok(answers),
            // A connection that owes an answer for so long is as good as broken.
            _ => {
                self.kept.give_up(number);
                Err(Broken::Sent)
            }
        }
    }

    async fn up(&self, until: Instant) -> Result<(MultiplexedConnection, u64), Broken> {
        let mut state = self.kept.state.subscribe();
        let known = timeout_at(until, state.wait_for(|state| !matches!(state, State::Connecting))).await;
        match known {
            Ok(Ok(state)) => match &*state {
                State::Up(connection, number) => Ok((connection.clone(), *number)),
                State::Away(why) => Err(Broken::NotSent(why.clone())),
                State::Connecting => Err(Broken::NotSent("it is being connected".into())),
            },
            _ => Err(Broken::NotSent("it is being connected".into())),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Kept {
    /// From now on callers wait for the next connection.
    fn give_up(&self, number: u64) {
        let left = self.state.send_if_modified(|state| {
            let stands = matches!(state, State::Up(_, current) if *current == number);
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

async fn keep(kept: Arc<Kept>, dial: Dial, address: Address, away: impl Fn()) {
    let mut pause = PAUSE_MIN;
    for number in 0.. {
        let end = Arc::new(Notify::new());
        let ended = end.clone();
        let told = move |push: redis::PushInfo| {
            if push.kind == PushKind::Disconnection {
                ended.notify_one();
            }
        };
        match dial.server(&address, told).await {
            Ok(connection) => {
                let since = Instant::now();
                kept.state.send_replace(State::Up(connection, number));
                tokio::select! {
                    () = end.notified() => {}
                    () = kept.broken.notified() => {}
                }
                kept.state.send_if_modified(|state| {
                    let stands = matches!(state, State::Up(..));
                    if stands {
                        *state = State::Connecting;
                    }
                    stands
                });
                tracing::warn!(server = %address, "a connection to Redis broke; connecting again");
                if since.elapsed() >= STOOD {
                    pause = PAUSE_MIN;
                    continue;
                }
            }
            Err(error) => {
                kept.state.send_replace(State::Away(told_error(&address, &error)));
                away();
            }
        }
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// A sentence for the operator; what the library says of an error holds neither user nor password.
pub(super) fn told_error(address: &Address, error: &RedisError) -> Arc<str> {
    format!("Redis at {address}: {error}").into()
}

/// Between half of it and the whole, so that nodes do not come back in step.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..=1.0))
}
