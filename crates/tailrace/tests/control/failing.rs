//! What errors of the data path do to a job.

use tailrace::control::job::TaskMode;
use tailrace::control::query::PrecheckMode;
use tailrace::control::{JobStatus, PauseMode, Refusal};
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::{Error, ErrorKind};

use crate::world::{BEGIN_MS, World, caller};

#[tokio::test]
async fn a_lost_connection_is_tried_again_and_the_status_stays() {
    let world = World::new().await;
    let (id, mut run) = world.streaming("unreachable").await;
    for n in 1..=6 {
        run.fail(ErrorKind::SourceConnection, "connection refused");
        run = world.runner.run(n).await;
        assert_eq!(world.job(&id).await.status(), JobStatus::IncreTransferStarted);
    }
    assert_eq!(world.job(&id).await.failure, None);
    let log = world.log(&id).await;
    assert!(log.iter().any(|text| text.contains("connection refused The next attempt is in")));
}

#[tokio::test]
async fn an_error_that_nothing_heals_stops_the_job_with_text_and_solution() {
    let world = World::new().await;
    let (id, run) = world.streaming("broken-log").await;
    run.fail(ErrorKind::UnknownEvent, "event 199 at mysql-bin.000001:4");
    let job = world.until(&id, JobStatus::IncreTransferFailed).await;
    let failure = job.failure.unwrap();
    assert_eq!(failure.kind, "unknown_event");
    assert_eq!(failure.at_ms, BEGIN_MS);
    let reason = failure.reason();
    assert!(reason.starts_with("event 199 at mysql-bin.000001:4"), "{reason}");
    assert!(reason.contains("Update Tailrace"), "{reason}");
    assert!(reason.ends_with("tailrace explain unknown_event"), "{reason}");
    assert!(world.log(&id).await.contains(&reason));
    let timeline = world.timeline(&id).await;
    assert_eq!(timeline.last().unwrap(), &("job failed".to_owned(), "system".to_owned(), false));
    let monitor = world.control.monitor(&caller(), &id).await.unwrap();
    assert!(!monitor.running && monitor.source_normal);

    // A retry takes the failure away.
    world.control.resume(&caller(), &id, false).await.unwrap();
    let again = world.runner.run(1).await;
    assert_eq!(world.job(&id).await.failure, None);
    again.fail(ErrorKind::SourceAuthentication, "access denied");
    world.until(&id, JobStatus::IncreTransferFailed).await;
    assert!(!world.control.monitor(&caller(), &id).await.unwrap().source_normal);
}

#[tokio::test]
async fn an_error_that_may_heal_is_tried_three_times() {
    let world = World::new().await;
    let (id, run) = world.started("limited", TaskMode::FullIncremental).await;
    run.enter(Phase::Full);
    world.until(&id, JobStatus::FullTransferStarted).await;
    for n in 0..4 {
        world.runner.run(n).await.fail(ErrorKind::Target, "the broker is odd");
    }
    world.until(&id, JobStatus::FullTransferFailed).await;
    assert_eq!(world.runner.run_count(), 4);
}

#[tokio::test]
async fn progress_makes_the_count_of_retries_begin_anew() {
    let world = World::new().await;
    let (id, _) = world.streaming("steady").await;
    for n in 0..6 {
        let run = world.runner.run(n).await;
        run.deliver("mysql-bin.000001", 4 + n as u64);
        run.fail(ErrorKind::Target, "now and then");
    }
    world.runner.run(6).await;
    assert_eq!(world.job(&id).await.status(), JobStatus::IncreTransferStarted);
}

#[tokio::test]
async fn a_first_start_that_fails_is_start_job_failed_and_can_be_retried() {
    let world = World::new().await;
    let (id, run) = world.started("bad-start", TaskMode::FullIncremental).await;
    run.fail(ErrorKind::SourceSetting, "binlog_format is STATEMENT");
    world.until(&id, JobStatus::StartJobFailed).await;
    world.control.resume(&caller(), &id, false).await.unwrap();
    world.runner.run(1).await.enter(Phase::Full);
    world.until(&id, JobStatus::FullTransferStarted).await;
}

#[tokio::test]
async fn a_data_path_that_ends_unasked_has_failed() {
    let world = World::new().await;
    let (id, run) = world.streaming("gone").await;
    run.finish();
    let job = world.until(&id, JobStatus::IncreTransferFailed).await;
    assert_eq!(job.failure.unwrap().kind, "bug");
}

#[tokio::test]
async fn a_worker_whose_lease_was_given_out_anew_stops_without_a_word() {
    let world = World::new().await;
    let (id, run) = world.streaming("taken-over").await;
    let expired = BEGIN_MS + 3_600_000;
    let epoch = world.store.acquire_lease(&id, "node-2", expired, expired + 60_000).await.unwrap();
    assert_eq!(epoch, Some(run.epoch + 1));
    run.fail(ErrorKind::Fenced, "fenced by a newer producer");
    world.until_stopped(&id).await;
    let job = world.job(&id).await;
    assert_eq!((job.status(), job.failure), (JobStatus::IncreTransferStarted, None));
    // While the other holds the lease, this process starts nothing, however often it looks.
    world.created("witness", TaskMode::Full).await;
    assert_eq!(world.runner.run_count(), 1);
}

#[tokio::test]
async fn a_worker_that_is_fenced_by_a_stranger_says_so() {
    let world = World::new().await;
    let (id, run) = world.streaming("two-servers").await;
    run.fail(ErrorKind::Fenced, "fenced by a newer producer");
    let job = world.until(&id, JobStatus::IncreTransferFailed).await;
    assert_eq!(job.failure.unwrap().kind, "fenced");
}

#[tokio::test]
async fn an_error_during_a_pause_still_pauses_unless_it_is_fatal() {
    let world = World::new().await;
    world.runner.script(|script| script.stubborn = true);
    let (id, run) = world.streaming("pausing").await;
    world.control.pause(&caller(), &id, PauseMode::Target).await.unwrap();
    run.asked_to_stop().await;
    assert_eq!(
        world.control.actions(&caller(), &id).await.unwrap().current,
        Some(tailrace::control::Action::Pause)
    );
    run.fail(ErrorKind::TargetConnection, "broker gone");
    world.until(&id, JobStatus::Pausing).await;
    world.control.resume(&caller(), &id, false).await.unwrap();
    let run = world.runner.run(1).await;
    run.enter(Phase::Incremental);
    world.until(&id, JobStatus::IncreTransferStarted).await;
    world.control.pause(&caller(), &id, PauseMode::Target).await.unwrap();
    run.asked_to_stop().await;
    run.fail(ErrorKind::Decode, "damaged");
    world.until(&id, JobStatus::IncreTransferFailed).await;
}

#[tokio::test]
async fn a_reset_forgets_the_progress_and_begins_again() {
    let world = World::new().await;
    let (id, run) = world.streaming("reset-me").await;
    run.deliver("mysql-bin.000001", 805);
    run.observer.table("shop", "orders", 10, true);
    tailrace_pipeline::observe::Counters::add(&run.counters.snapshot_rows, 10);
    run.fail(ErrorKind::PositionLost, "purged");
    world.until(&id, JobStatus::IncreTransferFailed).await;
    let reset = world.control.reset(&caller(), &id).await;
    assert!(matches!(reset, Err(Refusal::NotPrechecked { .. })), "{reset:?}");
    assert!(world.precheck(&id, PrecheckMode::Retry).await.passed());
    world.runner.script(|script| {
        let error = Error::new(ErrorKind::TargetConnection, "no broker");
        script.forget_errors.push_back(error);
    });
    world.control.reset(&caller(), &id).await.unwrap();
    let again = world.runner.run(1).await;
    world.runner.script(|script| assert_eq!(script.forgotten, 1));
    assert_eq!(again.counters.snapshot_rows.load(std::sync::atomic::Ordering::Relaxed), 0);
    let progress = world.control.progress(&caller(), &id).await.unwrap();
    assert_eq!((progress.position, progress.full_started_ms), (None, None));
    again.enter(Phase::Full);
    world.until(&id, JobStatus::FullTransferStarted).await;
}
