//! What can be read about a job: progress, rates, tables, timeline, log, DDL.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tailrace_pipeline::observe::Counters;
use tokio::time::Instant;

use super::Control;
use super::caller::Caller;
use super::create::check_page;
use super::job::{Job, Page, TaskMode};
use super::live::{LiveJob, Rates, position};
use super::machine;
use super::refusal::{Refusal, Result};
use super::status::JobStatus;
use super::view::{
    ApplyState, DdlEntry, LogEntry, LogLevel, LogPosition, Monitor, Progress, TableProgress,
    TimelineEntry, Totals,
};

/// Where a job stands, from this process if it runs here, else from the store.
struct Standing {
    totals: Totals,
    position: Option<LogPosition>,
    live: Option<Arc<LiveJob>>,
    rates: Option<Rates>,
}

impl Control {
    async fn standing(&self, job_id: &str) -> Result<Standing> {
        if let Some(live) = self.inner.live(job_id) {
            let rates = live.is_running().then(|| live.rates(Instant::now()));
            return Ok(Standing {
                totals: live.totals(),
                position: live.position(),
                live: Some(live),
                rates,
            });
        }
        let stored = self.inner.store.progress(job_id).await?;
        let stored = stored.unwrap_or(crate::store::StoredProgress {
            checkpoint: None,
            totals: Totals::default(),
        });
        Ok(Standing {
            totals: stored.totals,
            position: stored.checkpoint.as_ref().and_then(position),
            live: None,
            rates: None,
        })
    }

    /// How far a job is.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn progress(&self, caller: &Caller, job_id: &str) -> Result<Progress> {
        let job = self.inner.load(caller, job_id).await?.job;
        let standing = self.standing(job_id).await?;
        let now_ms = self.inner.now_ms();
        let (totals, rates) = (standing.totals, standing.rates);
        let until_ms = job.times.ended_ms.unwrap_or(now_ms);
        Ok(Progress {
            status: job.status(),
            task: job.task,
            percent: percent(&job, &totals),
            snapshot_rows: totals.snapshot_rows,
            snapshot_rows_estimated: totals.snapshot_rows_estimated,
            snapshot_tables: totals.snapshot_tables,
            snapshot_tables_done: totals.snapshot_tables_done,
            delay_ms: delay_ms(&job, &standing, now_ms),
            rows_rate: rates.map(|r| r.rows),
            bytes_rate: rates.map(|r| r.bytes_out),
            elapsed_ms: job
                .times
                .started_ms
                .map(|started| u64::try_from(until_ms - started).unwrap_or(0)),
            remaining_ms: remaining_ms(&job, &totals, rates),
            full_started_ms: job.times.full_started_ms,
            full_completed_ms: job.times.full_completed_ms,
            incremental_started_ms: job.times.incremental_started_ms,
            created_ms: job.times.created_ms,
            ended_ms: job.times.ended_ms,
            position: standing.position,
        })
    }

    /// What a job does right now.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn monitor(&self, caller: &Caller, job_id: &str) -> Result<Monitor> {
        let job = self.inner.load(caller, job_id).await?.job;
        let standing = self.standing(job_id).await?;
        let now_ms = self.inner.now_ms();
        let rates = standing.rates.unwrap_or_default();
        let normal = |flag: fn(&LiveJob) -> bool, end: &str| match &standing.live {
            Some(live) => flag(live),
            None => !job.failure.as_ref().is_some_and(|f| f.kind.starts_with(end)),
        };
        let running = standing.live.as_ref().is_some_and(|live| live.is_running());
        let counted = |read: fn(&Counters) -> bool| {
            standing.live.as_ref().is_some_and(|live| read(&live.counters))
        };
        let idle = counted(|counters| counters.idle.load(Ordering::Relaxed));
        Ok(Monitor {
            running,
            source_normal: normal(|l| l.source_normal.load(Ordering::Relaxed), "source"),
            target_normal: normal(|l| l.target_normal.load(Ordering::Relaxed), "target"),
            apply_state: match (running, idle) {
                (false, _) => ApplyState::Abnormal,
                (true, true) => ApplyState::Idle,
                (true, false) => ApplyState::Dml,
            },
            delay_ms: delay_ms(&job, &standing, now_ms),
            read_delay_ms: read_delay_ms(&job, &standing),
            capture_rests: counted(|counters| counters.capture_rests.load(Ordering::Relaxed)),
            apply_rests: counted(|counters| counters.apply_rests.load(Ordering::Relaxed)),
            captured_scn: standing
                .live
                .as_ref()
                .map(|live| live.counters.captured_scn.load(Ordering::Relaxed))
                .filter(|scn| *scn > 0),
            rows_rate: rates.rows,
            transactions_rate: rates.transactions,
            ddls_rate: rates.ddls,
            bytes_in_rate: rates.bytes_in,
            bytes_out_rate: rates.bytes_out,
            totals: standing.totals,
            position: standing.position,
            memory_bytes: machine::resident_bytes(),
            cpu_percent: self.inner.process.cpu_percent(),
            at_ms: now_ms,
        })
    }

    /// Progress of the tables of the full phase, by name, and how many there are.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn object_progress(
        &self,
        caller: &Caller,
        job_id: &str,
        page: Page,
    ) -> Result<(u64, Vec<TableProgress>)> {
        check_page(page)?;
        self.inner.load(caller, job_id).await?;
        Ok(self.inner.store.table_progress(job_id, page).await?)
    }

    /// Timeline, newest first, and how many entries there are.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn timeline(
        &self,
        caller: &Caller,
        job_id: &str,
        page: Page,
    ) -> Result<(u64, Vec<TimelineEntry>)> {
        check_page(page)?;
        self.inner.load(caller, job_id).await?;
        Ok(self.inner.store.timeline(job_id, page).await?)
    }

    /// Log, newest first, of one level or all, and how many entries there are.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn log(
        &self,
        caller: &Caller,
        job_id: &str,
        level: Option<LogLevel>,
        page: Page,
    ) -> Result<(u64, Vec<LogEntry>)> {
        check_page(page)?;
        self.inner.load(caller, job_id).await?;
        Ok(self.inner.store.log(job_id, level, page).await?)
    }

    /// DDL statements that went by, oldest first, and how many there are.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn ddl(
        &self,
        caller: &Caller,
        job_id: &str,
        page: Page,
    ) -> Result<(u64, Vec<DdlEntry>)> {
        check_page(page)?;
        self.inner.load(caller, job_id).await?;
        Ok(self.inner.store.ddl(job_id, page).await?)
    }

    /// Clears the alarm of a DDL statement.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if there is none of that number.
    pub async fn clear_ddl(&self, caller: &Caller, job_id: &str, seq: u64) -> Result<()> {
        self.inner.load(caller, job_id).await?;
        if self.inner.store.clear_ddl(job_id, seq, self.inner.now_ms()).await? {
            return Ok(());
        }
        Err(Refusal::invalid("seqno", seq, "the number of a recorded DDL statement"))
    }
}

/// How long after its commit the newest change was read. A source that is quiet is read as soon as it says something.
fn read_delay_ms(job: &Job, standing: &Standing) -> Option<u64> {
    let live = standing.live.as_ref().filter(|live| live.is_running())?;
    job.times.incremental_started_ms?;
    let idle = live.counters.idle.load(Ordering::Relaxed);
    let read = live.counters.stages.read_delay_ms().filter(|_| !idle).unwrap_or(0);
    u64::try_from(read).ok()
}

fn percent(job: &Job, totals: &Totals) -> u8 {
    use JobStatus as S;
    match job.status() {
        S::FullTransferComplete | S::IncreTransferStarted | S::IncreTransferFailed => return 100,
        _ if job.times.full_completed_ms.is_some() => return 100,
        _ if job.task == TaskMode::Incremental => return 0,
        _ => {}
    }
    let (part, whole) = if totals.snapshot_rows_estimated > 0 {
        (totals.snapshot_rows, totals.snapshot_rows_estimated)
    } else {
        (totals.snapshot_tables_done, totals.snapshot_tables)
    };
    // The whole is an estimate: 100 is said only when the phase is over.
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0).min(99);
    u8::try_from(percent).unwrap_or(99)
}

fn remaining_ms(job: &Job, totals: &Totals, rates: Option<Rates>) -> Option<u64> {
    if job.status() != JobStatus::FullTransferStarted {
        return None;
    }
    let rows = rates?.rows;
    let left = totals.snapshot_rows_estimated.checked_sub(totals.snapshot_rows)?;
    (rows > 0.0).then(|| (left as f64 / rows * 1000.0) as u64)
}

/// How far the target is behind: nothing if the data path has caught up, else the age of the newest
/// change that was delivered.
fn delay_ms(job: &Job, standing: &Standing, now_ms: i64) -> Option<u64> {
    job.times.incremental_started_ms?;
    let live = standing.live.as_ref();
    if live.is_some_and(|l| l.counters.idle.load(Ordering::Relaxed)) {
        return Some(0);
    }
    let newest = standing.totals.source_time_ms;
    (newest > 0).then(|| u64::try_from(now_ms - newest).unwrap_or(0))
}
