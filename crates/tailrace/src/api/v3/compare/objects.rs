//! `…/object/compare`: whether the target has the objects.

use std::collections::BTreeSet;

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::{JobCall, PathValues},
        error::{ApiError, ErrorBody},
        query::QueryText,
        time,
        v3::batch::refused,
        v5::{compare::status, delete::Empty},
    },
    control::{
        Refusal, Result,
        compare::{
            CompareInput, CompareKind, CompareStatus, ComparedTable, Comparison, TableOutcome,
        },
    },
};

use super::file::REPORT_SECONDS;

/// Numbers of v3 for objects (huaweicloudsdkdrs v3, `ObjectsCompareOverviewInfo.status`).
const INCONSISTENT: i32 = 0;
const CONSISTENT: i32 = 2;
const NOT_DONE: i32 = 3;

/// Kinds of objects that DRS knows.
const TYPES: [&str; 19] = [
    "DB",
    "TABLE",
    "VIEW",
    "EVENT",
    "ROUTINE",
    "INDEX",
    "TRIGGER",
    "SYNONYM",
    "FUNCTION",
    "PROCEDURE",
    "TYPE",
    "RULE",
    "DEFAULT_TYPE",
    "PLAN_GUIDE",
    "CONSTRAINT",
    "FILE_GROUP",
    "PARTITION_FUNCTION",
    "PARTITION_SCHEME",
    "TABLE_COLLATION",
];

/// Body of `…/object/compare`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3CreateObjectCompareJobReq)]
pub(crate) struct ObjectCompareRequest {
    /// Not offered: it is for other engines.
    pub compare_task_num: Option<i32>,
}

/// Compares objects now.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/{job_id}/object/compare", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = ObjectCompareRequest,
    responses((status = 202, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn create_object_level_compare_job(
    call: JobCall,
    V3Body(body): V3Body<ObjectCompareRequest>,
) -> Result<(StatusCode, Json<Empty>), ApiError> {
    if body.compare_task_num.is_some() {
        let what = "compare_task_num".to_owned();
        return Err(refused(Refusal::Unsupported { what, instead: "none".to_owned() }));
    }
    let JobCall { control, caller, job_id } = call;
    let input = CompareInput::of(CompareKind::Object);
    control.compare(&caller, &job_id, input).await.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(Empty {})))
}

/// Objects of a kind by number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ObjectsCompareOverviewInfo)]
pub(crate) struct CountView {
    /// `DB` or `TABLE`
    pub r#type: &'static str,
    /// At the source.
    pub source_count: i64,
    /// Of those, at the target.
    pub target_count: i64,
    /// 0 inconsistent, 2 consistent, 3 not done.
    pub status: i32,
}

/// Answer of `GET …/object/compare`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3ListObjectLevelCompareOverviewResponse)]
pub(crate) struct OverviewAnswer {
    /// When it was asked for.
    pub create_time: Option<String>,
    /// When it began.
    pub start_time: Option<String>,
    /// As that of v5; none if no objects were compared yet.
    pub status: Option<&'static str>,
    /// `INIT`, or `EXPORT_COMPLETE` for one that has ended.
    pub export_status: Option<&'static str>,
    /// Seconds for which its file is there; -1 before its end.
    pub report_remain_seconds: i64,
    /// The comparison.
    pub compare_job_id: Option<String>,
    /// Why it failed.
    pub error_msg: Option<String>,
    /// By kind.
    pub compare_result: Vec<CountView>,
}

/// The newest comparison of objects.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/object/compare", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = OverviewAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_obeject_level_compare_overview(
    call: JobCall,
) -> Result<Json<OverviewAnswer>, ApiError> {
    let Some(task) = newest(&call, None).await.map_err(refused)? else {
        return Ok(Json(OverviewAnswer { report_remain_seconds: -1, ..OverviewAnswer::default() }));
    };
    let is_over = task.ended_ms.is_some();
    Ok(Json(OverviewAnswer {
        create_time: Some(time::iso(task.created_ms)),
        start_time: task.started_ms.map(time::iso),
        status: Some(status(task.status)),
        export_status: Some(if is_over { "EXPORT_COMPLETE" } else { "INIT" }),
        report_remain_seconds: if is_over { REPORT_SECONDS } else { -1 },
        compare_result: counts(&task),
        compare_job_id: Some(task.id),
        error_msg: task.error,
    }))
}

async fn newest(call: &JobCall, id: Option<&str>) -> Result<Option<Comparison>> {
    let JobCall { control, caller, job_id } = call;
    let all = control.comparisons(caller, job_id).await?;
    let mut all = all.into_iter().filter(|task| task.input.kind == CompareKind::Object);
    match id {
        None => Ok(all.next()),
        Some(id) => match all.find(|task| task.id == id) {
            Some(task) => Ok(Some(task)),
            None => Err(Refusal::invalid("compare_job_id", id, "a comparison of objects")),
        },
    }
}

fn is_there(table: &ComparedTable) -> bool {
    !matches!(table.outcome, TableOutcome::TopicMissing | TableOutcome::Impossible)
}

fn counts(task: &Comparison) -> Vec<CountView> {
    let databases = |there: bool| {
        let tables = task.tables.iter().filter(|table| !there || is_there(table));
        tables.map(|table| table.database.as_str()).collect::<BTreeSet<_>>().len()
    };
    let count = |r#type, source: usize, target: usize| CountView {
        r#type,
        source_count: i64::try_from(source).unwrap_or(i64::MAX),
        target_count: i64::try_from(target).unwrap_or(i64::MAX),
        status: match task.status {
            CompareStatus::Successful if source == target => CONSISTENT,
            CompareStatus::Successful => INCONSISTENT,
            _ => NOT_DONE,
        },
    };
    let there = task.tables.iter().filter(|table| is_there(table)).count();
    vec![count("DB", databases(false), databases(true)), count("TABLE", task.tables.len(), there)]
}

/// An object on both sides.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ObjectsCompareDetailInfo)]
pub(crate) struct DetailView {
    /// Database at the source.
    pub source_db_name: String,
    /// Database at the target, or in messages.
    pub target_db_name: String,
    /// Name at the source.
    pub source_db_value: String,
    /// Name at the target; absent if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_db_value: Option<String>,
    /// 0 inconsistent, 2 consistent.
    pub status: i32,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// Answer of `GET …/object/compare/{compare_type}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListObjectLevelCompareDetailResponse)]
pub(crate) struct DetailAnswer {
    /// Objects in all.
    pub count: usize,
    /// This page.
    pub compare_detail: Vec<DetailView>,
}

/// Objects of a kind, by the newest comparison or by the one that is named. Of kinds that are not replicated there are none.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/object/compare/{compare_type}", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_type" = String, Path),
           ("compare_job_id" = Option<String>, Query), ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query)),
    responses((status = 200, body = DetailAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_obeject_level_compare_detail(
    call: JobCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<DetailAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let kind = path.get("compare_type");
    if !TYPES.contains(&kind) {
        return Err(refused(Refusal::invalid("compare_type", kind, TYPES.join(", "))));
    }
    let task = newest(&call, query.text("compare_job_id")).await.map_err(refused)?;
    let tables = task.map(|task| task.tables).unwrap_or_default();
    let details = match kind {
        "TABLE" => tables.into_iter().map(table_detail).collect(),
        "DB" => database_details(tables),
        _ => Vec::new(),
    };
    let count = details.len();
    Ok(Json(DetailAnswer { count, compare_detail: page.of(details).collect() }))
}

fn table_detail(table: ComparedTable) -> DetailView {
    let there = is_there(&table);
    DetailView {
        source_db_name: table.database,
        target_db_name: table.target_database,
        source_db_value: table.table,
        target_db_value: there.then_some(table.target_table),
        status: if there { CONSISTENT } else { INCONSISTENT },
        error_message: (!table.notes.is_empty()).then(|| table.notes.join("; ")),
    }
}

fn database_details(tables: Vec<ComparedTable>) -> Vec<DetailView> {
    let mut all: Vec<DetailView> = Vec::new();
    for table in tables {
        let there = is_there(&table);
        match all.iter_mut().find(|one| one.source_db_value == table.database) {
            Some(one) if there && one.target_db_value.is_none() => {
                one.target_db_value = Some(table.target_database);
                one.status = CONSISTENT;
            }
            Some(_) => {}
            None => all.push(DetailView {
                source_db_name: table.database.clone(),
                target_db_name: table.target_database.clone(),
                source_db_value: table.database,
                target_db_value: there.then_some(table.target_database),
                status: if there { CONSISTENT } else { INCONSISTENT },
                error_message: None,
            }),
        }
    }
    all
}
