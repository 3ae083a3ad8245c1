//! Queries: work asked for now and answered later.

use super::StoreFuture;
use crate::control::query::QueryStatus;

/// Queries of one kind kept of a job; older ones go.
pub const QUERIES_PER_KIND_MAX: u64 = 20;

/// What a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryKind {
    /// Connection test.
    Connection,
    /// Collection of the source's objects.
    Collect,
    /// Precheck.
    Precheck,
    /// Saving of objects.
    Saving,
    /// Comparison of tables with their topics.
    Compare,
    /// Repair of rows that a comparison has found.
    Repair,
    /// Trial of row filters.
    Filters,
    /// A question about rules, which is answered from what is set.
    Rules,
    /// Reading of columns.
    Columns,
    /// Search for a place of the log.
    Position,
}

impl QueryKind {
    const ALL: [Self; 10] = [
        Self::Connection,
        Self::Collect,
        Self::Precheck,
        Self::Saving,
        Self::Compare,
        Self::Repair,
        Self::Filters,
        Self::Rules,
        Self::Columns,
        Self::Position,
    ];

    /// Name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Collect => "collect",
            Self::Precheck => "precheck",
            Self::Saving => "saving",
            Self::Compare => "compare",
            Self::Repair => "repair",
            Self::Filters => "filters",
            Self::Rules => "rules",
            Self::Columns => "columns",
            Self::Position => "position",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRow {
    /// Id.
    pub id: String,
    /// Job.
    pub job_id: String,
    /// Kind.
    pub kind: QueryKind,
    /// Process that works on it.
    pub owner: String,
    /// How far it is.
    pub status: QueryStatus,
    /// What was asked, as the kind's own JSON; never a secret.
    pub request: String,
    /// What came of it, as the kind's own JSON.
    pub result: Option<String>,
    /// Why nothing came of it.
    pub error: Option<String>,
    /// Asked.
    pub created_ms: i64,
}

/// Queries.
pub trait QueryStore {
    /// Stores a query and removes the oldest of its kind beyond the number kept.
    fn add_query<'a>(&'a self, query: &'a QueryRow) -> StoreFuture<'a, ()>;

    /// Stores what came of a query, and what is read with it alone; does nothing if it is gone.
    fn finish_query<'a>(
        &'a self,
        id: &'a str,
        outcome: Result<&'a str, &'a str>,
        detail: Option<&'a str>,
    ) -> StoreFuture<'a, ()>;

    /// What is read with one query alone, as the kind's own JSON.
    fn query_detail<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<String>>;

    /// A query of a job.
    fn query<'a>(&'a self, job_id: &'a str, id: &'a str) -> StoreFuture<'a, Option<QueryRow>>;

    /// The newest query of a kind, in this status if given.
    fn newest_query<'a>(
        &'a self,
        job_id: &'a str,
        kind: QueryKind,
        status: Option<QueryStatus>,
    ) -> StoreFuture<'a, Option<QueryRow>>;

    /// All queries of a kind that are kept of a job, the newest first.
    fn queries<'a>(&'a self, job_id: &'a str, kind: QueryKind) -> StoreFuture<'a, Vec<QueryRow>>;

    /// Fails the pending queries of an owner: the process that worked on them is gone.
    fn fail_pending_queries<'a>(&'a self, owner: &'a str, error: &'a str) -> StoreFuture<'a, ()>;
}
