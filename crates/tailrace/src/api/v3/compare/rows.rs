//! What came of comparisons of rows: by database, by table, by row.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::{JobCall, PathValues},
        error::{ApiError, ErrorBody},
        query::QueryText,
        v3::batch::refused,
        v5::compare,
    },
    control::compare::{CompareKind, ComparedTable},
};

use super::{CONSISTENT, Database, chosen, databases, is_compared, rows, status_of, task};

/// A database with the numbers of its tables.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3DataCompareOverviewInfo)]
pub(crate) struct LineDatabaseView {
    /// Database at the source.
    pub source_db_name: String,
    /// Database at the target, or in messages.
    pub target_db_name: String,
    /// 0 inconsistent, 2 consistent, 3 missing at the target, 4 failed, 5 running, 6 waiting, 7 cancelled.
    pub status: i32,
    /// Tables that are known so far.
    pub compare_num: i32,
    /// Tables that are done.
    pub compare_end_num: i32,
    /// Tables with differences.
    pub data_inconsistent_num: i32,
    /// Tables that cannot be compared.
    pub uncomparable_num: i32,
}

/// Answer of `…/line-overview`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListDataCompareOverviewResponse)]
pub(crate) struct LineOverviewAnswer {
    /// Databases in all.
    pub total_count: usize,
    /// This page.
    pub data_compare_overview_infos: Vec<LineDatabaseView>,
}

/// Numbers of rows by database.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/compare/{compare_job_id}/line-overview", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path),
           ("status" = Option<i32>, Query), ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query)),
    responses((status = 200, body = LineOverviewAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_data_compare_overview(
    call: JobCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<LineOverviewAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let wanted = status_wanted(&query)?;
    let task =
        task(&call, path.get("compare_job_id"), CompareKind::Lines).await.map_err(refused)?;
    let mut all = databases(&task, CompareKind::Lines);
    all.retain(|one| wanted.is_none_or(|wanted| one.status == wanted));
    let total_count = all.len();
    let view = |one: Database| LineDatabaseView {
        source_db_name: one.source,
        target_db_name: one.target,
        status: one.status,
        compare_num: one.compared,
        compare_end_num: one.compared,
        data_inconsistent_num: one.inconsistent,
        uncomparable_num: one.impossible,
    };
    let data_compare_overview_infos = page.of(all).map(view).collect();
    Ok(Json(LineOverviewAnswer { total_count, data_compare_overview_infos }))
}

fn status_wanted(query: &QueryText) -> Result<Option<i32>, ApiError> {
    let wanted = query.has("status").then(|| query.integer("status", 0, 0..=27)).transpose();
    Ok(wanted.map_err(refused)?.and_then(|status| i32::try_from(status).ok()))
}

/// Numbers of rows of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3TableLineCompareResultInfo)]
pub(crate) struct LineTableView {
    /// Table at the source.
    pub source_table_name: String,
    /// Its rows.
    pub source_row_num: i64,
    /// Table at the target, or in messages.
    pub target_table_name: String,
    /// Its rows.
    pub target_row_num: i64,
    /// The difference between the two.
    pub difference_row_num: i64,
    /// As that of a database.
    pub status: i32,
    /// Tailrace's own: what a reader should know.
    pub message: String,
}

/// Answer of `…/line-detail`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListDataCompareDetailResponse)]
pub(crate) struct LineDetailAnswer {
    /// Tables in all.
    pub total_count: usize,
    /// This page.
    pub table_line_compare_result_infos: Vec<LineTableView>,
}

/// Numbers of rows by table.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/compare/{compare_job_id}/line-detail", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path),
           ("status" = Option<i32>, Query), ("type" = Option<String>, Query), ("db_name" = Option<String>, Query),
           ("target_db_name" = Option<String>, Query), ("query_tb_name" = Option<String>, Query),
           ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query)),
    responses((status = 200, body = LineDetailAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_data_compare_detail(
    call: JobCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<LineDetailAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let wanted = status_wanted(&query)?;
    let task =
        task(&call, path.get("compare_job_id"), CompareKind::Lines).await.map_err(refused)?;
    let mut tables = chosen(&task, &query).map_err(refused)?;
    tables.retain(|table| {
        wanted.is_none_or(|wanted| status_of(table, CompareKind::Lines) == wanted)
            && query.text("query_tb_name").is_none_or(|part| table.table.contains(part))
    });
    let total_count = tables.len();
    let view = |table: &ComparedTable| LineTableView {
        source_table_name: table.table.clone(),
        source_row_num: rows(table.source_rows),
        target_table_name: table.target_table.clone(),
        target_row_num: rows(table.target_rows),
        difference_row_num: rows(table.source_rows.abs_diff(table.target_rows)),
        status: status_of(table, CompareKind::Lines),
        message: table.notes.join("; "),
    };
    let table_line_compare_result_infos = page.of(tables).map(view).collect();
    Ok(Json(LineDetailAnswer { total_count, table_line_compare_result_infos }))
}

/// A database with the rows of its tables.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3NodeContentCompareOverviewResult)]
pub(crate) struct ContentDatabaseView {
    /// Database at the source.
    pub source_db: String,
    /// Database at the target, or in messages.
    pub target_db: String,
    /// As with numbers of rows.
    pub status: i32,
    /// Tables that are known so far.
    pub compare_num: i32,
    /// Tables that are done.
    pub compare_end_num: i32,
    /// Tables with differences.
    pub data_inconsistent_num: i32,
    /// Tables that cannot be compared.
    pub uncomparable_num: i32,
}

/// Answer of `…/content-overview`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListContentCompareOverviewResponse)]
pub(crate) struct ContentOverviewAnswer {
    /// Databases in all.
    pub total_count: usize,
    /// This page.
    pub content_compare_result_infos: Vec<ContentDatabaseView>,
}

/// Rows by database.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/compare/{compare_job_id}/content-overview", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path),
           ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query)),
    responses((status = 200, body = ContentOverviewAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_content_compare_overview(
    call: JobCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<ContentOverviewAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let id = path.get("compare_job_id");
    let task = task(&call, id, CompareKind::Contents).await.map_err(refused)?;
    let all = databases(&task, CompareKind::Contents);
    let total_count = all.len();
    let view = |one: Database| ContentDatabaseView {
        source_db: one.source,
        target_db: one.target,
        status: one.status,
        compare_num: one.compared,
        compare_end_num: one.compared,
        data_inconsistent_num: one.inconsistent,
        uncomparable_num: one.impossible,
    };
    let content_compare_result_infos = page.of(all).map(view).collect();
    Ok(Json(ContentOverviewAnswer { total_count, content_compare_result_infos }))
}

/// Rows of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3NodeContentCompareDetailResult)]
pub(crate) struct ContentTableView {
    /// Database at the source.
    pub source_db: String,
    /// Database at the target, or in messages.
    pub target_db: String,
    /// Table at the source.
    pub source_table_name: String,
    /// Table at the target, or in messages.
    pub target_table_name: String,
    /// Rows of the source.
    pub source_row_num: i64,
    /// Rows of the target.
    pub target_row_num: i64,
    /// Rows that differ, or are on one side only.
    pub difference_row_num: i64,
    /// There are as many.
    pub line_compare_result: bool,
    /// They are the same.
    pub content_compare_result: bool,
    /// What a reader should know.
    pub message: String,
    /// 2: done, as all that are listed are (huaweicloudsdkdrs v3: -1 … -4 with a dash for a list).
    pub status: i32,
    /// Percent.
    pub progress: f64,
}

/// Answer of `…/content-detail`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListContentCompareDetailResponse)]
pub(crate) struct ContentDetailAnswer {
    /// Tables in all.
    pub total_count: usize,
    /// This page.
    pub content_compare_result_infos: Vec<ContentTableView>,
}

/// Rows by table.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/compare/{compare_job_id}/content-detail", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path),
           ("target_db_name" = Option<String>, Query), ("db_name" = Option<String>, Query), ("type" = Option<String>, Query),
           ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query)),
    responses((status = 200, body = ContentDetailAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_content_compare_detail(
    call: JobCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<ContentDetailAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let id = path.get("compare_job_id");
    let task = task(&call, id, CompareKind::Contents).await.map_err(refused)?;
    let tables = chosen(&task, &query).map_err(refused)?;
    let total_count = tables.len();
    let view = |table: &ComparedTable| ContentTableView {
        source_db: table.database.clone(),
        target_db: table.target_database.clone(),
        source_table_name: table.table.clone(),
        target_table_name: table.target_table.clone(),
        source_row_num: rows(table.source_rows),
        target_row_num: rows(table.target_rows),
        difference_row_num: rows(table.difference_rows()),
        line_compare_result: is_compared(table) && table.source_rows == table.target_rows,
        content_compare_result: status_of(table, CompareKind::Contents) == CONSISTENT,
        message: table.notes.join("; "),
        status: CONSISTENT,
        progress: 100.0,
    };
    let content_compare_result_infos = page.of(tables).map(view).collect();
    Ok(Json(ContentDetailAnswer { total_count, content_compare_result_infos }))
}

/// Answer of `…/content-difference`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListContentCompareDifferenceResponse)]
pub(crate) struct DifferenceAnswer {
    /// How many are listed in all.
    pub count: usize,
    /// Of those, rows that only the source has.
    pub target_meta_is_null: usize,
    /// Of those, rows that only the target has.
    pub source_meta_is_null: usize,
    /// Of those, rows with other content.
    pub source_target_meta_not_null: usize,
    /// This page.
    pub contents_infos: Vec<DifferenceView>,
}

/// A row that differs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3CompareJobContentDetailInfo)]
pub(crate) struct DifferenceView {
    /// Key at the source; empty if it is not there.
    pub source_key_value: Vec<String>,
    /// Key at the target; empty if it is not there.
    pub target_key_value: Vec<String>,
    /// How to look at it at the source.
    pub select_sql: String,
    /// How to look at it at the target, or where its last message is.
    pub target_select_sql: String,
    /// Tailrace's own: statement that would repair the target's row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_sql: Option<String>,
}

/// Rows that differ.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/compare/{compare_job_id}/content-difference", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path),
           ("table_name" = Option<String>, Query), ("db_name" = Option<String>, Query),
           ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query)),
    responses((status = 200, body = DifferenceAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_content_compare_difference(
    call: JobCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<DifferenceAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let id = path.get("compare_job_id");
    let task = task(&call, id, CompareKind::Contents).await.map_err(refused)?;
    let JobCall { control, caller, job_id } = &call;
    let task = control.comparison_with_rows(caller, job_id, &task.id).await.map_err(refused)?;
    let tables = chosen(&task, &query).map_err(refused)?.into_iter();
    let named = tables.filter(|one| query.text("table_name").is_none_or(|name| one.table == name));
    let found = compare::diff(named, page);
    let view = |row: compare::DiffRowView| DifferenceView {
        source_key_value: row.source_key_value,
        target_key_value: row.target_key_value,
        select_sql: row.source_select_sql,
        target_select_sql: row.target_select_sql,
        repair_sql: row.repair_sql,
    };
    Ok(Json(DifferenceAnswer {
        count: found.count,
        target_meta_is_null: found.target_meta_is_null,
        source_meta_is_null: found.source_meta_is_null,
        source_target_meta_not_null: found.source_target_meta_not_null,
        contents_infos: found.contents_infos.into_iter().map(view).collect(),
    }))
}
