//! The worker of a job: looks at its state, does what [`work`] says, reports back.
//!
//! There is one worker per job and process, and it holds the job's lease while it works. It never
//! blocks on one thing: each turn does what can be done now and says what to wait for.

mod children;
mod feed;
mod policy;
mod release;
mod report;
mod retry;
mod run;

pub(crate) use retry::{Retries, Verdict};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::inner::Inner;
use super::job_state::{Report, Work, work};
use super::live::LiveJob;
use crate::store::StoreError;
use run::ActiveRun;

/// Wait before a store that failed is asked again.
const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);
/// How often that is said while it lasts: the log may be on the disk that is full.
const STORE_COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// How others reach a worker.
#[derive(Debug, Default)]
pub(crate) struct Door {
    notify: Notify,
    knocked: AtomicBool,
}

impl Door {
    /// The job's state changed.
    pub(crate) fn knock(&self) {
        self.knocked.store(true, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// Whether somebody knocked since the worker last looked.
    pub(crate) fn was_knocked(&self) -> bool {
        self.knocked.load(Ordering::SeqCst)
    }

    fn looked(&self) {
        self.knocked.store(false, Ordering::SeqCst);
    }
}

/// Why a turn ends early.
#[derive(Debug)]
enum Lost {
    /// Another worker has the job's lease.
    Lease,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Lost {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced => Self::Lease,
            other => Self::Store(other),
        }
    }
}

/// What follows a turn.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// Another one at once.
    Again,
    /// Wait for an event, or until then.
    Wait(Option<Instant>),
    /// Nothing is left to do.
    Leave,
}

struct Lease {
    epoch: u64,
    renewed: Instant,
}

struct Worker {
    inner: Arc<Inner>,
    job_id: String,
    door: Arc<Door>,
    lease: Option<Lease>,
    run: Option<ActiveRun>,
    live: Option<Arc<LiveJob>>,
    retries: Retries,
    retry_at: Option<Instant>,
    /// Generation the retries are counted for.
    generation: u64,
    release_by: Option<Instant>,
    flushed: Instant,
    /// When it was last said that the store fails.
    complained: Option<Instant>,
}

/// Works on a job until nothing is left to do.
pub(crate) async fn work_on(inner: Arc<Inner>, job_id: String, door: Arc<Door>) {
    let worker = Worker {
        inner,
        job_id,
        door,
        lease: None,
        run: None,
        live: None,
        retries: Retries::default(),
        retry_at: None,
        generation: 0,
        release_by: None,
        flushed: Instant::now(),
        complained: None,
    };
    worker.work().await;
}

impl Worker {
    async fn work(mut self) {
        loop {
            self.door.looked();
            match self.turn().await {
                Ok(Then::Again) => self.store_answers(),
                Ok(Then::Wait(until)) => {
                    self.store_answers();
                    self.wait(until).await;
                }
                Ok(Then::Leave) => {
                    self.let_go().await;
                    if self.inner.leave(&self.job_id, &self.door) {
                        return;
                    }
                }
                Err(Lost::Lease) => {
                    self.give_up_run();
                    self.inner.drop_live(&self.job_id);
                    self.live = None;
                    self.lease = None;
                    tracing::info!(job_id = self.job_id, "another worker took the job over");
                    if self.inner.leave(&self.job_id, &self.door) {
                        return;
                    }
                }
                Err(Lost::Store(e)) => {
                    self.store_fails(&e);
                    tokio::time::sleep(STORE_RETRY_DELAY).await;
                }
            }
        }
    }

    /// The data path goes on meanwhile: what it has delivered is known in the target.
    fn store_fails(&mut self, error: &StoreError) {
        if self.complained.is_none_or(|at| at.elapsed() >= STORE_COMPLAINT_INTERVAL) {
            self.complained = Some(Instant::now());
            tracing::error!(job_id = self.job_id, "the worker waits for the store: {error}");
        }
    }

    fn store_answers(&mut self) {
        if self.complained.take().is_some() {
            tracing::info!(job_id = self.job_id, "the store takes changes again");
        }
    }

    async fn turn(&mut self) -> Result<Then, Lost> {
        if self.inner.stop.is_cancelled() {
            return self.shut_down().await;
        }
        let Some(stored) = self.inner.store.job(&self.job_id).await? else {
            self.give_up_run();
            self.lease = None;
            return Ok(Then::Leave);
        };
        let todo = work(&stored.job.state);
        if todo == Work::Nothing && self.run.is_none() {
            return Ok(Then::Leave);
        }
        if !self.hold_lease().await? {
            // Another process works on it.
            return Ok(Then::Leave);
        }
        if self.look_after_run(&stored).await? {
            return Ok(Then::Again);
        }
        match todo {
            Work::Nothing => {
                self.ask_run_to_stop();
                Ok(Then::Wait(None))
            }
            Work::Prepare => {
                self.report(Report::Ready).await?;
                Ok(Then::Again)
            }
            Work::WaitUntil(at_ms) => self.wait_for_start(at_ms).await,
            Work::Run { generation, forget_first } => {
                self.keep_running(stored, generation, forget_first).await
            }
            Work::Pause => self.pause().await,
            Work::Release { force } => self.release(stored, force).await,
        }
    }

    async fn wait_for_start(&mut self, at_ms: i64) -> Result<Then, Lost> {
        let left_ms = at_ms - self.inner.now_ms();
        if left_ms <= 0 {
            self.report(Report::StartDue).await?;
            return Ok(Then::Again);
        }
        // The time of day may jump, so no more than a tick is slept at once.
        let left = Duration::from_millis(left_ms.unsigned_abs()).min(self.inner.bounds.tick);
        Ok(Then::Wait(Some(Instant::now() + left)))
    }

    async fn pause(&mut self) -> Result<Then, Lost> {
        if self.run.is_some() {
            self.ask_run_to_stop();
            return Ok(Then::Wait(None));
        }
        self.retry_at = None;
        self.report(Report::Stopped).await?;
        Ok(Then::Again)
    }

    /// Waits for whatever comes first: a knock, the run's end or news, the tick, the end of the
    /// process, or `until`.
    async fn wait(&mut self, until: Option<Instant>) {
        let stopping = self.inner.stop.is_cancelled();
        let tick = Instant::now() + self.inner.bounds.tick;
        let until = until.map_or(tick, |until| until.min(tick));
        let feed = self.run.as_ref().map(|run| Arc::clone(&run.feed));
        let news = async {
            match &feed {
                Some(feed) => feed.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.door.notify.notified() => {}
            () = self.inner.stop.cancelled(), if !stopping => {}
            () = tokio::time::sleep_until(until) => {}
            () = news => {}
            () = run::ended(&mut self.run) => {}
        }
    }

    /// Takes the lease, or renews it in time.
    async fn hold_lease(&mut self) -> Result<bool, Lost> {
        match &self.lease {
            None => self.take_lease().await.map(|epoch| epoch.is_some()),
            Some(lease) if lease.renewed.elapsed() < self.inner.bounds.lease_age_max / 3 => {
                Ok(true)
            }
            Some(_) => self.renew_lease().await.map(|()| true),
        }
    }

    /// Moves the lease's end; fails if it was given out anew.
    async fn renew_lease(&mut self) -> Result<(), Lost> {
        let epoch = self.epoch()?;
        let expires_ms = expiry(self.inner.now_ms(), self.inner.bounds.lease_age_max);
        let owner = self.inner.owner.as_str();
        if self.inner.store.renew_lease(&self.job_id, owner, epoch, expires_ms).await? {
            self.lease = Some(Lease { epoch, renewed: Instant::now() });
            return Ok(());
        }
        Err(Lost::Lease)
    }

    /// Takes the lease anew, with a new epoch that fences all that came before; `None` if another
    /// process has it.
    async fn take_lease(&mut self) -> Result<Option<u64>, Lost> {
        let now_ms = self.inner.now_ms();
        let expires_ms = expiry(now_ms, self.inner.bounds.lease_age_max);
        let owner = self.inner.owner.as_str();
        let epoch = self.inner.store.acquire_lease(&self.job_id, owner, now_ms, expires_ms).await?;
        self.lease = epoch.map(|epoch| Lease { epoch, renewed: Instant::now() });
        Ok(epoch)
    }

    fn epoch(&self) -> Result<u64, Lost> {
        self.lease.as_ref().map(|lease| lease.epoch).ok_or(Lost::Lease)
    }

    /// Lets the lease end, so that another process need not wait for it to run out.
    async fn let_go(&mut self) {
        // What is shown from here on comes from the store, where any process may write it.
        self.inner.drop_live(&self.job_id);
        self.live = None;
        let Some(lease) = self.lease.take() else { return };
        let released =
            self.inner.store.release_lease(&self.job_id, &self.inner.owner, lease.epoch).await;
        if let Err(e) = released {
            tracing::warn!(job_id = self.job_id, "the lease stays until it runs out: {e}");
        }
    }

    /// The process ends: the data path stops at a durable checkpoint, the wish stays.
    async fn shut_down(&mut self) -> Result<Then, Lost> {
        self.ask_run_to_stop();
        match &self.run {
            Some(run) if run.outcome.is_none() => Ok(Then::Wait(None)),
            Some(_) => {
                self.flush().await?;
                self.end_run();
                Ok(Then::Leave)
            }
            None => Ok(Then::Leave),
        }
    }
}

fn expiry(now_ms: i64, age: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
