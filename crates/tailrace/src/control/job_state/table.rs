//! Every status × every command and every report, against tables written by hand from DRS's
//! documents.

use super::*;
use JobStatus as S;

/// Columns of [`COMMANDS`].
const COLUMNS: [Command; 25] = [
    Command::TestConnection,
    Command::SaveEndpoint,
    Command::SavePolicy,
    Command::SelectObjects,
    Command::CollectObjects,
    Command::SetStartPosition,
    Command::Precheck,
    Command::PrecheckRetry,
    Command::Start,
    Command::Pause,
    Command::Resume,
    Command::ResumeEdited,
    Command::Reset,
    Command::End,
    Command::EndForced,
    Command::Delete,
    Command::Describe,
    Command::ChangePassword,
    Command::SetSpeedLimit,
    Command::ChangeParameters,
    Command::Reread,
    Command::Compare,
    Command::Repair,
    Command::HoldPart,
    Command::Clone,
];

/// `.` refused, `=` stays, `S` to STARTJOBING, `R` to RELEASE_RESOURCE_STARTED, `D` to DELETED.
///
/// Columns in groups: the six settings, two prechecks, Start, Pause, Resume, ResumeEdited and Reset,
/// End and EndForced, Delete, the nine rest.
const COMMANDS: [(JobStatus, &str); 29] = [
    (S::Creating, "...... .. ..... RR . ........."),
    (S::CreateFailed, "...... .. ..... .. D ........."),
    (S::Configuration, "====== =. S.... RR . =.==....."),
    (S::WaitingForStart, "...... .. S.... RR . =.=......"),
    (S::Startjobing, "...... .. ..... RR . ===......"),
    (S::StartJobFailed, "...... .= ..S.. RR . ===.....="),
    (S::FullTransferStarted, "...... .. .=S.. RR . ====....="),
    (S::FullTransferFailed, "..=.=. .= ..S.S RR . ====....="),
    (S::FullTransferComplete, "...... .. .=... RR . ===..==.="),
    (S::IncreTransferStarted, "..===. .= .=S=. RR . ========="),
    (S::IncreTransferFailed, "..===. .= ..SSS RR . =====.=.="),
    (S::Pausing, "..=.=. .= ..S.S RR . =====.=.="),
    (S::ChangeJobStarted, "...... .. ..... .R . =.=.....="),
    (S::ChangeJobFailed, "...... .. ..... RR . =.=.....="),
    (S::RebuildNodeStarted, "...... .. ..... RR . =.=.....="),
    (S::RebuildNodeFailed, "...... .. ..... RR . =.=.....="),
    (S::NodeUpgradeStart, "...... .. ..... .R . =.=.....="),
    (S::NodeUpgradeComplete, "...... .. ..... .R . =.=.....="),
    (S::NodeUpgradeFailed, "...... .. ..... RR . =.=.....="),
    (S::ChildTransferStarting, "...... .. ..... .. . ........."),
    (S::ChildTransferStarted, "...... .. ..... .. . ........."),
    (S::ChildTransferComplete, "...... .. ..... .. . ........."),
    (S::ChildTransferFailed, "...... .. ..... .. . ........."),
    (S::ReleaseChildTransferStarted, "...... .. ..... .. . ........."),
    (S::ReleaseChildTransferComplete, "...... .. ..... .. D ........."),
    (S::ReleaseResourceStarted, "...... .. ..... .R . ........="),
    (S::ReleaseResourceFailed, "...... .. ..... RR . ........="),
    (S::ReleaseResourceComplete, "...... .. ..... .. D ........="),
    (S::Deleted, "...... .. ..... .. . ........."),
];

fn state(status: JobStatus) -> JobState {
    JobState { status, wish: Wish::Run, ..JobState::new(TaskMode::FullIncremental) }
}

/// A state in which nothing but the status can refuse the command.
fn ready_for(command: Command, status: JobStatus) -> JobState {
    let prechecked = match command {
        Command::Start => Some(PrecheckMode::Start),
        Command::Reset | Command::ResumeEdited => Some(PrecheckMode::Retry),
        _ => None,
    };
    JobState { prechecked, edited: true, ..state(status) }
}

#[test]
fn every_status_and_command() {
    assert_eq!(COMMANDS.map(|(status, _)| status), S::ALL);
    assert_eq!(COLUMNS, Command::ALL);
    for (status, row) in COMMANDS {
        let cells: Vec<char> = row.chars().filter(|c| *c != ' ').collect();
        assert_eq!(cells.len(), COLUMNS.len(), "{status}");
        for (command, cell) in COLUMNS.into_iter().zip(cells) {
            let before = ready_for(command, status);
            let expected = match cell {
                '.' => Err(IllegalTransition::Command { status, command }),
                '=' => Ok(status),
                'S' => Ok(S::Startjobing),
                'R' => Ok(S::ReleaseResourceStarted),
                'D' => Ok(S::Deleted),
                other => panic!("{other}"),
            };
            let got = next(&before, JobEvent::command(command)).map(|(after, _)| after.status);
            assert_eq!(got, expected, "{status} {command}");
        }
    }
}

/// Effects of each command where it is allowed.
#[test]
fn effects_of_every_command() {
    use Effect as E;
    let table: [(Command, JobStatus, &[Effect]); 25] = [
        (Command::TestConnection, S::Configuration, &[]),
        (Command::SaveEndpoint, S::Configuration, &[]),
        (Command::SavePolicy, S::Configuration, &[]),
        (Command::SelectObjects, S::Configuration, &[]),
        (Command::CollectObjects, S::Configuration, &[]),
        (Command::SetStartPosition, S::Configuration, &[]),
        (Command::Precheck, S::Configuration, &[]),
        (Command::PrecheckRetry, S::Pausing, &[]),
        (Command::Start, S::Configuration, &[E::ClearFailure, E::Wake]),
        (Command::Pause, S::IncreTransferStarted, &[E::Wake]),
        (Command::Resume, S::Pausing, &[E::ClearFailure, E::Wake]),
        (Command::ResumeEdited, S::IncreTransferStarted, &[E::ClearFailure, E::ApplyEdit, E::Wake]),
        (Command::Reset, S::Pausing, &[E::ClearFailure, E::Wake]),
        (Command::End, S::Pausing, &[E::Wake]),
        (Command::EndForced, S::Pausing, &[E::Wake]),
        (Command::Delete, S::ReleaseResourceComplete, &[E::Remove]),
        (Command::Describe, S::Pausing, &[]),
        (Command::ChangePassword, S::Pausing, &[E::Wake]),
        (Command::SetSpeedLimit, S::Pausing, &[E::Wake]),
        (Command::ChangeParameters, S::Pausing, &[]),
        (Command::Reread, S::Pausing, &[E::Wake]),
        (Command::Compare, S::IncreTransferStarted, &[]),
        (Command::Repair, S::Pausing, &[]),
        (Command::HoldPart, S::IncreTransferStarted, &[E::Wake]),
        (Command::Clone, S::Pausing, &[]),
    ];
    assert_eq!(table.map(|(command, ..)| command), Command::ALL);
    for (command, status, effects) in table {
        let (_, got) = next(&ready_for(command, status), JobEvent::command(command)).unwrap();
        assert_eq!(got, effects, "{command}");
    }
}

const PASSED: Report = Report::Prechecked { mode: PrecheckMode::Start, settings: 0, passed: true };
const PASSED_RETRY: Report =
    Report::Prechecked { mode: PrecheckMode::Retry, settings: 0, passed: true };

/// Reports of every kind and the statuses they mean something in, with the status that follows.
/// Everything that is not listed is late and changes nothing.
fn reports() -> Vec<(Report, Vec<(JobStatus, JobStatus)>)> {
    let running =
        [S::Startjobing, S::FullTransferStarted, S::FullTransferComplete, S::IncreTransferStarted];
    let from_running = |to: JobStatus| running.into_iter().map(|s| (s, to)).collect::<Vec<_>>();
    let stays = |statuses: &[JobStatus]| statuses.iter().map(|s| (*s, *s)).collect::<Vec<_>>();
    vec![
        (Report::Ready, vec![(S::Creating, S::Configuration)]),
        (Report::MakeFailed, vec![(S::Creating, S::CreateFailed)]),
        (Report::StartDue, vec![(S::WaitingForStart, S::Startjobing)]),
        (Report::Forgotten, vec![]),
        (Report::Entered(RunPhase::Full), from_running(S::FullTransferStarted)),
        (Report::Entered(RunPhase::FullComplete), from_running(S::FullTransferComplete)),
        (Report::Entered(RunPhase::Incremental), from_running(S::IncreTransferStarted)),
        // The job of this table is not full-only, and nobody asked it to stop.
        (Report::Finished, vec![]),
        (Report::Stopped, vec![]),
        (
            Report::Failed,
            vec![
                (S::Startjobing, S::StartJobFailed),
                (S::FullTransferStarted, S::FullTransferFailed),
                (S::FullTransferComplete, S::IncreTransferFailed),
                (S::IncreTransferStarted, S::IncreTransferFailed),
            ],
        ),
        (Report::Released, vec![(S::ReleaseResourceStarted, S::ReleaseResourceComplete)]),
        (Report::ReleaseFailed, vec![(S::ReleaseResourceStarted, S::ReleaseResourceFailed)]),
        (PASSED, stays(&[S::Configuration])),
        (
            PASSED_RETRY,
            stays(&[
                S::StartJobFailed,
                S::FullTransferFailed,
                S::IncreTransferStarted,
                S::IncreTransferFailed,
                S::Pausing,
            ]),
        ),
        (Report::EditApplying, vec![(S::ChildTransferStarting, S::ChildTransferStarted)]),
        (Report::EditApplied, vec![(S::ChildTransferStarted, S::ChildTransferComplete)]),
        (
            Report::EditFailed,
            vec![
                (S::ChildTransferStarting, S::ChildTransferFailed),
                (S::ChildTransferStarted, S::ChildTransferFailed),
            ],
        ),
        (
            Report::ChildClosing,
            vec![
                (S::ChildTransferComplete, S::ReleaseChildTransferStarted),
                (S::ChildTransferFailed, S::ReleaseChildTransferStarted),
            ],
        ),
        (
            Report::ChildClosed,
            vec![(S::ReleaseChildTransferStarted, S::ReleaseChildTransferComplete)],
        ),
    ]
}

#[test]
fn every_status_and_report() {
    for (report, allowed) in reports() {
        for status in S::ALL {
            let expected = allowed
                .iter()
                .find(|(from, _)| *from == status)
                .map(|(_, to)| *to)
                .ok_or(IllegalTransition::Report { status, report });
            let got = next(&state(status), JobEvent::Report(report)).map(|(after, _)| after.status);
            assert_eq!(got, expected, "{status} {report:?}");
        }
    }
}

fn run(state: &JobState, report: Report) -> JobState {
    next(state, JobEvent::Report(report)).unwrap().0
}

fn give(state: &JobState, command: Command) -> JobState {
    next(state, JobEvent::command(command)).unwrap().0
}

#[test]
fn what_has_to_be_done_in_every_status() {
    for status in S::ALL {
        let mut state = state(status);
        state.generation = 3;
        let run = Work::Run { generation: 3, forget_first: false };
        let expected = match status {
            S::Creating => Work::Prepare,
            S::WaitingForStart => {
                state.start_at_ms = Some(77);
                Work::WaitUntil(77)
            }
            S::Startjobing
            | S::FullTransferStarted
            | S::FullTransferComplete
            | S::IncreTransferStarted => run,
            S::ReleaseResourceStarted => Work::Release { force: false },
            _ => Work::Nothing,
        };
        assert_eq!(work(&state), expected, "{status}");
    }
}

#[test]
fn a_start_needs_a_precheck_of_the_present_settings() {
    let fresh = run(&JobState::new(TaskMode::Full), Report::Ready);
    let refused = Err(IllegalTransition::NotPrechecked {
        command: Command::Start,
        mode: PrecheckMode::Start,
    });
    let start = |state: &JobState| next(state, JobEvent::command(Command::Start));
    assert_eq!(start(&fresh), refused);
    let checked = run(&fresh, PASSED);
    start(&checked).unwrap();
    for command in [
        Command::SaveEndpoint,
        Command::SavePolicy,
        Command::SelectObjects,
        Command::SetStartPosition,
    ] {
        let changed = give(&checked, command);
        assert_eq!(start(&changed), refused, "{command}");
        // A precheck that began before the change does not count.
        next(&changed, JobEvent::Report(PASSED)).unwrap_err();
    }
    let failed = Report::Prechecked { mode: PrecheckMode::Start, settings: 0, passed: false };
    assert_eq!(start(&run(&checked, failed)), refused);
}

#[test]
fn a_planned_start_waits_can_be_moved_and_brought_forward() {
    let ready = run(&run(&JobState::new(TaskMode::Full), Report::Ready), PASSED);
    let at = |state: &JobState, at_ms| {
        next(state, JobEvent::Command { command: Command::Start, at_ms }).unwrap().0
    };
    let waiting = at(&ready, Some(1000));
    assert_eq!((waiting.status, work(&waiting)), (S::WaitingForStart, Work::WaitUntil(1000)));
    let moved = at(&waiting, Some(2000));
    assert_eq!(work(&moved), Work::WaitUntil(2000));
    for started in [at(&moved, None), run(&moved, Report::StartDue)] {
        assert_eq!((started.status, started.start_at_ms), (S::Startjobing, None));
        assert_eq!(work(&started), Work::Run { generation: 1, forget_first: false });
    }
}

#[test]
fn a_pause_waits_for_the_data_path_and_a_resume_takes_it_back() {
    let running = state(S::IncreTransferStarted);
    let pausing = give(&running, Command::Pause);
    assert_eq!((pausing.status, work(&pausing)), (S::IncreTransferStarted, Work::Pause));
    let paused = run(&pausing, Report::Stopped);
    assert_eq!((paused.status, work(&paused)), (S::Pausing, Work::Nothing));
    for state in [&pausing, &paused] {
        let resumed = give(state, Command::Resume);
        assert_eq!(resumed.status, S::Startjobing);
        assert_eq!(work(&resumed), Work::Run { generation: 1, forget_first: false });
    }
    // A job that gave up while it was to pause has failed; its retry runs.
    let failed = run(&pausing, Report::Failed);
    assert_eq!((failed.status, failed.wish), (S::IncreTransferFailed, Wish::Run));
}

#[test]
fn a_full_only_job_ends_in_full_transfer_complete() {
    let started = JobState { status: S::Startjobing, ..JobState::new(TaskMode::Full) };
    let full = run(&started, Report::Entered(RunPhase::Full));
    let done = run(&full, Report::Finished);
    assert_eq!((done.status, work(&done)), (S::FullTransferComplete, Work::Nothing));
    next(&full, JobEvent::Report(Report::Entered(RunPhase::Incremental))).unwrap_err();
    // Nothing runs, so there is nothing to wait for.
    let paused = give(&done, Command::Pause);
    assert_eq!(paused.status, S::Pausing);
    assert_eq!(run(&full, Report::Failed).status, S::FullTransferFailed);
}

#[test]
fn a_failed_resume_shows_the_phase_the_job_was_in() {
    for (reached, expected) in [
        (Reached::Nothing, S::StartJobFailed),
        (Reached::Full, S::FullTransferFailed),
        (Reached::FullComplete, S::IncreTransferFailed),
        (Reached::Incremental, S::IncreTransferFailed),
    ] {
        let state = JobState { reached, ..state(S::Startjobing) };
        assert_eq!(run(&state, Report::Failed).status, expected, "{reached:?}");
    }
}

#[test]
fn a_reset_needs_its_precheck_and_forgets_first() {
    let paused = JobState { reached: Reached::Incremental, ..state(S::Pausing) };
    next(&paused, JobEvent::command(Command::Reset)).unwrap_err();
    let reset = give(&run(&paused, PASSED_RETRY), Command::Reset);
    assert_eq!(work(&reset), Work::Run { generation: 1, forget_first: true });
    assert_eq!((reset.reached, reset.prechecked), (Reached::Nothing, None));
    let forgotten = run(&reset, Report::Forgotten);
    assert_eq!(work(&forgotten), Work::Run { generation: 1, forget_first: false });
    next(&forgotten, JobEvent::Report(Report::Forgotten)).unwrap_err();
}

#[test]
fn edited_objects_come_into_force_by_a_run_of_a_new_generation() {
    let running = state(S::IncreTransferStarted);
    assert_eq!(
        next(&running, JobEvent::command(Command::ResumeEdited)),
        Err(IllegalTransition::NotEdited)
    );
    let edited = give(&running, Command::SelectObjects);
    next(&edited, JobEvent::command(Command::ResumeEdited)).unwrap_err();
    let checked =
        run(&edited, Report::Prechecked { mode: PrecheckMode::Retry, settings: 1, passed: true });
    let applied = give(&checked, Command::ResumeEdited);
    assert_eq!(applied.status, S::IncreTransferStarted);
    assert_eq!(work(&applied), Work::Run { generation: 1, forget_first: false });
    assert!(!applied.edited);
}

#[test]
fn a_new_password_replaces_the_run_without_a_change_of_status() {
    let running = state(S::FullTransferStarted);
    let changed = give(&running, Command::ChangePassword);
    assert_eq!(changed.status, S::FullTransferStarted);
    assert_eq!(work(&changed), Work::Run { generation: 1, forget_first: false });
    let paused = give(&state(S::Pausing), Command::ChangePassword);
    assert_eq!(work(&paused), Work::Nothing);
}

#[test]
fn an_end_can_be_forced_and_tried_again() {
    let ending = give(&state(S::IncreTransferStarted), Command::End);
    assert_eq!(work(&ending), Work::Release { force: false });
    let forced = give(&ending, Command::EndForced);
    assert_eq!(work(&forced), Work::Release { force: true });
    let failed = run(&ending, Report::ReleaseFailed);
    assert_eq!(work(&failed), Work::Nothing);
    assert_eq!(work(&give(&failed, Command::End)), Work::Release { force: false });
    // What a late data path says changes nothing.
    next(&ending, JobEvent::Report(Report::Failed)).unwrap_err();
}

#[test]
fn names_are_the_ones_of_drs() {
    for status in S::ALL {
        assert_eq!(S::from_name(status.name()), Some(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.name());
    }
    assert_eq!(S::from_name("creating"), None);
}

#[test]
fn delete_is_offered_only_where_it_is_allowed() {
    use crate::control::command::actions;
    use crate::control::status::Action;
    let deletable: Vec<_> = S::ALL
        .into_iter()
        .filter(|status| actions(*status).available.contains(&Action::Delete))
        .collect();
    assert_eq!(
        deletable,
        [S::CreateFailed, S::ReleaseChildTransferComplete, S::ReleaseResourceComplete]
    );
    for status in S::ALL {
        let offered = actions(status);
        assert_eq!(offered.available.len() + offered.unavailable.len(), Action::ALL.len());
    }
}
