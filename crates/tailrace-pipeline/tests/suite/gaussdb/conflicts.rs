//! What happens where the target's rows are not what the source's were, by the policy.

use std::collections::HashMap;

use tailrace_codec::gaussdb::apply::{ChangeKind, Changes, Conflict, Text};
use tailrace_pipeline::ErrorKind;

use super::{U, make, open, rows, t};

/// What a change does to row 1 of the target, which is there with the values `old` or not at all.
struct Case {
    there: bool,
    kind: ChangeKind,
    /// Nothing but the key is told of the row before the change.
    partly: bool,
    overwrite: Result<&'static [&'static str], &'static str>,
    ignore: Result<&'static [&'static str], &'static str>,
    stop: Result<&'static [&'static str], &'static str>,
}

const CASES: [Case; 6] = [
    Case {
        there: true,
        kind: ChangeKind::Insert,
        partly: false,
        overwrite: Ok(&["(1,new,new)"]),
        ignore: Ok(&["(1,old,old)"]),
        stop: Err("Key (a)=(1) already exists"),
    },
    Case {
        there: true,
        kind: ChangeKind::Update,
        partly: true,
        overwrite: Ok(&["(1,new,old)"]),
        ignore: Ok(&["(1,new,old)"]),
        stop: Ok(&["(1,new,old)"]),
    },
    Case {
        there: false,
        kind: ChangeKind::Update,
        partly: false,
        overwrite: Ok(&["(1,new,was)"]),
        ignore: Ok(&[]),
        stop: Err("touched 0 rows, not 1"),
    },
    Case {
        there: false,
        kind: ChangeKind::Update,
        partly: true,
        overwrite: Err("touched 0 rows, not 1"),
        ignore: Ok(&[]),
        stop: Err("touched 0 rows, not 1"),
    },
    Case {
        there: false,
        kind: ChangeKind::Delete,
        partly: true,
        overwrite: Ok(&[]),
        ignore: Ok(&[]),
        stop: Err("touched 0 rows, not 1"),
    },
    Case {
        there: true,
        kind: ChangeKind::Delete,
        partly: false,
        overwrite: Ok(&[]),
        ignore: Ok(&[]),
        stop: Ok(&[]),
    },
];

/// Adds changes that meet what they expect.
fn company(changes: &mut Changes, count: usize) {
    for number in 100..100 + count {
        let number = number.to_string();
        let row = [t(&number), t("v"), t("v")];
        assert!(changes.push(ChangeKind::Insert, 0, [], row));
    }
}

#[test]
fn each_policy_decides_each_conflict_alone_and_among_many() {
    let (mut sink, _) = open("conflicts");
    let columns = "a integer PRIMARY KEY, b text, c text) DISTRIBUTE BY HASH (a";
    make(&mut sink, "conflicts", columns);
    let tables = HashMap::from([(0, sink.table("conflicts", "t").unwrap())]);
    let mut changes = Changes::new();
    for (number, case) in CASES.iter().enumerate() {
        for (conflict, wanted) in [
            (Conflict::Overwrite, case.overwrite),
            (Conflict::Ignore, case.ignore),
            (Conflict::Stop, case.stop),
        ] {
            for others in [0, 200] {
                let name = format!("case {number}, {conflict:?}, {others} others");
                sink.begin().unwrap();
                sink.define("TRUNCATE conflicts.t").unwrap();
                if case.there {
                    sink.define("INSERT INTO conflicts.t VALUES (1, 'old', 'old')").unwrap();
                }
                sink.commit("prepared").unwrap();
                changes.clear();
                company(&mut changes, others);
                let untold: [Text<'_>; 3] = [t("1"), U, U];
                let whole = [t("1"), t("was"), t("was")];
                let before = if case.partly { untold } else { whole };
                let pushed = match case.kind {
                    ChangeKind::Insert => {
                        changes.push(case.kind, 0, [], [t("1"), t("new"), t("new")])
                    }
                    ChangeKind::Update => changes.push(case.kind, 0, before, [U, t("new"), U]),
                    ChangeKind::Delete => changes.push(case.kind, 0, before, []),
                };
                assert!(pushed);
                sink.begin().unwrap();
                let applied = sink.apply(&tables, &changes, conflict);
                match (applied, wanted) {
                    (Ok(()), Ok(wanted)) => {
                        sink.commit("applied").unwrap();
                        let there = rows("conflicts");
                        let (own, company): (Vec<_>, Vec<_>) =
                            there.into_iter().partition(|row| row.starts_with("(1,"));
                        // An update that was told whole sets what it was told.
                        let wanted: Vec<&str> = wanted.to_vec();
                        assert_eq!(own, wanted, "{name}");
                        assert_eq!(company.len(), others, "{name}");
                    }
                    (Err(error), Err(wanted)) => {
                        assert_eq!(error.kind(), ErrorKind::TargetRow, "{name}: {error}");
                        assert!(error.message().contains(wanted), "{name}: {error}");
                        let place = format!("change {} of {}", others + 1, others + 1);
                        assert!(error.message().contains(&place), "{name}: {error}");
                        sink.roll_back().unwrap();
                    }
                    (applied, wanted) => panic!("{name}: {applied:?}, not {wanted:?}"),
                }
            }
        }
    }
}

#[test]
fn values_that_do_not_fit_are_named_and_never_cut_off() {
    let (mut sink, _) = open("narrow");
    make(&mut sink, "narrow", "a integer PRIMARY KEY, b VARCHAR2(3)) DISTRIBUTE BY HASH (a");
    let tables = HashMap::from([(0, sink.table("narrow", "t").unwrap())]);
    for (conflict, others) in [
        (Conflict::Overwrite, 0),
        (Conflict::Ignore, 0),
        (Conflict::Stop, 0),
        (Conflict::Overwrite, 50),
        (Conflict::Ignore, 50),
        (Conflict::Stop, 50),
    ] {
        let mut changes = Changes::new();
        for number in 10..10 + others {
            assert!(changes.push(ChangeKind::Insert, 0, [], [t(&number.to_string()), t("abc")]));
        }
        assert!(changes.push(ChangeKind::Insert, 0, [], [t("1"), t("abcd")]));
        sink.begin().unwrap();
        let error = sink.apply(&tables, &changes, conflict).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TargetRow, "{error}");
        assert!(error.message().contains("value too long for type"), "{error}");
        sink.roll_back().unwrap();
    }
    assert_eq!(rows("narrow"), [""; 0]);
}
