//! Starts, watches and stops the data path of a job.

use std::sync::Arc;

use tailrace_pipeline::checkpoint::Checkpoint;
use tailrace_pipeline::plan::JobPlan;
use tailrace_pipeline::run::{Part, Rate};
use tailrace_pipeline::{Error, ErrorKind};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::feed::Feed;
use super::report::Note;
use super::retry::{Retries, Verdict};
use super::{Lost, Then, Worker};
use crate::control::job::{HeldParts, Job, TaskMode};
use crate::control::job_state::{Report, RunPhase};
use crate::control::live::LiveJob;
use crate::control::runner::{RunResult, RunningJob};
use crate::control::secrets::JobSecrets;
use crate::control::view::LogLevel;
use crate::control::{Refusal, rereads, spec, speed};
use crate::store::{JobChange, ProgressWrite, StoreError, StoredJob};

/// A data path that was started and whose end was not dealt with yet.
pub(super) struct ActiveRun {
    pub(super) generation: u64,
    pub(super) feed: Arc<Feed>,
    pub(super) outcome: Option<RunResult<()>>,
    running: Arc<dyn RunningJob>,
    end: JoinHandle<RunResult<()>>,
    asked_to_stop: bool,
    rate: Rate,
    /// What it was told of its parts.
    held: HeldParts,
}

/// Resolves when the run has ended and its outcome is there; never if there is no run or its outcome
/// is known already.
pub(super) async fn ended(run: &mut Option<ActiveRun>) {
    match run {
        Some(run) if run.outcome.is_none() => {
            let outcome = (&mut run.end).await;
            run.outcome = Some(outcome.unwrap_or_else(|e| Err(panicked(&e))));
        }
        _ => std::future::pending().await,
    }
}

fn panicked(error: &JoinError) -> Error {
    Error::new(ErrorKind::Bug, format!("the data path broke off: {error}"))
}

/// Why there is no data path to start.
enum NoSpec {
    Error(Error),
    Lost(Lost),
}

impl From<Refusal> for NoSpec {
    fn from(refusal: Refusal) -> Self {
        let error = Error::new(ErrorKind::Configuration, refusal.to_string());
        Self::Error(match refusal {
            Refusal::Internal(internal) => error.caused_by(internal.detail),
            _ => error,
        })
    }
}

impl From<StoreError> for NoSpec {
    fn from(error: StoreError) -> Self {
        Self::Lost(error.into())
    }
}

impl Worker {
    pub(super) fn ask_run_to_stop(&mut self) {
        if let Some(run) = &mut self.run
            && !run.asked_to_stop
        {
            run.asked_to_stop = true;
            run.running.pause();
        }
    }

    /// Lets a run go without waiting for it. Its epoch is old by now, so nothing it does counts.
    pub(super) fn give_up_run(&mut self) {
        self.ask_run_to_stop();
        self.end_run();
    }

    pub(super) fn end_run(&mut self) {
        self.run = None;
        if let Some(live) = &self.live {
            live.set_running(false);
        }
    }

    /// Takes in what the run reported and how it ended; `true` if the job may have changed by it.
    pub(super) async fn look_after_run(&mut self, stored: &StoredJob) -> Result<bool, Lost> {
        let Some(run) = &self.run else { return Ok(false) };
        let feed = Arc::clone(&run.feed);
        let mut entered = false;
        // Phases come before the outcome: a run that has ended enters none.
        while let Some(phase) = feed.next_phase() {
            self.enter(phase).await?;
            feed.phase_done();
            entered = true;
        }
        if self.run.as_ref().is_some_and(|run| run.outcome.is_some()) {
            self.flush().await?;
            if let Some(outcome) = self.run.as_mut().and_then(|run| run.outcome.take()) {
                self.take_outcome(stored, outcome).await?;
            }
            return Ok(true);
        }
        if entered {
            return Ok(true);
        }
        if self.flushed.elapsed() >= self.inner.bounds.tick {
            self.flush().await?;
            self.set_rate(&stored.job);
            self.set_parts(&stored.job);
            self.compare_by_policy(stored).await?;
        }
        Ok(false)
    }

    async fn enter(&mut self, phase: RunPhase) -> Result<(), Lost> {
        let text = match phase {
            RunPhase::Full => "full synchronization started",
            RunPhase::FullComplete => "full synchronization finished",
            RunPhase::Incremental => "incremental synchronization started",
        };
        let note = Note {
            amend: &|_| {},
            log: vec![self.log_entry(LogLevel::Info, text)],
            timeline: None,
        };
        self.report_with(Report::Entered(phase), note).await?;
        if phase == RunPhase::Incremental {
            let stored = self.inner.store.job(&self.job_id).await?;
            if stored.is_none_or(|stored| stored.job.rereads.is_empty()) {
                self.finish_children().await?;
            }
        }
        Ok(())
    }

    /// Writes down what the run reported since the last time.
    pub(super) async fn flush(&mut self) -> Result<(), Lost> {
        self.flushed = Instant::now();
        let epoch = self.epoch()?;
        let (Some(run), Some(live)) = (&self.run, &self.live) else { return Ok(()) };
        live.sample(Instant::now());
        let reported = run.feed.take();
        if run.feed.progressed() {
            self.retries.clear();
        }
        if let Some(checkpoint) = &reported.checkpoint {
            live.set_position(checkpoint);
        }
        let totals = live.totals();
        if reported.is_empty() && totals == live.written() {
            return Ok(());
        }
        let write = ProgressWrite {
            checkpoint: reported.checkpoint.as_ref(),
            totals,
            tables: &reported.tables,
            ddl: &reported.ddl,
            log: &reported.log,
            at_ms: self.inner.now_ms(),
        };
        if let Err(e) = self.inner.store.save_progress(&self.job_id, epoch, write).await {
            run.feed.put_back(reported);
            return Err(e.into());
        }
        live.set_written(totals);
        match &reported.checkpoint {
            Some(checkpoint) if !checkpoint.rereads.is_empty() => {
                self.look_at_rereads(checkpoint).await
            }
            _ => Ok(()),
        }
    }

    fn set_rate(&mut self, job: &Job) {
        let Some(run) = &mut self.run else { return };
        let parameter = |name: &str| {
            job.parameters.get(name).and_then(|n| n.parse::<u64>().ok()).filter(|n| *n > 0)
        };
        let window = speed::bytes_per_second(&job.speed_windows, self.inner.clock.now_ms());
        let own = parameter("bytes_per_second_max");
        let rate = Rate {
            rows_per_second: parameter("rows_per_second_max"),
            bytes_per_second: window.into_iter().chain(own).min(),
        };
        if rate != run.rate {
            run.rate = rate;
            run.running.set_rate(rate);
        }
    }

    fn set_parts(&mut self, job: &Job) {
        let Some(run) = &mut self.run else { return };
        if run.held != job.held {
            run.held = job.held;
            run.running.hold(Part::Capture, job.held.capture);
            run.running.hold(Part::Apply, job.held.apply);
        }
    }

    async fn take_outcome(
        &mut self,
        stored: &StoredJob,
        outcome: RunResult<()>,
    ) -> Result<(), Lost> {
        let asked = self.run.as_ref().is_some_and(|run| run.asked_to_stop);
        self.end_run();
        match outcome {
            Err(e) if asked && e.kind() == ErrorKind::Cancelled => Ok(()),
            Err(e) => self.failed(e).await,
            Ok(()) if stored.job.task == TaskMode::Full && !asked => {
                self.report(Report::Finished).await?;
                Ok(())
            }
            Ok(()) if asked => Ok(()),
            Ok(()) => {
                let text = "the data path ended although nobody asked it to";
                self.failed(Error::new(ErrorKind::Bug, text)).await
            }
        }
    }

    /// Decides what an error means for the job.
    async fn failed(&mut self, error: Error) -> Result<(), Lost> {
        if error.kind() == ErrorKind::Fenced {
            // If another worker of this store took the job over, that is none of the job's business.
            // If the lease is still ours, somebody outside uses the job's name in the target.
            self.renew_lease().await?;
        }
        if let Some(live) = &self.live {
            live.set_broken(error.kind());
        }
        match self.retries.judge(error.kind(), &self.inner.bounds, rand::random()) {
            Verdict::GiveUp => self.report_failure(&error).await,
            Verdict::Again(wait) => {
                self.retry_at = Some(Instant::now() + wait);
                tracing::warn!(job_id = self.job_id, "run ended, next try in {wait:?}: {error:?}");
                let text = format!(
                    "{} The next attempt is in {:.1} s.",
                    error.message(),
                    wait.as_secs_f64()
                );
                let entry = self.log_entry(LogLevel::Warn, text);
                self.inner.store.add_log(&self.job_id, &[entry]).await?;
                Ok(())
            }
        }
    }

    /// Has a data path of this generation run.
    pub(super) async fn keep_running(
        &mut self,
        stored: StoredJob,
        generation: u64,
        forget_first: bool,
    ) -> Result<Then, Lost> {
        if generation != self.generation {
            // The user changed something: what went wrong before may be right now.
            self.generation = generation;
            self.retries = Retries::default();
            self.retry_at = None;
        }
        if let Some(run) = &self.run {
            if run.generation != generation {
                self.ask_run_to_stop();
            }
            return Ok(Then::Wait(None));
        }
        if let Some(at) = self.retry_at.filter(|at| *at > Instant::now()) {
            return Ok(Then::Wait(Some(at)));
        }
        self.retry_at = None;
        let spec = match self.spec(stored).await {
            Ok(spec) => spec,
            Err(NoSpec::Lost(lost)) => return Err(lost),
            Err(NoSpec::Error(e)) => {
                self.failed(e).await?;
                return Ok(Then::Again);
            }
        };
        if forget_first {
            self.forget_and_report(spec).await?;
            return Ok(Then::Again);
        }
        self.start_run(spec, generation).await?;
        Ok(Then::Again)
    }

    async fn start_run(&mut self, spec: JobPlan, generation: u64) -> Result<(), Lost> {
        let Some(epoch) = self.take_lease().await? else { return Err(Lost::Lease) };
        let live = self.live_job().await?;
        let feed = Arc::new(Feed::new(&self.job_id, Arc::clone(&self.inner.clock)));
        live.set_running(true);
        live.sample(Instant::now());
        tracing::info!(job_id = self.job_id, epoch, generation, "run starts");
        let running: Arc<dyn RunningJob> = Arc::from(self.inner.runner.start(
            spec,
            epoch,
            Arc::clone(&feed) as Arc<dyn tailrace_pipeline::observe::JobObserver>,
            Arc::clone(&live.counters),
        ));
        let joined = Arc::clone(&running);
        let end = tokio::spawn(async move { joined.join().await });
        self.run = Some(ActiveRun {
            generation,
            feed,
            outcome: None,
            running,
            end,
            asked_to_stop: false,
            rate: Rate::default(),
            held: HeldParts::default(),
        });
        self.begin_children().await
    }

    /// What the job does in this process; totals go on from where they were.
    async fn live_job(&mut self) -> Result<Arc<LiveJob>, Lost> {
        if let Some(live) = self.live.clone().or_else(|| self.inner.live(&self.job_id)) {
            self.live = Some(Arc::clone(&live));
            return Ok(live);
        }
        let stored = self.inner.store.progress(&self.job_id).await?;
        let live = Arc::new(match stored {
            Some(stored) => LiveJob::new(&stored.totals, stored.checkpoint.as_ref()),
            None => LiveJob::default(),
        });
        self.inner.set_live(&self.job_id, Arc::clone(&live));
        self.live = Some(Arc::clone(&live));
        Ok(live)
    }

    /// What the data path needs. A job of the whole server has its databases listed once and keeps
    /// them: one that is made later has no part in the full phase.
    async fn spec(&mut self, mut stored: StoredJob) -> Result<JobPlan, NoSpec> {
        let sealed = self.inner.store.secrets(&self.job_id).await?;
        let secrets = JobSecrets::unseal(&self.inner.vault, &self.job_id, &sealed)?;
        let Some(selection) = stored.job.selection.clone() else {
            return Err(Refusal::NotConfigured { reason: "no objects are selected".into() }.into());
        };
        let mappings = selection.mappings.clone();
        self.list_rereads(&mut stored, &secrets).await?;
        if let Some(selection) = spec::named_selection(&selection) {
            return Ok(spec::build(&stored.job, (selection, mappings), &secrets)?);
        }
        if stored.job.listed_databases.is_none() {
            let names = self.list_databases(&stored.job, &secrets).await?;
            stored.job.listed_databases = Some(names);
            let change = JobChange {
                epoch: Some(self.epoch().map_err(NoSpec::Lost)?),
                ..JobChange::of(&stored.job, stored.revision)
            };
            self.inner.store.change_job(change).await?;
        }
        let names = stored.job.listed_databases.clone().unwrap_or_default();
        Ok(spec::build(&stored.job, (spec::whole_databases(&names), mappings), &secrets)?)
    }

    /// Databases that were added whole have their tables listed once: one that is made later has all its rows in the log.
    async fn list_rereads(
        &mut self,
        stored: &mut StoredJob,
        secrets: &JobSecrets,
    ) -> Result<(), NoSpec> {
        let databases = rereads::unlisted(&stored.job.rereads);
        if databases.is_empty() {
            return Ok(());
        }
        let source = spec::source(&stored.job.source, &secrets.source)?;
        let found = self.inner.list_objects(source, Some(databases)).await;
        stored.job.rereads = rereads::listed(&stored.job.rereads, &found.map_err(NoSpec::Error)?);
        let change = JobChange {
            epoch: Some(self.epoch().map_err(NoSpec::Lost)?),
            ..JobChange::of(&stored.job, stored.revision)
        };
        stored.revision = self.inner.store.change_job(change).await?;
        Ok(())
    }

    /// Forgets what was read beside the stream, once that is durable; an edit is in force when nothing of it is left.
    async fn look_at_rereads(&mut self, checkpoint: &Checkpoint) -> Result<(), Lost> {
        let Some(stored) = self.inner.store.job(&self.job_id).await? else { return Ok(()) };
        let mut job = stored.job;
        let left = rereads::left(&job.rereads, checkpoint);
        if left.len() == job.rereads.len() {
            return Ok(());
        }
        let over = left.is_empty();
        job.rereads = left;
        let change =
            JobChange { epoch: Some(self.epoch()?), ..JobChange::of(&job, stored.revision) };
        match self.inner.store.change_job(change).await {
            Ok(_) if over => self.finish_children().await,
            // Another change came between: the next checkpoint says the same.
            Ok(_) | Err(StoreError::Stale) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    async fn list_databases(&self, job: &Job, secrets: &JobSecrets) -> Result<Vec<String>, NoSpec> {
        let source = spec::source(&job.source, &secrets.source)?;
        self.inner.whole_server(source).await.map_err(NoSpec::Error)
    }

    /// Takes the progress away that a reset must not go on from.
    async fn forget_and_report(&mut self, spec: JobPlan) -> Result<(), Lost> {
        match self.inner.forget(spec).await {
            Ok(()) => {
                let epoch = self.epoch()?;
                self.inner.store.forget_progress(&self.job_id, epoch).await?;
                self.inner.drop_live(&self.job_id);
                self.live = None;
                self.report(Report::Forgotten).await?;
                Ok(())
            }
            Err(e) => self.failed(e).await,
        }
    }
}
