//! What can be done with jobs and by whom. The API calls this and nothing below it.
//!
//! A call of a user changes a job's stored state and thereby says what is wished; the job's
//! [`worker`] brings it about.

pub mod batch;
mod blocking;
mod bounds;
pub mod caller;
mod change;
pub mod command;
pub mod compare;
pub mod compare_policy;
mod comparing;
pub mod connections;
mod create;
pub mod database_policy;
pub mod dead_letters;
pub mod dirty_rows;
pub mod endpoint;
pub mod exports;
mod gauss_plan;
pub mod iam;
mod inner;
pub mod job;
pub mod job_state;
pub mod kafka_login;
mod key_material;
mod lifecycle;
mod live;
mod machine;
mod metrics;
mod naming;
pub mod node_type;
pub mod objects;
mod parameter;
pub mod policy;
mod probe;
pub mod query;
mod reading;
pub mod refusal;
pub mod repair;
pub mod rereads;
pub mod rules;
pub mod runner;
pub mod runner_pipeline;
mod running_policy;
mod secrets;
mod settings;
mod source_endpoint;
pub mod source_look;
mod spec;
mod speed;
pub mod status;
mod supervisor;
pub mod view;
mod worker;

use std::sync::Arc;
use std::time::Duration;

pub use bounds::Bounds;
pub use caller::{Caller, Language};
pub use command::{Actions, Command};
pub use gauss_plan::{GaussSettings, gauss_job};
pub use inner::ControlParts;
pub use lifecycle::actions_of;
pub(crate) use naming::check_job_name;
pub use refusal::{Refusal, Result};
pub use spec::{RunSettings, run_spec};
pub use status::{Action, JobStatus};
pub use tailrace_pipeline::run::Part;
pub(crate) use worker::{Retries, Verdict};

use iam::Iam;
use inner::Inner;

/// How a pause is meant, by DRS `pause_mode`. Tailrace stops reading and writing in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PauseMode {
    /// `target`
    #[default]
    Target,
    /// `all`
    All,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

impl Control {
    /// Starts the control plane: work that was under way when the process last ended goes on.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if the store does not answer.
    pub async fn start_up(parts: ControlParts) -> Result<Self> {
        let inner = Arc::new(Inner::new(parts));
        inner
            .store
            .fail_pending_queries(&inner.owner, "the server was restarted meanwhile; ask again")
            .await?;
        inner.tasks.spawn(supervisor::supervise(Arc::clone(&inner)));
        Ok(Self { inner })
    }

    /// Stops all data paths at durable checkpoints and waits for them; `false` if one did not stop in
    /// time. What users wish stays, so a new process goes on.
    pub async fn shut_down(&self, age_max: Duration) -> bool {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        tokio::time::timeout(age_max, self.inner.tasks.wait()).await.is_ok()
    }

    /// Whether jobs can be looked after; the text says why not.
    ///
    /// # Errors
    /// A text for operators.
    pub async fn ready(&self) -> Result<(), String> {
        if self.inner.stop.is_cancelled() {
            return Err("the server stops".to_owned());
        }
        self.inner.store.ping().await.map_err(|e| format!("the store does not answer: {e}"))
    }

    /// Now, milliseconds of the Unix epoch, by the clock that jobs are told by.
    pub fn now_ms(&self) -> i64 {
        self.inner.now_ms()
    }

    /// Users, projects, keys and tokens.
    pub fn iam(&self) -> &Iam {
        &self.inner.iam
    }
}
