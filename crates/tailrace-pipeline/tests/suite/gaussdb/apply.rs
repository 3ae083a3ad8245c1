//! Changes come to the same at the target as in a model of the source, in whole transactions.

use std::collections::{BTreeMap, HashMap};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_codec::gaussdb::apply::{Changes, Conflict, Text};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::sink::gaussdb::GaussSink;

use super::{N, U, delete, insert, make, open, rows, t, update};

/// Columns of the tables: a key of two columns, the second of which distributes.
const COLUMNS: &str = "a integer NOT NULL, b VARCHAR2(20) NOT NULL, n NUMBER(8,2), c CHARACTER(3), d DATE, x BYTEA, \
                       big CLOB, PRIMARY KEY (a, b)) DISTRIBUTE BY HASH (b";

type Row = Vec<Option<String>>;

fn cells(row: &Row) -> Vec<Text<'_>> {
    row.iter().map(|value| value.as_deref().map_or(Text::Null, Text::Text)).collect()
}

/// A source of random changes that knows what its table is.
struct Model {
    random: StdRng,
    rows: BTreeMap<(String, String), Row>,
    keys: u32,
}

impl Model {
    fn key(&mut self) -> (String, String) {
        let (a, b) = (self.random.random_range(0..self.keys), self.random.random_range(0..3));
        (a.to_string(), format!("k'{b}\t\\"))
    }

    fn row(&mut self, (a, b): (String, String)) -> Row {
        let text =
            ["", "x", "it's", "tab\tnew\nline\r\\N", "zażółć 中文"][self.random.random_range(0..5)];
        let mut some = |value: String| self.random.random_bool(0.8).then_some(value);
        let number = some("-12345.60".to_owned());
        let chars = some("ab ".to_owned());
        let date = some("2026-11-30 23:59:59".to_owned());
        let bytes = some("\\x00ff27".to_owned());
        // ORA mode has no empty text.
        let big = Some(text.to_owned()).filter(|text| !text.is_empty());
        vec![Some(a), Some(b), number, chars, date, bytes, big]
    }

    /// Appends a change.
    fn change(&mut self, changes: &mut Changes) {
        let key = self.key();
        let whole = self.random.random_bool(0.5);
        match (self.rows.remove(&key), self.random.random_range(0..4)) {
            (None, _) => {
                let row = self.row(key.clone());
                insert(changes, &cells(&row));
                self.rows.insert(key, row);
            }
            (Some(row), 0) => delete(changes, &told(&row, whole)),
            (Some(row), kind) => {
                let mut to = key.clone();
                if kind == 1 {
                    to = self.key();
                }
                if self.rows.contains_key(&to) {
                    to = key;
                }
                let mut new = self.row(to.clone());
                let mut after = cells(&new);
                // Only what is set is told.
                for value in &mut after[2..] {
                    if self.random.random_bool(0.6) {
                        *value = U;
                    }
                }
                update(changes, &told(&row, whole), &after);
                let unset: Vec<usize> = (2..7).filter(|column| after[*column] == U).collect();
                for column in unset {
                    new[column].clone_from(&row[column]);
                }
                self.rows.insert(to, new);
            }
        }
    }

    /// The table as PostgreSQL prints its rows.
    fn expected(&self, sink: &mut GaussSink, schema: &str) -> Vec<String> {
        let twin = format!("{schema}_twin");
        make(sink, &twin, COLUMNS);
        let table = sink.table(&twin, "t").unwrap();
        let mut changes = Changes::new();
        for row in self.rows.values() {
            insert(&mut changes, &cells(row));
        }
        let tables = HashMap::from([(0, table)]);
        sink.begin().unwrap();
        sink.apply(&tables, &changes, Conflict::Stop).unwrap();
        sink.commit("twin").unwrap();
        rows(&twin)
    }
}

/// A row before a change: all of it, or its key alone.
fn told(row: &Row, whole: bool) -> Vec<Text<'_>> {
    let mut cells = cells(row);
    if !whole {
        cells[2..].fill(U);
    }
    cells
}

fn random_changes_come_to_the_same(conflict: Conflict) {
    let seed = rand::random();
    println!("seed {seed}");
    let schema = format!("apply_{conflict:?}").to_lowercase();
    let (mut sink, _) = open(&schema);
    make(&mut sink, &schema, COLUMNS);
    let tables = HashMap::from([(0, sink.table(&schema, "t").unwrap())]);
    let mut model = Model { random: StdRng::seed_from_u64(seed), rows: BTreeMap::new(), keys: 40 };
    let mut changes = Changes::new();
    for round in 0..40 {
        // Transactions of several batches, of a few changes and of many.
        sink.begin().unwrap();
        for _ in 0..model.random.random_range(1..3) {
            changes.clear();
            let count = [3, 20, 60, 400][model.random.random_range(0..4)];
            for _ in 0..count {
                model.change(&mut changes);
            }
            sink.apply(&tables, &changes, conflict).unwrap();
        }
        sink.commit(&round.to_string()).unwrap();
    }
    let there = rows(&schema);
    let expected = model.expected(&mut sink, &schema);
    assert_eq!(there, expected, "seed {seed}");
}

#[test]
fn random_changes_come_to_the_same_when_nothing_may_be_in_the_way() {
    random_changes_come_to_the_same(Conflict::Stop);
}

#[test]
fn random_changes_come_to_the_same_when_they_overwrite() {
    random_changes_come_to_the_same(Conflict::Overwrite);
}

#[test]
fn random_changes_come_to_the_same_when_conflicts_are_ignored() {
    random_changes_come_to_the_same(Conflict::Ignore);
}

#[test]
fn rows_without_a_key_are_changed_one_at_a_time() {
    let (mut sink, _) = open("keyless");
    make(&mut sink, "keyless", "a integer, b text");
    let tables = HashMap::from([(0, sink.table("keyless", "t").unwrap())]);
    assert!(tables[&0].key().is_empty());
    let mut changes = Changes::new();
    for _ in 0..40 {
        insert(&mut changes, &[t("1"), N]);
    }
    insert(&mut changes, &[t("2"), t("x")]);
    delete(&mut changes, &[t("1"), N]);
    update(&mut changes, &[t("1"), N], &[U, t("y")]);
    sink.begin().unwrap();
    sink.apply(&tables, &changes, Conflict::Stop).unwrap();
    sink.commit("1").unwrap();
    let there = rows("keyless");
    assert_eq!(there.iter().filter(|row| *row == "(1,)").count(), 38, "{there:?}");
    assert_eq!(there[38..], ["(1,y)", "(2,x)"]);
    // Of two rows that look the same as far as is told, none is the right one.
    changes.clear();
    delete(&mut changes, &[t("1"), U]);
    sink.begin().unwrap();
    let error = sink.apply(&tables, &changes, Conflict::Overwrite).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TargetRow);
    assert!(error.message().contains("touched 39 rows, not 1 or none"), "{error}");
}

#[test]
fn a_transaction_that_is_given_up_leaves_nothing() {
    let (mut sink, _) = open("given_up");
    make(&mut sink, "given_up", "a integer PRIMARY KEY, b text) DISTRIBUTE BY HASH (a");
    let tables = HashMap::from([(0, sink.table("given_up", "t").unwrap())]);
    let mut changes = Changes::new();
    for number in 0..100 {
        insert(&mut changes, &[t(&number.to_string()), t("x")]);
    }
    sink.begin().unwrap();
    sink.apply(&tables, &changes, Conflict::Overwrite).unwrap();
    sink.roll_back().unwrap();
    assert_eq!(rows("given_up"), [""; 0]);
    // A row that is too large for its column, in the middle of many.
    changes.clear();
    for number in 0..100 {
        update(&mut changes, &[t(&number.to_string()), N], &[U, t("y")]);
    }
    sink.begin().unwrap();
    let error = sink.apply(&tables, &changes, Conflict::Stop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TargetRow);
    assert!(
        error.message().contains("change 1 of 100 (an update of \"given_up\".\"t\")"),
        "{error}"
    );
    sink.roll_back().unwrap();
    let (_, position) = open("given_up");
    assert_eq!(position.as_deref(), Some("made"));
}
