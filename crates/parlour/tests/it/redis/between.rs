//! What lies between a node and Redis: passes connections on, and knows those that subscribe from those that command, so that either
//! can be cut, muted or slowed while the other goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is let through.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// Connections that command.
    pub commands: bool,
    /// Connections that subscribe.
    pub subscriptions: bool,
    /// What the server says on connections that subscribe; where not, it is swallowed.
    pub told: bool,
    /// How long everything takes in each direction.
    pub delay: Duration,
}

impl Passing {
    pub const ALL: Passing = Passing { commands: true, subscriptions: true, told: true, delay: Duration::ZERO };
}

/// Passes on until the test ends.
pub struct Between {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    passing: Mutex<Passing>,
    ends: Mutex<Vec<Pair>>,
}

/// Both ends of a connection, and whether it has subscribed.
#[derive(Clone)]
struct Pair {
    ends: Arc<(TcpStream, TcpStream)>,
    subscribes: Arc<AtomicBool>,
}

impl Between {
    /// Listens on a port of its own.
    pub fn to(server: SocketAddr) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { passing: Mutex::new(Passing::ALL), ends: Mutex::default() });
        let theirs = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                theirs.pass(client, server);
            }
        });
        Between { address, shared }
    }

    /// What `--store` takes.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on this is let through; connections that are not are dropped.
    pub fn passes(&self, passing: Passing) {
        *self.shared.passing.lock().unwrap() = passing;
        self.shared.ends.lock().unwrap().retain(|pair| {
            let stays = pair.may(passing);
            if !stays {
                pair.cut();
            }
            stays
        });
    }
}

impl Pair {
    fn may(&self, passing: Passing) -> bool {
        if self.subscribes.load(Ordering::SeqCst) { passing.subscriptions } else { passing.commands }
    }

    fn cut(&self) {
        let _ = self.ends.0.shutdown(Shutdown::Both);
        let _ = self.ends.1.shutdown(Shutdown::Both);
    }
}

impl Shared {
    fn pass(self: &Arc<Self>, client: TcpStream, server: SocketAddr) {
        let Ok(upstream) = TcpStream::connect(server) else { return };
        let pair = Pair { ends: Arc::new((client, upstream)), subscribes: Arc::default() };
        self.ends.lock().unwrap().push(pair.clone());
        for up in [true, false] {
            let (shared, pair) = (self.clone(), pair.clone());
            thread::spawn(move || {
                shared.copy(&pair, up);
                pair.cut();
            });
        }
    }

    /// Copies in one direction until the connection ends or is no longer let through.
    fn copy(&self, pair: &Pair, up: bool) {
        let (mut from, mut to) = if up { (&pair.ends.0, &pair.ends.1) } else { (&pair.ends.1, &pair.ends.0) };
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            let piece = &bytes[..length];
            let says = |word: &[u8]| piece.windows(word.len()).any(|part| part == word);
            if up && says(b"SUBSCRIBE\r\n") {
                pair.subscribes.store(true, Ordering::SeqCst);
            }
            let passing = *self.passing.lock().unwrap();
            // Who it is, is known when it has said more than its greeting.
            let is_greeting = up && (says(b"HELLO\r\n") || says(b"ROLE\r\n"));
            let subscribes = pair.subscribes.load(Ordering::SeqCst);
            if up && !is_greeting && !pair.may(passing) {
                return;
            }
            thread::park_timeout(passing.delay);
            if !up && subscribes && !passing.told {
                continue;
            }
            if to.write_all(piece).is_err() {
                return;
            }
        }
    }
}
