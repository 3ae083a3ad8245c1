//! `query-compare-result`: what came of comparisons of objects, of numbers of rows and of rows, in one call.

use std::collections::BTreeMap;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::{JobCall, ProjectCall},
        error::{ApiError, ErrorBody},
        kept::non_empty,
        time,
        v3::batch::{missing, refused},
        v5::compare::{self, status},
    },
    control::{
        Refusal, Result,
        compare::{CompareKind, ComparedTable, Comparison, TableOutcome},
        job::Page,
    },
};

use super::{is_compared, rows};

/// Rows of a page of results.
const PAGE_MAX: u64 = 1000;

/// Body of `query-compare-result`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3QueryCompareResultReq)]
pub(crate) struct ResultRequest {
    /// Job.
    pub job_id: Option<String>,
    /// A comparison of objects.
    pub object_level_compare_id: Option<String>,
    /// One of numbers of rows.
    pub line_compare_id: Option<String>,
    /// One of rows.
    pub content_compare_id: Option<String>,
    /// Page, from 1 on.
    pub current_page: Option<i64>,
    /// Results on a page, 1..=1000.
    pub per_page: Option<i64>,
}

/// Answer of `query-compare-result`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3ListCompareResultResponse)]
pub(crate) struct ResultAnswer {
    /// Job.
    pub job_id: String,
    /// Objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_level_compare_results: Option<ObjectResult>,
    /// Numbers of rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_compare_results: Option<LineResult>,
    /// Rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_compare_results: Option<ContentResult>,
    /// All comparisons of the job.
    pub compare_task_list_results: TaskList,
}

/// Objects.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ObjectCompareResult)]
pub(crate) struct ObjectResult {
    /// The comparison.
    pub compare_task_id: String,
    /// By kind.
    pub object_compare_overview: Vec<ObjectCount>,
    /// The objects of each kind.
    pub object_compare_details: BTreeMap<&'static str, Vec<ObjectDetail>>,
}

/// Objects of a kind by number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ObjectCompareResultOverview)]
pub(crate) struct ObjectCount {
    /// `DB` or `TABLE`
    pub object_type: &'static str,
    /// `CONSISTENT` or `INCONSISTENT`
    pub object_compare_result: &'static str,
    /// At the source.
    pub source_count: usize,
    /// Of those, at the target.
    pub target_count: usize,
    /// The difference.
    pub diff_count: usize,
}

/// An object on both sides.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ObjectCompareResultDetails)]
pub(crate) struct ObjectDetail {
    /// Database at the source.
    pub source_db_name: String,
    /// Database at the target, or in messages.
    pub target_db_name: String,
    /// Name at the source.
    pub source_db_value: String,
    /// Name at the target; absent if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_db_value: Option<String>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// Numbers of rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3LineCompareResult)]
pub(crate) struct LineResult {
    /// The comparison.
    pub compare_task_id: String,
    /// Databases.
    pub line_compare_overview: Vec<LineOverview>,
    /// How many.
    pub line_compare_overview_count: usize,
    /// Tables of each database, a page of them.
    pub line_compare_details: Vec<LineDetails>,
}

/// A database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3LineCompareResultOverview)]
pub(crate) struct LineOverview {
    /// Database at the source.
    pub source_db_name: String,
    /// Database at the target, or in messages.
    pub target_db_name: String,
    /// The worst of its tables.
    pub line_compare_result: &'static str,
}

/// The tables of a database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3LineCompareResultDetails)]
pub(crate) struct LineDetails {
    /// Database at the source.
    pub source_db_name: String,
    /// A page of its tables.
    pub line_compare_detail: Vec<LineDetail>,
    /// How many it has.
    pub line_compare_detail_count: usize,
}

/// Numbers of rows of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3LineCompareDetail)]
pub(crate) struct LineDetail {
    /// Table at the source.
    pub source_table_name: String,
    /// Table at the target, or in messages.
    pub target_table_name: String,
    /// Rows of the source.
    pub source_row_num: i64,
    /// Rows of the target.
    pub target_row_num: i64,
    /// The difference.
    pub diff_row_num: i64,
    /// What came of it.
    pub line_compare_result: &'static str,
    /// What a reader should know.
    pub message: String,
}

/// Rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ContentCompareResult)]
pub(crate) struct ContentResult {
    /// The comparison.
    pub compare_task_id: String,
    /// Databases.
    pub content_compare_overview: Vec<ContentOverview>,
    /// How many.
    pub content_compare_overview_count: usize,
    /// Tables of each database, a page of them.
    pub content_compare_details: Vec<ContentDetails>,
    /// Rows that differ, by table, a page of them.
    pub content_compare_diffs: Vec<ContentDiffs>,
}

/// A database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ContentCompareResultOverview)]
pub(crate) struct ContentOverview {
    /// Database at the source.
    pub source_db_name: String,
    /// Database at the target, or in messages.
    pub target_db_name: String,
    /// The worst of its tables.
    pub content_compare_result: &'static str,
}

/// The tables of a database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ContentCompareResultDetails)]
pub(crate) struct ContentDetails {
    /// Database at the source.
    pub source_db_name: String,
    /// A page of those that were compared.
    pub content_compare_detail: Vec<ContentDetail>,
    /// How many.
    pub content_compare_detail_count: usize,
    /// A page of those that could not be.
    pub content_uncompare_detail: Vec<ContentDetail>,
    /// How many.
    pub content_uncompare_detail_count: usize,
}

/// Rows of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ContentCompareDetail)]
pub(crate) struct ContentDetail {
    /// Database at the source.
    pub source_db_name: String,
    /// Database at the target, or in messages.
    pub target_db_name: String,
    /// Table at the source.
    pub source_table_name: String,
    /// Table at the target, or in messages.
    pub target_table_name: String,
    /// Rows of the source.
    pub source_row_num: i64,
    /// Rows of the target.
    pub target_row_num: i64,
    /// Rows that differ, or are on one side only.
    pub diff_row_num: i64,
    /// Whether there are as many.
    pub line_compare_result: &'static str,
    /// What came of it.
    pub content_compare_result: &'static str,
    /// What a reader should know.
    pub message: String,
}

/// Rows of a table that differ.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ContentCompareResultDiffs)]
pub(crate) struct ContentDiffs {
    /// Database at the source.
    pub source_db_name: String,
    /// Table at the source.
    pub source_table_name: String,
    /// A page of them.
    pub content_compare_diff: Vec<ContentDiff>,
    /// How many are listed.
    pub content_compare_diff_count: usize,
}

/// A row that differs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ContentCompareDiff)]
pub(crate) struct ContentDiff {
    /// How to look at it at the target.
    pub target_select_sql: String,
    /// How to look at it at the source.
    pub source_select_sql: String,
    /// Key at the source; empty if it is not there.
    pub source_key_value: Vec<String>,
    /// Key at the target; empty if it is not there.
    pub target_key_value: Vec<String>,
}

/// Comparisons.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3CompareTaskListResult)]
pub(crate) struct TaskList {
    /// A page of them.
    pub compare_task_list: Vec<TaskEntry>,
    /// How many.
    pub compare_task_list_count: usize,
}

/// A comparison.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3CompareTaskList)]
pub(crate) struct TaskEntry {
    /// Id.
    pub compare_task_id: String,
    /// `object`, `lines`, `contents` or `random`
    pub compare_type: &'static str,
    /// As that of v5.
    pub compare_task_status: &'static str,
    /// When it was asked for.
    pub create_time: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
}

/// What came of comparisons.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/query-compare-result", tag = "v3 comparisons",
    params(("project_id" = String, Path)), request_body = ResultRequest,
    responses((status = 200, body = ResultAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_compare_result(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<ResultRequest>,
) -> Result<Json<ResultAnswer>, ApiError> {
    let job_id = non_empty(body.job_id).ok_or_else(|| missing("job_id"))?;
    let page = page(body.current_page, body.per_page).map_err(refused)?;
    let call = JobCall { control, caller, job_id };
    let all = call.control.comparisons(&call.caller, &call.job_id).await.map_err(refused)?;
    let mut answer = ResultAnswer { job_id: call.job_id.clone(), ..ResultAnswer::default() };
    if let Some(id) = non_empty(body.object_level_compare_id) {
        let task = super::task(&call, &id, CompareKind::Object).await.map_err(refused)?;
        answer.object_level_compare_results = Some(object_result(&task, page));
    }
    if let Some(id) = non_empty(body.line_compare_id) {
        let task = super::task(&call, &id, CompareKind::Lines).await.map_err(refused)?;
        answer.line_compare_results = Some(line_result(&task, page));
    }
    if let Some(id) = non_empty(body.content_compare_id) {
        let task = super::task(&call, &id, CompareKind::Contents).await.map_err(refused)?;
        let JobCall { control, caller, job_id } = &call;
        let task = control.comparison_with_rows(caller, job_id, &task.id).await.map_err(refused)?;
        answer.content_compare_results = Some(content_result(&task, page));
    }
    let entry = |task: Comparison| TaskEntry {
        compare_type: match task.input.sample_per_million {
            Some(_) => "random",
            None => task.input.kind.name(),
        },
        compare_task_id: task.id,
        compare_task_status: status(task.status),
        create_time: time::iso(task.created_ms),
        end_time: task.ended_ms.map(time::iso),
    };
    answer.compare_task_list_results = TaskList {
        compare_task_list_count: all.len(),
        compare_task_list: page.of(all).map(entry).collect(),
    };
    Ok(Json(answer))
}

fn page(number: Option<i64>, size: Option<i64>) -> Result<Page> {
    let number = number.ok_or_else(|| Refusal::Missing { field: "current_page".to_owned() })?;
    let size = size.ok_or_else(|| Refusal::Missing { field: "per_page".to_owned() })?;
    let limit = u64::try_from(size).ok().filter(|size| (1..=PAGE_MAX).contains(size));
    let limit = limit.ok_or_else(|| {
        Refusal::invalid("per_page", size, format!("an integer in 1..={PAGE_MAX}"))
    })?;
    let before = u64::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let offset = before.and_then(|before| before.checked_mul(limit));
    let offset =
        offset.ok_or_else(|| Refusal::invalid("current_page", number, "an integer from 1 on"))?;
    Ok(Page { offset, limit })
}

fn object_result(task: &Comparison, page: Page) -> ObjectResult {
    let counts = compare::objects(task).compare_results.into_iter();
    let count = |one: compare::ObjectCountView| ObjectCount {
        object_type: one.r#type,
        object_compare_result: one.status,
        source_count: one.source_count,
        target_count: one.target_count,
        diff_count: one.source_count.abs_diff(one.target_count),
    };
    let tables: Vec<&ComparedTable> = task.tables.iter().collect();
    let details = |databases: bool| {
        let all = compare::object_details(&tables, databases);
        let view = |one: compare::ObjectDetailView| ObjectDetail {
            source_db_name: one.source_db_name,
            target_db_name: one.target_db_name,
            source_db_value: one.source_db_value,
            target_db_value: one.target_db_value,
            error_message: one.error_message,
        };
        page.of(all).map(view).collect()
    };
    ObjectResult {
        compare_task_id: task.id.clone(),
        object_compare_overview: counts.map(count).collect(),
        object_compare_details: BTreeMap::from([("DB", details(true)), ("TABLE", details(false))]),
    }
}

/// A result by v3's name: it writes `EXIT` where others write `EXIST`.
fn named(result: &'static str) -> &'static str {
    if result == "TARGET_DB_NOT_EXIST" { "TARGET_DB_NOT_EXIT" } else { result }
}

fn by_database(task: &Comparison) -> BTreeMap<&str, Vec<&ComparedTable>> {
    let mut all: BTreeMap<&str, Vec<&ComparedTable>> = BTreeMap::new();
    for table in &task.tables {
        all.entry(&table.database).or_default().push(table);
    }
    all
}

fn line_result(task: &Comparison, page: Page) -> LineResult {
    let tables: Vec<&ComparedTable> = task.tables.iter().collect();
    let overview: Vec<LineOverview> = compare::overview(&tables, CompareKind::Lines)
        .into_iter()
        .map(|(source_db_name, target_db_name, result)| LineOverview {
            source_db_name,
            target_db_name,
            line_compare_result: named(result),
        })
        .collect();
    let detail = |table: &ComparedTable| LineDetail {
        source_table_name: table.table.clone(),
        target_table_name: table.target_table.clone(),
        source_row_num: rows(table.source_rows),
        target_row_num: rows(table.target_rows),
        diff_row_num: rows(table.source_rows.abs_diff(table.target_rows)),
        line_compare_result: named(compare::result(table, CompareKind::Lines)),
        message: table.notes.join("; "),
    };
    let details = by_database(task).into_iter().map(|(name, tables)| LineDetails {
        source_db_name: name.to_owned(),
        line_compare_detail_count: tables.len(),
        line_compare_detail: page.of(tables).map(detail).collect(),
    });
    LineResult {
        compare_task_id: task.id.clone(),
        line_compare_overview_count: overview.len(),
        line_compare_details: details.collect(),
        line_compare_overview: overview,
    }
}

fn content_result(task: &Comparison, page: Page) -> ContentResult {
    let tables: Vec<&ComparedTable> = task.tables.iter().collect();
    let overview: Vec<ContentOverview> = compare::overview(&tables, CompareKind::Contents)
        .into_iter()
        .map(|(source_db_name, target_db_name, result)| ContentOverview {
            source_db_name,
            target_db_name,
            content_compare_result: named(result),
        })
        .collect();
    let details = by_database(task).into_iter().map(|(name, tables)| {
        let (compared, others): (Vec<&ComparedTable>, Vec<&ComparedTable>) =
            tables.into_iter().partition(|table| is_compared(table));
        ContentDetails {
            source_db_name: name.to_owned(),
            content_compare_detail_count: compared.len(),
            content_uncompare_detail_count: others.len(),
            content_compare_detail: page.of(compared).map(content_detail).collect(),
            content_uncompare_detail: page.of(others).map(content_detail).collect(),
        }
    });
    let differing = task.tables.iter().filter(|table| !table.differences.is_empty());
    let diffs = differing.map(|table| {
        let found = compare::diff(std::iter::once(table), page);
        ContentDiffs {
            source_db_name: table.database.clone(),
            source_table_name: table.table.clone(),
            content_compare_diff_count: found.count,
            content_compare_diff: found.contents_infos.into_iter().map(content_diff).collect(),
        }
    });
    ContentResult {
        compare_task_id: task.id.clone(),
        content_compare_overview_count: overview.len(),
        content_compare_details: details.collect(),
        content_compare_diffs: diffs.collect(),
        content_compare_overview: overview,
    }
}

fn content_detail(table: &ComparedTable) -> ContentDetail {
    let as_many =
        table.outcome == TableOutcome::Consistent || table.source_rows == table.target_rows;
    ContentDetail {
        source_db_name: table.database.clone(),
        target_db_name: table.target_database.clone(),
        source_table_name: table.table.clone(),
        target_table_name: table.target_table.clone(),
        source_row_num: rows(table.source_rows),
        target_row_num: rows(table.target_rows),
        diff_row_num: rows(table.difference_rows()),
        line_compare_result: match (is_compared(table), as_many) {
            (false, _) => named(compare::result(table, CompareKind::Contents)),
            (true, true) => "CONSISTENT",
            (true, false) => "INCONSISTENT",
        },
        content_compare_result: named(compare::result(table, CompareKind::Contents)),
        message: table.notes.join("; "),
    }
}

fn content_diff(row: compare::DiffRowView) -> ContentDiff {
    ContentDiff {
        target_select_sql: row.target_select_sql,
        source_select_sql: row.source_select_sql,
        source_key_value: row.source_key_value,
        target_key_value: row.target_key_value,
    }
}
