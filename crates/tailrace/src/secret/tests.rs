use secrecy::{ExposeSecret as _, SecretString};

use super::*;

const PLACE: Place<'static> = Place { table: "job_secrets", row: "j1/source", column: "password" };

fn vault() -> (MasterKey, Vec<WrappedKey>, Vault) {
    let master = MasterKey::generate().unwrap();
    let stored = vec![Vault::make_key(&master, 1).unwrap()];
    let vault = Vault::open(&master, &stored).unwrap();
    (master, stored, vault)
}

#[test]
fn a_sealed_value_opens_at_its_place_only() {
    let (_, _, vault) = vault();
    let secret = SecretString::from("pass wörd");
    let sealed = vault.seal(PLACE, &secret).unwrap();
    assert!(!sealed.windows(4).any(|w| w == b"pass"));
    assert_eq!(vault.unseal(PLACE, &sealed).unwrap().expose_secret(), "pass wörd");
    for other in [
        Place { row: "j2/source", ..PLACE },
        Place { column: "key_password", ..PLACE },
        Place { table: "access_keys", ..PLACE },
        // The same bytes, cut at another place.
        Place { table: "job_secretsj", row: "1/source", ..PLACE },
    ] {
        assert_eq!(
            vault.unseal(other, &sealed).unwrap_err(),
            SecretError::Damaged(other.to_string())
        );
    }
}

#[test]
fn two_sealings_of_one_value_differ() {
    let (_, _, vault) = vault();
    let secret = SecretString::from("same");
    assert_ne!(vault.seal(PLACE, &secret).unwrap(), vault.seal(PLACE, &secret).unwrap());
}

#[test]
fn every_damaged_byte_and_every_cut_is_noticed() {
    let (_, _, vault) = vault();
    let sealed = vault.seal(PLACE, &SecretString::from("secret")).unwrap();
    for i in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[i] ^= 1;
        vault.unseal(PLACE, &damaged).unwrap_err();
        vault.unseal(PLACE, &sealed[..i]).unwrap_err();
    }
}

#[test]
fn a_new_data_key_seals_and_the_old_one_still_opens() {
    let (master, mut stored, old) = vault();
    let sealed = old.seal(PLACE, &SecretString::from("secret")).unwrap();
    stored.push(Vault::make_key(&master, 2).unwrap());
    let new = Vault::open(&master, &stored).unwrap();
    assert_eq!(new.unseal(PLACE, &sealed).unwrap().expose_secret(), "secret");
    let resealed = new.reseal(PLACE, &sealed).unwrap().unwrap();
    assert!(resealed.starts_with(&2u32.to_be_bytes()));
    assert_eq!(new.reseal(PLACE, &resealed).unwrap(), None);
    assert_eq!(old.unseal(PLACE, &resealed).unwrap_err(), SecretError::KeyMissing(2));
}

#[test]
fn another_master_key_is_named_and_rewrapping_moves_to_it() {
    let (old, stored, vault) = vault();
    let sealed = vault.seal(PLACE, &SecretString::from("secret")).unwrap();
    let new = MasterKey::generate().unwrap();
    assert_eq!(
        Vault::open(&new, &stored).unwrap_err(),
        SecretError::WrongMaster { wanted: old.fingerprint(), found: new.fingerprint() }
    );
    let moved = vec![Vault::rewrap(&old, &new, &stored[0]).unwrap()];
    let vault = Vault::open(&new, &moved).unwrap();
    assert_eq!(vault.unseal(PLACE, &sealed).unwrap().expose_secret(), "secret");
}

#[test]
fn no_data_key_is_an_error() {
    let master = MasterKey::generate().unwrap();
    assert_eq!(Vault::open(&master, &[]).unwrap_err(), SecretError::KeyMissing(1));
}

#[test]
fn the_key_file_is_private_and_written_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    let key = MasterKey::generate().unwrap();
    key.write_new(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(MasterKey::read(&path).unwrap().fingerprint(), key.fingerprint());
    key.write_new(&path).unwrap_err();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let text = MasterKey::read(&path).unwrap_err().to_string();
    assert!(text.contains("0640"), "{text}");
}

#[test]
fn a_key_text_that_is_not_32_bytes_is_refused_without_showing_it() {
    for text in ["c2hvcnQ=", "not base64 !"] {
        let error = MasterKey::from_text(&SecretString::from(text)).unwrap_err().to_string();
        assert!(!error.contains(text), "{error}");
    }
    let key = MasterKey::generate().unwrap();
    assert!(format!("{key:?}").len() < 40);
}
