use super::with_job;
use crate::control::query::QueryStatus;
use crate::store::query::QUERIES_PER_KIND_MAX;
use crate::store::*;

fn query(id: &str, kind: QueryKind, created_ms: i64) -> QueryRow {
    QueryRow {
        id: id.to_owned(),
        job_id: "j1".to_owned(),
        kind,
        owner: "a".to_owned(),
        status: QueryStatus::Pending,
        request: "null".to_owned(),
        result: None,
        error: None,
        created_ms,
    }
}

pub(in crate::store) async fn a_query_is_asked_and_answered(store: &dyn Store) {
    with_job(store).await;
    let kind = QueryKind::Precheck;
    let newest =
        async |status| store.newest_query("j1", kind, status).await.unwrap().map(|query| query.id);
    assert_eq!(newest(None).await, None);
    store.add_query(&query("q1", kind, 1)).await.unwrap();
    store.add_query(&query("q2", kind, 1)).await.unwrap();
    store.add_query(&query("other", QueryKind::Collect, 9)).await.unwrap();
    assert_eq!(newest(None).await.as_deref(), Some("q2"));
    store.finish_query("q1", Ok("[]"), None).await.unwrap();
    assert_eq!(newest(Some(QueryStatus::Success)).await.as_deref(), Some("q1"));
    assert_eq!(newest(Some(QueryStatus::Pending)).await.as_deref(), Some("q2"));
    let done = store.query("j1", "q1").await.unwrap().unwrap();
    assert_eq!((done.status, done.result.as_deref()), (QueryStatus::Success, Some("[]")));
    assert_eq!(store.query("j2", "q1").await.unwrap(), None);
    store.finish_query("q2", Err("no answer"), None).await.unwrap();
    let failed = store.query("j1", "q2").await.unwrap().unwrap();
    assert_eq!((failed.status, failed.error.as_deref()), (QueryStatus::Failed, Some("no answer")));
    store.finish_query("gone", Ok("[]"), None).await.unwrap();
}

pub(in crate::store) async fn queries_of_a_dead_process_fail(store: &dyn Store) {
    with_job(store).await;
    let kind = QueryKind::Collect;
    store.add_query(&query("mine", kind, 1)).await.unwrap();
    store.add_query(&QueryRow { owner: "b".to_owned(), ..query("other", kind, 2) }).await.unwrap();
    store.add_query(&query("done", kind, 3)).await.unwrap();
    store.finish_query("done", Ok("[]"), Some("[[]]")).await.unwrap();
    assert_eq!(store.query_detail("done").await.unwrap().as_deref(), Some("[[]]"));
    assert_eq!(store.query_detail("gone").await.unwrap(), None);
    store.fail_pending_queries("a", "restarted").await.unwrap();
    let mut statuses = Vec::new();
    for id in ["mine", "other", "done"] {
        statuses.push(store.query("j1", id).await.unwrap().unwrap().status);
    }
    assert_eq!(statuses, [QueryStatus::Failed, QueryStatus::Pending, QueryStatus::Success]);
}

pub(in crate::store) async fn old_queries_of_a_kind_go(store: &dyn Store) {
    with_job(store).await;
    store.add_query(&query("kept", QueryKind::Saving, 0)).await.unwrap();
    for i in 0..=QUERIES_PER_KIND_MAX {
        store.add_query(&query(&format!("q{i}"), QueryKind::Connection, 1)).await.unwrap();
    }
    assert_eq!(store.query("j1", "q0").await.unwrap(), None);
    for id in ["kept", "q1"] {
        assert!(store.query("j1", id).await.unwrap().is_some(), "{id}");
    }
}
