//! Positions by file and offset.

use proptest::prelude::*;

use super::super::FileOffset;

#[test]
fn a_position_reads_and_prints() {
    let position = FileOffset::parse(" mysql-bin.000277:805\n").unwrap();
    assert_eq!(position.file(), "mysql-bin.000277");
    assert_eq!(position.base_name(), "mysql-bin");
    assert_eq!((position.sequence(), position.offset()), (277, 805));
    assert_eq!(position.to_string(), "mysql-bin.000277:805");
    assert_eq!(position.at(4).to_string(), "mysql-bin.000277:4");
    assert_eq!(FileOffset::new("mysql-bin.000277", 805).unwrap(), position);

    let odd = FileOffset::parse("a.b:c.00000000000000000001:0").unwrap();
    assert_eq!((odd.base_name(), odd.sequence()), ("a.b:c", 1));
}

#[test]
fn a_wrong_part_is_named() {
    let long_name = "n".repeat(61);
    let cases = [
        ("", "offset"),
        ("mysql-bin.000277", "offset"),
        ("mysql-bin.000277:", "offset"),
        ("mysql-bin.000277:-1", "offset"),
        ("mysql-bin.000277:+1", "offset"),
        ("mysql-bin.000277:123456789012345678901", "offset"),
        ("mysql-bin.000277:99999999999999999999", "offset"),
        ("mysql-bin:805", "file number"),
        ("mysql-bin.:805", "file number"),
        ("mysql-bin.77:805", "file number"),
        ("mysql-bin.0002x7:805", "file number"),
        ("mysql-bin.123456789012345678901:805", "file number"),
        (".000277:805", "file name"),
    ];
    for (text, part) in cases {
        let error = FileOffset::parse(text).unwrap_err();
        assert_eq!(error.what, format!("binlog position, {part}"), "{text}: {error}");
    }
    let error = FileOffset::parse(&format!("{long_name}.001:4")).unwrap_err();
    assert!(error.to_string().contains("61 characters, 1 to 60 are allowed"), "{error}");
    let error = FileOffset::parse(&format!("{}.001:4", "ä".repeat(60))).unwrap_err();
    assert!(error.to_string().contains("at most 100 are allowed"), "{error}");
}

#[test]
fn a_servers_own_name_is_checked() {
    assert_eq!(FileOffset::new("binlog.2147483647", 4).unwrap().sequence(), 2_147_483_647);
    assert_eq!(FileOffset::new("b.1", 4).unwrap().sequence(), 1);
    let long = format!("{}.000001", "x".repeat(510));
    for name in ["", "binlog", ".000001", "binlog.", "binlog.index", &long] {
        assert_eq!(FileOffset::new(name, 4).unwrap_err().what, "binlog file name", "{name}");
    }
}

#[test]
fn order_follows_the_number_not_the_text() {
    let position = |text: &str| FileOffset::parse(text).unwrap();
    assert!(position("b.999999:9") < position("b.1000000:4"));
    assert!(position("b.000002:4") > position("b.000001:999"));
    assert!(position("b.000002:4") < position("b.000002:5"));
}

#[test]
fn the_stored_layout_is_fixed() {
    let mut out = Vec::new();
    FileOffset::parse("b.000277:805").unwrap().encode_storage(&mut out);
    assert_eq!(hex::encode(&out), "0100000000000001150000000000000325622e303030323737");
    for end in 0..out.len() {
        assert!(FileOffset::decode_storage(&out[..end]).is_err(), "{end}");
    }
    out[0] = 2;
    let error = FileOffset::decode_storage(&out).unwrap_err();
    assert!(error.to_string().contains("version 2 is unknown"), "{error}");
    out[0] = 1;
    out[8] = 9;
    let error = FileOffset::decode_storage(&out).unwrap_err();
    assert!(error.to_string().contains("does not match"), "{error}");
}

fn position() -> impl Strategy<Value = FileOffset> {
    ("[a-z]{1,4}", 0_u64..2_000_000, 0_u64..50).prop_map(|(name, number, offset)| {
        FileOffset::new(format!("{name}.{number:06}"), offset).unwrap()
    })
}

proptest! {
    #[test]
    fn stored_order_is_the_order(a in position(), b in position()) {
        let stored = |position: &FileOffset| {
            let mut out = Vec::new();
            position.encode_storage(&mut out);
            out
        };
        prop_assert_eq!(stored(&a).cmp(&stored(&b)), a.cmp(&b));
        prop_assert_eq!(&FileOffset::decode_storage(&stored(&a)).unwrap(), &a);
        prop_assert_eq!(FileOffset::parse(&a.to_string()).unwrap(), a);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-z.:0-9ä]{0,110}") {
        if let Ok(position) = FileOffset::parse(&text) {
            prop_assert_eq!(position.to_string(), text);
        }
    }
}
