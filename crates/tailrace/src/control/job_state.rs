//! The life of a job as one pure function: from a state and an event to the next state and what has
//! to be done about it.
//!
//! A command of a user changes the state and thereby says what is wished; the job's worker looks at
//! [`work`], does it, and reports back. Nothing else changes a state, so what a restarted process has
//! to do follows from the stored state alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::command::Command;
use super::job::TaskMode;
use super::query::PrecheckMode;
use super::status::JobStatus;

/// What the user wants of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Be there and wait.
    Configure,
    /// Run.
    Run,
    /// Stop at a durable checkpoint and wait.
    Pause,
    /// End.
    End,
}

/// Furthest phase reached since the first start or the last reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reached {
    /// None yet.
    Nothing,
    /// The full phase.
    Full,
    /// The full phase is finished.
    FullComplete,
    /// The incremental phase.
    Incremental,
}

/// Where a job stands and where it is to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// Status shown to users.
    pub status: JobStatus,
    /// What the user wants.
    pub wish: Wish,
    /// Phases of the job.
    pub task: TaskMode,
    /// Furthest phase reached.
    pub reached: Reached,
    /// Time of a planned start, milliseconds of the Unix epoch.
    pub start_at_ms: Option<i64>,
    /// Precheck that passed since [`JobState::settings`] last changed and was not used up since.
    pub prechecked: Option<PrecheckMode>,
    /// Counts changes of endpoints, policy and objects; a precheck holds for one value only.
    pub settings: u64,
    /// A selection was edited while running and is not in force yet.
    pub edited: bool,
    /// Progress must be forgotten before the next run.
    pub forget_first: bool,
    /// Counts the runs wished for; a run of a smaller number must be replaced.
    pub generation: u64,
    /// End without waiting for anything.
    pub force_end: bool,
}

impl JobState {
    /// The state of a job that was just made.
    pub fn new(task: TaskMode) -> Self {
        Self {
            status: JobStatus::Creating,
            wish: Wish::Configure,
            task,
            reached: Reached::Nothing,
            start_at_ms: None,
            prechecked: None,
            settings: 0,
            edited: false,
            forget_first: false,
            generation: 0,
            force_end: false,
        }
    }

    /// The state of a re-edit's child that was just made.
    pub fn new_child(task: TaskMode) -> Self {
        Self { status: JobStatus::ChildTransferStarting, wish: Wish::Run, ..Self::new(task) }
    }
}

/// Phase a data path entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPhase {
    /// Full phase.
    Full,
    /// Full phase finished.
    FullComplete,
    /// Incremental phase.
    Incremental,
}

/// What a worker saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// A new job is ready to be configured.
    Ready,
    /// A new job cannot be made ready.
    MakeFailed,
    /// The time of a planned start has come.
    StartDue,
    /// The progress records are gone, as a reset needs.
    Forgotten,
    /// The data path entered a phase.
    Entered(RunPhase),
    /// The data path of a full-only job has done all its work.
    Finished,
    /// The data path stopped because it was asked to.
    Stopped,
    /// The data path gave up.
    Failed,
    /// The job's end is carried out.
    Released,
    /// The job's end cannot be carried out.
    ReleaseFailed,
    /// A precheck finished.
    Prechecked {
        /// Its mode.
        mode: PrecheckMode,
        /// [`JobState::settings`] when it began.
        settings: u64,
        /// Nothing hinders the start.
        passed: bool,
    },
    /// Child: the edited objects are being applied.
    EditApplying,
    /// Child: they are in force.
    EditApplied,
    /// Child: they could not be applied.
    EditFailed,
    /// Child: it is being closed.
    ChildClosing,
    /// Child: it is closed.
    ChildClosed,
}

/// What happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEvent {
    /// A user gave a command.
    Command {
        /// Which.
        command: Command,
        /// For [`Command::Start`]: when, milliseconds of the Unix epoch; `None` is now.
        at_ms: Option<i64>,
    },
    /// A worker saw something.
    Report(Report),
}

impl JobEvent {
    /// A command that needs nothing else.
    pub fn command(command: Command) -> Self {
        Self::Command { command, at_ms: None }
    }
}

/// What has to be done because of a transition, beside storing the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The job's worker must look at [`work`] again.
    Wake,
    /// What stopped the job before is of no more interest.
    ClearFailure,
    /// The edited selection comes into force and a child shows how that goes.
    ApplyEdit,
    /// The row and all that belongs to it go.
    Remove,
}

/// An event that has no place in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IllegalTransition {
    /// The command is not allowed in the status.
    Command {
        /// Status.
        status: JobStatus,
        /// Command.
        command: Command,
    },
    /// The command needs a precheck of this mode that passed since the settings last changed.
    NotPrechecked {
        /// Command.
        command: Command,
        /// Mode.
        mode: PrecheckMode,
    },
    /// Nothing was edited.
    NotEdited,
    /// The worker's report says nothing about this state: it is late.
    Report {
        /// Status.
        status: JobStatus,
        /// Report.
        report: Report,
    },
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { status, command } => {
                write!(f, "{command} is not allowed in status {status}")
            }
            Self::NotPrechecked { command, mode } => write!(
                f,
                "{command} needs a precheck ({}) that passed since endpoints, policy and objects last changed",
                mode.name()
            ),
            Self::NotEdited => f.write_str("no objects were edited since the job last started"),
            Self::Report { status, report } => write!(f, "{report:?} does not fit status {status}"),
        }
    }
}

impl std::error::Error for IllegalTransition {}

/// Result of a transition.
pub type Transition = Result<(JobState, Vec<Effect>), IllegalTransition>;

/// The next state of a job.
///
/// # Errors
/// [`IllegalTransition`] if the event has no place in the state; the state stays as it is.
pub fn next(state: &JobState, event: JobEvent) -> Transition {
    match event {
        JobEvent::Command { command, at_ms } => {
            if !command.is_allowed_in(state.status) {
                return Err(IllegalTransition::Command { status: state.status, command });
            }
            on_command(state, command, at_ms)
        }
        JobEvent::Report(report) => on_report(state, report)
            .ok_or(IllegalTransition::Report { status: state.status, report }),
    }
}

fn on_command(state: &JobState, command: Command, at_ms: Option<i64>) -> Transition {
    let mut new = state.clone();
    let effects = match command {
        Command::TestConnection
        | Command::CollectObjects
        | Command::Precheck
        | Command::PrecheckRetry
        | Command::Describe
        | Command::ChangeParameters
        | Command::Compare
        | Command::Repair
        | Command::Clone => vec![],
        Command::SaveEndpoint | Command::SetStartPosition => {
            settings_changed(&mut new);
            vec![]
        }
        Command::SavePolicy => {
            settings_changed(&mut new);
            if state.status == JobStatus::Configuration {
                vec![]
            } else {
                // A running data path takes it up at its next checkpoint.
                new.generation += 1;
                vec![Effect::Wake]
            }
        }
        Command::SelectObjects => {
            settings_changed(&mut new);
            new.edited = state.status != JobStatus::Configuration;
            vec![]
        }
        Command::ChangePassword => {
            settings_changed(&mut new);
            // A running data path holds the old password: it is replaced at its next checkpoint.
            new.generation += 1;
            vec![Effect::Wake]
        }
        Command::Reread => {
            // A running data path takes it up at its next checkpoint.
            new.generation += 1;
            vec![Effect::Wake]
        }
        Command::SetSpeedLimit | Command::HoldPart => vec![Effect::Wake],
        Command::Start => {
            require_precheck(state, command, PrecheckMode::Start)?;
            match at_ms {
                Some(at_ms) => {
                    new.status = JobStatus::WaitingForStart;
                    new.start_at_ms = Some(at_ms);
                }
                None => begin_run(&mut new),
            }
            vec![Effect::ClearFailure, Effect::Wake]
        }
        Command::Pause => {
            new.wish = Wish::Pause;
            if work(state) == Work::Nothing {
                // A finished full-only job has no data path to wait for.
                new.status = JobStatus::Pausing;
            }
            vec![Effect::Wake]
        }
        Command::Resume => {
            begin_run(&mut new);
            vec![Effect::ClearFailure, Effect::Wake]
        }
        Command::ResumeEdited => resume_edited(state, &mut new)?,
        Command::Reset => {
            require_precheck(state, command, PrecheckMode::Retry)?;
            begin_run(&mut new);
            new.reached = Reached::Nothing;
            new.forget_first = true;
            vec![Effect::ClearFailure, Effect::Wake]
        }
        Command::End | Command::EndForced => {
            new.status = JobStatus::ReleaseResourceStarted;
            new.wish = Wish::End;
            new.start_at_ms = None;
            new.force_end = command == Command::EndForced;
            vec![Effect::Wake]
        }
        Command::Delete => {
            new.status = JobStatus::Deleted;
            vec![Effect::Remove]
        }
    };
    Ok((new, effects))
}

fn resume_edited(state: &JobState, new: &mut JobState) -> Result<Vec<Effect>, IllegalTransition> {
    if !state.edited {
        return Err(IllegalTransition::NotEdited);
    }
    require_precheck(state, Command::ResumeEdited, PrecheckMode::Retry)?;
    begin_run(new);
    if state.status == JobStatus::IncreTransferStarted {
        // The parent goes on showing its phase; the child shows the change.
        new.status = state.status;
    }
    new.edited = false;
    Ok(vec![Effect::ClearFailure, Effect::ApplyEdit, Effect::Wake])
}

fn settings_changed(state: &mut JobState) {
    state.settings += 1;
    state.prechecked = None;
}

fn begin_run(state: &mut JobState) {
    state.status = JobStatus::Startjobing;
    state.wish = Wish::Run;
    state.start_at_ms = None;
    state.prechecked = None;
    state.generation += 1;
}

fn require_precheck(
    state: &JobState,
    command: Command,
    mode: PrecheckMode,
) -> Result<(), IllegalTransition> {
    if state.prechecked == Some(mode) {
        Ok(())
    } else {
        Err(IllegalTransition::NotPrechecked { command, mode })
    }
}

/// Statuses in which a data path may be at work.
fn is_running(status: JobStatus) -> bool {
    use JobStatus as S;
    matches!(
        status,
        S::Startjobing | S::FullTransferStarted | S::FullTransferComplete | S::IncreTransferStarted
    )
}

fn on_report(state: &JobState, report: Report) -> Option<(JobState, Vec<Effect>)> {
    use JobStatus as S;
    let mut new = state.clone();
    let mut effects = vec![];
    match (report, state.status) {
        (Report::Ready, S::Creating) => new.status = S::Configuration,
        (Report::MakeFailed, S::Creating) => new.status = S::CreateFailed,
        (Report::StartDue, S::WaitingForStart) => {
            begin_run(&mut new);
            effects.push(Effect::Wake);
        }
        (Report::Forgotten, S::Startjobing) if state.forget_first => new.forget_first = false,
        (Report::Entered(phase), status) if is_running(status) => entered(&mut new, phase)?,
        (Report::Finished, status) if is_running(status) && state.task == TaskMode::Full => {
            new.status = S::FullTransferComplete;
            new.reached = Reached::FullComplete;
        }
        (Report::Stopped, status) if is_running(status) && state.wish == Wish::Pause => {
            new.status = S::Pausing;
        }
        (Report::Failed, status) if is_running(status) => {
            new.status = failed_status(state);
            new.wish = Wish::Run;
        }
        (Report::Released, S::ReleaseResourceStarted) => new.status = S::ReleaseResourceComplete,
        (Report::ReleaseFailed, S::ReleaseResourceStarted) => new.status = S::ReleaseResourceFailed,
        (Report::Prechecked { mode, settings, passed }, status) => {
            let command = match mode {
                PrecheckMode::Start => Command::Precheck,
                PrecheckMode::Retry => Command::PrecheckRetry,
            };
            if settings != state.settings || !command.is_allowed_in(status) {
                return None;
            }
            new.prechecked = passed.then_some(mode);
        }
        (Report::EditApplying, S::ChildTransferStarting) => new.status = S::ChildTransferStarted,
        (Report::EditApplied, S::ChildTransferStarted) => new.status = S::ChildTransferComplete,
        (Report::EditFailed, S::ChildTransferStarting | S::ChildTransferStarted) => {
            new.status = S::ChildTransferFailed;
        }
        (Report::ChildClosing, S::ChildTransferComplete | S::ChildTransferFailed) => {
            new.status = S::ReleaseChildTransferStarted;
        }
        (Report::ChildClosed, S::ReleaseChildTransferStarted) => {
            new.status = S::ReleaseChildTransferComplete;
        }
        _ => return None,
    }
    Some((new, effects))
}

fn entered(state: &mut JobState, phase: RunPhase) -> Option<()> {
    let (status, reached) = match phase {
        RunPhase::Full => (JobStatus::FullTransferStarted, Reached::Full),
        RunPhase::FullComplete => (JobStatus::FullTransferComplete, Reached::FullComplete),
        RunPhase::Incremental if state.task == TaskMode::Full => return None,
        RunPhase::Incremental => (JobStatus::IncreTransferStarted, Reached::Incremental),
    };
    state.status = status;
    state.reached = state.reached.max(reached);
    Some(())
}

/// Where a job stands that gave up: by the phase it is in, or was in before it was resumed.
fn failed_status(state: &JobState) -> JobStatus {
    match (state.status, state.reached) {
        (JobStatus::Startjobing, Reached::Nothing) => JobStatus::StartJobFailed,
        (JobStatus::Startjobing, Reached::Full) | (JobStatus::FullTransferStarted, _) => {
            JobStatus::FullTransferFailed
        }
        _ if state.task == TaskMode::Full => JobStatus::FullTransferFailed,
        _ => JobStatus::IncreTransferFailed,
    }
}

/// What a job's worker has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Nothing: the job waits for its user.
    Nothing,
    /// Make the job ready, then report [`Report::Ready`].
    Prepare,
    /// Report [`Report::StartDue`] at this time, milliseconds of the Unix epoch.
    WaitUntil(i64),
    /// Have a data path of this generation run.
    Run {
        /// Replace a run of a smaller number.
        generation: u64,
        /// Remove the progress records first and report [`Report::Forgotten`].
        forget_first: bool,
    },
    /// Stop the data path at a durable checkpoint, then report [`Report::Stopped`].
    Pause,
    /// Stop the data path, remove the progress records, then report [`Report::Released`].
    Release {
        /// Wait for nothing.
        force: bool,
    },
}

/// What a job's worker has to do in a state. Everything but [`Work::Nothing`] is taken up again by a
/// process that starts.
pub fn work(state: &JobState) -> Work {
    match state.status {
        JobStatus::Creating => Work::Prepare,
        // A planned start without its time cannot be stored; it would start at once.
        JobStatus::WaitingForStart => Work::WaitUntil(state.start_at_ms.unwrap_or(0)),
        JobStatus::FullTransferComplete if state.task == TaskMode::Full => Work::Nothing,
        status if is_running(status) => match state.wish {
            Wish::Pause => Work::Pause,
            _ => Work::Run { generation: state.generation, forget_first: state.forget_first },
        },
        JobStatus::ReleaseResourceStarted => Work::Release { force: state.force_end },
        _ => Work::Nothing,
    }
}

#[cfg(test)]
mod table;
