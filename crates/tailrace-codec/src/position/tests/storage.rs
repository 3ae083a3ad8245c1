//! The stored form of sets.

use proptest::prelude::*;

use super::super::GtidSet;

fn encode(set: &GtidSet) -> Vec<u8> {
    let mut out = Vec::new();
    set.encode_storage(&mut out);
    out
}

/// The layout is a contract with what older programs stored: this test may not change.
#[test]
fn the_layout_is_fixed() {
    let set: GtidSet = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-300:303:t:7".parse().unwrap();
    let expected = "01\
        02\
        3e11fa4771ca11e19e33c80aa9429562\
        00\
        02\
        01ac02\
        0201\
        3e11fa4771ca11e19e33c80aa9429562\
        0174\
        01\
        0701";
    assert_eq!(hex::encode(encode(&set)), expected);
    assert_eq!(hex::encode(encode(&GtidSet::new())), "0100");
}

#[test]
fn other_forms_are_refused() {
    let uuid = "3e11fa4771ca11e19e33c80aa9429562";
    let cases = [
        (String::new(), "more bytes are needed"),
        ("02".to_owned(), "version 2 is unknown"),
        ("0101".to_owned(), "more bytes are needed"),
        (format!("0101{uuid}0000"), "has no intervals"),
        (format!("0101{uuid}00010001"), "0 behind 0"),
        (format!("0101{uuid}00010100"), "of 0 numbers"),
        (format!("0101{uuid}015401010101"), "upper case"),
        (format!("0102{uuid}00010101{uuid}00010101"), "not in order"),
        (format!("0101{uuid}0001010100"), "1 bytes follow"),
        (format!("0101{uuid}0001018100"), "more bytes than it needs"),
        (format!("0101{uuid}000101ffffffffffffffff7f"), "at most 9223372036854775806"),
        (format!("0101{uuid}000101ffffffffffffffffff7f"), "above 64 bits"),
    ];
    for (bytes, reason) in cases {
        let error = GtidSet::decode_storage(&hex::decode(&bytes).unwrap()).unwrap_err();
        assert!(error.to_string().contains(reason), "{bytes}: {error}");
    }
}

proptest! {
    #[test]
    fn stored_sets_read_back(set in super::set()) {
        prop_assert_eq!(GtidSet::decode_storage(&encode(&set)).unwrap(), set);
    }

    #[test]
    fn equal_sets_have_equal_bytes(a in super::set(), b in super::set()) {
        let joined = a.union(&b);
        prop_assert_eq!(encode(&joined), encode(&b.union(&a)));
        prop_assert_eq!(encode(&a) == encode(&b), a == b);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let bytes = [&[1], bytes.as_slice()].concat();
        if let Ok(set) = GtidSet::decode_storage(&bytes) {
            prop_assert_eq!(encode(&set), bytes);
        }
    }
}
