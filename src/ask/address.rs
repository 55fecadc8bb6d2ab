//! Which addresses a name may lead to: those of the public Internet.
//!
//! A name that is allowed may resolve to an address inside (a mistake, or DNS that turns): without
//! this check a flow could be made to ask the metadata service of a cloud, or our own loopback
//! (CWE-918; AST-2022-002).
//!
//! **Deliberately absent:** what the configuration allows beside them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is none of those with a special purpose (RFC 6890 and its registries).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => is_public_v4(four),
        IpAddr::V6(six) => is_public_v6(six),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        0 | 10 | 127 | 224..=255 => true,
        100 => (64..=127).contains(&b), // shared address space, RFC 6598
        169 => b == 254,
        172 => (16..=31).contains(&b),
        192 => b == 168 || b == 0 && (c == 0 || c == 2) || b == 88 && c == 99,
        198 => b == 18 || b == 19 || b == 51 && c == 100,
        203 => b == 0 && c == 113,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, .., y, z] = address.segments();
    let inside = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // An IPv4 address behind a translator (RFC 6052) or in 6to4 (RFC 3056) is judged itself.
        (0x64, 0xff9b) => c == 0 && inside(y, z),
        (0x2002, _) => inside(b, c),
        // Global unicast, without documentation, benchmarking and protocol assignments.
        (0x2001, 0x0db8) | (0x2001, 0x0000..=0x01ff) | (0x3fff, 0x0000..=0x0fff) => false,
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        let public = |text: &str| is_public(text.parse().unwrap());
        for address in [
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "169.253.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.1.0.1",
            "198.17.0.1",
            "223.255.255.254",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(public(address), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "2002:7f00:1::1",
            "100::1",
            "fd00:ec2::254",
        ] {
            assert!(!public(address), "{address}");
        }
    }
}
