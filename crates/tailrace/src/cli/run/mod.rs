//! `tailrace run`: one job without a server.

mod caught_up;
mod usage;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tailrace_pipeline::checkpoint::Checkpoint;
use tailrace_pipeline::observe::{Counters, JobObserver, Phase};
use tailrace_pipeline::plan::JobPlan;
use tailrace_pipeline::precheck::{self, CheckResult};
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Ended, ErrorKind};
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::caught_up::End;
use super::exit::{Exit, Failed};
use super::progress::Progress;
use crate::clock::{Clock as _, SystemClock};
use crate::control::{Bounds, Retries, Verdict};
use crate::job_file::JobFile;
use crate::telemetry::{self, LogFormat};

/// Pause between two looks at the job's counters.
const LOOK_PAUSE: Duration = Duration::from_millis(250);
/// Time a graceful stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Run one job in this process, without a server.
///
/// The job's name is its identity: its progress is kept in Kafka beside the data, so a later run of the same
/// file goes on where this one ended, and a second run at the same time takes the job over from the
/// first. When source or target is away, it says so and tries again until it is back; what trying again
/// cannot mend ends it. SIGINT or SIGTERM stops it at a durable checkpoint.
///
/// Exit codes: 0 finished or stopped, 1 failed, 2 wrong command line or job file, 6 the precheck failed.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// Job file (TOML); docs/commands.md explains it.
    file: PathBuf,
    /// Check whether the job could run, and end.
    #[arg(long)]
    check: bool,
    /// Start without a check.
    #[arg(long, conflicts_with = "check")]
    no_precheck: bool,
    /// Remove the job's progress records from Kafka, so that the next run begins anew, and end.
    #[arg(long, conflicts_with_all = ["check", "no_precheck"])]
    forget: bool,
    /// End as soon as everything is delivered that was in the source's log when the job began.
    #[arg(long)]
    until_caught_up: bool,
    /// Decode and encode, then throw away instead of writing to Kafka: shows how fast everything before
    /// Kafka is. Nothing is remembered.
    #[arg(long, conflicts_with_all = ["check", "forget"])]
    discard: bool,
    /// Level of the log on standard error, or a list of target=level.
    #[arg(long, value_name = "FILTER", env = "TAILRACE_LOG", default_value = "warn")]
    log_filter: String,
}

impl Run {
    pub(super) fn run(self) -> Result<(), Failed> {
        telemetry::start_log(LogFormat::Text, &self.log_filter)
            .map_err(|e| Failed::new(Exit::Usage, e))?;
        let plan = JobFile::read(&self.file)?.plan()?;
        if self.forget {
            tailrace_pipeline::forget(&plan, u64::MAX).map_err(|e| failed(&e))?;
            println!("the progress records of {} are removed", plan.job_id());
            return Ok(());
        }
        if !self.no_precheck && !self.discard {
            check(&plan, self.check)?;
        }
        if self.check {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        if self.discard && plan.kafka().is_none() {
            let text = "--discard: it is for jobs to Kafka";
            return Err(Failed::new(Exit::Usage, text));
        }
        let until = self.until_caught_up.then(|| End::of_log(&plan)).transpose()?;
        runtime.block_on(run(plan, self.discard, until))
    }
}

fn failed(error: &tailrace_pipeline::Error) -> Failed {
    let advice = error.kind().advice();
    Failed::new(Exit::Failure, format!("{error}\n  what to do: {advice}"))
}

/// Runs the precheck and prints what is not passed, or with `all` everything.
fn check(plan: &JobPlan, all: bool) -> Result<(), Failed> {
    let items = precheck::run_plan(plan);
    let mut bad = 0;
    for item in &items {
        let word = match item.result {
            CheckResult::Passed if !all => continue,
            CheckResult::Passed => "passed",
            CheckResult::Alarm => "alarm ",
            CheckResult::Failed => "FAILED",
        };
        bad += u32::from(item.result == CheckResult::Failed);
        let reason = if item.reason.is_empty() {
            String::new()
        } else {
            format!(": {} {}", item.reason, item.remedy)
        };
        println!("{word}  {}{}", item.item, reason.trim_end());
    }
    if bad == 0 {
        return Ok(());
    }
    Err(Failed::new(Exit::Precheck, format!("the precheck failed: {bad} of {}", items.len())))
}

/// What the job tells while it runs.
struct Watcher {
    phase: Mutex<Phase>,
    lines: Mutex<Vec<String>>,
    /// Where the job may end, and how to tell it.
    until: Option<(End, StopSignal)>,
    caught_up_at: OnceLock<Instant>,
    /// Something became durable since this was taken last.
    moved: AtomicBool,
}

impl Watcher {
    fn end_if_caught_up(&self, checkpoint: &Checkpoint) {
        if let Some((end, stop)) = &self.until
            && end.is_reached(checkpoint)
            && self.caught_up_at.set(Instant::now()).is_ok()
        {
            stop.stop();
        }
    }
}

impl JobObserver for Watcher {
    fn phase(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    fn recovered(&self, checkpoint: &Checkpoint) {
        self.end_if_caught_up(checkpoint);
    }

    fn durable(&self, checkpoint: &Checkpoint) {
        self.moved.store(true, Ordering::Relaxed);
        self.end_if_caught_up(checkpoint);
    }

    fn table(&self, _database: &str, _table: &str, _rows: u64, _done: bool) {}

    fn ddl(&self, position: &str, statement: &str) {
        tracing::info!(position, statement, "DDL");
    }

    fn log(&self, level: tracing::Level, message: &str) {
        if level <= tracing::Level::WARN {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(message.to_owned());
        }
    }
}

async fn run(plan: JobPlan, discard: bool, until: Option<End>) -> Result<(), Failed> {
    let (stop, counters) = (StopSignal::new(), Arc::new(Counters::default()));
    let watcher = Arc::new(Watcher {
        phase: Mutex::new(Phase::Starting),
        lines: Mutex::default(),
        until: until.map(|end| (end, stop.clone())),
        caught_up_at: OnceLock::new(),
        moved: AtomicBool::new(false),
    });
    let begun = Instant::now();
    let mut job = Supervised {
        // A run that began later has a higher one: an older run that tries again gives way to it.
        epoch: u64::try_from(SystemClock.now_ms()).unwrap_or(1),
        plan,
        discard,
        stop,
        watcher: Arc::clone(&watcher),
        counters: Arc::clone(&counters),
        progress: Progress::new(),
        rates: Rates::new(),
        stopped_at: None,
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let ended = job.run().await;
    drop(job);
    let seconds =
        watcher.caught_up_at.get().map_or(begun.elapsed(), |at| *at - begun).as_secs_f64();
    let how = match ended? {
        Some(Ended::Finished(_)) => "finished",
        _ if watcher.caught_up_at.get().is_some() => "caught up",
        Some(Ended::Stopped(_)) => "stopped at a durable checkpoint",
        None => "stopped",
    };
    println!("{how}: {}", totals(&counters));
    println!("in {seconds:.3} s{}", usage::text());
    Ok(())
}

/// A job that is started again as long as that can help.
struct Supervised {
    plan: JobPlan,
    epoch: u64,
    discard: bool,
    stop: StopSignal,
    watcher: Arc<Watcher>,
    counters: Arc<Counters>,
    progress: Progress,
    rates: Rates,
    /// When it was asked to stop.
    stopped_at: Option<Instant>,
    terminate: Signal,
    interrupt: Signal,
}

impl Supervised {
    /// Runs until the job ends; `None` if it was stopped without a checkpoint of its own.
    async fn run(&mut self) -> Result<Option<Ended>, Failed> {
        let mut retries = Retries::default();
        loop {
            let error = match self.attempt().await? {
                Ok(ended) => return Ok(Some(ended)),
                Err(error) if error.kind() == ErrorKind::Cancelled => return Ok(None),
                Err(error) => error,
            };
            if self.watcher.moved.swap(false, Ordering::Relaxed) {
                retries.clear();
            }
            let verdict = retries.judge(error.kind(), &Bounds::default(), rand::random());
            let Verdict::Again(pause) = verdict else { return Err(failed(&error)) };
            if self.stopped_at.is_some() {
                return Err(failed(&error));
            }
            let seconds = pause.as_secs_f64();
            self.progress.say(&format!("{error}; trying again in {seconds:.1} s"));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.terminate.recv() => return Ok(None),
                _ = self.interrupt.recv() => return Ok(None),
            }
        }
    }

    /// Runs the job once.
    async fn attempt(&mut self) -> Result<tailrace_pipeline::Result<Ended>, Failed> {
        // What it announces is the whole again.
        self.counters.snapshot_rows_estimated.store(0, Ordering::Relaxed);
        self.counters.snapshot_tables.store(0, Ordering::Relaxed);
        let (plan, epoch, discard) = (self.plan.clone(), self.epoch, self.discard);
        let (stop, counters) = (self.stop.clone(), Arc::clone(&self.counters));
        let observer: Arc<dyn JobObserver> = Arc::clone(&self.watcher) as _;
        let mut job = tokio::task::spawn_blocking(move || match plan.kafka() {
            Some(spec) if discard => {
                tailrace_pipeline::run_job_to_null(spec, &stop, &observer, &counters)
            }
            _ => tailrace_pipeline::run_plan(&plan, epoch, &stop, &observer, &counters),
        });
        let mut looks = tokio::time::interval(LOOK_PAUSE);
        loop {
            tokio::select! {
                ended = &mut job => {
                    return ended
                        .map_err(|e| Failed::new(Exit::Failure, format!("the job panicked: {e}")));
                }
                _ = self.terminate.recv() => {
                    self.stopped_at = Some(ask_to_stop(&self.stop, self.stopped_at));
                }
                _ = self.interrupt.recv() => {
                    self.stopped_at = Some(ask_to_stop(&self.stop, self.stopped_at));
                }
                _ = looks.tick() => {
                    show(&self.watcher, &self.counters, &mut self.rates, &mut self.progress);
                }
            }
            if self.stopped_at.is_some_and(|at| at.elapsed() > STOP_LIMIT) {
                return Err(Failed::new(
                    Exit::Failure,
                    "the target did not take the last messages in 10 s; the next run goes on from the last checkpoint",
                ));
            }
        }
    }
}

fn ask_to_stop(stop: &StopSignal, before: Option<Instant>) -> Instant {
    stop.stop();
    before.unwrap_or_else(Instant::now)
}

/// Changes per second since the last look.
struct Rates {
    at: Instant,
    messages: u64,
    per_second: f64,
}

impl Rates {
    fn new() -> Self {
        Self { at: Instant::now(), messages: 0, per_second: 0.0 }
    }

    fn see(&mut self, messages: u64) -> f64 {
        let seconds = self.at.elapsed().as_secs_f64();
        if seconds >= 1.0 {
            self.per_second = messages.saturating_sub(self.messages) as f64 / seconds;
            (self.at, self.messages) = (Instant::now(), messages);
        }
        self.per_second
    }
}

fn show(watcher: &Watcher, counters: &Counters, rates: &mut Rates, progress: &mut Progress) {
    let lines = std::mem::take(&mut *watcher.lines.lock().unwrap_or_else(PoisonError::into_inner));
    lines.iter().for_each(|line| progress.say(line));
    let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let rate = rates.see(of(&counters.messages));
    let phase = *watcher.phase.lock().unwrap_or_else(PoisonError::into_inner);
    let (rows, estimated) = (of(&counters.snapshot_rows), of(&counters.snapshot_rows_estimated));
    let percent = (rows * 100).checked_div(estimated.max(rows)).unwrap_or(0);
    match phase {
        Phase::Starting => progress.show("starting", 0, ""),
        Phase::Full => {
            progress.show("full", percent, &format!("{rows} rows, {rate:.0} messages/s"));
        }
        Phase::FullComplete => progress.show("full phase complete", 100, &format!("{rows} rows")),
        Phase::Incremental => {
            let changes = of(&counters.inserts) + of(&counters.updates) + of(&counters.deletes);
            let behind = if counters.idle.load(Ordering::Relaxed) {
                "up to date".to_owned()
            } else {
                format!("{} ms behind", lag_ms(counters))
            };
            let more = format!("{changes} changes, {rate:.0} messages/s, {behind}");
            progress.show("incremental", 100, &more);
        }
    }
}

/// Time between the commit of the newest delivered change and its delivery.
fn lag_ms(counters: &Counters) -> i64 {
    let durable = counters.durable_time_ms.load(Ordering::Relaxed);
    (durable - counters.source_time_ms.load(Ordering::Relaxed)).max(0)
}

fn totals(counters: &Counters) -> String {
    let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    format!(
        "{} rows of the full phase, {} inserts, {} updates, {} deletes, {} DDL statements",
        of(&counters.snapshot_rows),
        of(&counters.inserts),
        of(&counters.updates),
        of(&counters.deletes),
        of(&counters.ddls)
    )
}
