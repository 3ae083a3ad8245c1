//! Waiting for a job, with its progress in sight.

use std::time::Duration;

use serde_json::Value;

use super::Waiting;
use crate::cli::exit::{Exit, Failed};
use crate::cli::output::text;
use crate::cli::progress::Progress;
use crate::client::{Client, Wait, Waited};

/// States in which a started job has arrived.
const RUNNING: [&str; 2] = ["INCRE_TRANSFER_STARTED", "FULL_TRANSFER_COMPLETE"];

/// Waits until a started job follows the log, or has read all rows if that is its end.
pub(super) async fn started(client: &Client, id: &str, waiting: &Waiting) -> Result<(), Failed> {
    if !waiting.wait {
        return Ok(());
    }
    let detail = client.show(id, "detail").await?;
    let full_only = text(&detail, "/base_info/task_type") == "FULL_TRANS";
    // A job that goes on passes through the end of its full phase by itself.
    let wanted = if full_only { &RUNNING[1..] } else { &RUNNING[..1] };
    until(client, id, waiting, wanted).await
}

/// Waits until a job has one of these states.
pub(super) async fn until(
    client: &Client,
    id: &str,
    waiting: &Waiting,
    wanted: &[&str],
) -> Result<(), Failed> {
    if !waiting.wait {
        return Ok(());
    }
    let mut progress = Progress::new();
    let mut status = String::new();
    let waited = client
        .wait(id, "progress", waiting.limit(), |view| {
            status = text(view, "/status");
            show(&mut progress, &status, view);
            look(&status, wanted)
        })
        .await?;
    match waited {
        Waited::Done => failed_reason(client, id, &status, wanted).await,
        Waited::TimedOut => Err(Failed::new(
            Exit::TimedOut,
            format!("job {id} is {status}, not {}, after the time given", wanted.join(" or ")),
        )),
    }
}

fn look(status: &str, wanted: &[&str]) -> Result<Wait, Failed> {
    let is_over = wanted.contains(&status) || status.ends_with("_FAILED");
    Ok(if is_over { Wait::Done } else { Wait::More })
}

async fn failed_reason(
    client: &Client,
    id: &str,
    status: &str,
    wanted: &[&str],
) -> Result<(), Failed> {
    if wanted.contains(&status) {
        return Ok(());
    }
    let reason = text(&client.show(id, "detail").await?, "/failed_reason");
    let reason = if reason.is_empty() { "no reason is known".to_owned() } else { reason };
    Err(Failed::new(Exit::Failure, format!("job {id} is {status}: {reason}")))
}

fn show(progress: &mut Progress, status: &str, view: &Value) {
    let percent = text(view, "/progress_info/progress").parse().unwrap_or(0);
    let delay = text(view, "/progress_info/incr_trans_delay_millis");
    let more = if delay.is_empty() { delay } else { format!("{delay} ms behind") };
    progress.show(status, percent, &more);
}

/// Shows a job's progress until it ends, fails, or the time is over.
pub(super) async fn follow(
    client: &Client,
    id: &str,
    limit: Option<Duration>,
) -> Result<(), Failed> {
    let waiting = Waiting { wait: true, timeout: limit.map(|limit| limit.as_secs()) };
    let over = ["RELEASE_RESOURCE_COMPLETE", "FULL_TRANSFER_COMPLETE"];
    match until(client, id, &waiting, &over).await {
        // To stop looking is what was asked for.
        Err(_) if limit.is_some() && !client.status(id).await?.ends_with("_FAILED") => Ok(()),
        other => other,
    }
}
