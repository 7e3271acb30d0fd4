//! Everyone who is connected: pinged by a sweep (nobody has a timer of their own), told to come back when the server stops.
//! Holds outboxes and says what goes into them; the sockets are their doors' business.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use parlour_wire::code::Close;

use crate::channel::SiteName;
use crate::hub::Viewer;
use crate::outbox::Outbox;

/// Seconds between two pings of the server; also the number of slots of the sweep, one of which is pinged each second.
pub const PING_S: u32 = 25;
/// Seconds that a pong may take.
pub const PONG_S: u32 = 10;

/// How a door says what every session says.
pub struct Manners {
    /// A sign of life, where the transport has one.
    pub ping: Option<fn() -> Bytes>,
    /// Whether clients answer pings.
    pub pongs: bool,
    /// The last frame; `None` where the transport has none.
    pub close: fn(Close) -> Option<Bytes>,
}

/// One connected client.
pub struct Client {
    /// What it is to be sent.
    pub outbox: Arc<Outbox>,
    /// Whose site.
    pub site: SiteName,
    /// Who it is, to others in its channels.
    pub viewer: Arc<Viewer>,
    manners: &'static Manners,
    owes_pong: AtomicBool,
    expires_s: AtomicI64,
    subscriptions_expire_s: AtomicI64,
}

impl Client {
    /// A client whose token is good until `expires_s` (Unix seconds), if it has one.
    pub fn new(
        outbox: Arc<Outbox>,
        site: SiteName,
        viewer: Arc<Viewer>,
        manners: &'static Manners,
        expires_s: Option<i64>,
    ) -> Arc<Client> {
        let expires_s = AtomicI64::new(expires_s.unwrap_or(i64::MAX));
        Arc::new(Client {
            outbox,
            site,
            viewer,
            manners,
            owes_pong: AtomicBool::new(false),
            expires_s,
            subscriptions_expire_s: AtomicI64::new(i64::MAX),
        })
    }

    /// Something came from the client: it is alive.
    pub fn heard(&self) {
        self.owes_pong.store(false, Ordering::Relaxed);
    }

    /// The token was renewed.
    pub fn renew(&self, expires_s: i64) {
        self.expires_s.store(expires_s, Ordering::Relaxed);
    }

    /// The first of the client's subscriptions expires then.
    pub fn subscriptions_expire(&self, expires_s: i64) {
        self.subscriptions_expire_s.store(expires_s, Ordering::Relaxed);
    }

    /// Says why, sends what is before it, and lets the door close.
    pub fn close(&self, close: Close) {
        self.outbox.finish((self.manners.close)(close));
    }

    fn ping(&self, now_s: i64) {
        if self.expires_s.load(Ordering::Relaxed) <= now_s {
            return self.close(Close::EXPIRED);
        }
        if self.subscriptions_expire_s.load(Ordering::Relaxed) <= now_s {
            return self.close(Close::SUBSCRIPTION_EXPIRED);
        }
        self.owes_pong.store(self.manners.pongs, Ordering::Relaxed);
        if self.manners.ping.is_some_and(|ping| self.outbox.send(ping()).is_err()) {
            self.close(Close::SLOW);
        }
    }

    fn check_pong(&self) {
        if self.owes_pong.load(Ordering::Relaxed) {
            self.close(Close::NO_PONG);
        }
    }
}

/// Everyone who is connected.
pub struct Clients {
    slots: Vec<Mutex<Vec<Weak<Client>>>>,
    next: AtomicUsize,
    count: Arc<AtomicUsize>,
}

/// Counts its client for as long as it is held.
pub struct Connected(Arc<AtomicUsize>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Clients {
    fn default() -> Self {
        let slots = (0..PING_S).map(|_| Mutex::default()).collect();
        Clients { slots, next: AtomicUsize::new(0), count: Arc::default() }
    }
}

impl Clients {
    /// Registers a client: from now on it is pinged.
    pub fn add(&self, client: &Arc<Client>) -> Connected {
        self.count.fetch_add(1, Ordering::Relaxed);
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        self.slots[slot].lock().push(Arc::downgrade(client));
        Connected(self.count.clone())
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Called once a second with a counter of seconds: pings one slot, closes those of another who owe a pong.
    pub fn sweep(&self, second: u64, now_s: i64) {
        let slots = self.slots.len() as u64;
        for client in self.living((second % slots) as usize) {
            client.ping(now_s);
        }
        for client in self.living(((second + slots - u64::from(PONG_S)) % slots) as usize) {
            client.check_pong();
        }
    }

    /// Everyone, to be told something.
    pub fn all(&self) -> Vec<Arc<Client>> {
        (0..self.slots.len()).flat_map(|slot| self.living(slot)).collect()
    }

    fn living(&self, slot: usize) -> Vec<Arc<Client>> {
        let mut living = Vec::new();
        self.slots[slot].lock().retain(|client| match client.upgrade() {
            Some(client) => {
                living.push(client);
                true
            }
            None => false,
        });
        living
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::LaneLimits;
    use parlour_wire::push::ClientInfo;

    static MANNERS: Manners =
        Manners { ping: Some(|| Bytes::from_static(b"ping")), pongs: true, close: |_| Some(Bytes::from_static(b"close")) };

    fn client() -> Arc<Client> {
        let outbox = Arc::new(Outbox::pulled(LaneLimits { frames_max: 16, bytes_max: 1024 }));
        let info = ClientInfo { client: "c".into(), user: "u".into(), name: "".into(), face: false };
        Client::new(outbox, SiteName::default(), Arc::new(Viewer { info, counted: true }), &MANNERS, Some(1_000))
    }

    /// What was said to it since, and whether that was the end.
    fn heard(client: &Client) -> (usize, bool) {
        let (taken, finished) = client.outbox.take();
        (taken.len(), finished)
    }

    #[test]
    fn who_answers_pings_stays_and_who_does_not_is_closed() {
        let clients = Clients::default();
        let (silent, lively) = (client(), client());
        let _held = (clients.add(&silent), clients.add(&lively));
        for second in 0..u64::from(2 * PING_S) {
            clients.sweep(second, 0);
            lively.heard();
        }
        assert_eq!(heard(&lively), (2, false));
        assert_eq!(heard(&silent), (2, true), "a ping, and the close in place of another");
        assert_eq!(clients.count(), 2);
    }

    #[test]
    fn whose_token_is_over_is_told_instead_of_pinged() {
        let clients = Clients::default();
        let client = client();
        let _held = clients.add(&client);
        (0..u64::from(PING_S)).for_each(|second| clients.sweep(second, 1_000));
        assert_eq!(heard(&client), (1, true));
    }
}
