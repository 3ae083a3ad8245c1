use tailrace_pipeline::checkpoint::{Checkpoint, StreamPosition};

use super::with_job;
use crate::control::job::Page;
use crate::control::view::{LogEntry, LogLevel, TableProgress, Totals};
use crate::store::progress::DDL_ENTRIES_MAX;
use crate::store::*;

fn checkpoint(offset: u64) -> Checkpoint {
    let stream = StreamPosition {
        file: "mysql-bin.000001".to_owned(),
        offset,
        gtid_set: Some("u:1-5".to_owned()),
        server_uuid: Some("u".to_owned()),
        messages_done: 0,
        prepared: Vec::new(),
    };
    Checkpoint { stream: Some(stream), ..Checkpoint::initial(1) }
}

fn table(name: &str, rows: u64, done: bool) -> TableProgress {
    TableProgress { database: "shop".to_owned(), table: name.to_owned(), rows, done }
}

pub(in crate::store) async fn progress_is_read_as_it_was_written(store: &dyn Store) {
    with_job(store).await;
    assert_eq!(store.progress("j1").await.unwrap(), None);
    let epoch = store.acquire_lease("j1", "a", 0, 100).await.unwrap().unwrap();
    let totals = Totals { inserts: 3, source_time_ms: -1, ..Totals::default() };
    let log = [LogEntry { at_ms: 1, level: LogLevel::Info, message: "m".to_owned() }];
    let write = ProgressWrite {
        checkpoint: Some(&checkpoint(4)),
        totals,
        tables: &[table("b", 1, false), table("a", 2, true)],
        ddl: &[("p1".to_owned(), "CREATE TABLE a (b INT)".to_owned())],
        log: &log,
        at_ms: 9,
    };
    store.save_progress("j1", epoch, write).await.unwrap();
    let write = ProgressWrite { totals, tables: &[table("b", 5, true)], ..Default::default() };
    store.save_progress("j1", epoch, write).await.unwrap();
    let stored = store.progress("j1").await.unwrap().unwrap();
    assert_eq!(stored, StoredProgress { checkpoint: Some(checkpoint(4)), totals });
    let tables = store.table_progress("j1", Page::FIRST).await.unwrap();
    assert_eq!(tables, (2, vec![table("a", 2, true), table("b", 5, true)]));
    let page = Page { offset: 1, limit: 1 };
    assert_eq!(store.table_progress("j1", page).await.unwrap().1, [table("b", 5, true)]);
    assert_eq!(store.log("j1", None, Page::FIRST).await.unwrap(), (1, log.to_vec()));

    store.forget_progress("j1", epoch).await.unwrap();
    assert_eq!(store.progress("j1").await.unwrap(), None);
    assert_eq!(store.table_progress("j1", Page::FIRST).await.unwrap().0, 0);
    assert_eq!(store.ddl("j1", Page::FIRST).await.unwrap().0, 1);
}

pub(in crate::store) async fn an_old_epoch_writes_nothing(store: &dyn Store) {
    with_job(store).await;
    let old = store.acquire_lease("j1", "a", 0, 100).await.unwrap().unwrap();
    let new = store.acquire_lease("j1", "b", 100, 200).await.unwrap().unwrap();
    let write = |offset: &'static Checkpoint| ProgressWrite {
        checkpoint: Some(offset),
        ..Default::default()
    };
    let (first, second) = (Box::leak(Box::new(checkpoint(1))), Box::leak(Box::new(checkpoint(2))));
    store.save_progress("j1", new, write(second)).await.unwrap();
    assert_eq!(store.save_progress("j1", old, write(first)).await, Err(StoreError::Fenced));
    assert_eq!(store.forget_progress("j1", old).await, Err(StoreError::Fenced));
    let stored = store.progress("j1").await.unwrap().unwrap();
    assert_eq!(stored.checkpoint, Some(checkpoint(2)));
}

pub(in crate::store) async fn ddl_is_numbered_cleared_and_bounded(store: &dyn Store) {
    with_job(store).await;
    let epoch = store.acquire_lease("j1", "a", 0, 100).await.unwrap().unwrap();
    let ddl: Vec<(String, String)> =
        (1..=DDL_ENTRIES_MAX + 2).map(|i| (format!("p{i}"), format!("s{i}"))).collect();
    for part in ddl.chunks(5000) {
        let write = ProgressWrite { ddl: part, at_ms: 3, ..Default::default() };
        store.save_progress("j1", epoch, write).await.unwrap();
    }
    let (count, entries) = store.ddl("j1", Page { offset: 0, limit: 2 }).await.unwrap();
    assert_eq!(count, DDL_ENTRIES_MAX);
    assert_eq!((entries[0].seq, entries[0].statement.as_str()), (3, "s3"));
    assert!(store.clear_ddl("j1", 3, 50).await.unwrap());
    assert!(store.clear_ddl("j1", 3, 60).await.unwrap());
    assert!(!store.clear_ddl("j1", 1, 50).await.unwrap());
    let (_, entries) = store.ddl("j1", Page { offset: 0, limit: 2 }).await.unwrap();
    assert_eq!(entries.iter().map(|e| e.cleared_ms).collect::<Vec<_>>(), [Some(50), None]);
}
