//! Addresses that passwords are tried from. A lock of users alone lets one who tries a few passwords of
//! each user go on for ever.

use std::net::{IpAddr, Ipv6Addr};

use super::Iam;
use crate::control::inner::locked;
use crate::control::refusal::{Refusal, Result};

impl Iam {
    /// Whether passwords may be tried from this address.
    ///
    /// # Errors
    /// [`Refusal::Locked`] after too many wrong ones.
    pub fn check_address(&self, address: Option<IpAddr>) -> Result<()> {
        let Some(counted) = counted(address) else { return Ok(()) };
        let locked_until = locked(&self.addresses).locked_until(&counted, self.clock.now_ms());
        locked_until.map_or(Ok(()), |until_ms| Err(Refusal::Locked { until_ms }))
    }

    /// A wrong password came from this address.
    pub fn login_failed_from(&self, address: Option<IpAddr>) {
        if let Some(counted) = counted(address) {
            locked(&self.addresses).failed(&counted, self.clock.now_ms());
        }
    }
}

/// What failures are counted under. Of IPv6 a network of 64 bits, which one person has whole; the machine
/// itself is not counted, since a proxy on it that is not told of as trusted speaks for everybody.
fn counted(address: Option<IpAddr>) -> Option<String> {
    match address? {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(address.to_string()),
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_person_are_counted_together() {
        let counted = |text: &str| counted(Some(text.parse().expect("an address")));
        assert_eq!(counted("127.0.0.1"), None);
        assert_eq!(counted("::1"), None);
        assert_eq!(counted("203.0.113.9").as_deref(), Some("203.0.113.9"));
        assert_eq!(counted("2001:db8::1"), counted("2001:db8::ffff:2"));
        assert_ne!(counted("2001:db8::1"), counted("2001:db8:0:1::1"));
        assert_eq!(super::counted(None), None);
    }
}
