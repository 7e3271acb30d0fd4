//! Addresses of clients: networks in CIDR form, who stands behind trusted proxies, and what limits count by.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network in CIDR form (`10.0.0.0/8`, `2001:db8::/32`), or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// The text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkFault;

impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address or a network is expected, such as 10.0.0.0/8 or ::1")
    }
}

impl std::error::Error for NetworkFault {}

impl FromStr for Network {
    type Err = NetworkFault;

    fn from_str(text: &str) -> Result<Network, NetworkFault> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| NetworkFault)?;
        let bits_max = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| NetworkFault)?,
            None => bits_max,
        };
        if bits > bits_max {
            return Err(NetworkFault);
        }
        Ok(Network { base, bits })
    }
}

impl Network {
    /// Whether an address is of this network. IPv4 inside IPv6 (`::ffff:…`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = mask(32, self.bits) as u32;
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = mask(128, self.bits);
                base.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// A mask of `bits` ones followed by zeros, `width` bits in all, in the low end of the number.
fn mask(width: u8, bits: u8) -> u128 {
    let ones = if width == 128 { u128::MAX } else { (1 << width) - 1 };
    if bits == 0 { 0 } else { ones & (ones << (width - bits)) }
}

/// What limits by address count by: IPv4 whole, IPv6 by its /64, since whoever has one address there has them all.
pub fn counted_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask(128, 64))),
    }
}

pub(super) fn behind_proxies<'a>(
    trusted: &[Network],
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    for value in forwarded.rev() {
        for entry in value.rsplit(',') {
            if !is_trusted(client) {
                return client;
            }
            match entry_address(entry.trim()) {
                Some(address) => client = address.to_canonical(),
                // What a trusted proxy did not write properly is nobody's address; the proxy itself is the last one known.
                None => return client,
            }
        }
    }
    client
}

/// An entry of `X-Forwarded-For`: an address, with a port where some proxies add one.
fn entry_address(entry: &str) -> Option<IpAddr> {
    if let Ok(address) = entry.parse() {
        return Some(address);
    }
    if let Some(rest) = entry.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    entry.split_once(':')?.0.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn seen(trusted: &[&str], peer: &str, forwarded: &[&str]) -> IpAddr {
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        behind_proxies(&trusted, address(peer), forwarded.iter().copied())
    }

    #[test]
    fn a_network_is_an_address_and_how_many_bits_of_it() {
        let ten: Network = "10.0.0.0/8".parse().unwrap();
        assert!(ten.contains(address("10.255.0.1")) && !ten.contains(address("11.0.0.1")));
        assert!(ten.contains(address("::ffff:10.1.1.1")));
        let every: Network = "0.0.0.0/0".parse().unwrap();
        assert!(every.contains(address("1.2.3.4")) && !every.contains(address("2001:db8::1")));
        let six: Network = "2001:db8::/32".parse().unwrap();
        assert!(six.contains(address("2001:db8:1::1")) && !six.contains(address("2001:db9::1")));
        assert!("::1".parse::<Network>().unwrap().contains(address("::1")));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "host", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn forwarding_headers_are_read_from_trusted_proxies_alone_and_from_the_right() {
        assert_eq!(seen(&[], "1.1.1.1", &["9.9.9.9"]), address("1.1.1.1"));
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6, 9.9.9.9"]), address("9.9.9.9"));
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6", "9.9.9.9, 10.0.0.2"]), address("9.9.9.9"));
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &["junk, 10.0.0.2"]), address("10.0.0.2"));
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &[]), address("10.0.0.1"));
        assert_eq!(seen(&["10.0.0.1"], "10.0.0.1", &["[2001:db8::1]:443"]), address("2001:db8::1"));
        assert_eq!(seen(&["10.0.0.1"], "10.0.0.1", &["9.9.9.9:1234"]), address("9.9.9.9"));
    }

    #[test]
    fn addresses_of_ipv6_count_by_their_64() {
        assert_eq!(counted_address(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
        assert_eq!(counted_address(address("::ffff:1.2.3.4")), address("1.2.3.4"));
    }
}
