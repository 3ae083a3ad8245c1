//! Compares tables of the source with what a consumer of their topics ends with.
//!
//! Each row of the source becomes the message that the full phase would send, and is compared with the last message of
//! its key. Both sides are spilled as hashes and matched bucket by bucket, so that memory holds a small part of a table;
//! what does not match is looked at once more behind everything that the first look has seen. Nothing is held up
//! meanwhile. `docs/adr/0015` says why that is exact.

mod avro;
mod durable;
mod effects;
mod entry;
mod group;
mod matching;
mod message;
mod run;
mod scan;
mod shape;
mod spill;
mod verdict;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use crate::job::Selection;

pub use run::compare;

/// Keys per topic that are looked at once more.
pub const CANDIDATES_MAX: usize = 200_000;
/// Differences of a table that are told one by one.
pub const DIFFERENCES_MAX: usize = 100;
/// Bytes that are spilled of a topic before what newer messages have overtaken is taken out.
const SPILL_BYTES_MIN: u64 = 1 << 30;

/// What is to be compared.
#[derive(Debug, Clone)]
pub struct CompareRequest {
    /// These of the job's tables; `None`: all.
    pub tables: Option<Selection>,
    /// Only whether every table has its topic.
    pub objects_only: bool,
    /// Directory for what is spilled: some 100 bytes for each row, removed at the end.
    pub scratch: PathBuf,
    /// Nothing is changed meanwhile, so what differs in a database at the first look is not looked at again.
    pub is_static: bool,
    /// Of a database only a sample of so many of a million rows.
    pub sample_per_million: Option<u32>,
    /// Not these tables, which are done: databases and names at the source.
    pub except: BTreeSet<(String, String)>,
}

impl CompareRequest {
    /// Whether a table is to be compared, by its names at the source.
    pub(crate) fn includes(&self, database: &str, table: &str) -> bool {
        let is_wanted = self.tables.as_ref().is_none_or(|tables| tables.includes(database, table));
        is_wanted && !self.except.iter().any(|(d, t)| d == database && t == table)
    }

    /// Of all rows of all tables.
    pub fn of_all(scratch: PathBuf) -> Self {
        Self {
            tables: None,
            objects_only: false,
            scratch,
            is_static: false,
            sample_per_million: None,
            except: BTreeSet::new(),
        }
    }
}

/// How far a comparison is.
#[derive(Debug, Default)]
pub struct CompareProgress {
    /// Messages read of topics.
    pub messages: AtomicU64,
    /// Rows read of the source.
    pub rows: AtomicU64,
    /// Tables that are compared in all.
    pub tables: AtomicU64,
}

/// How a table and its topic compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareOutcome {
    /// A consumer ends with the table's rows.
    Consistent,
    /// It does not.
    Inconsistent,
    /// Nothing is known to differ, but not all could be looked at.
    Undecided,
    /// The topic does not exist.
    TopicMissing,
    /// The table cannot be compared.
    Impossible,
}

/// What a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The source has the row, the topic does not.
    Missing,
    /// The topic has a row that the source does not have.
    Extra,
    /// Columns differ.
    Content,
}

impl DifferenceKind {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Content => "content",
        }
    }
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub kind: DifferenceKind,
    /// Key columns with their values as messages have them; empty for a table without a key.
    pub key: Vec<(String, String)>,
    /// Columns that differ.
    pub columns: Vec<String>,
    /// Partition and offset of the key's last message, if there is one.
    pub last_message: Option<(i32, i64)>,
    /// Of a target that is a database.
    pub statements: Option<RowStatements>,
}

/// Statements about a row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowStatements {
    /// Shows the source's row as it was compared.
    pub source_select: String,
    /// Shows the target's row.
    pub target_select: String,
    /// Makes the target's row what the source's was, as far as its columns are compared; `None` if that is too long to be kept.
    pub repair: Option<String>,
}

/// What came of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableComparison {
    /// Database at the source.
    pub database: String,
    /// Table at the source.
    pub table: String,
    /// Database and table as messages name them.
    pub seen: (String, String),
    /// Its topic; empty if it is not known.
    pub topic: String,
    /// How they compare.
    pub outcome: CompareOutcome,
    /// Rows of the source.
    pub source_rows: u64,
    /// Rows that a consumer ends with.
    pub target_rows: u64,
    /// Rows that only the source has.
    pub missing: u64,
    /// Rows that only the topic has.
    pub extra: u64,
    /// Rows with other content.
    pub differing: u64,
    /// Rows that only the topic has of a table with a row filter, not judged: one that leaves the filter is an update, as with
    /// DRS, and what happens to it then is no message.
    pub outside: u64,
    /// Keys that were not looked at once more: there were too many.
    pub unchecked: u64,
    /// Some of the differences.
    pub differences: Vec<Difference>,
    /// Everything before this place of the source's log was compared: file and offset.
    pub position: Option<(String, u64)>,
    /// What a reader of the result should know.
    pub notes: Vec<String>,
}

impl TableComparison {
    /// A table of which no rows were compared yet, or cannot be, with a note.
    pub(crate) fn without_rows(names: (&str, &str), outcome: CompareOutcome, why: String) -> Self {
        Self {
            database: names.0.to_owned(),
            table: names.1.to_owned(),
            seen: (names.0.to_owned(), names.1.to_owned()),
            topic: String::new(),
            outcome,
            source_rows: 0,
            target_rows: 0,
            missing: 0,
            extra: 0,
            differing: 0,
            outside: 0,
            unchecked: 0,
            differences: Vec::new(),
            position: None,
            notes: vec![why],
        }
    }
}
