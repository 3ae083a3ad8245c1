//! What a job does and did: actions, timeline, per-table progress, monitor data, DDL.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::{JobCall, PathValues},
        error::{ApiError, ErrorBody},
        job_list::JobActionView,
        query::QueryText,
        time,
        v3::read::whole,
    },
    control::{
        Refusal, Result,
        job::Page,
        view::{DdlEntry, LogPosition},
    },
};

use super::refused;

/// Answer of `…/actions`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowActionsResponse)]
pub(crate) struct ActionsAnswer {
    /// What can be done.
    pub job_action: JobActionView,
}

/// What can be done with a job.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/actions", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = ActionsAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_actions(call: JobCall) -> Result<Json<ActionsAnswer>, ApiError> {
    let actions = call.control.actions(&call.caller, &call.job_id).await.map_err(refused)?;
    Ok(Json(ActionsAnswer { job_action: JobActionView::of(&actions) }))
}

/// Answer of `…/timelines`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowTimelineResponse)]
pub(crate) struct TimelineAnswer {
    /// Entries in all.
    pub count: u64,
    /// Entries of the page, newest first.
    pub timelines: Vec<TimelineView>,
}

/// An operation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5TimelineInfo)]
pub(crate) struct TimelineView {
    /// What was done.
    pub name: String,
    /// `success` or `failed`
    pub status: &'static str,
    /// When.
    pub operation_time: String,
    /// By whom; `system` for what happened by itself.
    pub user_name: String,
    /// Why it failed, or what to know about it: Tailrace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What was done with a job and by whom.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/timelines", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = TimelineAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_timeline(
    call: JobCall,
    query: QueryText,
) -> Result<Json<TimelineAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let entries = call.control.timeline(&call.caller, &call.job_id, page).await;
    let (count, entries) = entries.map_err(refused)?;
    let timelines = entries
        .into_iter()
        .map(|entry| TimelineView {
            name: entry.name,
            status: if entry.success { "success" } else { "failed" },
            operation_time: time::iso(entry.at_ms),
            user_name: entry.user_name,
            detail: entry.detail,
        })
        .collect();
    Ok(Json(TimelineAnswer { count, timelines }))
}

/// Answer of `…/progress-data/{type}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowProgressDataResponse)]
pub(crate) struct ProgressDataAnswer {
    /// Objects in all.
    pub count: u64,
    /// When this was read.
    pub create_time: String,
    /// Objects of the page.
    pub flow_compare_data: Vec<FlowView>,
}

/// Progress of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5FlowCompareData)]
pub(crate) struct FlowView {
    /// Database at the source.
    pub src_db: String,
    /// Table at the source.
    pub src_tb: String,
    /// The same name.
    pub dst_db: String,
    /// The same name.
    pub dst_tb: String,
    /// 100 once finished, else 1: how far within a table is not known.
    pub progress: i64,
    /// Rows delivered: Tailrace's own.
    pub rows: u64,
}

/// Kinds of objects DRS asks progress for. A Kafka job has tables only.
const OBJECT_KINDS: &[&str] = &[
    "table",
    "table_structure",
    "table_indexs",
    "view",
    "procedure",
    "function",
    "database",
    "trigger",
    "event",
];

/// Progress of the objects of the full phase.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/progress-data/{type}", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("type" = String, Path, description = "table; other kinds have no objects"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = ProgressDataAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_progress_data(
    call: JobCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<ProgressDataAnswer>, ApiError> {
    let kind = path.get("type");
    if !OBJECT_KINDS.contains(&kind) {
        return Err(refused(Refusal::invalid("type", kind, OBJECT_KINDS.join(", "))));
    }
    let page = query.page().map_err(refused)?;
    let (mut count, mut tables) =
        call.control.object_progress(&call.caller, &call.job_id, page).await.map_err(refused)?;
    if kind != "table" {
        (count, tables) = (0, Vec::new());
    }
    let flow_compare_data = tables
        .into_iter()
        .map(|table| FlowView {
            dst_db: table.database.clone(),
            dst_tb: table.table.clone(),
            src_db: table.database,
            src_tb: table.table,
            progress: if table.done { 100 } else { 1 },
            rows: table.rows,
        })
        .collect();
    let create_time = time::iso(jiff::Timestamp::now().as_millisecond());
    Ok(Json(ProgressDataAnswer { count, create_time, flow_compare_data }))
}

/// Answer of `…/monitor-data`. Numbers are text or integers as DRS declares them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowMonitorDataResponse)]
pub(crate) struct MonitorAnswer {
    /// Bytes per second to the target.
    pub bandwidth: String,
    /// Seconds between the commit of the newest change that was read and its reading; -1 before the incremental phase.
    pub src_delay: i64,
    /// Seconds between a change's commit and its delivery; -1 before the incremental phase.
    pub dst_delay: i64,
    /// Rows per second.
    pub src_rps: String,
    /// Rows per second.
    pub dst_rps: String,
    /// Bytes per second from the source.
    pub src_io: String,
    /// Bytes per second to the target.
    pub dst_io: String,
    /// Point of the log that is delivered.
    pub src_offset: String,
    /// The same.
    pub node_offset: String,
    /// The same.
    pub dst_offset: String,
    /// The source answers.
    pub is_src_normal: bool,
    /// The target answers.
    pub is_dst_normal: bool,
    /// Bytes per second to the target.
    pub apply_rate: i64,
    /// Megabytes delivered.
    pub trans_data: String,
    /// Rows delivered.
    pub trans_lines: String,
    /// Percent of one core, of the whole server.
    pub used_cpu_percent: String,
    /// Megabytes, of the whole server.
    pub used_memory: String,
    /// Always `0`: a job keeps no data on disk.
    pub used_volumes: &'static str,
    /// When.
    pub update_time: String,
}

/// What a job does right now.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/monitor-data", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = MonitorAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_monitor_data(call: JobCall) -> Result<Json<MonitorAnswer>, ApiError> {
    let now = call.control.monitor(&call.caller, &call.job_id).await.map_err(refused)?;
    let seconds =
        |ms: Option<u64>| ms.map_or(-1, |ms| i64::try_from(ms / 1000).unwrap_or(i64::MAX));
    let rate = |rate: f64| whole(rate).to_string();
    let offset = now.position.as_ref().map(position).unwrap_or_default();
    let redo = now.position.as_ref().and_then(|position| position.redo);
    let read = redo.map_or_else(|| offset.clone(), |redo| redo.read.to_string());
    let t = &now.totals;
    let rows = [t.snapshot_rows, t.inserts, t.updates, t.deletes];
    let rows = rows.into_iter().fold(0_u64, u64::saturating_add);
    Ok(Json(MonitorAnswer {
        bandwidth: rate(now.bytes_out_rate),
        // Without a data path nothing is read: what is not delivered is not read either.
        src_delay: seconds(now.read_delay_ms.or(now.delay_ms)),
        dst_delay: seconds(now.delay_ms),
        src_rps: rate(now.rows_rate),
        dst_rps: rate(now.rows_rate),
        src_io: rate(now.bytes_in_rate),
        dst_io: rate(now.bytes_out_rate),
        src_offset: read.clone(),
        node_offset: read,
        dst_offset: offset,
        is_src_normal: now.source_normal,
        is_dst_normal: now.target_normal,
        apply_rate: whole(now.bytes_out_rate),
        trans_data: (t.bytes_out >> 20).to_string(),
        trans_lines: rows.to_string(),
        used_cpu_percent: format!("{:.1}", now.cpu_percent),
        used_memory: (now.memory_bytes >> 20).to_string(),
        used_volumes: "0",
        update_time: time::iso(now.at_ms),
    }))
}

/// `mysql-bin.000277:805`, of Oracle the SCN.
fn position(position: &LogPosition) -> String {
    match position.redo {
        Some(redo) => redo.applied.to_string(),
        None => format!("{}:{}", position.file, position.offset),
    }
}

/// Answer of `…/ddl`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListJobDdlsResponse)]
pub(crate) struct DdlAnswer {
    /// Statements in all.
    pub count: u64,
    /// Statements of the page, oldest first.
    pub ddl_list: Vec<DdlView>,
}

/// A DDL statement.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DdlAlarmResp)]
pub(crate) struct DdlView {
    /// Number in the job, from 1.
    pub seqno: u64,
    /// Point of the log.
    pub checkpoint: String,
    /// 0 until its alarm is cleared, then 1.
    pub status: i64,
    /// Milliseconds of the Unix epoch.
    pub ddl_timestamp: i64,
    /// Statement.
    pub ddl_text: String,
    /// Always true: a statement that cannot be delivered stops the job.
    pub exe_result: bool,
    /// Milliseconds of the Unix epoch.
    pub record_time: i64,
    /// When its alarm was cleared, milliseconds of the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clean_time: Option<i64>,
}

/// DDL statements that went by.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/ddl", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("start_seq_no" = Option<u64>, Query), ("end_seq_no" = Option<u64>, Query),
        ("status" = Option<u64>, Query, description = "0 or 1"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = DdlAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_job_ddls(
    call: JobCall,
    query: QueryText,
) -> Result<Json<DdlAnswer>, ApiError> {
    let (count, entries) = ddl_page(&call, &query).await.map_err(refused)?;
    Ok(Json(DdlAnswer { count, ddl_list: entries.into_iter().map(ddl_view).collect() }))
}

async fn ddl_page(call: &JobCall, query: &QueryText) -> Result<(u64, Vec<DdlEntry>)> {
    let page = query.page()?;
    let first = query.integer("start_seq_no", 0, 0..=u64::MAX)?;
    let last = query.integer("end_seq_no", u64::MAX, 0..=u64::MAX)?;
    let status = match query.integer("status", 2, 0..=1)? {
        2 => None,
        status => Some(status == 1),
    };
    if first == 0 && last == u64::MAX && status.is_none() {
        return call.control.ddl(&call.caller, &call.job_id, page).await;
    }
    let matches = |entry: &DdlEntry| {
        (first..=last).contains(&entry.seq)
            && status.is_none_or(|cleared| entry.cleared_ms.is_some() == cleared)
    };
    // Filters are rare, statements few: all pages are read and filtered here.
    let mut found = Vec::new();
    let mut at = Page::FIRST;
    loop {
        let (_, entries) = call.control.ddl(&call.caller, &call.job_id, at).await?;
        let full = u64::try_from(entries.len()).unwrap_or(u64::MAX) >= at.limit;
        found.extend(entries.into_iter().filter(matches));
        if !full {
            break;
        }
        at.offset = at.offset.saturating_add(at.limit);
    }
    let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
    Ok((count, page.of(found).collect()))
}

fn ddl_view(entry: DdlEntry) -> DdlView {
    DdlView {
        seqno: entry.seq,
        checkpoint: entry.position,
        status: i64::from(entry.cleared_ms.is_some()),
        ddl_timestamp: entry.at_ms,
        ddl_text: entry.statement,
        exe_result: true,
        record_time: entry.at_ms,
        clean_time: entry.cleared_ms,
    }
}

/// Clears the alarm of a DDL statement.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/alarms/{alarm_id}/clean", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("alarm_id" = String, Path, description = "seqno of the statement")),
    responses((status = 200, body = super::delete::Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn clean_alarms(
    call: JobCall,
    path: PathValues,
) -> Result<Json<super::delete::Empty>, ApiError> {
    let alarm = path.get("alarm_id");
    let seq = alarm.parse().map_err(|_| {
        refused(Refusal::invalid("alarm_id", alarm, "seqno of a DDL statement of the job"))
    })?;
    call.control.clear_ddl(&call.caller, &call.job_id, seq).await.map_err(refused)?;
    Ok(Json(super::delete::Empty {}))
}
