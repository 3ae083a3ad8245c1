//! What a process finds that starts again.

use std::time::Duration;

use tailrace::control::endpoint::Side;
use tailrace::control::job::TaskMode;
use tailrace::control::query::{PrecheckMode, QueryStatus};
use tailrace::control::{JobStatus, PauseMode};
use tailrace::store::{QueryKind, QueryRow};
use tailrace_pipeline::observe::Phase;

use crate::scripted_runner::{PATIENCE, ScriptedRunner};
use crate::world::{BEGIN_MS, World, caller};

#[tokio::test]
async fn a_graceful_stop_keeps_the_wish_and_the_next_process_goes_on() {
    let world = World::new().await;
    let (id, run) = world.streaming("goes-on").await;
    run.deliver("mysql-bin.000007", 99);
    assert!(world.control.shut_down(PATIENCE).await);
    run.asked_to_stop().await;
    assert_eq!(world.job(&id).await.status(), JobStatus::IncreTransferStarted);
    assert!(world.control.ready().await.is_err());
    let stored = world.store.progress(&id).await.unwrap().unwrap();
    assert_eq!(stored.checkpoint.unwrap().stream.unwrap().offset, 99);

    // Another node has it at once: the lease was let go.
    let runner = ScriptedRunner::default();
    let second = world.another("node-2", &runner).await;
    let again = runner.run(0).await;
    assert!(again.epoch > run.epoch);
    assert_eq!(again.spec.job_id, id);
    assert!(second.shut_down(PATIENCE).await);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let world = World::new().await;
    world.runner.script(|script| script.stubborn = true);
    let (id, run) = world.streaming("hangs").await;
    assert!(!world.control.shut_down(Duration::from_millis(50)).await);
    run.asked_to_stop().await;
    assert_eq!(world.job(&id).await.status(), JobStatus::IncreTransferStarted);
}

#[tokio::test]
async fn every_status_in_flight_goes_on_by_itself() {
    let world = World::new().await;
    let (starting, _) = world.started("starting", TaskMode::FullIncremental).await;
    let (full, run) = world.started("in-full", TaskMode::FullIncremental).await;
    run.enter(Phase::Full);
    world.until(&full, JobStatus::FullTransferStarted).await;
    let (complete, run) = world.started("between", TaskMode::FullIncremental).await;
    run.enter(Phase::FullComplete);
    world.until(&complete, JobStatus::FullTransferComplete).await;
    let (stream, _) = world.streaming("streaming").await;
    let (paused, _) = world.streaming("paused").await;
    world.control.pause(&caller(), &paused, PauseMode::All).await.unwrap();
    world.until(&paused, JobStatus::Pausing).await;
    let waiting = world.configured("waiting", TaskMode::Full).await;
    world.precheck(&waiting, PrecheckMode::Start).await;
    world.control.start(&caller(), &waiting, Some(BEGIN_MS + 5000)).await.unwrap();
    assert!(world.control.shut_down(PATIENCE).await);

    // What users ask of a process that is going down is done by the next.
    world.control.end(&caller(), &stream, false).await.unwrap();
    let runner = ScriptedRunner::default();
    let second = world.another("node-1", &runner).await;
    world.until(&stream, JobStatus::ReleaseResourceComplete).await;
    let mut resumed = Vec::new();
    for n in 0..3 {
        resumed.push(runner.run(n).await.spec.job_id.clone());
    }
    resumed.sort();
    let mut expected = vec![starting, full, complete];
    expected.sort();
    assert_eq!(resumed, expected);
    world.clock.advance_ms(5000);
    assert_eq!(runner.run(3).await.spec.job_id, waiting);
    assert_eq!(world.job(&paused).await.status(), JobStatus::Pausing);
    second.shut_down(PATIENCE).await;
}

/// Where the store's copy of a job's checkpoint stands.
async fn stored_offset(world: &World, id: &str) -> Option<u64> {
    let stored = world.store.progress(id).await.unwrap();
    stored.and_then(|s| s.checkpoint).and_then(|c| c.stream).map(|s| s.offset)
}

#[tokio::test]
async fn a_process_that_comes_back_from_the_dead_writes_nothing() {
    let world = World::new().await;
    let (id, old) = world.streaming("zombie").await;
    // The same node starts again, so the lease is its own at once; the first process hangs on.
    let runner = ScriptedRunner::default();
    let second = world.another("node-1", &runner).await;
    let new = runner.run(0).await;
    assert!(new.epoch > old.epoch);
    new.deliver("mysql-bin.000002", 200);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while stored_offset(&world, &id).await != Some(200) {
        assert!(tokio::time::Instant::now() < deadline, "nothing was written");
        crate::world::next_look().await;
    }
    // Only now does the first process notice: with its name it could take the lease back, which the
    // lock of the data directory keeps real processes from.
    old.deliver("mysql-bin.000001", 100);
    old.asked_to_stop().await;
    assert_eq!(stored_offset(&world, &id).await, Some(200));
    second.shut_down(PATIENCE).await;
}

#[tokio::test]
async fn queries_of_a_process_that_died_fail_and_a_precheck_can_be_run_again() {
    let world = World::new().await;
    let id = world.configured("interrupted", TaskMode::Full).await;
    let query = QueryRow {
        id: "q1".to_owned(),
        job_id: id.clone(),
        kind: QueryKind::Precheck,
        owner: "node-1".to_owned(),
        status: QueryStatus::Pending,
        request: "\"forStartJob\"".to_owned(),
        result: None,
        error: None,
        created_ms: BEGIN_MS,
    };
    world.store.add_query(&query).await.unwrap();
    let busy = world.control.precheck(&caller(), &id, PrecheckMode::Start).await;
    assert!(matches!(busy, Err(tailrace::control::Refusal::Busy { .. })), "{busy:?}");
    let second = world.another("node-1", &world.runner).await;
    let result = second.precheck_result(&caller(), &id, Some("q1")).await.unwrap();
    assert_eq!((result.status, result.passed()), (QueryStatus::Failed, false));
    assert!(result.error_message.unwrap().contains("restarted"));
    assert!(world.precheck(&id, PrecheckMode::Start).await.passed());
    second.shut_down(PATIENCE).await;
}

#[tokio::test]
async fn a_new_password_is_used_by_a_new_run() {
    use secrecy::{ExposeSecret as _, SecretString};
    let world = World::new().await;
    let (id, run) = world.streaming("rotated").await;
    assert_eq!(run.spec.source.password.expose_secret(), crate::world::PASSWORD);
    world
        .control
        .change_password(&caller(), &id, Side::Source, SecretString::from("new-secret"))
        .await
        .unwrap();
    run.asked_to_stop().await;
    let again = world.runner.run(1).await;
    assert_eq!(again.spec.source.password.expose_secret(), "new-secret");
    assert_eq!(world.job(&id).await.status(), JobStatus::IncreTransferStarted);
}
