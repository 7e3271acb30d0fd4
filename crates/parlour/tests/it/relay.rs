//! A line that can be cut: passes TCP connections on to the server, drops them all when told to, and can refuse new ones
//! for a while. So a client loses its line while the server goes on.

use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes on until the test ends; its threads end with their connections.
pub struct Relay {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    refuses: AtomicBool,
    /// Both ends of every connection.
    ends: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Listens on a port of its own.
    pub fn to(server: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                theirs.pass(client, server);
            }
        });
        Relay { address, shared }
    }

    /// Drops every connection there is; new ones are passed on.
    pub fn cut(&self) {
        for end in self.shared.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Drops every connection and refuses new ones.
    pub fn down(&self) {
        self.shared.refuses.store(true, Ordering::SeqCst);
        self.cut();
    }

    pub fn up(&self) {
        self.shared.refuses.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    /// Without a server behind it the connection is closed, as a refused one is.
    fn pass(&self, client: TcpStream, server: SocketAddr) {
        let Ok(upstream) = TcpStream::connect(server) else { return };
        // Under the lock, so that `down` either refuses this connection or cuts it.
        let mut ends = self.ends.lock().unwrap();
        if self.refuses.load(Ordering::SeqCst) {
            return;
        }
        for (from, to) in [(&client, &upstream), (&upstream, &client)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || {
                // A line that breaks is what this is for.
                let _ = copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
        ends.extend([client, upstream]);
    }
}
