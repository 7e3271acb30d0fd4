//! Whose address a request counts for: the peer's, or behind a proxy that the operator trusts, what that proxy saw.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// How many entries of `X-Forwarded-For` are looked at; longer chains of one's own proxies do not exist.
const HOPS_MAX: usize = 32;

/// Not a range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a range is an address, or an address, / and a number of bits, none set after them: 10.0.0.0/8")]
pub struct CidrFault;

/// A range of addresses (RFC 4632): those that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix_bits: u32,
}

impl Cidr {
    /// Whether `address` is in the range; an IPv4 address written as IPv6 is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix_bits).unwrap_or(0);
                network.to_bits() == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix_bits).unwrap_or(0);
                network.to_bits() == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrFault;

    fn from_str(text: &str) -> Result<Self, CidrFault> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| CidrFault)?;
        let written_bits_max = if written.is_ipv4() { 32 } else { 128 };
        let written_bits: u32 = match bits {
            None => written_bits_max,
            // Only digits: `+8` is a number as well.
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().map_err(|_| CidrFault)?,
            Some(_) => return Err(CidrFault),
        };
        if written_bits > written_bits_max {
            return Err(CidrFault);
        }
        let network = written.to_canonical();
        // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
        let became_ipv4 = written.is_ipv6() && network.is_ipv4();
        let prefix_bits = if became_ipv4 { written_bits.checked_sub(96).ok_or(CidrFault)? } else { written_bits };
        let cidr = Self { network, prefix_bits };
        // A bit set beyond the prefix is a slip of the pen, and then the range is not what was meant.
        if cidr.contains(network) { Ok(cidr) } else { Err(CidrFault) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_bits)
    }
}

/// What an address is counted as: an IPv4 address as itself, also when written as IPv6; of IPv6 the first 64 bits, since one customer
/// has all the rest.
#[must_use]
pub fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// Whose request it is. Only a trusted peer's `X-Forwarded-For` is read, several such headers joined by `,`: from the right, where the
/// nearest proxy wrote, to the first entry that is not trusted. An entry that is no address ends the reading: whoever wrote it is then
/// the last one known.
#[must_use]
pub fn client_address(peer: IpAddr, x_forwarded_for: Option<&str>, trusted: &[Cidr]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|cidr| cidr.contains(address));
    let mut client = peer.to_canonical();
    let entries = x_forwarded_for.unwrap_or_default().rsplit(',').take(HOPS_MAX);
    for entry in entries {
        if !is_trusted(client) {
            break;
        }
        let Some(address) = forwarded_address(entry.trim()) else {
            break;
        };
        client = address;
    }
    client
}

/// An entry of `X-Forwarded-For`: an address, which some proxies write with a port or in brackets.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let bare = entry.parse::<IpAddr>().ok();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_holds_what_shares_its_first_bits() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "a00::", false),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "192.168.1.6", false),
            ("192.168.1.128/25", "192.168.1.127", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "127.0.0.1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::1", "::1", true),
            ("::ffff:10.0.0.0/104", "10.2.3.4", true),
        ];
        for (range, address, expected) in cases {
            assert_eq!(cidr(range).contains(ip(address)), expected, "{address} in {range}");
        }
        assert_eq!(cidr("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let bad = [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0/8",
            "10.0.0.1/8",
            "2001:db8::1/64",
            "::ffff:10.0.0.0/8",
            "example.org",
            " 10.0.0.0/8",
            "10.0.0.0/8/8",
            "10.0.0.0/99999999999",
        ];
        for bad in bad {
            assert_eq!(bad.parse::<Cidr>(), Err(CidrFault), "{bad}");
        }
    }

    #[test]
    fn ipv6_counts_by_its_first_64_bits() {
        assert_eq!(address_key(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_ne!(address_key(ip("2001:db8:1:2::1")), address_key(ip("2001:db8:1:3::1")));
        assert_eq!(address_key(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
        assert_ne!(address_key(ip("192.0.2.1")), address_key(ip("192.0.2.2")));
    }

    #[test]
    fn a_stranger_does_not_say_who_it_is() {
        let found = client_address(ip("203.0.113.9"), Some("198.51.100.1"), &[cidr("10.0.0.0/8")]);
        assert_eq!(found, ip("203.0.113.9"));
        assert_eq!(client_address(ip("10.0.0.1"), Some("198.51.100.1"), &[]), ip("10.0.0.1"));
    }

    #[test]
    fn forwarding_is_read_from_the_right_to_the_first_untrusted_entry() {
        let trusted = [cidr("10.0.0.0/8"), cidr("fd00::/8")];
        let cases = [
            (None, "10.0.0.1"),
            (Some(""), "10.0.0.1"),
            (Some("198.51.100.1"), "198.51.100.1"),
            (Some("1.1.1.1, 198.51.100.1"), "198.51.100.1"),
            (Some("1.1.1.1,198.51.100.1 , 10.0.0.2"), "198.51.100.1"),
            (Some("10.9.9.9, 10.0.0.2"), "10.9.9.9"),
            (Some("1.1.1.1, nonsense, 10.0.0.2"), "10.0.0.2"),
            (Some("1.1.1.1, "), "10.0.0.1"),
            (Some("198.51.100.1:4711"), "198.51.100.1"),
            (Some("[2001:db8::1]:4711, fd00::2"), "2001:db8::1"),
            (Some("[2001:db8::1]"), "2001:db8::1"),
            (Some("2001:db8::1"), "2001:db8::1"),
            (Some("1.1.1.1, ::ffff:10.0.0.2"), "1.1.1.1"),
            (Some("1.1.1.1, unknown"), "10.0.0.1"),
        ];
        for (header, expected) in cases {
            assert_eq!(client_address(ip("10.0.0.1"), header, &trusted), ip(expected), "{header:?}");
        }
        let mapped = client_address(ip("::ffff:10.0.0.1"), Some("198.51.100.1"), &trusted);
        assert_eq!(mapped, ip("198.51.100.1"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in "[0-9a-f.:, \\[\\]]{0,60}|\\PC{0,30}", range in "[0-9a-f.:/]{0,20}") {
            let _ = range.parse::<Cidr>();
            let _ = client_address(ip("10.0.0.1"), Some(&header), &[cidr("0.0.0.0/0")]);
        }

        #[test]
        fn what_stands_left_of_the_first_untrusted_entry_does_not_count(left in "[0-9., a-z]{0,40}") {
            let header = format!("{left}, 198.51.100.1, 10.0.0.2");
            let found = client_address(ip("10.0.0.1"), Some(&header), &[cidr("10.0.0.0/8")]);
            prop_assert_eq!(found, ip("198.51.100.1"));
        }

        #[test]
        fn a_range_is_read_as_it_is_shown(bits in any::<u128>(), prefix in 0_u32..=128) {
            let network = bits & u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            if let Ok(range) = format!("{}/{prefix}", Ipv6Addr::from_bits(network)).parse::<Cidr>() {
                prop_assert_eq!(range.to_string().parse(), Ok(range));
                prop_assert!(range.contains(IpAddr::V6(Ipv6Addr::from_bits(network))));
            }
        }
    }
}
