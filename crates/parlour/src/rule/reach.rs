//! Which addresses of the network the server itself may ask: public ones, and what the operator named besides. Whoever can make
//! the server fetch something could else reach machines that only the server reaches (its own, the cloud's, the intranet's).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limit::Cidr;

/// Not a host, an address or a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}`: a host, *.host, an address or a network is expected, such as intranet.example or 10.0.0.0/8")]
pub struct ReachFault(String);

/// What may be asked besides public addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reach {
    /// Hosts in lower case, and what hosts end with (`.intranet.example`).
    hosts: Vec<String>,
    networks: Vec<Cidr>,
}

impl Reach {
    /// Reads `intranet.example`, `*.intranet.example`, `10.1.2.3`, `10.0.0.0/8`.
    ///
    /// # Errors
    /// The first item that is none of these.
    pub fn parse(items: &[String]) -> Result<Reach, ReachFault> {
        let mut reach = Reach::default();
        for item in items {
            let item = item.trim().to_ascii_lowercase();
            if let Ok(network) = item.trim_start_matches('[').trim_end_matches(']').parse() {
                reach.networks.push(network);
                continue;
            }
            let name = item.strip_prefix("*.").unwrap_or(&item);
            if !is_host_name(name) {
                return Err(ReachFault(item));
            }
            reach.hosts.push(item.strip_prefix('*').unwrap_or(&item).to_owned());
        }
        Ok(reach)
    }

    /// Whether the operator named this host (as the parser of addresses writes it) or the address itself: it may be asked wherever
    /// it is, and without TLS.
    pub fn names(&self, host: &str, address: IpAddr) -> bool {
        self.names_host(host) || self.networks.iter().any(|network| network.contains(address))
    }

    /// Whether this host may be asked without TLS before its address is known.
    pub fn names_host(&self, host: &str) -> bool {
        let literal: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        match literal {
            Some(address) => self.networks.iter().any(|network| network.contains(address)),
            None => {
                let host = host.trim_end_matches('.');
                let is_named = |name: &String| match name.strip_prefix('.') {
                    Some(_) => host.len() > name.len() && host.ends_with(name.as_str()),
                    None => host == name,
                };
                self.hosts.iter().any(is_named)
            }
        }
    }
}

/// Letters, digits and hyphens in labels, of which the last is no number: what reads as a number is an address, or none.
fn is_host_name(name: &str) -> bool {
    let labels_are_good = name.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    let last = name.rsplit('.').next().unwrap_or_default();
    labels_are_good && name.len() <= 253 && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether an address is one of the open internet: what is private, of this machine or link, shared, reserved, for documents or
/// benchmarks, multicast, or an IPv6 cloak around such an IPv4 address, is not.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_reserved = match (first, second, third) {
        // this network, loopback, class E and broadcast
        (0 | 127 | 240..=255, _, _) => true,
        // between a provider and its customers
        (100, 64..=127, _) => true,
        // protocol assignments, 6to4 relays, direct delegations
        (192, 0, 0) | (192, 88, 99) | (192, 31, 196) | (192, 52, 193) | (192, 175, 48) => true,
        // benchmarks
        (198, 18 | 19, _) => true,
        _ => false,
    };
    let is_local = address.is_private() || address.is_link_local() || address.is_multicast() || address.is_documentation();
    !is_reserved && !is_local
}

/// Of IPv6 only 2000::/3 is given to anyone.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match parts {
        // NAT64: what is meant is the IPv4 address at the end.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(v4(high, low)),
        // 6to4 carries one in front.
        [0x2002, high, low, ..] => is_public_v4(v4(high, low)),
        // Teredo, benchmarks, ORCHID and what else lies in 2001:0::/23; documents.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] => false,
        [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(items: &[&str]) -> Reach {
        Reach::parse(&items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn only_addresses_of_the_open_internet_are_public() {
        for good in
            ["9.9.9.9", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::909:909", "2002:909:909::1"]
        {
            assert!(is_public(good.parse().unwrap()), "{good}");
        }
        let bad = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "3fff::1",
            "5f00::1",
            "100::1",
        ];
        for bad in bad {
            assert!(!is_public(bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn the_operator_names_hosts_and_networks() {
        let reach = reach(&["Wiki.intranet", "*.corp.example", "10.0.0.0/8", "[::1]", "127.0.0.1"]);
        let far: IpAddr = "192.168.1.1".parse().unwrap();
        for (host, named) in [
            ("wiki.intranet", true),
            ("a.wiki.intranet", false),
            ("a.corp.example", true),
            ("corp.example", false),
            ("xcorp.example", false),
            ("evil.example", false),
        ] {
            assert_eq!(reach.names(host, far), named, "{host}");
        }
        for (address, named) in [("10.255.0.1", true), ("11.0.0.1", false), ("::1", true), ("::ffff:127.0.0.1", true)] {
            assert_eq!(reach.names("evil.example", address.parse().unwrap()), named, "{address}");
        }
        assert!(reach.names_host("127.0.0.1") && reach.names_host("[::1]") && !reach.names_host("127.0.0.2"));
    }

    #[test]
    fn what_is_no_host_and_no_network_is_refused() {
        for bad in ["", "*", "*.", "https://a.example", "a b", "10.0.0.0/33", "10.0.0.1/8", "1.2.3", "a..b", "a:80"] {
            assert!(Reach::parse(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
