//! Objects that are edited while a job runs.

use tailrace::control::job::TaskMode;
use tailrace::control::objects::{DatabaseChoice, ObjectScope, ObjectSelection};
use tailrace::control::query::PrecheckMode;
use tailrace::control::{JobStatus, PauseMode, Refusal};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::checkpoint::{Checkpoint, RereadProgress};
use tailrace_pipeline::mapping::Mappings;
use tailrace_pipeline::observe::Phase;

use crate::world::{World, caller, tables};

#[tokio::test]
async fn an_edit_is_applied_by_a_new_run_and_shows_on_a_child() {
    let world = World::new().await;
    let (id, run) = world.streaming("edited").await;
    let resume = world.control.resume(&caller(), &id, true).await;
    assert!(matches!(resume, Err(Refusal::NotConfigured { .. })), "{resume:?}");
    world.control.select_objects(&caller(), &id, tables(&["orders"])).await.unwrap();
    let resume = world.control.resume(&caller(), &id, true).await;
    assert!(matches!(resume, Err(Refusal::NotPrechecked { .. })), "{resume:?}");
    assert!(world.precheck(&id, PrecheckMode::Retry).await.passed());
    world.control.resume(&caller(), &id, true).await.unwrap();
    let job = world.job(&id).await;
    assert_eq!(job.status(), JobStatus::IncreTransferStarted);
    assert_eq!(job.children.len(), 1);

    run.asked_to_stop().await;
    let again = world.runner.run(1).await;
    assert!(again.spec.selection.includes("shop", "orders"));
    assert!(!again.spec.selection.includes("shop", "items"));
    let child = job.children[0].id.clone();
    world.until(&child, JobStatus::ChildTransferStarted).await;
    again.enter(Phase::Incremental);
    let closed = world.until(&child, JobStatus::ReleaseChildTransferComplete).await;
    assert_eq!(closed.parent_id.as_deref(), Some(id.as_str()));
    assert_eq!(world.job(&id).await.edited_selection, None);

    // The child may be deleted, nothing else can be done with it, and it is not listed as a job.
    world.control.end(&caller(), &child, true).await.unwrap_err();
    let (count, _) = world.control.list(&caller(), &Default::default()).await.unwrap();
    assert_eq!(count, 1);
    world.control.delete(&caller(), &child).await.unwrap();
    assert_eq!(world.job(&id).await.children, []);
}

#[tokio::test]
async fn an_edit_that_fails_shows_on_the_child_too() {
    let world = World::new().await;
    let (id, _) = world.streaming("edit-fails").await;
    world.control.select_objects(&caller(), &id, tables(&["items"])).await.unwrap();
    world.precheck(&id, PrecheckMode::Retry).await;
    world.control.resume(&caller(), &id, true).await.unwrap();
    let child = world.job(&id).await.children[0].id.clone();
    world.runner.run(1).await.fail(ErrorKind::TargetTopic, "no such topic");
    world.until(&id, JobStatus::IncreTransferFailed).await;
    let failed = world.until(&child, JobStatus::ChildTransferFailed).await;
    assert!(failed.failure.unwrap().message.contains("no such topic"));
    // A retry of the parent closes the child.
    world.control.resume(&caller(), &id, false).await.unwrap();
    world.runner.run(2).await.enter(Phase::Incremental);
    world.until(&child, JobStatus::ReleaseChildTransferComplete).await;
}

#[tokio::test]
async fn objects_that_are_added_are_read_beside_the_stream() {
    let world = World::new().await;
    let (id, _) = world.streaming("more").await;
    let mut more = tables(&["orders", "items", "customers"]);
    more.databases.push(DatabaseChoice { name: "crm".to_owned(), tables: None });
    world.control.select_objects(&caller(), &id, more).await.unwrap();
    assert!(world.precheck(&id, PrecheckMode::Retry).await.passed());
    let found = vec![("crm".to_owned(), vec!["notes".to_owned()])];
    world.runner.script(|script| script.databases = found);
    world.control.resume(&caller(), &id, true).await.unwrap();
    let run = world.runner.run(1).await;
    let child = world.job(&id).await.children[0].id.clone();
    let read: Vec<&str> = run.spec.rereads.iter().map(|one| one.table.as_str()).collect();
    assert_eq!(read, ["customers", "notes"]);
    run.enter(Phase::Incremental);
    world.until(&child, JobStatus::ChildTransferStarted).await;

    // The edit is in force when all of them are read, and they are not read again.
    let ids: Vec<String> = run.spec.rereads.iter().map(|one| one.id.clone()).collect();
    let progress =
        |id: &String| RereadProgress { id: id.clone(), after: None, rows: 1, done: true };
    let mut checkpoint = Checkpoint::initial(1);
    checkpoint.rereads = vec![progress(&ids[0])];
    run.durable(&checkpoint);
    world.until_job(&id, "one table is left", |job| job.rereads.len() == 1).await;
    assert_eq!(world.job(&child).await.status(), JobStatus::ChildTransferStarted);
    checkpoint.rereads.push(progress(&ids[1]));
    run.durable(&checkpoint);
    world.until(&child, JobStatus::ReleaseChildTransferComplete).await;
    world.control.pause(&caller(), &id, PauseMode::Target).await.unwrap();
    world.until(&id, JobStatus::Pausing).await;
    world.control.resume(&caller(), &id, false).await.unwrap();
    assert_eq!(world.runner.run(2).await.spec.rereads, []);
}

#[tokio::test]
async fn what_is_taken_away_again_is_not_read() {
    let world = World::new().await;
    let (id, _) = world.streaming("less").await;
    for (names, wanted) in [(["orders", "customers"].as_slice(), 1), (&["orders"], 0)] {
        world.control.select_objects(&caller(), &id, tables(names)).await.unwrap();
        assert!(world.precheck(&id, PrecheckMode::Retry).await.passed());
        world.control.resume(&caller(), &id, true).await.unwrap();
        assert_eq!(world.job(&id).await.rereads.len(), wanted);
    }
}

#[tokio::test]
async fn the_whole_server_cannot_be_added_to_a_job_that_runs() {
    let world = World::new().await;
    let (id, _) = world.streaming("no-more").await;
    let whole = ObjectSelection {
        scope: ObjectScope::All,
        databases: vec![],
        mappings: Mappings::default(),
        target_database: None,
    };
    let edit = world.control.select_objects(&caller(), &id, whole).await;
    assert!(matches!(edit, Err(Refusal::Unsupported { .. })), "{edit:?}");
}

#[tokio::test]
async fn a_job_of_the_whole_server_lists_its_databases_once() {
    let world = World::new().await;
    let databases = |names: &[&str]| {
        names.iter().map(|name| ((*name).to_owned(), vec!["t".to_owned()])).collect()
    };
    world.runner.script(|script| script.databases = databases(&["b", "a", "mysql"]));
    let id = world.configured("everything", TaskMode::FullIncremental).await;
    let whole = ObjectSelection {
        scope: ObjectScope::All,
        databases: vec![],
        mappings: Mappings::default(),
        target_database: None,
    };
    world.control.select_objects(&caller(), &id, whole).await.unwrap();
    assert!(world.precheck(&id, PrecheckMode::Start).await.passed());
    world.control.start(&caller(), &id, None).await.unwrap();
    let run = world.runner.run(0).await;
    let names = |run: &crate::scripted_runner::Run| -> Vec<String> {
        run.spec.selection.databases.iter().map(|d| d.name.clone()).collect()
    };
    assert_eq!(names(&run), ["a", "b"]);
    run.enter(Phase::Incremental);
    world.until(&id, JobStatus::IncreTransferStarted).await;
    world.runner.script(|script| script.databases = databases(&["a", "b", "new"]));
    world.control.pause(&caller(), &id, PauseMode::Target).await.unwrap();
    world.until(&id, JobStatus::Pausing).await;
    world.control.resume(&caller(), &id, false).await.unwrap();
    assert_eq!(names(&*world.runner.run(1).await), ["a", "b"]);
}
