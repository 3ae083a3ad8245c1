//! Stores made by keytool and OpenSSL; see `fixtures/README.md`.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;

const CA: &str = include_str!("fixtures/ca.pem");
const INTERMEDIATE: &str = include_str!("fixtures/intermediate.pem");
const CLIENT: &str = include_str!("fixtures/client.pem");
const CLIENT_KEY: &str = include_str!("fixtures/client.key");

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_bytes!(concat!("fixtures/", $name)).as_slice())
    };
}

const TRUST_STORES: [(&str, &[u8]); 2] = [fixture!("trust.jks"), fixture!("trust.p12")];
const KEY_STORES: [(&str, &[u8]); 4] = [
    fixture!("key.p12"),
    fixture!("key-legacy.p12"),
    fixture!("openssl.p12"),
    fixture!("openssl-legacy.p12"),
];
const KEY_JKS: &[u8] = include_bytes!("fixtures/key.jks");

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn open(bytes: &[u8]) -> KeyStore {
    assert!(is_store(bytes));
    read(bytes, &secret("changeit"), None).unwrap()
}

/// PEM blocks without what OpenSSL may put around them.
fn blocks(texts: &[&str]) -> Vec<String> {
    let joined = texts.concat();
    let mut blocks: Vec<String> = joined
        .split_inclusive("-----END CERTIFICATE-----\n")
        .map(|b| b.get(b.find("-----BEGIN").unwrap_or(0)..).unwrap_or_default().to_owned())
        .filter(|b| !b.is_empty())
        .collect();
    blocks.sort();
    blocks
}

#[test]
fn trust_stores_give_their_certificates() {
    for (name, bytes) in TRUST_STORES {
        let store = open(bytes);
        assert_eq!(blocks(&[&store.trusted_pem]), blocks(&[CA, INTERMEDIATE]), "{name}");
        assert!(store.identity.is_none(), "{name}");
        assert_eq!(store.authorities_pem(), store.trusted_pem);
    }
    let legacy = open(include_bytes!("fixtures/trust-legacy.p12"));
    assert_eq!(blocks(&[&legacy.trusted_pem]), blocks(&[CA]));
    let accents = include_bytes!("fixtures/trust-utf8.jks");
    let store = read(accents, &secret("pässwörd€"), None).unwrap();
    assert_eq!(blocks(&[&store.trusted_pem]), blocks(&[CA]));
}

#[test]
fn key_stores_give_the_key_and_its_chain_in_order() {
    let jks = read(KEY_JKS, &secret("changeit"), Some(&secret("other-key-pass"))).unwrap();
    let stores = KEY_STORES.map(|(name, bytes)| (name, open(bytes)));
    for (name, store) in stores.into_iter().chain([("key.jks", jks)]) {
        let identity = store.identity.as_ref().unwrap();
        assert_eq!(identity.chain_pem, [CLIENT, INTERMEDIATE, CA].concat(), "{name}");
        assert_eq!(identity.key_pem.expose_secret(), CLIENT_KEY, "{name}");
        assert_eq!(store.trusted_pem, "", "{name}");
        assert_eq!(store.authorities_pem(), identity.chain_pem);
        assert!(!format!("{store:?}").contains("PRIVATE"), "{name}");
    }
}

#[test]
fn a_wrong_password_is_told_as_such() {
    for (name, bytes) in TRUST_STORES.into_iter().chain(KEY_STORES) {
        for wrong in ["", "changeit ", "Changeit"] {
            let error = read(bytes, &secret(wrong), None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{name}");
            assert!(error.message().contains("password does not fit the store"), "{name}: {error}");
        }
    }
    for key_password in [None, Some(secret("nonsense"))] {
        let error = read(KEY_JKS, &secret("changeit"), key_password.as_ref()).unwrap_err();
        assert!(error.message().contains("does not fit the private key"), "{error}");
    }
    let error = read(KEY_STORES[0].1, &secret("changeit"), Some(&secret("nonsense"))).unwrap_err();
    assert!(error.message().contains("does not fit the private key"), "{error}");
}

#[test]
fn other_forms_are_named() {
    let error = read(include_bytes!("fixtures/key.jceks"), &secret("changeit"), None).unwrap_err();
    assert!(error.message().contains("JCEKS"), "{error}");
    for bytes in [b"".as_slice(), CA.as_bytes(), &[0x30, 3, 2, 1, 2]] {
        assert!(!is_store(bytes));
        let error = read(bytes, &secret("changeit"), None).unwrap_err();
        assert!(error.message().contains("neither JKS nor PKCS#12"), "{error}");
    }
    let error = read(&[0x30, 0x80, 2, 1, 3, 0, 0], &secret("changeit"), None).unwrap_err();
    assert!(error.message().contains("BER, not DER"), "{error}");
    let large = vec![0; STORE_BYTES_MAX + 1];
    assert!(read(&large, &secret("x"), None).unwrap_err().message().contains("at most 1048576"));
}

#[test]
fn a_changed_or_cut_store_is_refused() {
    for (name, bytes) in TRUST_STORES.into_iter().chain([("key.jks", KEY_JKS)]) {
        for at in (0..bytes.len()).step_by(97) {
            assert!(read(&bytes[..at], &secret("changeit"), None).is_err(), "{name} cut at {at}");
            let mut changed = bytes.to_vec();
            changed[at] ^= 0x41;
            assert!(read(&changed, &secret("changeit"), None).is_err(), "{name} changed at {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Behind the check of the password, nothing is left that could be trusted; in front of it
    /// nothing may be either.
    #[test]
    fn no_bytes_make_it_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        head in prop::sample::select(vec![
            vec![],
            vec![0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2],
            vec![0x30, 0x82, 1, 0x2C, 2, 1, 3, 0x30],
        ]),
    ) {
        let mut all = head;
        all.append(&mut bytes);
        prop_assert!(read(&all, &secret("changeit"), None).is_err());
    }
}
