//! A block of addresses, written `192.0.2.0/24`, `2001:db8::/32` or as one address.
//!
//! **Invariant:** bits below the prefix are zero, so equal blocks are equal values.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use thiserror::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CidrError {
    #[error("`{0}` is not an IP address or block: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")]
    Address(String),
    #[error("`{0}` is longer than the address: at most {1} bits")]
    Prefix(String, u8),
    #[error("`{0}` has bits set below its prefix: write {1}")]
    HostBits(String, String),
}

impl Cidr {
    /// Whether `address` lies in this block. An IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(block), IpAddr::V4(address)) => mask_v4(address, self.prefix) == block,
            (IpAddr::V6(block), IpAddr::V6(address)) => mask_v6(address, self.prefix) == block,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Its first address to its last.
    #[must_use]
    pub fn range(&self) -> RangeInclusive<IpAddr> {
        let prefix = u32::from(self.prefix);
        let last = match self.address {
            IpAddr::V4(first) => {
                let rest = u32::MAX.checked_shr(prefix).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() | rest))
            }
            IpAddr::V6(first) => {
                let rest = u128::MAX.checked_shr(prefix).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() | rest))
            }
        };
        self.address..=last
    }

    /// Every address of its family.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.prefix == 0
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr =
            address.trim().parse().map_err(|_| CidrError::Address(text.to_owned()))?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = match prefix {
            None => bits,
            Some(prefix) => {
                prefix.trim().parse().map_err(|_| CidrError::Address(text.to_owned()))?
            }
        };
        // `::ffff:192.0.2.0/120` is 192.0.2.0/24, with the 96 bits of its IPv6 dress.
        let (address, prefix, bits) = match (address.to_canonical(), prefix.checked_sub(DRESS)) {
            (plain @ IpAddr::V4(_), Some(prefix)) if address.is_ipv6() => (plain, prefix, 32),
            _ => (address, prefix, bits),
        };
        if prefix > bits {
            return Err(CidrError::Prefix(text.to_owned(), bits));
        }
        let masked = match address {
            IpAddr::V4(address) => IpAddr::V4(mask_v4(address, prefix)),
            IpAddr::V6(address) => IpAddr::V6(mask_v6(address, prefix)),
        };
        if masked != address {
            return Err(CidrError::HostBits(text.to_owned(), format!("{masked}/{prefix}")));
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Bits before an IPv4 address that is mapped into IPv6.
const DRESS: u8 = 96;

fn mask_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn mask_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_contain_what_they_say() {
        let block: Cidr = "192.0.2.0/24".parse().unwrap();
        assert!(block.contains("192.0.2.255".parse().unwrap()));
        assert!(block.contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!block.contains("192.0.3.0".parse().unwrap()));
        assert!(!block.contains("2001:db8::1".parse().unwrap()));
        let one: Cidr = "::1".parse().unwrap();
        assert!(one.contains("::1".parse().unwrap()));
        assert!(!one.contains("::2".parse().unwrap()));
        for (block, first, last) in [
            ("192.0.2.0/24", "192.0.2.0", "192.0.2.255"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::/127", "2001:db8::", "2001:db8::1"),
            ("::ffff:192.0.2.0/120", "192.0.2.0", "192.0.2.255"),
        ] {
            let range = block.parse::<Cidr>().unwrap().range();
            assert_eq!(range, first.parse().unwrap()..=last.parse().unwrap(), "{block}");
        }
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(all.is_everything() && all.contains("203.0.113.9".parse().unwrap()));
        let six: Cidr = "2001:db8::/32".parse().unwrap();
        assert!(six.contains("2001:db8:ffff::1".parse().unwrap()));
    }

    #[test]
    fn a_wrong_block_says_what_to_write() {
        let said = |text: &str| text.parse::<Cidr>().unwrap_err().to_string();
        assert_eq!(
            said("192.0.2.7/24"),
            "`192.0.2.7/24` has bits set below its prefix: write 192.0.2.0/24"
        );
        assert_eq!(
            said("192.0.2.7/33"),
            "`192.0.2.7/33` is longer than the address: at most 32 bits"
        );
        assert!(said("192.0.2").starts_with("`192.0.2` is not an IP address"));
        assert!(said("192.0.2.0/x").starts_with("`192.0.2.0/x` is not an IP address"));
    }
}
