//! Ends and deletions.

use std::time::Duration;

use tailrace::control::job::TaskMode;
use tailrace::control::query::PrecheckMode;
use tailrace::control::{Bounds, JobStatus};
use tailrace_pipeline::{Error, ErrorKind};

use crate::world::{World, caller, quick_bounds};

#[tokio::test]
async fn a_job_that_never_ran_ends_without_a_word_to_the_target() {
    let world = World::new().await;
    let id = world.configured("unused", TaskMode::Full).await;
    world.control.end(&caller(), &id, false).await.unwrap();
    world.until(&id, JobStatus::ReleaseResourceComplete).await;
    world.runner.script(|script| assert_eq!(script.forgotten, 0));
}

#[tokio::test]
async fn a_planned_start_can_be_ended() {
    let world = World::new().await;
    let id = world.configured("planned", TaskMode::Full).await;
    world.precheck(&id, PrecheckMode::Start).await;
    let at_ms = Some(crate::world::BEGIN_MS + 1000);
    world.control.start(&caller(), &id, at_ms).await.unwrap();
    world.control.end(&caller(), &id, false).await.unwrap();
    world.until(&id, JobStatus::ReleaseResourceComplete).await;
    world.clock.advance_ms(2000);
    assert_eq!(world.runner.run_count(), 0);
}

#[tokio::test]
async fn an_unreachable_target_hinders_neither_end_nor_deletion_and_is_told() {
    let world = World::new().await;
    let (id, _) = world.streaming("far-away").await;
    world.runner.script(|script| {
        for _ in 0..2 {
            let error = Error::new(ErrorKind::TargetConnection, "no broker answers");
            script.forget_errors.push_back(error);
        }
    });
    world.control.end(&caller(), &id, false).await.unwrap();
    let job = world.until(&id, JobStatus::ReleaseResourceComplete).await;
    assert!(job.progress_left);
    let log = world.log(&id).await;
    let told = "the progress records stay in the target: no broker answers";
    assert_eq!(log.last().unwrap(), told);
    world.control.delete(&caller(), &id).await.unwrap();
    world.runner.script(|script| assert!(script.forget_errors.is_empty()));
    world.control.get(&caller(), &id).await.unwrap_err();
}

#[tokio::test]
async fn a_deletion_removes_what_the_end_could_not() {
    let world = World::new().await;
    let (id, _) = world.streaming("back-again").await;
    world.runner.script(|script| {
        script.forget_errors.push_back(Error::new(ErrorKind::TargetConnection, "down"));
    });
    world.control.end(&caller(), &id, true).await.unwrap();
    world.until(&id, JobStatus::ReleaseResourceComplete).await;
    world.control.delete(&caller(), &id).await.unwrap();
    world.runner.script(|script| assert_eq!(script.forgotten, 1));
}

#[tokio::test]
async fn a_data_path_that_does_not_stop_fails_the_end_and_force_abandons_it() {
    let bounds = Bounds { release_stop_age_max: Duration::from_millis(100), ..quick_bounds() };
    let world = World::with(bounds).await;
    world.runner.script(|script| script.stubborn = true);
    let (id, run) = world.streaming("stubborn").await;
    world.control.end(&caller(), &id, false).await.unwrap();
    run.asked_to_stop().await;
    let job = world.until(&id, JobStatus::ReleaseResourceFailed).await;
    assert!(job.failure.unwrap().reason().contains("by force"));
    world.control.end(&caller(), &id, true).await.unwrap();
    world.until(&id, JobStatus::ReleaseResourceComplete).await;
    let timeline = world.timeline(&id).await;
    let last: Vec<_> = timeline.iter().rev().take(3).collect();
    assert_eq!(last[0], &("force end".to_owned(), "ann".to_owned(), true));
    assert_eq!(last[1], &("end".to_owned(), "system".to_owned(), false));
    assert_eq!(last[2], &("end".to_owned(), "ann".to_owned(), true));
}

#[tokio::test]
async fn a_job_that_failed_or_waits_for_its_source_can_be_ended() {
    let world = World::new().await;
    let (failed, run) = world.streaming("failed").await;
    run.fail(ErrorKind::Decode, "damaged");
    world.until(&failed, JobStatus::IncreTransferFailed).await;
    let (waiting, run) = world.started("waiting", TaskMode::Full).await;
    run.fail(ErrorKind::SourceConnection, "refused");
    for id in [&failed, &waiting] {
        world.control.end(&caller(), id, false).await.unwrap();
        world.until(id, JobStatus::ReleaseResourceComplete).await;
    }
}
