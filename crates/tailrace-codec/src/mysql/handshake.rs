//! The greeting of the server and the client's answer.

use super::{
    auth::{AuthPlugin, NONCE_BYTES},
    flags::capability,
    wire::{Reader, push_lenenc_bytes, push_nul_terminated, push_short},
};
use crate::error::{DecodeError, Result};

/// `utf8mb4_general_ci`: every server of this protocol knows it; `SET NAMES` says the rest.
const HANDSHAKE_COLLATION: u8 = 45;

/// Largest payload the client announces to accept, in bytes: the protocol's limit.
const ACCEPTED_PACKET_BYTES_MAX: u32 = 1 << 30;

/// A server's version as its greeting states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerVersion {
    /// MariaDB and not MySQL.
    pub mariadb: bool,
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

impl ServerVersion {
    /// Reads a version text such as `8.4.3-commercial` or `5.5.5-10.11.6-MariaDB-log` (MariaDB puts
    /// `5.5.5-` in front for the sake of old replicas).
    ///
    /// # Errors
    /// It does not begin with two numbers and a point.
    pub fn parse(text: &str) -> Result<Self> {
        let mariadb = text.to_ascii_lowercase().contains("mariadb");
        let numbers = if mariadb { text.strip_prefix("5.5.5-").unwrap_or(text) } else { text };
        let mut parts = numbers.splitn(3, '.');
        let number = |part: Option<&str>| -> Option<u16> {
            let part = part?;
            let end = part.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(part.len());
            part.get(..end)?.parse().ok()
        };
        let (Some(major), Some(minor)) = (number(parts.next()), number(parts.next())) else {
            return Err(DecodeError::new(
                "server version",
                0,
                format!("{text:?} does not begin with two numbers"),
            ));
        };
        let patch = number(parts.next()).unwrap_or(0);
        Ok(Self { mariadb, major, minor, patch })
    }

    /// At least this version, whichever product.
    pub fn at_least(self, major: u16, minor: u16, patch: u16) -> bool {
        (self.major, self.minor, self.patch) >= (major, minor, patch)
    }
}

/// The server's first packet (protocol version 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// Version text.
    pub server_version: String,
    /// Connection number, as `KILL` takes it.
    pub connection_id: u32,
    /// Capability bits, see [`capability`].
    pub capabilities: u32,
    /// Default collation of the connection (low byte).
    pub collation: u8,
    /// Status bits, see [`status`](super::status).
    pub status: u16,
    /// The nonce for scrambling the password.
    pub nonce: [u8; NONCE_BYTES],
    /// Name of the server's default authentication method, empty if it does not say.
    pub auth_plugin: String,
}

impl Greeting {
    /// Reads the greeting. A server that refuses the connection sends an ERR packet (first byte
    /// 0xFF) in its place: read that with [`ErrPacket::parse`](super::ErrPacket::parse).
    ///
    /// # Errors
    /// The packet is cut, of another protocol version, or older than the 4.1 protocol.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("handshake greeting", payload);
        let version = reader.u8()?;
        if version != 10 {
            return Err(reader.error(format!("protocol version {version}, 10 is needed")));
        }
        let server_version = Reader::text(reader.nul_terminated()?);
        let connection_id = reader.u32()?;
        let nonce_head = reader.bytes(8)?;
        reader.u8()?;
        let capabilities_low = reader.u16()?;
        let collation = reader.u8()?;
        let status = reader.u16()?;
        let capabilities = u32::from(capabilities_low) | u32::from(reader.u16()?) << 16;
        if capabilities & capability::PROTOCOL_41 == 0 {
            return Err(reader.error("the server does not speak the 4.1 protocol"));
        }
        let auth_data_length = reader.u8()?;
        reader.bytes(10)?;
        // The second part has at least 13 bytes; its last one is NUL and not part of the nonce.
        let tail_length = usize::from(auth_data_length).saturating_sub(8).max(13);
        let nonce_tail = reader.bytes(tail_length)?;
        let mut nonce = [0; NONCE_BYTES];
        for (to, from) in nonce.iter_mut().zip(nonce_head.iter().chain(nonce_tail)) {
            *to = *from;
        }
        let auth_plugin = if capabilities & capability::PLUGIN_AUTH != 0 {
            Reader::text(reader.nul_terminated_or_rest()?)
        } else {
            String::new()
        };
        Ok(Self {
            server_version,
            connection_id,
            capabilities,
            collation,
            status,
            nonce,
            auth_plugin,
        })
    }

    /// The parsed version.
    ///
    /// # Errors
    /// As [`ServerVersion::parse`].
    pub fn version(&self) -> Result<ServerVersion> {
        ServerVersion::parse(&self.server_version)
    }

    /// The server offers this capability.
    pub fn offers(&self, bits: u32) -> bool {
        self.capabilities & bits == bits
    }
}

/// What the client answers to the greeting.
#[derive(Debug, Clone, Copy)]
pub struct HandshakeResponse<'a> {
    /// User name.
    pub user: &'a str,
    /// Default database, if any.
    pub database: Option<&'a str>,
    /// Authentication method the response is for.
    pub plugin: AuthPlugin,
    /// Scrambled password, from [`scramble`](super::scramble).
    pub auth_response: &'a [u8],
    /// Attributes that `performance_schema.session_connect_attrs` shows, such as `program_name`.
    pub attributes: &'a [(&'a str, &'a str)],
}

impl HandshakeResponse<'_> {
    /// The capabilities to use with a server: what this client can do and the server offers.
    /// `TLS` is decided by the caller.
    pub fn capabilities(&self, greeting: &Greeting, tls: bool) -> u32 {
        let mut wanted = capability::LONG_PASSWORD
            | capability::LONG_FLAG
            | capability::PROTOCOL_41
            | capability::TRANSACTIONS
            | capability::SECURE_CONNECTION
            | capability::PLUGIN_AUTH
            | capability::PLUGIN_AUTH_LENENC_DATA
            | capability::DEPRECATE_EOF;
        if self.database.is_some() {
            wanted |= capability::CONNECT_WITH_DB;
        }
        if !self.attributes.is_empty() {
            wanted |= capability::CONNECT_ATTRS;
        }
        if tls {
            wanted |= capability::SSL;
        }
        wanted & greeting.capabilities
    }

    /// The payload of the response.
    ///
    /// # Errors
    /// A name holds a NUL byte, or the authentication response is too long for the server.
    pub fn to_bytes(&self, greeting: &Greeting, tls: bool) -> Result<Vec<u8>> {
        let capabilities = self.capabilities(greeting, tls);
        let mut out = fixed_part(capabilities);
        push_nul_terminated(&mut out, "user name", self.user)?;
        if capabilities & capability::PLUGIN_AUTH_LENENC_DATA != 0 {
            push_lenenc_bytes(&mut out, self.auth_response);
        } else {
            push_short(&mut out, "authentication response", self.auth_response)?;
        }
        if capabilities & capability::CONNECT_WITH_DB != 0 {
            push_nul_terminated(&mut out, "database name", self.database.unwrap_or_default())?;
        }
        if capabilities & capability::PLUGIN_AUTH != 0 {
            push_nul_terminated(&mut out, "authentication method", self.plugin.name())?;
        }
        if capabilities & capability::CONNECT_ATTRS != 0 {
            let mut attributes = Vec::new();
            for (key, value) in self.attributes {
                push_lenenc_bytes(&mut attributes, key.as_bytes());
                push_lenenc_bytes(&mut attributes, value.as_bytes());
            }
            push_lenenc_bytes(&mut out, &attributes);
        }
        Ok(out)
    }
}

/// The payload that asks for TLS; the handshake response follows inside of it, with the same
/// capabilities.
pub fn ssl_request(capabilities: u32) -> Vec<u8> {
    fixed_part(capabilities | capability::SSL)
}

/// The 32 bytes that both requests begin with.
fn fixed_part(capabilities: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(&capabilities.to_le_bytes());
    out.extend_from_slice(&ACCEPTED_PACKET_BYTES_MAX.to_le_bytes());
    out.push(HANDSHAKE_COLLATION);
    out.extend_from_slice(&[0; 23]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn greeting_bytes() -> Vec<u8> {
        let mut bytes = vec![10];
        bytes.extend_from_slice(b"8.4.3\0");
        bytes.extend_from_slice(&77u32.to_le_bytes());
        bytes.extend_from_slice(b"abcdefgh\0");
        bytes.extend_from_slice(&0xFFFFu16.to_le_bytes());
        bytes.push(255);
        bytes.extend_from_slice(&2u16.to_le_bytes());
        bytes.extend_from_slice(&0xDFFFu16.to_le_bytes());
        bytes.push(21);
        bytes.extend_from_slice(&[0; 10]);
        bytes.extend_from_slice(b"ijklmnopqrst\0");
        bytes.extend_from_slice(b"caching_sha2_password\0");
        bytes
    }

    #[test]
    fn greeting() {
        let greeting = Greeting::parse(&greeting_bytes()).unwrap();
        assert_eq!(greeting.server_version, "8.4.3");
        assert_eq!(greeting.connection_id, 77);
        assert_eq!(&greeting.nonce, b"abcdefghijklmnopqrst");
        assert_eq!(greeting.auth_plugin, "caching_sha2_password");
        assert!(greeting.offers(capability::SSL | capability::DEPRECATE_EOF));
        let bytes = greeting_bytes();
        for length in 0..bytes.len() - 22 {
            assert!(Greeting::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Greeting::parse(&[9, 0]).is_err());
    }

    #[test]
    fn response() {
        let greeting = Greeting::parse(&greeting_bytes()).unwrap();
        let response = HandshakeResponse {
            user: "u",
            database: Some("d"),
            plugin: AuthPlugin::NativePassword,
            auth_response: &[1, 2, 3],
            attributes: &[("program_name", "tailrace")],
        };
        let bytes = response.to_bytes(&greeting, false).unwrap();
        assert_eq!(
            &bytes[32..],
            b"u\0\x03\x01\x02\x03d\0mysql_native_password\0\x16\x0cprogram_name\x08tailrace"
        );
        let capabilities = response.capabilities(&greeting, true);
        assert_eq!(capabilities & capability::MULTI_RESULTS, 0);
        assert_ne!(capabilities & capability::SSL, 0);
        let request = ssl_request(capabilities);
        assert_eq!(request.len(), 32);
        assert_eq!(request[..4], capabilities.to_le_bytes());
        let response = HandshakeResponse { user: "a\0b", ..response };
        assert!(response.to_bytes(&greeting, false).is_err());
    }

    #[test]
    fn versions() {
        let parse = |text| ServerVersion::parse(text).unwrap();
        assert_eq!(
            parse("5.5.5-10.11.6-MariaDB-log"),
            ServerVersion { mariadb: true, major: 10, minor: 11, patch: 6 }
        );
        assert_eq!(
            parse("9.7.4-2"),
            ServerVersion { mariadb: false, major: 9, minor: 7, patch: 4 }
        );
        assert!(parse("8.0.17").at_least(8, 0, 17));
        assert!(!parse("5.7.44-log").at_least(8, 0, 0));
        assert_eq!(parse("8.4").patch, 0);
        assert!(ServerVersion::parse("eight").is_err());
    }

    proptest! {
        #[test]
        fn no_panic(mut bytes: Vec<u8>) {
            let _ = Greeting::parse(&bytes);
            bytes.insert(0, 10);
            let _ = Greeting::parse(&bytes);
            let _ = ServerVersion::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
