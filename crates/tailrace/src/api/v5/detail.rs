//! `GET …/jobs/{job_id}?type=`: a job, or one aspect of it.

use axum::Json;

use crate::{
    api::{
        call::JobCall,
        error::{ApiError, ErrorBody},
        message::Message,
        permission,
        query::QueryText,
        time,
        v3::{
            connection::connection_code,
            precheck::CheckView as V3CheckView,
            read::{progress_map, remaining_seconds, whole},
        },
    },
    control::{
        Language, Refusal, Result,
        job::Job,
        query::{ConnectionOutcome, Precheck},
        view::{ApplyState, LogLevel, Monitor, Progress},
    },
};

use super::{
    compare,
    delete::unsupported,
    detail_view::{
        CheckView, DetailAnswer, JobDetail, LogView, MetricsView, NetworkResult, ObjectOverview,
        ObjectProgress, PrecheckView, ProgressInfo,
    },
    refused, repair,
};

/// Reads a job.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("type" = String, Query, description = "overview, detail, network, precheck, progress, log, compare, repair"),
        ("query_id" = Option<String>, Query, description = "For network, and for precheck and repair if not the newest"),
        ("log_level" = Option<String>, Query, description = "Info, Warn, Error"),
        ("compare_type" = Option<String>, Query,
            description = "object_compare, line_compare, content_compare, data_compare (the tasks)"),
        ("query_type" = Option<String>, Query, description = "overview, list, detail, diff"),
        ("compare_task_id" = Option<String>, Query, description = "The task; the newest by default"),
        ("object_type" = Option<String>, Query, description = "DB, TABLE"),
        ("source_db_name" = Option<String>, Query), ("target_db_name" = Option<String>, Query),
        ("source_table_name" = Option<String>, Query, description = "For diff; an extension"),
        ("compare_detail_type" = Option<String>, Query, description = "compare, uncompare"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = DetailAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_job_detail(
    call: JobCall,
    query: QueryText,
) -> Result<Json<DetailAnswer>, ApiError> {
    let job = aspect(&call, &query).await.map_err(refused)?;
    Ok(Json(DetailAnswer { job }))
}

async fn aspect(call: &JobCall, query: &QueryText) -> Result<JobDetail> {
    let JobCall { control, caller, job_id } = call;
    let job = control.get(caller, job_id).await?;
    let head = JobDetail::head(&job);
    let kind = query.required("type")?;
    permission::require(caller, "show_job_detail", kind)?;
    Ok(match kind {
        "detail" => JobDetail::of(&job),
        "overview" => {
            let monitor = control.monitor(caller, job_id).await?;
            JobDetail { metrics: Some(metrics(&job, &monitor)), ..head }
        }
        "network" => {
            let id = query.required("query_id")?;
            let test = control.connection_result(caller, job_id, id).await?;
            let results = test.outcomes.into_iter().map(|o| network(o, caller.language)).collect();
            JobDetail { network_results: Some(results), ..head }
        }
        "precheck" => {
            let id = query.text("query_id");
            let precheck = control.precheck_result(caller, job_id, id).await?;
            JobDetail { precheck_result: Some(precheck_view(&precheck, &job)), ..head }
        }
        "progress" => {
            let progress = control.progress(caller, job_id).await?;
            JobDetail {
                progress_info: Some(progress_view(&progress)),
                migration_object_progress_info: Some(objects(&progress)),
                ..head
            }
        }
        "log" => log(call, query, head).await?,
        "compare" => JobDetail { compare_result: Some(compare::view(call, query).await?), ..head },
        "repair" => match repair::view(call, query).await? {
            None => head,
            Some((progress, detail)) => JobDetail {
                repair_progress_info: Some(progress),
                repair_detail_info: Some(detail),
                ..head
            },
        },
        kind @ ("file" | "is_writable" | "cloud_connection") => {
            return Err(unsupported(format!("type {kind}"), TYPES));
        }
        other => return Err(Refusal::invalid("type", other, TYPES)),
    })
}

pub(in crate::api) const TYPES: &str =
    "overview, detail, network, precheck, progress, log, compare, repair";

async fn log(call: &JobCall, query: &QueryText, head: JobDetail) -> Result<JobDetail> {
    let level = match query.text("log_level") {
        None => None,
        Some(name) => Some(
            LogLevel::from_name(name)
                .ok_or_else(|| Refusal::invalid("log_level", name, "Info, Warn, Error"))?,
        ),
    };
    let page = query.page()?;
    let (total, entries) = call.control.log(&call.caller, &call.job_id, level, page).await?;
    let logs = entries
        .into_iter()
        .map(|entry| LogView {
            create_time: time::iso(entry.at_ms),
            level: match entry.level {
                LogLevel::Info => "Info",
                LogLevel::Warn => "Warn",
                LogLevel::Error => "Error",
            },
            message: entry.message,
        })
        .collect();
    Ok(JobDetail { total_count: Some(total), logs: Some(logs), ..head })
}

fn metrics(job: &Job, monitor: &Monitor) -> MetricsView {
    let rate = |rate: f64| whole(rate).to_string();
    MetricsView {
        job_id: job.id.clone(),
        node_id: "",
        time_stamp: time::iso(monitor.at_ms),
        cpu_util: format!("{:.1}", monitor.cpu_percent),
        mem_util: monitor.memory_bytes.to_string(),
        network_incoming_bytes_rate: rate(monitor.bytes_in_rate),
        network_outgoing_bytes_rate: rate(monitor.bytes_out_rate),
        apply_rows_rate: rate(monitor.rows_rate),
        apply_transactions_rate: rate(monitor.transactions_rate),
        apply_ddl_rate: rate(monitor.ddls_rate),
        apply_current_state: match monitor.apply_state {
            ApplyState::Abnormal => "10",
            ApplyState::Idle => "1",
            ApplyState::Dml => "2",
        },
    }
}

fn network(outcome: ConnectionOutcome, language: Language) -> NetworkResult {
    let status = if outcome.success { "success" } else { "failed" };
    let failed = !outcome.success;
    let code = connection_code(outcome.error_kind.as_deref());
    let detail = outcome.error_message.unwrap_or_default();
    NetworkResult {
        ip: outcome.address,
        success: outcome.success,
        status,
        result: status,
        endpoint_role: outcome.side.code(),
        error_code: failed.then(|| code.to_owned()),
        error_msg: failed.then(|| Message::ConnectionFailed { detail }.text(language)),
    }
}

fn precheck_view(precheck: &Precheck, job: &Job) -> PrecheckView {
    let check = |item| {
        let V3CheckView { item, group, result, failed_reason, raw_error_msg, data } =
            V3CheckView::of(item);
        CheckView {
            is_support_skip: result == "ALARM",
            item,
            group,
            result,
            failed_reason,
            raw_error_msg,
            data,
            is_skipped: false,
        }
    };
    PrecheckView {
        result: precheck.passed(),
        process: format!("{}%", precheck.process_percent),
        total_passed_rate: format!("{}%", precheck.passed_percent),
        rds_instance_id: "",
        job_direction: job.direction.clone(),
        precheck_results: precheck.items.iter().map(check).collect(),
    }
}

fn progress_view(progress: &Progress) -> ProgressInfo {
    ProgressInfo {
        progress: progress.percent.to_string(),
        incr_trans_delay: progress.delay_ms.map(|ms| (ms / 1000).to_string()),
        incr_trans_delay_millis: progress.delay_ms.map(|ms| ms.to_string()),
        task_mode: progress.task.name(),
        transfer_status: progress.status.name(),
        process_time: progress.elapsed_ms.map(|ms| ms.to_string()),
        remaining_time: remaining_seconds(progress),
        progress_map: progress_map(progress),
    }
}

fn objects(progress: &Progress) -> ObjectProgress {
    let at = |ms: Option<i64>| ms.map(time::iso);
    let status = match (progress.full_started_ms, progress.full_completed_ms) {
        (_, Some(_)) => "COMPLETED",
        _ if progress.status == crate::control::JobStatus::FullTransferFailed => "FAILED",
        (Some(_), None) => "TRANSFERING",
        (None, None) => "NOT_START",
    };
    ObjectProgress {
        create_time: time::iso(progress.created_ms),
        full_start_time: at(progress.full_started_ms),
        full_complete_time: at(progress.full_completed_ms),
        incr_start_time: at(progress.incremental_started_ms),
        end_time: at(progress.ended_ms),
        migration_object_overview: vec![ObjectOverview {
            r#type: "table",
            src_count: progress.snapshot_tables.to_string(),
            dst_count: progress.snapshot_tables_done.to_string(),
            status,
            start_time: at(progress.full_started_ms),
            end_time: at(progress.full_completed_ms),
        }],
    }
}
