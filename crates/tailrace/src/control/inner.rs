//! What all of control shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bounds::Bounds;
use super::comparing::LiveComparison;
use super::iam::Iam;
use super::live::LiveJob;
use super::refusal::Refusal;
use super::repair::LiveRepair;
use super::runner::JobRunner;
use super::worker::Door;
use crate::clock::Clock;
use crate::secret::Vault;
use crate::store::{Store, StoreError};

/// What a control plane is made of.
pub struct ControlParts {
    /// Store.
    pub store: Arc<dyn Store>,
    /// Sealed secrets.
    pub vault: Arc<Vault>,
    /// Data paths.
    pub runner: Arc<dyn JobRunner>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Name of this process among those that share the store; the same after a restart.
    pub owner: String,
    /// Bounds.
    pub bounds: Bounds,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) runner: Arc<dyn JobRunner>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) owner: String,
    pub(crate) bounds: Bounds,
    pub(crate) iam: Iam,
    pub(crate) probes: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) process: super::machine::ProcessMeter,
    /// Comparisons that wait or run, by id.
    pub(crate) comparisons: Mutex<HashMap<String, Arc<LiveComparison>>>,
    /// Repairs that wait or run, by id.
    pub(crate) repairs: Mutex<HashMap<String, Arc<LiveRepair>>>,
    /// How many comparisons and repairs may run at once.
    pub(crate) comparing: Arc<Semaphore>,
    live: Mutex<HashMap<String, Arc<LiveJob>>>,
    workers: Mutex<HashMap<String, Arc<Door>>>,
}

/// A panic while a lock is held leaves plain maps behind, which stay usable.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    pub(crate) fn new(parts: ControlParts) -> Self {
        let iam =
            Iam::new(Arc::clone(&parts.store), Arc::clone(&parts.vault), Arc::clone(&parts.clock));
        Self {
            probes: Arc::new(Semaphore::new(parts.bounds.probes_max)),
            comparisons: Mutex::default(),
            repairs: Mutex::default(),
            comparing: Arc::new(Semaphore::new(parts.bounds.comparisons_max)),
            store: parts.store,
            vault: parts.vault,
            runner: parts.runner,
            clock: parts.clock,
            owner: parts.owner,
            bounds: parts.bounds,
            iam,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            process: super::machine::ProcessMeter::default(),
            live: Mutex::default(),
            workers: Mutex::default(),
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// What a job does in this process, if it does anything.
    pub(crate) fn live(&self, job_id: &str) -> Option<Arc<LiveJob>> {
        locked(&self.live).get(job_id).cloned()
    }

    pub(crate) fn live_jobs(&self) -> Vec<(String, Arc<LiveJob>)> {
        let mut jobs: Vec<_> =
            locked(&self.live).iter().map(|(id, job)| (id.clone(), Arc::clone(job))).collect();
        jobs.sort_by(|a, b| a.0.cmp(&b.0));
        jobs
    }

    pub(crate) fn set_live(&self, job_id: &str, job: Arc<LiveJob>) {
        locked(&self.live).insert(job_id.to_owned(), job);
    }

    /// Forgets what a job does; its metrics go with it.
    pub(crate) fn drop_live(&self, job_id: &str) {
        locked(&self.live).remove(job_id);
    }

    /// Makes a job's worker look at its state, and makes the worker if there is none.
    pub(crate) fn wake(self: &Arc<Self>, job_id: &str) {
        if self.stop.is_cancelled() {
            return;
        }
        let mut workers = locked(&self.workers);
        if let Some(door) = workers.get(job_id) {
            door.knock();
            return;
        }
        let door = Arc::new(Door::default());
        workers.insert(job_id.to_owned(), Arc::clone(&door));
        let inner = Arc::clone(self);
        let job_id = job_id.to_owned();
        self.tasks.spawn(async move {
            let work = super::worker::work_on(Arc::clone(&inner), job_id.clone(), door);
            if let Err(e) = tokio::spawn(work).await {
                tracing::error!(job_id, "a worker failed; it is made anew: {e}");
                locked(&inner.workers).remove(&job_id);
            }
        });
    }

    /// A worker leaves unless somebody knocked since it last looked.
    pub(crate) fn leave(&self, job_id: &str, door: &Door) -> bool {
        let mut workers = locked(&self.workers);
        if door.was_knocked() {
            return false;
        }
        workers.remove(job_id);
        true
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(_) => Self::DiskFull,
            StoreError::LastAdministrator => Self::LastAdministrator,
            other => Self::internal(other),
        }
    }
}
