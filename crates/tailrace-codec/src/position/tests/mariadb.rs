//! MariaDB's GTIDs and positions.

use proptest::prelude::*;

use super::super::{ExecutedGtids, MariaDbGtid, MariaDbPosition, SourceGtid};

fn gtid() -> impl Strategy<Value = MariaDbGtid> {
    (0_u32..4, any::<u32>(), any::<u64>()).prop_map(|(domain, server, sequence)| MariaDbGtid {
        domain,
        server,
        sequence,
    })
}

#[test]
fn text_is_read_or_refused_by_name() {
    let position: MariaDbPosition = " 4-2-11, 0-1-270 ".parse().unwrap();
    assert_eq!(position.to_string(), "0-1-270,4-2-11");
    assert!("".parse::<MariaDbPosition>().unwrap().is_empty());
    for (text, said) in [
        ("0-1", "no sequence"),
        ("0-1-5-7", "more than three parts"),
        ("0--5", "no server"),
        ("a-1-5", "no domain"),
        ("4294967296-1-5", "a domain above 32 bits"),
        ("0-4294967296-5", "a server above 32 bits"),
        ("0-1-18446744073709551616", "a sequence above 64 bits"),
        ("0-1-5,", "no domain"),
        ("0-1-5,0-2-6", "of one domain"),
    ] {
        let error = text.parse::<MariaDbPosition>().unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn the_first_transaction_tells_the_product() {
    let mysql = SourceGtid::MySql("3e11fa47-71ca-11e1-9e33-c80aa9429562:5".parse().unwrap());
    let mariadb = SourceGtid::MariaDb("0-1-5".parse().unwrap());
    for (first, second) in [(mysql, mariadb), (mariadb, mysql)] {
        let mut executed = ExecutedGtids::parse("").unwrap();
        executed.add(&first).unwrap();
        assert_eq!(executed.to_string(), first.to_string());
        assert_eq!(ExecutedGtids::parse(&executed.to_string()).unwrap(), executed);
        let error = executed.add(&second).unwrap_err().to_string();
        assert!(error.contains("two products"), "{error}");
    }
}

proptest! {
    #[test]
    fn a_position_is_the_last_of_each_domain(gtids in proptest::collection::vec(gtid(), 0..20)) {
        let mut position = MariaDbPosition::new();
        let mut last = std::collections::BTreeMap::new();
        for gtid in &gtids {
            position.advance(*gtid);
            last.insert(gtid.domain, gtid.to_string());
        }
        let text = last.into_values().collect::<Vec<_>>().join(",");
        prop_assert_eq!(&text.parse::<MariaDbPosition>().unwrap(), &position);
        prop_assert_eq!(position.to_string(), text);
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = text.parse::<MariaDbPosition>();
        let _ = ExecutedGtids::parse(&text);
    }
}
