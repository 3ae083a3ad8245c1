//! Comparisons in v3's words: they are the same ones that v5 has.

pub(crate) mod begin;
pub(crate) mod file;
pub(crate) mod objects;
pub(crate) mod results;
pub(crate) mod rows;
pub(crate) mod whole;

use crate::{
    api::{call::JobCall, query::QueryText},
    control::{
        Refusal, Result,
        compare::{CompareKind, CompareStatus, ComparedTable, Comparison, TableOutcome},
    },
};

/// Numbers of v3 for what came of a comparison (huaweicloudsdkdrs v3, `DataCompareOverviewInfo.status`).
const INCONSISTENT: i32 = 0;
const CONSISTENT: i32 = 2;
const TARGET_MISSING: i32 = 3;
const FAILED: i32 = 4;
const RUNNING: i32 = 5;
const WAITING: i32 = 6;
const CANCELLED: i32 = 7;

/// What came of a table.
fn status_of(table: &ComparedTable, kind: CompareKind) -> i32 {
    let as_many = table.source_rows == table.target_rows;
    match table.outcome {
        TableOutcome::TopicMissing => TARGET_MISSING,
        TableOutcome::Impossible => FAILED,
        _ if kind == CompareKind::Lines && as_many => CONSISTENT,
        TableOutcome::Consistent => CONSISTENT,
        TableOutcome::Inconsistent => INCONSISTENT,
        TableOutcome::Undecided => FAILED,
    }
}

/// The status of a comparison that has no result yet.
fn status_of_task(task: &Comparison) -> i32 {
    match task.status {
        CompareStatus::Waiting => WAITING,
        CompareStatus::Running => RUNNING,
        CompareStatus::Cancelled => CANCELLED,
        CompareStatus::Failed => FAILED,
        CompareStatus::Successful => CONSISTENT,
    }
}

/// Whether a table could be compared.
fn is_compared(table: &ComparedTable) -> bool {
    matches!(table.outcome, TableOutcome::Consistent | TableOutcome::Inconsistent)
}

/// The comparison of the path, if it is one of this kind; rows that were compared are counted too.
async fn task(call: &JobCall, id: &str, kind: CompareKind) -> Result<Comparison> {
    let task = call.control.comparison(&call.caller, &call.job_id, id).await?;
    let fits = task.input.kind == kind
        || (task.input.kind, kind) == (CompareKind::Contents, CompareKind::Lines);
    if fits {
        return Ok(task);
    }
    Err(Refusal::invalid("compare_job_id", id, format!("a comparison of type {}", kind.name())))
}

/// Tables by the parameters `db_name`, `target_db_name` and `type` (`compare`, `unCompare`).
fn chosen<'t>(task: &'t Comparison, query: &QueryText) -> Result<Vec<&'t ComparedTable>> {
    let compared = match query.text("type") {
        None => None,
        Some("compare") => Some(true),
        Some("unCompare") => Some(false),
        Some(other) => return Err(Refusal::invalid("type", other, "compare, unCompare")),
    };
    let fits = |table: &&ComparedTable| {
        query.text("db_name").is_none_or(|name| table.database == name)
            && query.text("target_db_name").is_none_or(|name| table.target_database == name)
            && compared.is_none_or(|wanted| is_compared(table) == wanted)
    };
    Ok(task.tables.iter().filter(fits).collect())
}

/// A database with what came of its tables.
struct Database {
    source: String,
    target: String,
    status: i32,
    compared: i32,
    inconsistent: i32,
    impossible: i32,
}

/// Databases with the worst of their tables.
fn databases(task: &Comparison, kind: CompareKind) -> Vec<Database> {
    let mut all: Vec<Database> = Vec::new();
    for table in &task.tables {
        let names = (&table.database, &table.target_database);
        let at = all.iter().position(|one| (&one.source, &one.target) == names);
        let at = at.unwrap_or_else(|| {
            all.push(Database {
                source: table.database.clone(),
                target: table.target_database.clone(),
                status: CONSISTENT,
                compared: 0,
                inconsistent: 0,
                impossible: 0,
            });
            all.len() - 1
        });
        let Some(one) = all.get_mut(at) else { continue };
        let status = status_of(table, kind);
        one.compared += 1;
        one.inconsistent += i32::from(status == INCONSISTENT || status == TARGET_MISSING);
        one.impossible += i32::from(status == FAILED);
        // The worst has the least number but one: what is consistent has 2.
        let rank =
            |status: i32| [INCONSISTENT, TARGET_MISSING, FAILED].iter().position(|s| *s == status);
        if rank(status).unwrap_or(usize::MAX) < rank(one.status).unwrap_or(usize::MAX) {
            one.status = status;
        }
    }
    let is_over = task.status == CompareStatus::Successful;
    for one in all.iter_mut().filter(|one| !is_over && one.status == CONSISTENT) {
        one.status = status_of_task(task);
    }
    all
}

/// A number of rows in an answer.
fn rows(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
