//! The 29 statuses a DRS job can show, by their wire names, and the actions a client may offer for
//! each of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Status of a job, as DRS names it.
///
/// Who sets it: *command* means a call of the API does, *worker* means the job's reconciler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// The job was just created (command); its worker takes it to `CONFIGURATION`.
    Creating,
    /// The worker could not make the job ready.
    CreateFailed,
    /// Ready to be configured (worker, after `CREATING`). Stays until it is started or ended.
    Configuration,
    /// A start at a later time was asked for (command); the worker starts it when the time has come.
    WaitingForStart,
    /// A start, resume, retry or reset was asked for (command), or the time of a planned start has
    /// come (worker). The data path is connecting and recovering.
    Startjobing,
    /// The data path gave up before it reached a phase for the first time (worker).
    StartJobFailed,
    /// The data path reads the tables (worker).
    FullTransferStarted,
    /// The data path gave up in the full phase (worker).
    FullTransferFailed,
    /// The full phase is finished (worker). The end of a full-only job; a job that goes on leaves it
    /// for `INCRE_TRANSFER_STARTED` by itself.
    FullTransferComplete,
    /// The data path follows the log (worker).
    IncreTransferStarted,
    /// The data path gave up while following the log (worker).
    IncreTransferFailed,
    /// Paused: the data path has stopped at a durable checkpoint (worker).
    Pausing,
    /// A change of a running job is being applied. DRS shows it for a parent whose objects change in
    /// place; Tailrace shows such a change on a child and never enters this status by itself.
    ChangeJobStarted,
    /// The change of a running job failed. See [`JobStatus::ChangeJobStarted`].
    ChangeJobFailed,
    /// A node is being repaired. DRS only: Tailrace has no nodes to repair and never enters it.
    RebuildNodeStarted,
    /// A node could not be repaired. DRS only.
    RebuildNodeFailed,
    /// A node is being upgraded. DRS only: a Tailrace job goes on through an upgrade by restart.
    NodeUpgradeStart,
    /// A node was upgraded. DRS only.
    NodeUpgradeComplete,
    /// A node could not be upgraded. DRS only.
    NodeUpgradeFailed,
    /// Child of an edited job, just made (command: resume with re-edit).
    ChildTransferStarting,
    /// The edited objects are being applied to the parent's data path (worker).
    ChildTransferStarted,
    /// The parent's data path runs with the edited objects (worker).
    ChildTransferComplete,
    /// The edited objects could not be applied (worker).
    ChildTransferFailed,
    /// The child is being closed (worker).
    ReleaseChildTransferStarted,
    /// The child is closed (worker); it may be deleted.
    ReleaseChildTransferComplete,
    /// The job is being ended (command): the data path stops and its progress records go.
    ReleaseResourceStarted,
    /// The job could not be ended (worker); it may be ended again.
    ReleaseResourceFailed,
    /// Ended (worker). Cannot be started again; may be deleted.
    ReleaseResourceComplete,
    /// Deleted. A deleted job has no row; the status exists for answers about it.
    Deleted,
}

impl JobStatus {
    /// All of them, in the order of a job's life.
    pub const ALL: [Self; 29] = [
        Self::Creating,
        Self::CreateFailed,
        Self::Configuration,
        Self::WaitingForStart,
        Self::Startjobing,
        Self::StartJobFailed,
        Self::FullTransferStarted,
        Self::FullTransferFailed,
        Self::FullTransferComplete,
        Self::IncreTransferStarted,
        Self::IncreTransferFailed,
        Self::Pausing,
        Self::ChangeJobStarted,
        Self::ChangeJobFailed,
        Self::RebuildNodeStarted,
        Self::RebuildNodeFailed,
        Self::NodeUpgradeStart,
        Self::NodeUpgradeComplete,
        Self::NodeUpgradeFailed,
        Self::ChildTransferStarting,
        Self::ChildTransferStarted,
        Self::ChildTransferComplete,
        Self::ChildTransferFailed,
        Self::ReleaseChildTransferStarted,
        Self::ReleaseChildTransferComplete,
        Self::ReleaseResourceStarted,
        Self::ReleaseResourceFailed,
        Self::ReleaseResourceComplete,
        Self::Deleted,
    ];

    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::CreateFailed => "CREATE_FAILED",
            Self::Configuration => "CONFIGURATION",
            Self::WaitingForStart => "WAITING_FOR_START",
            Self::Startjobing => "STARTJOBING",
            Self::StartJobFailed => "START_JOB_FAILED",
            Self::FullTransferStarted => "FULL_TRANSFER_STARTED",
            Self::FullTransferFailed => "FULL_TRANSFER_FAILED",
            Self::FullTransferComplete => "FULL_TRANSFER_COMPLETE",
            Self::IncreTransferStarted => "INCRE_TRANSFER_STARTED",
            Self::IncreTransferFailed => "INCRE_TRANSFER_FAILED",
            Self::Pausing => "PAUSING",
            Self::ChangeJobStarted => "CHANGE_JOB_STARTED",
            Self::ChangeJobFailed => "CHANGE_JOB_FAILED",
            Self::RebuildNodeStarted => "REBUILD_NODE_STARTED",
            Self::RebuildNodeFailed => "REBUILD_NODE_FAILED",
            Self::NodeUpgradeStart => "NODE_UPGRADE_START",
            Self::NodeUpgradeComplete => "NODE_UPGRADE_COMPLETE",
            Self::NodeUpgradeFailed => "NODE_UPGRADE_FAILED",
            Self::ChildTransferStarting => "CHILD_TRANSFER_STARTING",
            Self::ChildTransferStarted => "CHILD_TRANSFER_STARTED",
            Self::ChildTransferComplete => "CHILD_TRANSFER_COMPLETE",
            Self::ChildTransferFailed => "CHILD_TRANSFER_FAILED",
            Self::ReleaseChildTransferStarted => "RELEASE_CHILD_TRANSFER_STARTED",
            Self::ReleaseChildTransferComplete => "RELEASE_CHILD_TRANSFER_COMPLETE",
            Self::ReleaseResourceStarted => "RELEASE_RESOURCE_STARTED",
            Self::ReleaseResourceFailed => "RELEASE_RESOURCE_FAILED",
            Self::ReleaseResourceComplete => "RELEASE_RESOURCE_COMPLETE",
            Self::Deleted => "DELETED",
        }
    }

    /// The status with this wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a console may offer for a job, by DRS's names (`GET …/actions`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `CREATE`: make another job.
    Create,
    /// `CHOOSE_OBJECT`: select or edit objects.
    ChooseObject,
    /// `PRE_CHECK`: run the prechecks.
    PreCheck,
    /// `FREE_RESOURCE`: end the job.
    FreeResource,
    /// `MODIFY_DB_CONFIG`: change the endpoints.
    ModifyDbConfig,
    /// `RESET_DB_PWD`: change the endpoints' passwords.
    ResetDbPwd,
    /// `MODIFY_CONFIGURATION`: change parameters.
    ModifyConfiguration,
    /// `PAUSE`
    Pause,
    /// `START`
    Start,
    /// `CHANGE`: go on with the configuration of a job that was not started.
    Change,
    /// `RETRY`: resume a paused or failed job.
    Retry,
    /// `RESET`: begin again with the full phase.
    Reset,
    /// `DELETE`
    Delete,
    /// `CLONE`
    Clone,
    /// `STOP_JOB`: pause, of a job whose increment has parts.
    StopJob,
    /// `CONTINUE_JOB`: resume such a job.
    ContinueJob,
    /// `STOP_CAPTURE`: have the part that reads the log rest.
    StopCapture,
    /// `CONTINUE_CAPTURE`
    ContinueCapture,
    /// `STOP_APPLY`: have the part that writes to the target rest.
    StopApply,
    /// `CONTINUE_APPLY`
    ContinueApply,
}

impl Action {
    /// Actions of jobs whose increment has parts, beside all others.
    pub const OF_PARTS: [Self; 6] = [
        Self::StopJob,
        Self::ContinueJob,
        Self::StopCapture,
        Self::ContinueCapture,
        Self::StopApply,
        Self::ContinueApply,
    ];

    /// All actions of every job.
    pub const ALL: [Self; 14] = [
        Self::Create,
        Self::ChooseObject,
        Self::PreCheck,
        Self::FreeResource,
        Self::ModifyDbConfig,
        Self::ResetDbPwd,
        Self::ModifyConfiguration,
        Self::Pause,
        Self::Start,
        Self::Change,
        Self::Retry,
        Self::Reset,
        Self::Delete,
        Self::Clone,
    ];

    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::ChooseObject => "CHOOSE_OBJECT",
            Self::PreCheck => "PRE_CHECK",
            Self::FreeResource => "FREE_RESOURCE",
            Self::ModifyDbConfig => "MODIFY_DB_CONFIG",
            Self::ResetDbPwd => "RESET_DB_PWD",
            Self::ModifyConfiguration => "MODIFY_CONFIGURATION",
            Self::Pause => "PAUSE",
            Self::Start => "START",
            Self::Change => "CHANGE",
            Self::Retry => "RETRY",
            Self::Reset => "RESET",
            Self::Delete => "DELETE",
            Self::Clone => "CLONE",
            Self::StopJob => "STOP_JOB",
            Self::ContinueJob => "CONTINUE_JOB",
            Self::StopCapture => "STOP_CAPTURE",
            Self::ContinueCapture => "CONTINUE_CAPTURE",
            Self::StopApply => "STOP_APPLY",
            Self::ContinueApply => "CONTINUE_APPLY",
        }
    }
}
