//! Which of several appliers a change belongs to, so that the changes of a row stay in their order.

use super::changes::{Change, ChangeKind, Text};
use super::table::ApplyTable;

/// Where a change may be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// By whoever has this number: a hash of the row's key, or of the table where rows of it are not independent of each other.
    By(u64),
    /// By nobody beside others: the row gets another key, so it belongs to two.
    Alone,
}

impl ApplyTable {
    /// Where a change of the table belongs. The number is the same in every process that runs.
    ///
    /// Rows of a table without a key, or with further unique keys, whose values one row may take over from another, belong
    /// together.
    pub fn route(&self, change: &Change<'_>) -> Route {
        let mut hash = Fnv::new();
        hash.text(&self.full_name());
        if self.key().is_empty() || self.has_other_keys() {
            return Route::By(hash.0);
        }
        for column in self.key() {
            let before = change.before().nth(*column).unwrap_or(Text::Unknown);
            let after = change.after().nth(*column).unwrap_or(Text::Unknown);
            let told = match (change.kind, before, after) {
                (ChangeKind::Insert, _, Text::Text(text))
                | (ChangeKind::Delete, Text::Text(text), _)
                | (ChangeKind::Update, Text::Text(text), Text::Unknown) => text,
                (ChangeKind::Update, Text::Text(before), Text::Text(after)) if before == after => {
                    before
                }
                _ => return Route::Alone,
            };
            hash.text(told);
        }
        Route::By(hash.0)
    }
}

/// The hash FNV-1a of 64 bits (Fowler, Noll, Vo; IETF draft-eastlake-fnv).
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes a text in, with its end.
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0]);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ApplyColumn, Changes};
    use super::*;

    fn table(key: Vec<usize>) -> ApplyTable {
        let column =
            |name: &str| ApplyColumn { name: name.to_owned(), sql_type: "text".to_owned() };
        let columns = vec![column("v"), column("a"), column("b")];
        ApplyTable::new("s", "t", columns, key, vec![]).expect("a table")
    }

    #[test]
    fn changes_of_a_row_have_one_number_and_a_change_of_its_key_none() {
        let keyed = table(vec![1, 2]);
        let row = |a, b| [Text::Null, Text::Text(a), Text::Text(b)];
        let unchanged = [Text::Text("x"), Text::Unknown, Text::Unknown];
        let mut changes = Changes::new();
        assert!(changes.push(ChangeKind::Insert, 0, [], row("1", "2")));
        assert!(changes.push(ChangeKind::Update, 0, row("1", "2"), unchanged));
        assert!(changes.push(ChangeKind::Update, 0, row("1", "2"), row("1", "2")));
        assert!(changes.push(ChangeKind::Delete, 0, row("1", "2"), []));
        assert!(changes.push(ChangeKind::Insert, 0, [], row("12", "")));
        assert!(changes.push(ChangeKind::Update, 0, row("1", "2"), row("1", "3")));
        let routes: Vec<Route> = changes.iter().map(|change| keyed.route(&change)).collect();
        assert!(routes[..4].iter().all(|route| *route == routes[0]), "{routes:?}");
        assert!(matches!(routes[0], Route::By(_)) && routes[4] != routes[0], "{routes:?}");
        assert_eq!(routes[5], Route::Alone);
        for together in [table(Vec::new()), table(vec![1]).with_other_keys()] {
            let routes: Vec<Route> = changes.iter().map(|c| together.route(&c)).collect();
            assert!(routes.iter().all(|route| *route == routes[0]), "{routes:?}");
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        let hash = |text: &str| {
            let mut hash = Fnv::new();
            hash.bytes(text.as_bytes());
            hash.0
        };
        // Vectors of the draft's appendix.
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }
}
