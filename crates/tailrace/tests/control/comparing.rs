//! Comparisons: asked for, under way, stopped, kept.

use std::collections::{BTreeMap, BTreeSet};

use tailrace::control::Refusal;
use tailrace::control::compare::{
    COMPARISONS_PENDING_MAX, CompareInput, CompareKind, CompareStatus, Comparison, TableOutcome,
};
use tailrace::control::compare_policy::ComparePolicy;
use tailrace_pipeline::compare::{CompareOutcome, Difference, DifferenceKind, TableComparison};
use tailrace_pipeline::{Error, ErrorKind};

use crate::scripted_runner::{PATIENCE, ScriptedRunner};
use crate::world::{BEGIN_MS, World, caller};

/// A result as the data path tells it.
fn told(table: &str, missing: u64) -> TableComparison {
    let difference = Difference {
        kind: DifferenceKind::Missing,
        key: vec![("id".into(), "\"1\"".into())],
        columns: Vec::new(),
        last_message: None,
        statements: None,
    };
    TableComparison {
        database: "shop".into(),
        table: table.into(),
        seen: ("shop".into(), table.into()),
        topic: format!("shop-{table}"),
        outcome: if missing > 0 {
            CompareOutcome::Inconsistent
        } else {
            CompareOutcome::Consistent
        },
        source_rows: 10,
        target_rows: 10 - missing,
        missing,
        extra: 0,
        differing: 0,
        outside: 0,
        unchecked: 0,
        differences: vec![difference; usize::try_from(missing).unwrap().min(100)],
        position: Some(("binlog.000001".into(), 4)),
        notes: Vec::new(),
    }
}

fn all(kind: CompareKind) -> CompareInput {
    CompareInput::of(kind)
}

/// Waits until a comparison has such a status.
async fn until(world: &World, job: &str, id: &str, status: CompareStatus) -> Comparison {
    let look = async {
        loop {
            let one = world.control.comparison(&caller(), job, id).await.unwrap();
            if one.status == status {
                return one;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("the status in time")
}

#[tokio::test]
async fn what_is_found_is_kept_with_the_job() {
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    world.runner.script(|script| script.compared = vec![told("orders", 0), told("items", 2)]);
    let task = world.control.compare(&caller(), &id, all(CompareKind::Contents)).await.unwrap();
    let done = until(&world, &id, &task, CompareStatus::Successful).await;
    let outcomes: Vec<TableOutcome> = done.tables.iter().map(|table| table.outcome).collect();
    assert_eq!(outcomes, [TableOutcome::Consistent, TableOutcome::Inconsistent]);
    assert_eq!(done.tables[1].difference_rows(), 2);
    assert_eq!(done.tables[1].position.as_deref(), Some("binlog.000001:4"));
    assert_eq!((done.started_ms, done.ended_ms), (Some(BEGIN_MS), Some(BEGIN_MS)));

    // Only what is asked for; another process sees the same.
    let tables = [("shop".to_owned(), Some(BTreeSet::from(["items".to_owned()])))];
    let one = CompareInput { tables: tables.into(), ..all(CompareKind::Lines) };
    let second = world.control.compare(&caller(), &id, one).await.unwrap();
    let done = until(&world, &id, &second, CompareStatus::Successful).await;
    assert_eq!(done.tables.len(), 1);
    let other = world.another("node-2", &ScriptedRunner::default()).await;
    let kept = other.comparisons(&caller(), &id).await.unwrap();
    let ids: Vec<&str> = kept.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, [second.as_str(), task.as_str()]);
    assert_eq!(kept[1].tables.len(), 2);
}

#[tokio::test]
async fn one_that_fails_says_why() {
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    let error = Error::new(ErrorKind::TargetConnection, "nobody there");
    world.runner.script(|script| script.compare_errors.push_back(error));
    let task = world.control.compare(&caller(), &id, all(CompareKind::Contents)).await.unwrap();
    let failed = until(&world, &id, &task, CompareStatus::Failed).await;
    assert!(failed.error.unwrap().contains("nobody there"));
    let cancel = world.control.cancel_comparison(&caller(), &id, &task).await;
    assert!(matches!(cancel, Err(Refusal::Invalid { .. })), "{cancel:?}");
    let cancel = world.control.cancel_comparison(&caller(), &id, "nothing").await;
    assert!(matches!(cancel, Err(Refusal::QueryMissing { .. })), "{cancel:?}");
}

#[tokio::test]
async fn one_that_is_stopped_keeps_what_it_found() {
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    world.runner.script(|script| {
        script.compared = vec![told("orders", 1)];
        script.compares_forever = true;
    });
    let task = world.control.compare(&caller(), &id, all(CompareKind::Contents)).await.unwrap();
    let running = until(&world, &id, &task, CompareStatus::Running).await;
    assert_eq!(running.ended_ms, None);
    // No more than may run at once do, and no more than may wait do that.
    let mut ids = vec![task];
    for _ in 1..COMPARISONS_PENDING_MAX {
        let more = world.control.compare(&caller(), &id, all(CompareKind::Lines)).await;
        ids.push(more.unwrap());
    }
    let refused = world.control.compare(&caller(), &id, all(CompareKind::Lines)).await;
    assert!(matches!(refused, Err(Refusal::Invalid { .. })), "{refused:?}");
    until(&world, &id, ids.last().unwrap(), CompareStatus::Waiting).await;
    for task in ids.iter().rev() {
        world.control.cancel_comparison(&caller(), &id, task).await.unwrap();
        let stopped = until(&world, &id, task, CompareStatus::Cancelled).await;
        assert!(stopped.ended_ms.is_some());
    }
    let first = until(&world, &id, &ids[0], CompareStatus::Cancelled).await;
    assert_eq!(first.tables[0].missing, 1);
}

#[tokio::test]
async fn one_waits_for_its_time() {
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    let later = CompareInput { start_ms: Some(BEGIN_MS + 60_000), ..all(CompareKind::Object) };
    let task = world.control.compare(&caller(), &id, later).await.unwrap();
    until(&world, &id, &task, CompareStatus::Waiting).await;
    world.clock.advance_ms(60_000);
    let done = until(&world, &id, &task, CompareStatus::Successful).await;
    assert_eq!(done.started_ms, Some(BEGIN_MS + 60_000));
}

#[tokio::test]
async fn one_that_waits_for_its_time_begins_when_it_is_told_to() {
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    let later = CompareInput { start_ms: Some(BEGIN_MS + 60_000), ..all(CompareKind::Lines) };
    let task = world.control.compare(&caller(), &id, later).await.unwrap();
    until(&world, &id, &task, CompareStatus::Waiting).await;
    world.control.start_comparison_now(&caller(), &id, &task).await.unwrap();
    let done = until(&world, &id, &task, CompareStatus::Successful).await;
    assert_eq!(done.started_ms, Some(BEGIN_MS));
    let again = world.control.start_comparison_now(&caller(), &id, &task).await;
    assert!(matches!(again, Err(Refusal::Invalid { .. })), "{again:?}");
}

/// What is done stays done; what was under way is begun anew.
#[tokio::test]
async fn one_that_is_paused_goes_on_with_the_other_tables() {
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    world.runner.script(|script| {
        script.compared = vec![told("orders", 0), told("items", 2), told("notes", 0)];
        script.compares_forever = true;
    });
    let task = world.control.compare(&caller(), &id, all(CompareKind::Contents)).await.unwrap();
    let ids = [task.clone()];
    let running = until(&world, &id, &task, CompareStatus::Running).await;
    assert!(!running.is_paused);
    let first = async {
        while world.control.comparison(&caller(), &id, &task).await.unwrap().tables.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, first).await.expect("the first table");
    // All or none.
    let unknown = [task.clone(), "nothing".to_owned()];
    let refused = world.control.pause_comparisons(&caller(), &id, &unknown, true).await;
    assert!(matches!(refused, Err(Refusal::QueryMissing { .. })), "{refused:?}");
    world.control.pause_comparisons(&caller(), &id, &ids, true).await.unwrap();
    let paused = until(&world, &id, &task, CompareStatus::Waiting).await;
    assert!(paused.is_paused);
    assert_eq!((paused.tables.len(), paused.tables_total), (1, 3));
    world.runner.script(|script| script.compares_forever = false);
    world.control.pause_comparisons(&caller(), &id, &ids, false).await.unwrap();
    let done = until(&world, &id, &task, CompareStatus::Successful).await;
    let names: Vec<&str> = done.tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["orders", "items", "notes"]);
    let over = world.control.pause_comparisons(&caller(), &id, &ids, true).await;
    assert!(matches!(over, Err(Refusal::Invalid { .. })), "{over:?}");
}

/// Begins at its hours while the job follows the log, is over at the end of them, and comes once for each.
#[tokio::test]
async fn a_policy_compares_at_its_hours() {
    const HOUR_MS: i64 = 3_600_000;
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    let begin_s = u32::try_from(BEGIN_MS.div_euclid(1000).rem_euclid(86_400)).unwrap();
    let policy = ComparePolicy {
        is_open: true,
        days: (0..7).collect(),
        // An hour from now, and once more an hour later.
        begin_s: (begin_s + 3600) % 86_400,
        end_s: (begin_s + 3 * 3600) % 86_400,
        every_hours: Some(1),
        kinds: BTreeSet::from([CompareKind::Lines, CompareKind::Contents]),
        next_ms: None,
    };
    world.control.set_compare_policy(&caller(), &id, Some(policy.clone())).await.unwrap();
    let next = || async {
        let job = world.control.get(&caller(), &id).await.unwrap();
        job.compare_policy.unwrap().next_ms
    };
    let first = next().await.expect("a time");
    assert!(first > BEGIN_MS && first <= BEGIN_MS + HOUR_MS, "{first}");
    assert!(world.control.comparisons(&caller(), &id).await.unwrap().is_empty());
    let ended = |wanted: usize, status: CompareStatus| {
        let (world, id) = (&world, &id);
        async move {
            let look = async {
                loop {
                    let all = world.control.comparisons(&caller(), id).await.unwrap();
                    if all.iter().filter(|one| one.status == status).count() == wanted {
                        return all;
                    }
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, look).await.expect("comparisons in time")
        }
    };
    world.clock.advance_ms(first - BEGIN_MS);
    let all = ended(2, CompareStatus::Successful).await;
    assert!(all.iter().all(|one| one.input.by_policy), "{all:?}");
    assert_eq!(next().await, Some(first + HOUR_MS));
    // One that takes too long is broken off at the end of the hours.
    world.runner.script(|script| script.compares_forever = true);
    world.clock.advance_ms(HOUR_MS);
    ended(1, CompareStatus::Running).await;
    world.clock.advance_ms(HOUR_MS);
    ended(2, CompareStatus::Cancelled).await;
    assert_eq!(next().await, Some(first + 24 * HOUR_MS));
    // Closed, it stays to be opened again.
    world.control.set_compare_policy(&caller(), &id, None).await.unwrap();
    let job = world.control.get(&caller(), &id).await.unwrap();
    let kept = job.compare_policy.unwrap();
    assert_eq!((kept.is_open, kept.next_ms, kept.kinds), (false, None, policy.kinds.clone()));
    for bad in [
        ComparePolicy { every_hours: Some(25), ..policy.clone() },
        ComparePolicy { days: BTreeSet::new(), ..policy },
    ] {
        let refused = world.control.set_compare_policy(&caller(), &id, Some(bad)).await;
        assert!(matches!(refused, Err(Refusal::Invalid { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused() {
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    for (database, table) in [("nowhere", None), ("shop", Some("nothing"))] {
        let named = table.map(|table| BTreeSet::from([table.to_owned()]));
        let tables = BTreeMap::from([(database.to_owned(), named)]);
        let input = CompareInput { tables, ..all(CompareKind::Contents) };
        let refused = world.control.compare(&caller(), &id, input).await.unwrap_err();
        let Refusal::Invalid { field, value, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(field, "db_object");
        assert!(value.contains(table.unwrap_or(database)), "{value}");
    }
    world.control.pause(&caller(), &id, tailrace::control::PauseMode::Target).await.unwrap();
    world.until(&id, tailrace::control::JobStatus::Pausing).await;
    let refused = world.control.compare(&caller(), &id, all(CompareKind::Contents)).await;
    assert!(matches!(refused, Err(Refusal::WrongState { .. })), "{refused:?}");
}

#[tokio::test]
async fn one_that_a_stop_of_the_server_broke_off_is_told() {
    let world = World::new().await;
    let (id, _) = world.streaming("compared").await;
    world.runner.script(|script| script.compares_forever = true);
    let task = world.control.compare(&caller(), &id, all(CompareKind::Contents)).await.unwrap();
    until(&world, &id, &task, CompareStatus::Running).await;
    assert!(world.control.shut_down(PATIENCE).await);
    let again = world.another("node-1", &ScriptedRunner::default()).await;
    let failed = again.comparison(&caller(), &id, &task).await.unwrap();
    assert_eq!(failed.status, CompareStatus::Failed);
    assert!(failed.error.unwrap().contains("restarted"));
}
