//! Random sets, with what a MySQL 9.7.4 server answered for them.
//!
//! Lines of the fixture: a, b, `GTID_SUBTRACT(a, b)`, `GTID_SUBSET(a, b)`, tab-separated, `\n` inside
//! the text written as the client's batch mode writes it.

use super::super::GtidSet;

#[test]
fn the_server_agrees() {
    let lines = include_str!("server_gtid.tsv").lines();
    let mut checked = 0;
    for line in lines {
        let fields: Vec<String> = line.split('\t').map(|f| f.replace("\\n", "\n")).collect();
        let [a, b, difference, subset] = fields.as_slice() else { panic!("{line}") };
        let (a, b): (GtidSet, GtidSet) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(a.subtract(&b).to_string(), *difference, "{line}");
        assert_eq!(b.contains_set(&a), subset == "1", "{line}");
        checked += 1;
    }
    assert_eq!(checked, 300);
}
