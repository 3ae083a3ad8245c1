//! Proof of the password without sending it.

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::{
    response::{ErrPacket, OkPacket},
    wire::Reader,
};
use crate::error::{DecodeError, Result};

/// Bytes of the server's nonce.
pub const NONCE_BYTES: usize = 20;

/// Content of an [`AuthMoreData`] of `caching_sha2_password`: the scramble was right, an OK packet
/// follows.
pub const CACHING_SHA2_FAST_OK: u8 = 3;

/// Content of an [`AuthMoreData`] of `caching_sha2_password`: the server's cache does not know the
/// user, it wants the password itself — in clear over TLS, else under its public key.
pub const CACHING_SHA2_FULL: u8 = 4;

/// The payload that asks a server without TLS for its public key.
pub const CACHING_SHA2_REQUEST_PUBLIC_KEY: u8 = 2;

/// The same for `sha256_password`.
pub const SHA256_REQUEST_PUBLIC_KEY: u8 = 1;

/// Authentication methods spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthPlugin {
    /// `caching_sha2_password`, the default since MySQL 8.0.
    CachingSha2Password,
    /// `mysql_native_password`, the default before and in MariaDB.
    NativePassword,
    /// `sha256_password`: the password itself over TLS, else under the server's public key. Servers also
    /// name it to an account that does not exist.
    Sha256Password,
    /// `mysql_clear_password`: the password itself; only over TLS.
    ClearPassword,
}

impl AuthPlugin {
    /// The method of this name.
    ///
    /// # Errors
    /// The method is not spoken here; the error names it and those that are.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "caching_sha2_password" => Ok(Self::CachingSha2Password),
            // An empty name is a server older than named methods.
            "mysql_native_password" | "" => Ok(Self::NativePassword),
            "sha256_password" => Ok(Self::Sha256Password),
            "mysql_clear_password" => Ok(Self::ClearPassword),
            _ => Err(DecodeError::new(
                "authentication method",
                0,
                format!(
                    "{name:?} is not supported, use caching_sha2_password, sha256_password, \
                     mysql_native_password or mysql_clear_password"
                ),
            )),
        }
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::CachingSha2Password => "caching_sha2_password",
            Self::NativePassword => "mysql_native_password",
            Self::Sha256Password => "sha256_password",
            Self::ClearPassword => "mysql_clear_password",
        }
    }

    /// The response holds the password itself, so the connection must be under TLS.
    pub fn sends_password(self) -> bool {
        matches!(self, Self::ClearPassword | Self::Sha256Password)
    }
}

/// The authentication response for a password. An empty password gives an empty response.
pub fn scramble(plugin: AuthPlugin, password: &[u8], nonce: &[u8; NONCE_BYTES]) -> Vec<u8> {
    match plugin {
        AuthPlugin::ClearPassword | AuthPlugin::Sha256Password => clear_password(password),
        _ if password.is_empty() => Vec::new(),
        AuthPlugin::CachingSha2Password => scramble_sha256(password, nonce),
        AuthPlugin::NativePassword => scramble_sha1(password, nonce),
    }
}

/// SHA256(password) xor SHA256(SHA256(SHA256(password)) + nonce)
fn scramble_sha256(password: &[u8], nonce: &[u8; NONCE_BYTES]) -> Vec<u8> {
    let once = Sha256::digest(password);
    let twice = Sha256::digest(once);
    let salted = Sha256::new().chain_update(twice).chain_update(nonce).finalize();
    xor(&once, &salted)
}

/// SHA1(password) xor SHA1(nonce + SHA1(SHA1(password)))
fn scramble_sha1(password: &[u8], nonce: &[u8; NONCE_BYTES]) -> Vec<u8> {
    let once = Sha1::digest(password);
    let twice = Sha1::digest(once);
    let salted = Sha1::new().chain_update(nonce).chain_update(twice).finalize();
    xor(&once, &salted)
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(a, b)| a ^ b).collect()
}

/// The password and a NUL byte: what full authentication sends over TLS.
pub fn clear_password(password: &[u8]) -> Vec<u8> {
    let mut out = password.to_vec();
    out.push(0);
    out
}

/// The password and a NUL byte, xor the nonce repeated: what is encrypted under the server's public
/// key (RSA, OAEP with SHA-1) where there is no TLS.
pub fn xor_password(password: &[u8], nonce: &[u8; NONCE_BYTES]) -> Vec<u8> {
    clear_password(password).iter().zip(nonce.iter().cycle()).map(|(a, b)| a ^ b).collect()
}

/// What the server says during authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthReply<'a> {
    /// Authenticated.
    Ok(OkPacket),
    /// Refused.
    Err(ErrPacket),
    /// Use another method with another nonce.
    Switch {
        /// Name of the method.
        plugin: String,
        /// Its nonce.
        nonce: [u8; NONCE_BYTES],
    },
    /// Data of the method.
    More(AuthMoreData<'a>),
}

/// Data that belongs to the method: a status byte of `caching_sha2_password`, or its public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthMoreData<'a>(pub &'a [u8]);

/// Reads a reply during authentication.
///
/// # Errors
/// The packet is none of those of [`AuthReply`], or cut.
pub fn parse_auth_reply(payload: &[u8]) -> Result<AuthReply<'_>> {
    let mut reader = Reader::new("authentication reply", payload);
    match reader.u8()? {
        0x00 => OkPacket::parse(payload).map(AuthReply::Ok),
        0x01 => Ok(AuthReply::More(AuthMoreData(reader.rest()))),
        0xFF => ErrPacket::parse(payload).map(AuthReply::Err),
        0xFE if reader.is_empty() => {
            Err(reader.error("the server asks for the password form before 4.1, which is not safe"))
        }
        0xFE => {
            let plugin = Reader::text(reader.nul_terminated()?);
            // Methods without a nonce send nothing; the others 20 bytes and a NUL.
            let nonce =
                if reader.is_empty() { &[0; NONCE_BYTES] } else { reader.bytes(NONCE_BYTES)? };
            let nonce = nonce.first_chunk().copied().unwrap_or_default();
            Ok(AuthReply::Switch { plugin, nonce })
        }
        other => Err(reader.error(format!("{other:#04x} begins none of OK, ERR, switch and more"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: [u8; NONCE_BYTES] = *b"01234567890123456789";

    /// The server's own check: from the stored double hash and the response it recovers the single
    /// hash and hashes it again.
    #[test]
    fn the_server_accepts_the_responses() {
        let response = scramble(AuthPlugin::NativePassword, b"secret", &NONCE);
        let stored = Sha1::digest(Sha1::digest(b"secret"));
        let salted = Sha1::new().chain_update(NONCE).chain_update(stored).finalize();
        assert_eq!(Sha1::digest(xor(&response, &salted)), stored);

        let response = scramble(AuthPlugin::CachingSha2Password, b"secret", &NONCE);
        let stored = Sha256::digest(Sha256::digest(b"secret"));
        let salted = Sha256::new().chain_update(stored).chain_update(NONCE).finalize();
        assert_eq!(Sha256::digest(xor(&response, &salted)), stored);
    }

    #[test]
    fn the_known_hash_of_a_native_password() {
        // SELECT PASSWORD('password') of every server before 8.0.
        let stored = Sha1::digest(Sha1::digest(b"password"));
        assert_eq!(hex::encode_upper(stored), "2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
    }

    #[test]
    fn empty_passwords() {
        assert!(scramble(AuthPlugin::NativePassword, b"", &NONCE).is_empty());
        assert!(scramble(AuthPlugin::CachingSha2Password, b"", &NONCE).is_empty());
        assert_eq!(scramble(AuthPlugin::ClearPassword, b"", &NONCE), [0]);
        assert_eq!(xor_password(b"", &NONCE), [b'0']);
    }

    #[test]
    fn xor_repeats_the_nonce() {
        let password = [b'x'; 25];
        let masked = xor_password(&password, &NONCE);
        assert_eq!(masked.len(), 26);
        assert_eq!(masked[20], b'x' ^ b'0');
        assert_eq!(masked[25], b'5');
    }

    #[test]
    fn replies() {
        assert_eq!(
            parse_auth_reply(b"\xFEmysql_native_password\0abcdefghijklmnopqrst\0").unwrap(),
            AuthReply::Switch {
                plugin: "mysql_native_password".into(),
                nonce: *b"abcdefghijklmnopqrst"
            }
        );
        assert_eq!(
            parse_auth_reply(&[1, CACHING_SHA2_FULL]).unwrap(),
            AuthReply::More(AuthMoreData(&[4]))
        );
        assert!(matches!(
            parse_auth_reply(&[0, 0, 0, 2, 0, 0, 0]).unwrap(),
            AuthReply::Ok(OkPacket { .. })
        ));
        assert!(parse_auth_reply(b"\xFEmysql_clear_password\0").is_ok());
        assert!(parse_auth_reply(b"\xFEmysql_native_password\0short").is_err());
        assert!(parse_auth_reply(&[0xFE]).is_err());
        assert!(parse_auth_reply(&[]).is_err());
        assert!(AuthPlugin::from_name("auth_gssapi_client").is_err());
        for plugin in [
            AuthPlugin::CachingSha2Password,
            AuthPlugin::NativePassword,
            AuthPlugin::Sha256Password,
        ] {
            assert_eq!(AuthPlugin::from_name(plugin.name()).unwrap(), plugin);
        }
        let sends = |name| AuthPlugin::from_name(name).unwrap().sends_password();
        assert!(sends("mysql_clear_password") && sends("sha256_password"));
        assert!(!sends("caching_sha2_password") && !sends("mysql_native_password"));
    }

    proptest! {
        #[test]
        fn no_panic(bytes: Vec<u8>) {
            let _ = parse_auth_reply(&bytes);
        }
    }
}
