use proptest::prelude::*;

use super::*;
use crate::error::DecodeError;

/// Pieces in memory, as a file would have them.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<Vec<u8>>);

impl Aside for Pieces {
    type Error = DecodeError;

    fn put(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        self.0.push(piece.to_vec());
        Ok(())
    }

    fn get(&mut self, number: usize, into: &mut Vec<u8>) -> Result<(), DecodeError> {
        into.extend_from_slice(&self.0[number]);
        Ok(())
    }

    fn forget_last(&mut self) -> Result<(), DecodeError> {
        self.0.pop();
        Ok(())
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

fn change(kind: ChangeKind, row_id: &str, sql: &str) -> Change<'static> {
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    Change { kind, table: 7, scn: u64::MAX - 1, row_id: leak(row_id), sql: leak(sql) }
}

fn all(changes: &mut Changes<Pieces>) -> Vec<String> {
    let mut found = Vec::new();
    changes
        .for_each(|change| {
            found.push(format!("{:?} {} {}", change.kind, change.row_id, change.sql));
            Ok(())
        })
        .unwrap();
    assert_eq!(found.len() as u64, changes.len());
    found
}

#[test]
fn a_partial_rollback_takes_the_newest_changes_of_its_rows_back() {
    use ChangeKind::{Delete, Insert, Lob, Update};
    let mut changes = Changes::<Pieces>::new();
    assert!(changes.is_empty());
    for one in [
        change(Insert, "A", "one"),
        change(Update, "A", "two"),
        change(Delete, "B", "three"),
        change(Update, "A", "four"),
        change(Lob, "A", "five"),
    ] {
        changes.push(one).unwrap();
    }
    changes.take_back(change(Lob, "A", "")).unwrap();
    changes.take_back(change(Update, "A", "")).unwrap();
    changes.take_back(change(Insert, "B", "")).unwrap();
    assert_eq!(all(&mut changes), ["Insert A one", "Update A two"]);
    // One that is not at the top: rows of a statement in another order.
    changes.push(change(Delete, "C", "six")).unwrap();
    changes.push(change(Delete, "D", "seven")).unwrap();
    changes.take_back(change(Insert, "C", "")).unwrap();
    assert_eq!(all(&mut changes), ["Insert A one", "Update A two", "Delete D seven"]);
    changes.take_back(change(Insert, "D", "")).unwrap();
    let error = changes.take_back(change(Insert, "D", "")).unwrap_err().to_string();
    assert!(error.contains("row \"D\"") && error.contains("among the last 2"), "{error}");
    changes.take_back(change(Update, "A", "")).unwrap();
    changes.take_back(change(Delete, "A", "")).unwrap();
    assert!(changes.is_empty() && all(&mut changes).is_empty());
    changes.take_back(change(Delete, "A", "")).unwrap_err();
}

#[test]
fn what_is_put_aside_comes_back_when_its_changes_are_taken_back() {
    let mut changes = Changes::<Pieces>::new();
    let sql = "x".repeat(PIECE_BYTES / 3);
    for number in 0..10 {
        changes.push(change(ChangeKind::Insert, &number.to_string(), &sql)).unwrap();
    }
    // One that is longer than a piece has a piece of its own.
    changes.push(change(ChangeKind::Update, "10", &"y".repeat(PIECE_BYTES + 1))).unwrap();
    let before = changes.memory_bytes();
    let freed = changes.put_aside(|| Ok(Pieces::default())).unwrap();
    assert_eq!(changes.memory_bytes(), before - freed);
    assert!(freed > 4 * PIECE_BYTES / 2);
    assert_eq!(changes.put_aside(|| panic!("there is a place")).unwrap(), 0);
    assert_eq!(all(&mut changes).len(), 11);
    changes.take_back(change(ChangeKind::Update, "10", "")).unwrap();
    for number in (3..10).rev() {
        changes.take_back(change(ChangeKind::Delete, &number.to_string(), "")).unwrap();
    }
    changes.push(change(ChangeKind::Update, "0", "last")).unwrap();
    let found = all(&mut changes);
    assert_eq!(found.len(), 4);
    assert!(found[0].starts_with("Insert 0 x") && found[3] == "Update 0 last");
}

#[test]
fn rows_of_one_statement_may_be_on_both_sides_of_a_spill() {
    let mut changes = Changes::<Pieces>::new();
    let sql = "x".repeat(PIECE_BYTES - 100);
    changes.push(change(ChangeKind::Insert, "A", &sql)).unwrap();
    changes.push(change(ChangeKind::Insert, "B", &sql)).unwrap();
    assert!(changes.put_aside(|| Ok(Pieces::default())).unwrap() > 0);
    changes.take_back(change(ChangeKind::Delete, "A", "")).unwrap();
    assert_eq!(all(&mut changes).len(), 1);
    changes.take_back(change(ChangeKind::Delete, "B", "")).unwrap();
    assert!(changes.is_empty());
    changes.take_back(change(ChangeKind::Delete, "B", "")).unwrap_err();
}

proptest! {
    /// Savepoints, rollbacks to them and spills in any order leave what a plain list has.
    #[test]
    fn savepoints_end_as_they_should(steps in proptest::collection::vec((0_u8..8, 0_u8..5, 0_usize..(PIECE_BYTES / 8)), 1..60)) {
        let mut changes = Changes::<Pieces>::new();
        let (mut model, mut savepoints): (Vec<Change<'static>>, Vec<usize>) = (Vec::new(), Vec::new());
        for (step, row, length) in steps {
            match step {
                0 => savepoints.push(model.len()),
                1 => {
                    let to = savepoints.pop().unwrap_or(0);
                    for one in model.drain(to..).rev() {
                        let kind = match one.kind {
                            ChangeKind::Insert => ChangeKind::Delete,
                            ChangeKind::Delete => ChangeKind::Insert,
                            other => other,
                        };
                        changes.take_back(Change { kind, sql: "", ..one }).unwrap();
                    }
                    savepoints.retain(|place| *place <= to);
                }
                2 => {
                    changes.put_aside(|| Ok(Pieces::default())).unwrap();
                }
                _ => {
                    let kind = [ChangeKind::Insert, ChangeKind::Delete, ChangeKind::Update][usize::from(step % 3)];
                    let one = change(kind, &row.to_string(), &format!("{}:{}", model.len(), "z".repeat(length)));
                    model.push(one);
                    changes.push(one).unwrap();
                }
            }
            prop_assert_eq!(changes.len(), model.len() as u64);
        }
        let wanted: Vec<String> = model.iter().map(|c| format!("{:?} {} {}", c.kind, c.row_id, c.sql)).collect();
        prop_assert_eq!(all(&mut changes), wanted);
    }
}
