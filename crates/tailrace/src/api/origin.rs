//! Who is at the other end of a request, and whether it came over TLS: seen at the connection, or told by
//! a proxy that is trusted.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde::Deserialize;

use crate::listen::Peer;

/// Proxies that are looked through, at most.
const HOPS_MAX: usize = 32;

/// Which header a proxy tells the client's address in. One only: a proxy leaves those that it does not
/// write as the client sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Proxies whose word is taken for where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies {
    /// Their addresses.
    pub networks: Vec<IpNet>,
    /// What they tell it in.
    pub header: ForwardedHeader,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Origin {
    /// Address of the client; none where a request came over no connection.
    pub address: Option<IpAddr>,
    /// The client's own connection has TLS.
    pub https: bool,
}

impl TrustedProxies {
    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Where a request comes from. Headers of a peer that is no trusted proxy say nothing.
    pub(crate) fn origin(&self, peer: Option<&Peer>, headers: &HeaderMap) -> Origin {
        let Some(peer) = peer else { return Origin::default() };
        let address = peer.address.ip().to_canonical();
        let mut origin = Origin { address: Some(address), https: peer.tls };
        if !self.trusts(address) {
            return origin;
        }
        let hops = match self.header {
            ForwardedHeader::XForwarded => x_forwarded_hops(headers),
            ForwardedHeader::Forwarded => forwarded_hops(headers),
        };
        for hop in hops {
            if let Some(https) = hop.https {
                origin.https = https;
            }
            // Behind an address that is hidden or not readable, anybody may have written the rest.
            let Some(address) = hop.address else { break };
            origin.address = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        origin
    }
}

/// What a proxy tells of the connection that it got.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hop {
    address: Option<IpAddr>,
    https: Option<bool>,
}

/// All values of a list header, the last first.
fn values_from_the_last<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let mut values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .flat_map(|value| split_outside_quotes(value.to_str().unwrap_or_default(), ','))
        .collect();
    values.reverse();
    values.truncate(HOPS_MAX);
    values
}

fn x_forwarded_hops(headers: &HeaderMap) -> Vec<Hop> {
    // Of several values the last is that of the proxy that is connected to us.
    let proto = values_from_the_last(headers, "x-forwarded-proto").first().copied();
    let mut hops: Vec<Hop> = values_from_the_last(headers, "x-forwarded-for")
        .into_iter()
        .map(|value| Hop { address: address(value), https: None })
        .collect();
    if hops.is_empty() {
        hops.push(Hop::default());
    }
    if let Some(first) = hops.first_mut() {
        first.https = proto.map(|proto| proto.eq_ignore_ascii_case("https"));
    }
    hops
}

fn forwarded_hops(headers: &HeaderMap) -> Vec<Hop> {
    values_from_the_last(headers, "forwarded").into_iter().map(forwarded_hop).collect()
}

/// An element of `Forwarded`: `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_hop(element: &str) -> Hop {
    let mut hop = Hop::default();
    for pair in split_outside_quotes(element, ';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.address = address(value),
            "proto" => hop.https = Some(value.eq_ignore_ascii_case("https")),
            _ => {}
        }
    }
    hop
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(str::trim)
}

/// An address with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    plain
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(header: ForwardedHeader) -> TrustedProxies {
        let networks = ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"];
        let networks = networks.map(|text| text.parse().expect("a network")).to_vec();
        TrustedProxies { networks, header }
    }

    fn seen(
        proxies: &TrustedProxies,
        peer: &str,
        pairs: &[(&'static str, &str)],
    ) -> (String, bool) {
        let peer = Peer { address: peer.parse().expect("an address"), tls: false };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header value"));
        }
        let origin = proxies.origin(Some(&peer), &headers);
        (origin.address.expect("an address").to_string(), origin.https)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        const FOR: &str = "x-forwarded-for";
        const PROTO: &str = "x-forwarded-proto";
        let trusting = proxies(ForwardedHeader::XForwarded);
        for (peer, pairs, wanted) in [
            (
                "203.0.113.9:5",
                [(FOR, "198.51.100.7"), (PROTO, "https")].as_slice(),
                ("203.0.113.9", false),
            ),
            ("10.1.2.3:5", &[], ("10.1.2.3", false)),
            ("10.1.2.3:5", &[(FOR, "198.51.100.7"), (PROTO, "https")], ("198.51.100.7", true)),
            ("[::ffff:10.1.2.3]:5", &[(FOR, "198.51.100.7:4711")], ("198.51.100.7", false)),
            ("[fd00::1]:5", &[(FOR, "[2001:db8::7]:4711")], ("2001:db8::7", false)),
            // What the client itself wrote stands in front of what the proxies saw.
            ("10.1.2.3:5", &[(FOR, "127.0.0.1, 198.51.100.7, 192.0.2.1")], ("198.51.100.7", false)),
            ("10.1.2.3:5", &[(FOR, "127.0.0.1"), (FOR, "198.51.100.7")], ("198.51.100.7", false)),
            ("10.1.2.3:5", &[(FOR, "127.0.0.1, unknown, 10.9.9.9")], ("10.9.9.9", false)),
            ("10.1.2.3:5", &[(FOR, "nonsense"), (PROTO, "https, http")], ("10.1.2.3", false)),
            ("10.1.2.3:5", &[(PROTO, "HTTPS")], ("10.1.2.3", true)),
            // The other header is not the one that these proxies write.
            ("10.1.2.3:5", &[("forwarded", "for=198.51.100.7;proto=https")], ("10.1.2.3", false)),
        ] {
            assert_eq!(
                seen(&trusting, peer, pairs),
                (wanted.0.to_owned(), wanted.1),
                "{peer} {pairs:?}"
            );
        }
        let none = TrustedProxies::default();
        let told = [(FOR, "198.51.100.7"), (PROTO, "https")];
        assert_eq!(seen(&none, "127.0.0.1:5", &told), ("127.0.0.1".to_owned(), false));
    }

    #[test]
    fn the_standard_header_is_read_as_it_is_written() {
        let trusting = proxies(ForwardedHeader::Forwarded);
        for (value, wanted) in [
            ("for=198.51.100.7;proto=https;by=10.1.2.3", ("198.51.100.7", true)),
            ("For=\"[2001:db8:cafe::17]:4711\"", ("2001:db8:cafe::17", false)),
            (
                "for=127.0.0.1, for=198.51.100.7;proto=http, For=10.2.2.2;Proto=https",
                ("198.51.100.7", false),
            ),
            ("for=_hidden", ("10.1.2.3", false)),
            ("for=\"a,b;c\";proto=https", ("10.1.2.3", true)),
            ("", ("10.1.2.3", false)),
        ] {
            let told = [("forwarded", value), ("x-forwarded-for", "203.0.113.1")];
            let wanted = (wanted.0.to_owned(), wanted.1);
            assert_eq!(seen(&trusting, "10.1.2.3:5", &told), wanted, "{value}");
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let trusting = proxies(ForwardedHeader::XForwarded);
        let list = format!("198.51.100.7{}", ", 10.0.0.1".repeat(10_000));
        let told = [("x-forwarded-for", list.as_str())];
        assert_eq!(seen(&trusting, "10.1.2.3:5", &told).0, "10.0.0.1");
    }
}
