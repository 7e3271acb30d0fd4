//! The other end of a connection, and its seat: how many there are, and how many of one address, is limited.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::limit::address_key;

/// Where a request comes from.
#[derive(Clone, Default)]
pub struct Whence {
    /// Whom limits count, behind trusted proxies; IPv6 by its /64. `None` where limits by address are off.
    pub address: Option<IpAddr>,
    /// The origin of the page that asks; `None` for what is no page.
    pub origin: Option<Arc<str>>,
}

/// Whose request it is. Every request carries it among its extensions; whoever takes over the connection (an upgrade) keeps a
/// clone as long as the connection lives, because the seat is given back when the last clone is gone.
#[derive(Clone)]
pub struct Peer {
    /// The socket's other end.
    pub socket_address: IpAddr,
    /// Where the request comes from, as the node is told.
    pub whence: Whence,
    /// The seat.
    pub seat: Arc<Seat>,
}

impl fmt::Debug for Peer {
    /// Without the address: no log line has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer")
    }
}

/// How many seats are taken, in all and by address.
#[derive(Debug, Default)]
pub struct Seats(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A seat, given back when it is dropped.
pub struct Seat {
    seats: Arc<Seats>,
    address: Option<IpAddr>,
}

impl Seats {
    /// Takes a seat, if one is free; `per_address_max` is `None` where an address may have as many as it likes.
    pub fn take(self: &Arc<Seats>, address: IpAddr, all_max: usize, per_address_max: Option<usize>) -> Option<Arc<Seat>> {
        let mut taken = self.0.lock();
        if taken.all >= all_max {
            return None;
        }
        let address = per_address_max.map(|_| address_key(address));
        if let (Some(address), Some(max)) = (address, per_address_max) {
            let count = taken.by_address.entry(address).or_default();
            if *count >= max {
                return None;
            }
            *count += 1;
        }
        taken.all += 1;
        Some(Arc::new(Seat { seats: self.clone(), address }))
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.0.lock().all
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(count) = taken.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_and_come_back() {
        let seats = Arc::new(Seats::default());
        let (one, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = seats.take(one, 3, Some(2)).unwrap();
        let _second = seats.take(one, 3, Some(2)).unwrap();
        assert!(seats.take(one, 3, Some(2)).is_none(), "an address has two");
        let _third = seats.take(other, 3, Some(2)).unwrap();
        assert!(seats.take(other, 3, Some(2)).is_none(), "there are three");
        drop(first);
        assert!(seats.take(one, 3, Some(2)).is_some());
    }

    #[test]
    fn nothing_is_kept_of_addresses_that_left() {
        let seats = Arc::new(Seats::default());
        drop(seats.take("10.0.0.1".parse().unwrap(), 1, Some(1)));
        assert!(seats.0.lock().by_address.is_empty());
        assert_eq!(seats.taken(), 0);
    }

    #[test]
    fn where_addresses_do_not_count_only_the_sum_does() {
        let seats = Arc::new(Seats::default());
        let address = "10.0.0.1".parse().unwrap();
        let all: Vec<_> = (0..5).map_while(|_| seats.take(address, 4, None)).collect();
        assert_eq!(all.len(), 4);
    }
}
