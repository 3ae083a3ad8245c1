use super::{insert, job, with_job};
use crate::control::endpoint::Side;
use crate::control::job::{JobFilter, Page, SortKey, Tag};
use crate::control::status::JobStatus;
use crate::control::view::{LogEntry, LogLevel, ParameterChange, TimelineEntry};
use crate::store::job::{DELETED_JOB_AGE_MS_MAX, LOG_ENTRIES_MAX, TIMELINE_ENTRIES_MAX};
use crate::store::*;

fn secret(side: Side, name: &str, sealed: &[u8]) -> SealedSecret {
    SealedSecret { side, name: name.to_owned(), sealed: sealed.to_vec() }
}

fn entry(name: &str) -> TimelineEntry {
    TimelineEntry {
        name: name.to_owned(),
        success: false,
        at_ms: 5,
        user_name: "ann".to_owned(),
        detail: Some("why".to_owned()),
    }
}

fn log(level: LogLevel, message: &str) -> LogEntry {
    LogEntry { at_ms: 6, level, message: message.to_owned() }
}

pub(in crate::store) async fn a_job_is_read_as_it_was_written(store: &dyn Store) {
    let job = job("j1", "Job-1");
    let secrets = [secret(Side::Source, "password", b"s"), secret(Side::Target, "key", b"t")];
    let timeline = Some(entry("create"));
    store.insert_job(NewJobRow { job: &job, secrets: &secrets, timeline }).await.unwrap();
    let stored = store.job("j1").await.unwrap().unwrap();
    assert_eq!(stored.job, job);
    assert_eq!(store.secrets("j1").await.unwrap(), secrets);
    let (count, timeline) = store.timeline("j1", Page::FIRST).await.unwrap();
    assert_eq!((count, timeline), (1, vec![entry("create")]));
    assert_eq!(store.job("j2").await.unwrap(), None);
}

pub(in crate::store) async fn names_are_unique_in_a_project_without_regard_to_case(
    store: &dyn Store,
) {
    let first = with_job(store).await;
    let mut second = job("j2", "JOB-1");
    let row = || NewJobRow { job: &second, secrets: &[], timeline: None };
    assert_eq!(store.insert_job(row()).await, Err(StoreError::NameTaken));
    assert!(store.name_taken("p1", "Job-1", None).await.unwrap());
    assert!(!store.name_taken("p1", "Job-1", Some("j1")).await.unwrap());
    assert!(!store.name_taken("p2", "Job-1", None).await.unwrap());
    second.name = "job-2".to_owned();
    insert(store, &second).await;
    second.name = "job-1".to_owned();
    assert_eq!(store.change_job(JobChange::of(&second, 1)).await, Err(StoreError::NameTaken));
    // A child may have its parent's name.
    let mut child = job("c1", "job-1");
    child.parent_id = Some(first.id);
    insert(store, &child).await;
    assert_eq!(store.job_count("p1").await.unwrap(), 2);
}

pub(in crate::store) async fn a_change_is_whole_or_not_at_all(store: &dyn Store) {
    let mut job = with_job(store).await;
    job.state.status = JobStatus::Configuration;
    let secrets = [secret(Side::Source, "password", b"new")];
    let log = [log(LogLevel::Warn, "careful")];
    let parameters = [ParameterChange {
        name: "read_task_num".to_owned(),
        old_value: "2".to_owned(),
        new_value: "4".to_owned(),
        at_ms: 7,
        user_name: "ann".to_owned(),
    }];
    let mut child = super::job("c1", "child");
    child.parent_id = Some("j1".to_owned());
    let change = |revision, epoch| JobChange {
        epoch,
        secrets: &secrets,
        timeline: Some(entry("change")),
        log: &log,
        parameters: &parameters,
        child: Some(&child),
        ..JobChange::of(&job, revision)
    };
    for refused in [change(0, None), change(2, None)] {
        assert_eq!(store.change_job(refused).await, Err(StoreError::Stale));
    }
    assert_eq!(store.change_job(change(1, Some(1))).await, Err(StoreError::Fenced));
    assert_eq!(store.secrets("j1").await.unwrap(), []);
    assert_eq!(store.timeline("j1", Page::FIRST).await.unwrap().0, 0);
    assert_eq!(store.log("j1", None, Page::FIRST).await.unwrap().0, 0);
    assert_eq!(store.job("c1").await.unwrap(), None);

    assert_eq!(store.change_job(change(1, None)).await, Ok(2));
    let stored = store.job("j1").await.unwrap().unwrap();
    assert_eq!((stored.job.status(), stored.revision), (JobStatus::Configuration, 2));
    assert_eq!(store.secrets("j1").await.unwrap(), secrets);
    assert_eq!(store.log("j1", None, Page::FIRST).await.unwrap(), (1, log.to_vec()));
    let changes = store.parameter_changes("j1", Page::FIRST).await.unwrap();
    assert_eq!(changes, (1, parameters.to_vec()));
    let children = store.children(&["j1".to_owned(), "j2".to_owned()]).await.unwrap();
    assert_eq!(children.len(), 1);
    assert_eq!((children[0].0.as_str(), children[0].1.id.as_str()), ("j1", "c1"));

    let epoch = store.acquire_lease("j1", "me", 0, 10).await.unwrap();
    let change = JobChange { epoch, ..JobChange::of(&job, 2) };
    assert_eq!(store.change_job(change).await, Ok(3));
}

pub(in crate::store) async fn a_deletion_takes_everything_and_is_remembered(store: &dyn Store) {
    with_job(store).await;
    let mut child = job("c1", "child");
    child.parent_id = Some("j1".to_owned());
    insert(store, &child).await;
    store.add_timeline("j1", &entry("a")).await.unwrap();
    store.add_log("j1", &[log(LogLevel::Info, "b")]).await.unwrap();
    let epoch = store.acquire_lease("j1", "me", 0, 10).await.unwrap().unwrap();
    assert_eq!(store.delete_job("j1", 9, 100).await, Err(StoreError::Stale));
    assert!(!store.was_deleted("p1", "j1").await.unwrap());
    store.delete_job("j1", 1, 100).await.unwrap();
    for id in ["j1", "c1"] {
        assert_eq!(store.job(id).await.unwrap(), None);
    }
    assert_eq!(store.timeline("j1", Page::FIRST).await.unwrap().0, 0);
    assert_eq!(store.log("j1", None, Page::FIRST).await.unwrap().0, 0);
    let write = ProgressWrite::default();
    assert_eq!(store.save_progress("j1", epoch, write).await, Err(StoreError::Fenced));
    assert!(store.was_deleted("p1", "j1").await.unwrap());
    assert!(!store.was_deleted("p2", "j1").await.unwrap());
    // What is added afterwards goes nowhere, and the name is free.
    store.add_timeline("j1", &entry("late")).await.unwrap();
    store.add_log("j1", &[log(LogLevel::Info, "late")]).await.unwrap();
    insert(store, &job("j2", "job-1")).await;
    // Not for ever.
    store.delete_job("j2", 1, 101 + DELETED_JOB_AGE_MS_MAX).await.unwrap();
    assert!(!store.was_deleted("p1", "j1").await.unwrap());
    assert!(store.was_deleted("p1", "j2").await.unwrap());
}

pub(in crate::store) async fn lists_filter_sort_and_page(store: &dyn Store) {
    for (i, name) in ["beta", "Alpha", "gamma"].into_iter().enumerate() {
        let mut job = job(&format!("j{i}"), name);
        job.times.created_ms = i as i64;
        job.tags = vec![Tag { key: "n".to_owned(), value: i.to_string() }];
        if name == "gamma" {
            job.state.status = JobStatus::Pausing;
            job.net_type = "eip".to_owned();
        }
        insert(store, &job).await;
    }
    let mut child = job("c0", "beta");
    child.parent_id = Some("j0".to_owned());
    child.times.created_ms = 10;
    insert(store, &child).await;
    let ids = async |filter: JobFilter| {
        let (count, jobs) = store.jobs("p1", &filter).await.unwrap();
        (count, jobs.into_iter().map(|job| job.id).collect::<Vec<_>>().join(" "))
    };
    let all = JobFilter::default;
    let text = |count: u64, ids: &str| (count, ids.to_owned());
    assert_eq!(ids(all()).await, text(3, "j2 j1 j0"));
    assert_eq!(ids(JobFilter { ascending: true, ..all() }).await, text(3, "j0 j1 j2"));
    let by_name = JobFilter { sort: SortKey::Name, ascending: true, ..all() };
    assert_eq!(ids(by_name).await, text(3, "j1 j0 j2"));
    let page = |offset, limit| JobFilter { page: Page { offset, limit }, ..all() };
    assert_eq!(ids(page(1, 1)).await, text(3, "j1"));
    assert_eq!(ids(page(3, 5)).await, text(3, ""));
    assert_eq!(ids(page(0, 0)).await, text(3, ""));
    assert_eq!(ids(JobFilter { with_children: true, ..all() }).await, text(4, "c0 j2 j1 j0"));
    let named = |name: &str| JobFilter { name_or_id: Some(name.to_owned()), ..all() };
    assert_eq!(ids(named("A")).await, text(3, "j2 j1 j0"));
    assert_eq!(ids(named("LPH")).await, text(1, "j1"));
    assert_eq!(ids(named("j2")).await, text(1, "j2"));
    assert_eq!(ids(named("%")).await, text(0, ""));
    let some = JobFilter { ids: vec!["j0".to_owned(), "j2".to_owned()], ..all() };
    assert_eq!(ids(some).await, text(2, "j2 j0"));
    let paused = JobFilter { status: Some(JobStatus::Pausing), ..all() };
    assert_eq!(ids(paused).await, text(1, "j2"));
    let net = JobFilter { net_type: Some("eip".to_owned()), ..all() };
    assert_eq!(ids(net).await, text(1, "j2"));
    let tagged = |value: Option<&str>| JobFilter {
        tag: Some(("n".to_owned(), value.map(str::to_owned))),
        ..all()
    };
    assert_eq!(ids(tagged(None)).await.0, 3);
    assert_eq!(ids(tagged(Some("1"))).await, text(1, "j1"));
    assert_eq!(store.jobs("p2", &all()).await.unwrap().0, 0);

    let statuses = [JobStatus::Creating, JobStatus::Pausing];
    assert_eq!(store.job_ids_in(&statuses).await.unwrap().len(), 4);
    assert_eq!(store.job_ids_in(&[JobStatus::Pausing]).await.unwrap(), ["j2"]);
    let mut counts = store.status_counts().await.unwrap();
    counts.sort();
    assert_eq!(counts, [("CREATING".to_owned(), 3), ("PAUSING".to_owned(), 1)]);
}

pub(in crate::store) async fn journals_are_newest_first_and_bounded(store: &dyn Store) {
    with_job(store).await;
    let entries: Vec<LogEntry> = (0..LOG_ENTRIES_MAX + 3)
        .map(|i| log(if i % 2 == 0 { LogLevel::Info } else { LogLevel::Error }, &i.to_string()))
        .collect();
    store.add_log("j1", &entries).await.unwrap();
    let page = Page { offset: 1, limit: 2 };
    let (count, newest) = store.log("j1", None, page).await.unwrap();
    assert_eq!(count, LOG_ENTRIES_MAX);
    let texts: Vec<_> = newest.iter().map(|entry| entry.message.as_str()).collect();
    assert_eq!(texts, [(LOG_ENTRIES_MAX + 1).to_string(), LOG_ENTRIES_MAX.to_string()]);
    let (errors, _) = store.log("j1", Some(LogLevel::Error), page).await.unwrap();
    assert_eq!(errors, LOG_ENTRIES_MAX / 2);

    for i in 0..TIMELINE_ENTRIES_MAX + 2 {
        store.add_timeline("j1", &entry(&i.to_string())).await.unwrap();
    }
    let (count, newest) = store.timeline("j1", Page { offset: 0, limit: 1 }).await.unwrap();
    assert_eq!(count, TIMELINE_ENTRIES_MAX);
    assert_eq!(newest[0].name, (TIMELINE_ENTRIES_MAX + 1).to_string());
}
