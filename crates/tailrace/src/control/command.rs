//! The commands a user can give to a job, and the statuses in which each of them is allowed.
//!
//! The sets follow DRS's documents and what its Terraform provider enforces; where neither says
//! anything the comment on the set says that it is a choice of Tailrace.

use std::fmt;

use super::job::HeldParts;
use super::status::{Action, JobStatus};

/// A command of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Test the connection to an endpoint.
    TestConnection,
    /// Save an endpoint.
    SaveEndpoint,
    /// Save the synchronization policy, also that of a job that has run.
    SavePolicy,
    /// Select objects, or edit the selection of a running job.
    SelectObjects,
    /// List the source's databases and tables.
    CollectObjects,
    /// Set the log position an increment-only job starts from.
    SetStartPosition,
    /// Precheck before the start (`forStartJob`).
    Precheck,
    /// Precheck before a retry, reset or re-edit (`forRetryJob`).
    PrecheckRetry,
    /// Start, now or at a given time.
    Start,
    /// Pause.
    Pause,
    /// Resume a paused job, retry a failed one, restart a running one with changed parameters.
    Resume,
    /// Resume with the edited objects (`is_sync_re_edit`).
    ResumeEdited,
    /// Forget all progress and begin again with the full phase.
    Reset,
    /// End.
    End,
    /// End, whatever the state of the job or of the network.
    EndForced,
    /// Delete an ended job.
    Delete,
    /// Change name, description, tags and other notes.
    Describe,
    /// Change an endpoint's password.
    ChangePassword,
    /// Set the windows of the speed limit.
    SetSpeedLimit,
    /// Change parameters.
    ChangeParameters,
    /// Read tables beside the stream, or stop doing so.
    Reread,
    /// Compare tables with their topics, or stop doing so.
    Compare,
    /// Repair rows that a comparison has found, or stop doing so.
    Repair,
    /// Have a part of the increment rest, or go on.
    HoldPart,
    /// Make a job of the same settings.
    Clone,
}

use JobStatus as S;

/// Statuses in which a job has a life: not being made, not ended, not a child.
const LIVE: &[JobStatus] = &[
    S::Configuration,
    S::WaitingForStart,
    S::Startjobing,
    S::StartJobFailed,
    S::FullTransferStarted,
    S::FullTransferFailed,
    S::FullTransferComplete,
    S::IncreTransferStarted,
    S::IncreTransferFailed,
    S::Pausing,
    S::ChangeJobStarted,
    S::ChangeJobFailed,
    S::RebuildNodeStarted,
    S::RebuildNodeFailed,
    S::NodeUpgradeStart,
    S::NodeUpgradeComplete,
    S::NodeUpgradeFailed,
];

impl Command {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::TestConnection,
        Self::SaveEndpoint,
        Self::SavePolicy,
        Self::SelectObjects,
        Self::CollectObjects,
        Self::SetStartPosition,
        Self::Precheck,
        Self::PrecheckRetry,
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::ResumeEdited,
        Self::Reset,
        Self::End,
        Self::EndForced,
        Self::Delete,
        Self::Describe,
        Self::ChangePassword,
        Self::SetSpeedLimit,
        Self::ChangeParameters,
        Self::Reread,
        Self::Compare,
        Self::Repair,
        Self::HoldPart,
        Self::Clone,
    ];

    /// Name for the timeline, logs and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::TestConnection => "test connection",
            Self::SaveEndpoint => "save endpoint",
            Self::SavePolicy => "save policy",
            Self::SelectObjects => "select objects",
            Self::CollectObjects => "collect objects",
            Self::SetStartPosition => "set start position",
            Self::Precheck => "precheck",
            Self::PrecheckRetry => "precheck for retry",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::ResumeEdited => "resume with edited objects",
            Self::Reset => "reset",
            Self::End => "end",
            Self::EndForced => "force end",
            Self::Delete => "delete",
            Self::Describe => "modify",
            Self::ChangePassword => "change password",
            Self::SetSpeedLimit => "set speed limit",
            Self::ChangeParameters => "change parameters",
            Self::Reread => "read tables again",
            Self::Compare => "compare",
            Self::Repair => "repair",
            Self::HoldPart => "stop or continue a part",
            Self::Clone => "clone",
        }
    }

    /// Statuses in which the command is allowed.
    pub fn allowed(self) -> &'static [JobStatus] {
        match self {
            Self::TestConnection | Self::SaveEndpoint | Self::SetStartPosition | Self::Precheck => {
                &[S::Configuration]
            }
            // DRS: while the increment runs. Where a job has stopped is a choice: what stopped it may be a matter of the
            // policy.
            Self::SavePolicy => &[
                S::Configuration,
                S::FullTransferFailed,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
            ],
            Self::SelectObjects => {
                &[S::Configuration, S::IncreTransferStarted, S::IncreTransferFailed]
            }
            // Needs nothing but the source, so it is allowed wherever an edit may follow. PAUSING
            // and the failed full phase are a choice.
            Self::CollectObjects => &[
                S::Configuration,
                S::FullTransferFailed,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
            ],
            // START_JOB_FAILED is a choice: a retry is allowed there, so is its check.
            Self::PrecheckRetry => &[
                S::StartJobFailed,
                S::FullTransferFailed,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
            ],
            Self::Start => &[S::Configuration, S::WaitingForStart],
            Self::Pause => {
                &[S::FullTransferStarted, S::FullTransferComplete, S::IncreTransferStarted]
            }
            // A running job restarts with changed parameters. START_JOB_FAILED is a choice: DRS
            // offers nothing but the end there.
            Self::Resume => &[
                S::StartJobFailed,
                S::FullTransferStarted,
                S::FullTransferFailed,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
            ],
            Self::ResumeEdited => &[S::IncreTransferStarted, S::IncreTransferFailed],
            Self::Reset => &[S::FullTransferFailed, S::IncreTransferFailed, S::Pausing],
            // STARTJOBING and the failed statuses beyond DRS's list are a choice: a job that cannot
            // reach its source must be endable without force.
            Self::End => &[
                S::Creating,
                S::Configuration,
                S::WaitingForStart,
                S::Startjobing,
                S::StartJobFailed,
                S::FullTransferStarted,
                S::FullTransferFailed,
                S::FullTransferComplete,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
                S::ChangeJobFailed,
                S::RebuildNodeStarted,
                S::RebuildNodeFailed,
                S::NodeUpgradeFailed,
                S::ReleaseResourceFailed,
            ],
            Self::EndForced => &[
                S::Creating,
                S::Configuration,
                S::WaitingForStart,
                S::Startjobing,
                S::StartJobFailed,
                S::FullTransferStarted,
                S::FullTransferFailed,
                S::FullTransferComplete,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
                S::ChangeJobStarted,
                S::ChangeJobFailed,
                S::RebuildNodeStarted,
                S::RebuildNodeFailed,
                S::NodeUpgradeStart,
                S::NodeUpgradeComplete,
                S::NodeUpgradeFailed,
                S::ReleaseResourceStarted,
                S::ReleaseResourceFailed,
            ],
            Self::Delete => {
                &[S::CreateFailed, S::ReleaseResourceComplete, S::ReleaseChildTransferComplete]
            }
            Self::Describe | Self::SetSpeedLimit => LIVE,
            Self::ChangePassword => &[
                S::Startjobing,
                S::StartJobFailed,
                S::FullTransferStarted,
                S::FullTransferFailed,
                S::FullTransferComplete,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
            ],
            Self::ChangeParameters => &[
                S::Configuration,
                S::FullTransferStarted,
                S::FullTransferFailed,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
            ],
            // Tailrace's own.
            Self::Reread => &[S::IncreTransferStarted, S::IncreTransferFailed, S::Pausing],
            // As DRS has it: while the job runs, its full phase behind it.
            Self::Compare => &[S::FullTransferComplete, S::IncreTransferStarted],
            // What is repaired holds also where the job rests.
            Self::Repair => &[
                S::FullTransferComplete,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
            ],
            // A part of what runs; which of them rest is forgotten with every start.
            Self::HoldPart => &[S::IncreTransferStarted],
            Self::Clone => &[
                S::StartJobFailed,
                S::FullTransferStarted,
                S::FullTransferFailed,
                S::FullTransferComplete,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
                S::ChangeJobStarted,
                S::ChangeJobFailed,
                S::RebuildNodeStarted,
                S::RebuildNodeFailed,
                S::NodeUpgradeStart,
                S::NodeUpgradeComplete,
                S::NodeUpgradeFailed,
                S::ReleaseResourceStarted,
                S::ReleaseResourceFailed,
                S::ReleaseResourceComplete,
            ],
        }
    }

    /// Whether the command is allowed in a status.
    pub fn is_allowed_in(self, status: JobStatus) -> bool {
        self.allowed().contains(&status)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Answer to "what can be done with this job?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actions {
    /// Allowed now.
    pub available: Vec<Action>,
    /// Known and not allowed now.
    pub unavailable: Vec<Action>,
    /// Under way: what the job was asked for and has not reached yet.
    pub current: Option<Action>,
}

/// The actions of a job whose increment has parts, beside those of [`actions`].
pub fn part_actions(status: JobStatus, held: HeldParts) -> Actions {
    let is_open = |action: &Action| {
        is_available(*action, status)
            && match action {
                Action::StopCapture => !held.capture,
                Action::ContinueCapture => held.capture,
                Action::StopApply => !held.apply,
                Action::ContinueApply => held.apply,
                _ => true,
            }
    };
    let (available, unavailable) = Action::OF_PARTS.into_iter().partition(is_open);
    Actions { available, unavailable, current: None }
}

/// The actions of a job in a status; what is under way follows from the status alone here, a pause
/// that is still waiting for its checkpoint is added by the caller.
pub fn actions(status: JobStatus) -> Actions {
    let (available, unavailable) =
        Action::ALL.into_iter().partition(|action| is_available(*action, status));
    let current = match status {
        S::Creating => Some(Action::Create),
        S::Startjobing => Some(Action::Start),
        S::ChangeJobStarted => Some(Action::ChooseObject),
        S::ReleaseResourceStarted => Some(Action::FreeResource),
        _ => None,
    };
    Actions { available, unavailable, current }
}

fn is_available(action: Action, status: JobStatus) -> bool {
    let any = |commands: &[Command]| commands.iter().any(|c| c.is_allowed_in(status));
    match action {
        // Making another job depends on no job's status.
        Action::Create => true,
        Action::ChooseObject => any(&[Command::SelectObjects]),
        Action::PreCheck => any(&[Command::Precheck, Command::PrecheckRetry]),
        Action::FreeResource => any(&[Command::End, Command::EndForced]),
        Action::ModifyDbConfig => any(&[Command::SaveEndpoint]),
        Action::ResetDbPwd => any(&[Command::ChangePassword]),
        Action::ModifyConfiguration => any(&[Command::ChangeParameters]),
        Action::Pause => any(&[Command::Pause]),
        Action::Start => any(&[Command::Start]),
        Action::Change => any(&[Command::SavePolicy]),
        Action::Retry => {
            // Restarting a running job for its parameters is no retry.
            any(&[Command::Resume])
                && !matches!(status, S::FullTransferStarted | S::IncreTransferStarted)
        }
        Action::Reset => any(&[Command::Reset]),
        Action::Delete => any(&[Command::Delete]),
        Action::Clone => any(&[Command::Clone]),
        Action::StopJob => any(&[Command::Pause]),
        Action::ContinueJob => is_available(Action::Retry, status),
        Action::StopCapture
        | Action::ContinueCapture
        | Action::StopApply
        | Action::ContinueApply => any(&[Command::HoldPart]),
    }
}
