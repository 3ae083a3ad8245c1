//! MySQL's binary form.

use proptest::prelude::*;

use super::super::GtidSet;

/// Body of a PREVIOUS_GTIDS event that MySQL 9.7.4 wrote, without the checksum.
const TAGGED: &str = "\
    0104000000000001\
    3e11fa4771ca11e19e33c80aa9429562000200000000000000\
    4d000000000000004e000000000000004f000000000000005000000000000000\
    60cd118de87b11f1af9902fc00000001000100000000000000\
    01000000000000000400000000000000\
    60cd118de87b11f1af9902fc00000001026201000000000000000100000000000000\
    0200000000000000\
    60cd118de87b11f1af9902fc000000010a7461675f610100000000000000\
    01000000000000000300000000000000";

/// What the same server printed for it as `@@gtid_executed`.
const TAGGED_TEXT: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562:77:79,\n\
    60cd118d-e87b-11f1-af99-02fc00000001:1-3:b:1:tag_a:1-2";

const UNTAGGED: &str = "\
    0100000000000000\
    60cd118de87b11f1af9902fc000000010100000000000000\
    01000000000000000400000000000000";

fn encode(set: &GtidSet) -> Vec<u8> {
    let mut out = Vec::new();
    set.encode_mysql(&mut out);
    out
}

#[test]
fn the_servers_bytes_read_and_write() {
    for (bytes, text) in [
        (TAGGED, TAGGED_TEXT),
        (UNTAGGED, "60cd118d-e87b-11f1-af99-02fc00000001:1-3"),
        ("0000000000000000", ""),
    ] {
        let bytes = hex::decode(bytes).unwrap();
        let set = GtidSet::decode_mysql(&bytes).unwrap();
        assert_eq!(set.to_string(), text);
        assert_eq!(encode(&set), bytes);
    }
}

#[test]
fn an_empty_tagged_set_of_the_server_is_empty() {
    let bytes = hex::decode("0100000000000001").unwrap();
    assert!(GtidSet::decode_mysql(&bytes).unwrap().is_empty());
}

#[test]
fn every_cut_is_refused() {
    for bytes in [TAGGED, UNTAGGED] {
        let bytes = hex::decode(bytes).unwrap();
        for end in 0..bytes.len() {
            let error = GtidSet::decode_mysql(&bytes[..end]).unwrap_err();
            assert!(error.offset <= end, "{end}: {error}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        let error = GtidSet::decode_mysql(&longer).unwrap_err();
        assert!(error.reason.contains("1 bytes follow"), "{error}");
    }
}

#[test]
fn impossible_bytes_are_refused_with_the_reason() {
    let untagged = hex::decode(UNTAGGED).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = untagged.clone();
        bytes[at] = byte;
        GtidSet::decode_mysql(&bytes).unwrap_err().to_string()
    };
    assert!(with(7, 2).contains("format 2 is unknown"));
    assert!(with(32, 0).contains("interval 0..4"));
    assert!(with(40, 1).contains("interval 1..1"));
    assert!(with(47, 0x80).contains("within 9223372036854775806"));
    // A count far beyond the bytes neither allocates nor loops.
    assert!(with(30, 0xFF).contains("more bytes are needed"));
    assert!(with(6, 0xFF).contains("more bytes are needed"));

    let mut tagged = hex::decode(TAGGED).unwrap();
    tagged[24] = 1;
    assert!(GtidSet::decode_mysql(&tagged).unwrap_err().reason.contains("tag length byte 0x01"));
    tagged[24] = 66;
    assert!(GtidSet::decode_mysql(&tagged).unwrap_err().reason.contains("tag length byte 0x42"));
}

proptest! {
    #[test]
    fn written_sets_read_back(set in super::set()) {
        prop_assert_eq!(GtidSet::decode_mysql(&encode(&set)).unwrap(), set);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(set) = GtidSet::decode_mysql(&bytes) {
            prop_assert_eq!(GtidSet::decode_mysql(&encode(&set)).unwrap(), set);
        }
    }
}
