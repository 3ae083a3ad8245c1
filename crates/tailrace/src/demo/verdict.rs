//! Whether a consumer has what the source has.

use std::collections::HashMap;

use tailrace_pipeline::Session;

use super::consumer::{Row, Seen};
use super::shop;

/// Differences that are shown.
const SHOWN_MAX: usize = 5;

/// How source and consumer compare.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Rows of the source.
    pub(crate) rows: u64,
    /// Rows of the source that the consumer does not have.
    pub(crate) missing: u64,
    /// Rows that the consumer has and the source has not.
    pub(crate) extra: u64,
    /// Rows with another value in some column.
    pub(crate) different: u64,
    /// The first differences, in words.
    pub(crate) shown: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_equal(&self) -> bool {
        self.missing == 0 && self.extra == 0 && self.different == 0
    }

    fn say(&mut self, text: String) {
        if self.shown.len() < SHOWN_MAX {
            self.shown.push(text);
        }
    }

    /// Compares one table, row by row and column by column.
    fn compare(
        &mut self,
        table: &str,
        source: impl Iterator<Item = Row>,
        consumer: &HashMap<Vec<String>, Row>,
    ) {
        let mut left: HashMap<&Row, u64> = HashMap::new();
        consumer.values().for_each(|row| *left.entry(row).or_default() += 1);
        let mut unmatched = Vec::new();
        for row in source {
            self.rows += 1;
            match left.get_mut(&row) {
                Some(count) if *count > 0 => *count -= 1,
                _ => unmatched.push(row),
            }
        }
        let mut rest: Vec<&Row> =
            left.into_iter().filter(|(_, n)| *n > 0).map(|(r, _)| r).collect();
        for row in unmatched {
            // The first column identifies a row well enough to tell a wrong row from a missing one.
            let same = rest.iter().position(|other| first(other) == first(&row));
            match same {
                Some(place) => {
                    self.different += 1;
                    let other = rest.swap_remove(place);
                    self.say(format!("{table}: source {row:?}, consumer {other:?}"));
                }
                None => {
                    self.missing += 1;
                    self.say(format!("{table}: the consumer lacks {row:?}"));
                }
            }
        }
        for row in rest {
            self.extra += 1;
            self.say(format!("{table}: the source lacks {row:?}"));
        }
    }
}

fn first(row: &Row) -> Option<&Option<String>> {
    ["id", "sku", "order_id"].iter().find_map(|name| row.get(*name))
}

/// Compares all tables of the shop.
pub(crate) fn judge(session: &mut Session, database: &str, seen: &Seen) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let nothing = HashMap::new();
    for table in shop::tables() {
        let (columns, rows) = shop::rows(session, database, table)?;
        let rows = rows.into_iter().map(|row| columns.iter().cloned().zip(row).collect::<Row>());
        verdict.compare(table, rows, seen.tables.get(table).unwrap_or(&nothing));
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, name: &str) -> Row {
        [("id", id), ("name", name)].map(|(k, v)| (k.to_owned(), Some(v.to_owned()))).into()
    }

    fn verdict(source: &[Row], consumer: &[Row]) -> (u64, u64, u64) {
        let held = consumer.iter().map(|r| (vec![format!("{r:?}")], r.clone())).collect();
        let mut verdict = Verdict::default();
        verdict.compare("t", source.iter().cloned(), &held);
        assert_eq!(verdict.is_equal(), verdict.shown.is_empty());
        (verdict.missing, verdict.extra, verdict.different)
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let (a, b) = (row("1", "a"), row("2", "b"));
        assert_eq!(verdict(&[a.clone(), b.clone()], &[b.clone(), a.clone()]), (0, 0, 0));
        let (one, both) = ([a.clone()], [a, b]);
        assert_eq!(verdict(&both, &one), (1, 0, 0));
        assert_eq!(verdict(&one, &both), (0, 1, 0));
        assert_eq!(verdict(&one, &[row("1", "x")]), (0, 0, 1));
    }
}
