//! A job from its creation to its deletion.

use tailrace::control::job::{JobFilter, Page, TaskMode};
use tailrace::control::query::{CheckResult, PrecheckMode};
use tailrace::control::view::ApplyState;
use tailrace::control::{Action, Command, JobStatus, PauseMode, Refusal};
use tailrace_pipeline::observe::{Counters, Phase};

use crate::scripted_runner::check;
use crate::world::{World, caller, new_job, source};

#[tokio::test]
async fn a_job_lives_from_creation_to_deletion() {
    let world = World::new().await;
    let (id, run) = world.started("whole-life", TaskMode::FullIncremental).await;
    let job = world.job(&id).await;
    assert_eq!(job.status(), JobStatus::Startjobing);
    assert_eq!(run.spec.job_id, id);
    assert_eq!(run.spec.target.brokers, "kafka-1.example:9092,kafka-2.example:9092");
    assert!(run.spec.selection.includes("shop", "orders"));

    run.enter(Phase::Starting);
    run.enter(Phase::Full);
    world.until(&id, JobStatus::FullTransferStarted).await;
    run.enter(Phase::FullComplete);
    world.until(&id, JobStatus::FullTransferComplete).await;
    run.enter(Phase::Incremental);
    let job = world.until(&id, JobStatus::IncreTransferStarted).await;
    assert!(job.times.full_started_ms.is_some() && job.times.incremental_started_ms.is_some());

    world.control.pause(&caller(), &id, PauseMode::Target).await.unwrap();
    run.asked_to_stop().await;
    world.until(&id, JobStatus::Pausing).await;

    world.control.resume(&caller(), &id, false).await.unwrap();
    let again = world.runner.run(1).await;
    assert!(again.epoch > run.epoch);
    again.enter(Phase::Incremental);
    world.until(&id, JobStatus::IncreTransferStarted).await;

    world.control.end(&caller(), &id, false).await.unwrap();
    let job = world.until(&id, JobStatus::ReleaseResourceComplete).await;
    assert!(job.times.ended_ms.is_some());
    world.runner.script(|script| assert_eq!(script.forgotten, 1));

    let names = world.timeline(&id).await;
    let expected = [
        "create",
        "save endpoint",
        "select objects",
        "precheck",
        "start",
        "pause",
        "resume",
        "end",
    ];
    assert_eq!(names, expected.map(|n| (n.to_owned(), "ann".to_owned(), true)));

    world.control.delete(&caller(), &id).await.unwrap();
    let gone = Refusal::JobDeleted { job_id: id.clone() };
    assert_eq!(world.control.get(&caller(), &id).await, Err(gone.clone()));
    assert_eq!(world.control.timeline(&caller(), &id, Page::FIRST).await, Err(gone));
    assert_eq!(world.store.secrets(&id).await.unwrap(), []);
    assert_eq!(world.store.progress(&id).await.unwrap(), None);
    world.control.check_name(&caller(), "whole-life").await.unwrap();
}

#[tokio::test]
async fn a_full_only_job_ends_in_full_transfer_complete() {
    let world = World::new().await;
    let (id, run) = world.started("full-only", TaskMode::Full).await;
    run.enter(Phase::Full);
    run.finish();
    let job = world.until(&id, JobStatus::FullTransferComplete).await;
    assert!(job.times.full_completed_ms.is_some());
    assert_eq!(world.control.progress(&caller(), &id).await.unwrap().percent, 100);
    // It can still be paused, and a resume finds nothing left to do.
    world.control.pause(&caller(), &id, PauseMode::All).await.unwrap();
    world.until(&id, JobStatus::Pausing).await;
    world.control.resume(&caller(), &id, false).await.unwrap();
    world.runner.run(1).await.finish();
    world.until(&id, JobStatus::FullTransferComplete).await;
}

#[tokio::test]
async fn a_start_needs_a_precheck_that_passed_since_the_last_change() {
    let world = World::new().await;
    let id = world.configured("unchecked", TaskMode::FullIncremental).await;
    let refused = |result| matches!(result, Err(Refusal::NotPrechecked { .. }));
    assert!(refused(world.control.start(&caller(), &id, None).await));

    world.runner.script(|script| {
        script.checks = vec![
            check("srcDbConnection", CheckResult::Passed),
            check("srcBinlogFormatCheck", CheckResult::Failed),
            check("srcGtidStatusCheck", CheckResult::Alarm),
        ];
    });
    let precheck = world.precheck(&id, PrecheckMode::Start).await;
    assert_eq!((precheck.process_percent, precheck.passed_percent), (100, 66));
    assert!(!precheck.passed());
    assert!(refused(world.control.start(&caller(), &id, None).await));

    world.runner.script(|script| {
        script.checks = vec![
            check("srcDbConnection", CheckResult::Passed),
            check("srcGtidStatusCheck", CheckResult::Alarm),
        ];
    });
    let precheck = world.precheck(&id, PrecheckMode::Start).await;
    assert_eq!(precheck.passed_percent, 100);
    assert!(precheck.passed());

    world.control.set_endpoints(&caller(), &id, Some(source()), None).await.unwrap();
    assert!(refused(world.control.start(&caller(), &id, None).await));
    world.precheck(&id, PrecheckMode::Start).await;
    world.control.start(&caller(), &id, None).await.unwrap();
    world.runner.run(0).await;

    let timeline = world.timeline(&id).await;
    let starts: Vec<bool> =
        timeline.iter().filter(|(name, ..)| name == "start").map(|(_, _, ok)| *ok).collect();
    assert_eq!(starts, [false, false, false, true]);
}

#[tokio::test]
async fn a_precheck_names_what_is_not_set() {
    let world = World::new().await;
    let id = world.created("incomplete", TaskMode::FullIncremental).await;
    let caller = caller();
    let precheck = || world.control.precheck(&caller, &id, PrecheckMode::Start);
    let Err(Refusal::NotConfigured { reason }) = precheck().await else { panic!() };
    assert!(reason.contains("no objects"), "{reason}");
    world.control.select_objects(&caller, &id, crate::world::tables(&["orders"])).await.unwrap();
    let Err(Refusal::NotConfigured { reason }) = precheck().await else { panic!() };
    assert!(reason.contains("source"), "{reason}");
    let result = world.control.precheck_result(&caller, &id, None).await;
    assert!(matches!(result, Err(Refusal::NotPrechecked { .. })), "{result:?}");
}

#[tokio::test]
async fn a_planned_start_waits_for_its_time() {
    let world = World::new().await;
    let id = world.configured("planned", TaskMode::FullIncremental).await;
    world.precheck(&id, PrecheckMode::Start).await;
    let now_ms = crate::world::BEGIN_MS;
    let past = world.control.start(&caller(), &id, Some(now_ms)).await;
    assert!(matches!(past, Err(Refusal::Invalid { .. })), "{past:?}");
    world.control.start(&caller(), &id, Some(now_ms + 60_000)).await.unwrap();
    assert_eq!(world.job(&id).await.status(), JobStatus::WaitingForStart);
    world.clock.advance_ms(59_999);
    // A later start of another job shows that the worker had time to look.
    let (_, other) = world.started("other", TaskMode::FullIncremental).await;
    other.enter(Phase::Full);
    assert_eq!(world.job(&id).await.status(), JobStatus::WaitingForStart);
    world.clock.advance_ms(1);
    let run = world.runner.run(1).await;
    assert_eq!(run.spec.job_id, id);
    let job = world.job(&id).await;
    assert_eq!(job.times.started_ms, Some(now_ms + 60_000));
}

#[tokio::test]
async fn commands_in_the_wrong_status_are_refused_with_those_that_are_right() {
    let world = World::new().await;
    let id = world.configured("wrong-state", TaskMode::FullIncremental).await;
    let refusal = world.control.delete(&caller(), &id).await.unwrap_err();
    let Refusal::WrongState { status, command, allowed } = &refusal else { panic!("{refusal}") };
    assert_eq!((*status, *command), (JobStatus::Configuration, Command::Delete));
    assert_eq!(
        *allowed,
        [
            JobStatus::CreateFailed,
            JobStatus::ReleaseResourceComplete,
            JobStatus::ReleaseChildTransferComplete
        ]
    );
    let timeline = world.timeline(&id).await;
    assert_eq!(timeline.last().unwrap(), &("delete".to_owned(), "ann".to_owned(), false));
    let actions = world.control.actions(&caller(), &id).await.unwrap();
    assert!(!actions.available.contains(&Action::Delete));
    assert!(actions.unavailable.contains(&Action::Delete));
}

#[tokio::test]
async fn what_runs_can_be_watched() {
    let world = World::new().await;
    let (id, run) = world.streaming("watched").await;
    Counters::add(&run.counters.snapshot_rows, 100);
    Counters::add(&run.counters.inserts, 7);
    run.counters
        .source_time_ms
        .store(crate::world::BEGIN_MS - 1500, std::sync::atomic::Ordering::Relaxed);
    run.observer.table("shop", "orders", 100, true);
    run.observer.ddl("mysql-bin.000001:4", "ALTER TABLE orders ADD c INT");
    run.observer.log(tracing::Level::WARN, "the source is slow");
    run.deliver("mysql-bin.000001", 805);
    world.until_job(&id, "log", |_| true).await;

    let written = async || {
        let (count, _) = world.control.ddl(&caller(), &id, Page::FIRST).await.unwrap();
        count == 1
    };
    let deadline = tokio::time::Instant::now() + crate::scripted_runner::PATIENCE;
    while !written().await {
        assert!(tokio::time::Instant::now() < deadline, "nothing was written");
        crate::world::next_look().await;
    }
    let progress = world.control.progress(&caller(), &id).await.unwrap();
    assert_eq!((progress.percent, progress.snapshot_rows), (100, 100));
    assert_eq!(progress.delay_ms, Some(1500));
    assert_eq!(progress.position.as_ref().unwrap().offset, 805);
    run.counters.idle.store(true, std::sync::atomic::Ordering::Relaxed);
    let monitor = world.control.monitor(&caller(), &id).await.unwrap();
    assert!(monitor.running && monitor.source_normal && monitor.target_normal);
    assert_eq!((monitor.apply_state, monitor.delay_ms), (ApplyState::Idle, Some(0)));
    assert_eq!(monitor.totals.rows(), 107);
    let (count, tables) = world.control.object_progress(&caller(), &id, Page::FIRST).await.unwrap();
    assert_eq!((count, tables[0].rows, tables[0].done), (1, 100, true));
    assert!(world.log(&id).await.contains(&"the source is slow".to_owned()));
    world.control.clear_ddl(&caller(), &id, 1).await.unwrap();
    world.control.clear_ddl(&caller(), &id, 2).await.unwrap_err();
    let metrics = world.control.render_metrics().await;
    assert!(metrics.contains(&format!("tailrace_job_inserts_total{{job_id=\"{id}\"}} 7\n")));
    for cause in ["source", "limit", "room", "target"] {
        let series =
            format!("tailrace_job_wait_seconds_total{{job_id=\"{id}\",cause=\"{cause}\"}} 0\n");
        assert!(metrics.contains(&series), "{metrics}");
    }
    assert!(metrics.contains("tailrace_jobs{status=\"INCRE_TRANSFER_STARTED\"} 1\n"));

    // The totals survive the end of the data path, the series do not.
    world.control.end(&caller(), &id, false).await.unwrap();
    world.until(&id, JobStatus::ReleaseResourceComplete).await;
    world.control.delete(&caller(), &id).await.unwrap();
    let metrics = world.control.render_metrics().await;
    assert!(!metrics.contains(&id), "{metrics}");
}

#[tokio::test]
async fn totals_go_on_after_a_pause() {
    let world = World::new().await;
    let (id, run) = world.streaming("counted").await;
    Counters::add(&run.counters.updates, 5);
    world.control.pause(&caller(), &id, PauseMode::Target).await.unwrap();
    world.until(&id, JobStatus::Pausing).await;
    let monitor = world.control.monitor(&caller(), &id).await.unwrap();
    assert_eq!((monitor.running, monitor.totals.updates), (false, 5));
    world.control.resume(&caller(), &id, false).await.unwrap();
    let again = world.runner.run(1).await;
    Counters::add(&again.counters.updates, 2);
    let monitor = world.control.monitor(&caller(), &id).await.unwrap();
    assert_eq!((monitor.running, monitor.totals.updates), (true, 7));
}

#[tokio::test]
async fn jobs_belong_to_their_project_and_names_are_unique_in_it() {
    let world = World::new().await;
    let id = world.created("Mine-1", TaskMode::Full).await;
    let stranger = tailrace::control::Caller { project_id: "p2".to_owned(), ..caller() };
    let missing = Refusal::JobMissing { job_id: id.clone() };
    assert_eq!(world.control.get(&stranger, &id).await, Err(missing.clone()));
    assert_eq!(world.control.end(&stranger, &id, true).await, Err(missing));
    assert_eq!(world.control.list(&stranger, &JobFilter::default()).await.unwrap().0, 0);
    let again = world.control.create(&caller(), new_job("mINE-1", TaskMode::Full)).await;
    assert_eq!(again, Err(Refusal::NameTaken { name: "mINE-1".to_owned() }));
    world.control.create(&stranger, new_job("Mine-1", TaskMode::Full)).await.unwrap();
}

#[tokio::test]
async fn a_project_has_no_more_jobs_than_its_quota() {
    let bounds =
        tailrace::control::Bounds { jobs_per_project_max: 2, ..crate::world::quick_bounds() };
    let world = World::with(bounds).await;
    for name in ["quota-1", "quota-2"] {
        world.created(name, TaskMode::Full).await;
    }
    let third = world.control.create(&caller(), new_job("quota-3", TaskMode::Full)).await;
    assert!(matches!(third, Err(Refusal::QuotaReached { limit: 2, .. })), "{third:?}");
}
