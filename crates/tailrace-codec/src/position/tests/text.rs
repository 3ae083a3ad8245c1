//! Text in and out. Accepted, refused and printed forms were taken from a MySQL 9.7.4 server with
//! `SELECT GTID_SUBTRACT(text, '')`.

use proptest::prelude::*;

use super::super::{Gtid, GtidSet, Tag};

const U: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

/// (text with `U` for the UUID, what the server prints with `U` for the UUID)
const ACCEPTED: &[(&str, &str)] = &[
    ("", ""),
    (",,,", ""),
    ("U", ""),
    ("U:tag", ""),
    ("U:1-5:7:tag:1-3", "U:1-5:7:tag:1-3"),
    (
        "  U : 1 - 5 : 7 : TaG_1 : 1-3 , , \n 00000000-0000-0000-0000-000000000001:5-5",
        "00000000-0000-0000-0000-000000000001:5,\nU:1-5:7:tag_1:1-3",
    ),
    ("U:7-3:9", "U:9"),
    ("U:7-3", ""),
    ("U:1-0", ""),
    ("U:9223372036854775806", "U:9223372036854775806"),
    ("U:1-9223372036854775806", "U:1-9223372036854775806"),
    ("3e11fa4771ca11e19e33c80aa9429562:1", "U:1"),
    ("{U}:1", "U:1"),
    ("{U} :1", "U:1"),
    ("3E11FA47-71CA-11E1-9e33-c80aa9429562:1", "U:1"),
    ("U:1,U:2", "U:1-2"),
    ("U:1-5:3-9", "U:1-9"),
    ("U:b:1:a:2:5", "U:a:2:5:b:1"),
    ("U:a:1:b:2,U:5", "U:5:a:1:b:2"),
    ("U:_a9:1", "U:_a9:1"),
    ("U:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1", "U:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1"),
    ("U:08", "U:8"),
    ("U:00000000000000000000000000000000000000001", "U:1"),
    ("U:a:1:A:5", "U:a:1:5"),
    ("U:a:b:2", "U:b:2"),
    ("U: a:1", "U:a:1"),
    ("U:4- 6", "U:4-6"),
    (" , U:1", "U:1"),
    ("U:1 , ", "U:1"),
    ("U\u{b}:\u{c}1", "U:1"),
    ("U\r:\n\t1\r\n", "U:1"),
];

/// (text, byte offset of the mistake)
const REFUSED: &[(&str, usize)] = &[
    ("U:010:0x20", 41),
    ("U:9223372036854775807", 37),
    ("U:0", 37),
    ("U:0-5", 37),
    ("U:", 37),
    ("U:1 2", 39),
    ("U:1--2", 39),
    ("U:+3", 37),
    ("U:-1", 37),
    ("U:1-", 39),
    ("U:1-+2", 39),
    ("U:1-0x7", 40),
    ("U:1-9223372036854775807", 39),
    ("U:1-99999999999999999999999", 39),
    ("U:9223372036854775808-1", 37),
    ("U:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1", 37),
    ("U:1:a-b:1", 40),
    ("U:a b:1", 39),
    ("U:9a:1", 38),
    ("U:1.5", 38),
    ("U:1;", 38),
    ("U:1\0:2", 38),
    ("U:1:", 39),
    ("U:1:a:", 41),
    ("U:a:", 39),
    ("U:a:b,:2", 41),
    ("U U:1", 37),
    ("+U:1", 0),
    ("3e11", 4),
    ("3e1", 3),
    ("3e11fa4-771ca-11e1-9e33-c80aa9429562:1", 7),
    ("3e11fa47-71ca11e19e33c80aa9429562:1", 13),
    ("3e11fa47-71ca-11e1-9e33-c80aa942956200:1", 36),
    ("{3e11fa4771ca11e19e33c80aa9429562}:1", 9),
    ("{3e11fa47-71ca-11e1-9e33-c80aa9429562:1", 37),
    ("{ U}:1", 1),
    ("U\u{a0}:5", 36),
];

#[test]
fn sets_read_and_print_as_the_server_does() {
    for (text, printed) in ACCEPTED {
        let text = text.replace('U', U);
        let set: GtidSet = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(set.to_string(), printed.replace('U', U), "{text}");
    }
}

#[test]
fn what_the_server_refuses_is_refused_with_the_place() {
    for (text, offset) in REFUSED {
        let text = text.replace('U', U);
        let error = text.parse::<GtidSet>().expect_err(&text);
        assert_eq!(error.offset, *offset, "{text}: {error}");
        assert_eq!(error.what, "GTID set");
    }
}

#[test]
fn an_error_says_what_was_expected_and_what_was_found() {
    let error = format!("{U}:1-x").parse::<GtidSet>().unwrap_err();
    assert_eq!(error.to_string(), "GTID set at byte 39: a number was expected, found `x`");
    let error = format!("{U}:0").parse::<GtidSet>().unwrap_err();
    assert!(error.to_string().contains("1..=9223372036854775806"), "{error}");
}

#[test]
fn one_gtid_reads_and_prints() {
    for text in [format!("{U}:23"), format!("{U}:tag:5")] {
        assert_eq!(text.parse::<Gtid>().unwrap().to_string(), text);
    }
    for text in [U.to_owned(), format!("{U}:tag"), format!("{U}:1-2"), format!("{U}:1:2")] {
        assert!(text.parse::<Gtid>().is_err(), "{text}");
    }
}

#[test]
fn tags_follow_the_rule() {
    assert_eq!(Tag::new("_Abc9").unwrap().as_str(), "_abc9");
    for text in ["", "9a", "a-b", "ä", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        assert!(Tag::new(text).is_err(), "{text}");
    }
    assert!(Tag::new("_").unwrap() < Tag::new("a").unwrap());
    assert!(Tag::new("a").unwrap() < Tag::new("a0").unwrap());
}

proptest! {
    #[test]
    fn printed_sets_read_back(set in super::set()) {
        prop_assert_eq!(set.to_string().parse::<GtidSet>().unwrap(), set);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9a-f:,{} \\-\n_x]{0,90}") {
        if let Ok(set) = text.parse::<GtidSet>() {
            prop_assert_eq!(set.to_string().parse::<GtidSet>().unwrap(), set);
        }
    }
}
