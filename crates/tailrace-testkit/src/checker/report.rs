//! What a check found, in a form that a person can act on.

use std::collections::BTreeMap;
use std::fmt;

use super::message::Place;

/// Violations of one kind that are kept with their text; the rest is only counted.
const VIOLATIONS_KEPT_MAX: u64 = 12;

/// The kinds of fault that the checker tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A message that is not of the promised form.
    Malformed,
    /// A message of a table that is not selected.
    NotSelected,
    /// A message in another topic than the topic policy names.
    WrongTopic,
    /// A message key that the partition policy does not give.
    WrongKey,
    /// A partition that is not the hash of the key.
    WrongPartition,
    /// Two messages with one `id`.
    IdRepeated,
    /// `id` does not increase along a partition.
    IdOrder,
    /// The same change, or the same row of the full phase, a second time.
    Duplicate,
    /// The row before a change is not the row that was delivered last: a change is missing.
    LostChange,
    /// A row went back to an older version.
    Stale,
    /// A row came back after its deletion was delivered.
    Resurrected,
    /// A change of a row that was never delivered, after the full phase.
    UnseenRow,
    /// Messages of two source transactions are mixed.
    Interleaved,
    /// Source transactions in another order than they committed.
    CommitOrder,
    /// A DDL statement of a selected object without its message.
    MissingDdl,
    /// A DDL message without a statement, or of an object that is not selected.
    UnexpectedDdl,
    /// A row of the source that the consumer does not have.
    MissingRow,
    /// A row of the consumer that the source does not have.
    ExtraRow,
    /// A column of the consumer's row with another text than the source's value.
    WrongValue,
    /// Type names, type codes, key names or column order that the source's table does not have.
    WrongShape,
}

/// One fault with where it was seen.
#[derive(Debug, Clone)]
pub struct Violation {
    /// What kind.
    pub fault: Fault,
    /// The message it was seen at, if it was one.
    pub place: Option<Place>,
    /// What was expected and what was found.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fault)?;
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        write!(f, ": {}", self.text)
    }
}

/// The verdict over one job's topics.
#[derive(Debug, Default)]
pub struct Report {
    /// Messages read, by `type`.
    pub messages: BTreeMap<String, u64>,
    /// Rows of the source compared, by table.
    pub rows_compared: BTreeMap<String, u64>,
    /// Repeated messages that at-least-once delivery allows.
    pub repeated: u64,
    /// The first violations of each kind.
    pub violations: Vec<Violation>,
    /// All violations, by kind.
    pub counts: BTreeMap<Fault, u64>,
}

impl Report {
    /// Notes a fault.
    pub fn fault(&mut self, fault: Fault, place: Option<&Place>, text: impl Into<String>) {
        let count = self.counts.entry(fault).or_default();
        *count += 1;
        if *count <= VIOLATIONS_KEPT_MAX {
            self.violations.push(Violation { fault, place: place.cloned(), text: text.into() });
        }
    }

    /// All messages read.
    pub fn messages_total(&self) -> u64 {
        self.messages.values().sum()
    }

    /// Whether a kind of fault was found.
    pub fn has(&self, fault: Fault) -> bool {
        self.counts.contains_key(&fault)
    }

    /// The report if nothing is wrong.
    ///
    /// # Errors
    /// The readable text of what is wrong.
    pub fn into_result(self) -> Result<Self, String> {
        if self.counts.is_empty() { Ok(self) } else { Err(self.to_string()) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "messages: {:?}", self.messages)?;
        writeln!(f, "rows compared: {:?}", self.rows_compared)?;
        if self.repeated > 0 {
            writeln!(f, "repeated, as at-least-once allows: {}", self.repeated)?;
        }
        if self.counts.is_empty() {
            return write!(f, "no violation");
        }
        writeln!(f, "violations: {:?}", self.counts)?;
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        let total: u64 = self.counts.values().sum();
        let shown = u64::try_from(self.violations.len()).unwrap_or(u64::MAX);
        if total > shown {
            writeln!(f, "  … and {} more", total - shown)?;
        }
        Ok(())
    }
}
