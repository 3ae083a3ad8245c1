//! Numbers and names of collations.

use super::super::{Decoder, charset_name, charset_of, collation_id, default_collation};

#[test]
fn well_known_ids_and_names_meet() {
    for (id, name, charset) in [
        (8, "latin1_swedish_ci", "latin1"),
        (28, "gbk_chinese_ci", "gbk"),
        (33, "utf8mb3_general_ci", "utf8mb3"),
        (45, "utf8mb4_general_ci", "utf8mb4"),
        (63, "binary", "binary"),
        (213, "utf8mb3_croatian_ci", "utf8mb3"),
        (248, "gb18030_chinese_ci", "gb18030"),
        (255, "utf8mb4_0900_ai_ci", "utf8mb4"),
        (309, "utf8mb4_0900_bin", "utf8mb4"),
        (323, "utf8mb4_mn_cyrl_0900_as_cs", "utf8mb4"),
        (1032, "latin1_swedish_nopad_ci", "latin1"),
        (2304, "utf8mb4_uca1400_ai_ci", "utf8mb4"),
    ] {
        assert_eq!(charset_of(id), Some(charset), "{id}");
        assert_eq!(collation_id(name), Some(id), "{name}");
        assert_eq!(collation_id(&name.to_uppercase()), Some(id), "{name}");
    }
}

/// Names that two servers use for two ids, and ids that have two names, agree on the character set.
#[test]
fn names_used_twice_have_one_character_set() {
    for (name, ids) in [("utf8mb4_croatian_ci", [245, 608]), ("ucs2_croatian_ci", [149, 640])] {
        let id = collation_id(name).unwrap();
        assert!(ids.contains(&id));
        assert_eq!(charset_of(ids[0]), charset_of(ids[1]));
    }
    assert_eq!(collation_id("utf8mb4_croatian_mysql561_ci"), Some(245));
}

#[test]
fn older_names_are_known() {
    assert_eq!(charset_name("UTF8"), Some("utf8mb3"));
    assert_eq!(default_collation("utf8"), Some(33));
    assert_eq!(collation_id("utf8_general_ci"), Some(33));
    assert_eq!(collation_id("utf8_bin"), Some(83));
    assert_eq!(Decoder::for_charset("utf8").unwrap().name(), "utf8mb3");
}

#[test]
fn defaults_are_the_servers() {
    for (charset, id) in [("utf8mb4", 255), ("latin1", 8), ("gbk", 28), ("binary", 63)] {
        assert_eq!(default_collation(charset), Some(id), "{charset}");
    }
    assert_eq!(default_collation("latin3"), None);
}

#[test]
fn every_known_collation_has_a_decoder_but_binary() {
    let mut known = 0;
    for id in 0..=u16::MAX {
        match (charset_of(id), Decoder::for_collation(id)) {
            (Some("binary"), Err(error)) => {
                assert!(error.to_string().contains("bytes, not text"), "{error}");
            }
            (Some(charset), Ok(decoder)) => assert_eq!(decoder.name(), charset),
            (None, Err(error)) => assert!(error.to_string().contains(&id.to_string()), "{error}"),
            (charset, decoder) => panic!("{id}: {charset:?}, {decoder:?}"),
        }
        known += usize::from(charset_of(id).is_some());
    }
    assert_eq!(known, 286 + 1023);
}

#[test]
fn an_unknown_name_is_named() {
    let error = Decoder::for_charset("latin3").unwrap_err();
    assert!(error.to_string().contains("`latin3` at byte 0: the name is unknown"), "{error}");
}
