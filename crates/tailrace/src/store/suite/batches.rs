use crate::control::batch::{BatchStatus, DraftStage};
use crate::store::batch::BATCHES_KEPT_MAX;
use crate::store::*;

pub(super) fn batch(id: &str, project_id: &str, created_ms: i64) -> BatchRow {
    BatchRow {
        id: id.to_owned(),
        domain_id: "d1".to_owned(),
        project_id: project_id.to_owned(),
        user_id: "u1".to_owned(),
        user_name: "ops".to_owned(),
        owner: "a".to_owned(),
        status: BatchStatus::Validating,
        created_ms,
    }
}

pub(super) fn draft(position: u32, job_id: &str) -> DraftRow {
    DraftRow {
        position,
        job_id: job_id.to_owned(),
        sealed: Some(vec![1, 2, 3]),
        stage: DraftStage::Asked,
        message: None,
    }
}

pub(in crate::store) async fn a_batch_is_changed_from_the_status_that_it_has(store: &dyn Store) {
    let (one, drafts) = (batch("b1", "p1", 1), [draft(0, "j1"), draft(1, "j2")]);
    store.add_batch(&one, &drafts).await.unwrap();
    store.add_batch(&batch("b2", "p2", 2), &[]).await.unwrap();
    assert_eq!(store.batches("p1").await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(store.drafts("b1").await.unwrap(), drafts);
    let at_work = async |owner| {
        let rows = store.batches_at_work(owner).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(at_work("a").await, ["b1", "b2"]);
    assert!(at_work("b").await.is_empty());
    let wrong = DraftRow {
        stage: DraftStage::Invalid,
        message: Some("no name".to_owned()),
        sealed: None,
        ..draft(1, "j2")
    };
    let change = async |from, to, drafts: &[DraftRow]| {
        store.change_batch("b1", from, to, drafts).await.unwrap()
    };
    use BatchStatus::{Creating, Valid, Validating};
    assert!(!change(Valid, Creating, std::slice::from_ref(&wrong)).await);
    assert_eq!(store.drafts("b1").await.unwrap(), drafts);
    assert!(change(Validating, Valid, std::slice::from_ref(&wrong)).await);
    assert_eq!(store.drafts("b1").await.unwrap(), [draft(0, "j1"), wrong]);
    assert_eq!(at_work("a").await, ["b2"]);
    assert!(!store.change_batch("gone", Validating, Valid, &[]).await.unwrap());
}

pub(in crate::store) async fn old_batches_at_rest_go(store: &dyn Store) {
    let rests = |id: &str, at| BatchRow { status: BatchStatus::Invalid, ..batch(id, "p1", at) };
    store.add_batch(&batch("works", "p1", 0), &[draft(0, "w")]).await.unwrap();
    store.add_batch(&rests("rests", 1), &[draft(0, "r")]).await.unwrap();
    store
        .add_batch(&BatchRow { project_id: "p2".to_owned(), ..rests("other", 0) }, &[])
        .await
        .unwrap();
    for i in 0..BATCHES_KEPT_MAX {
        store.add_batch(&rests(&format!("b{i}"), 2), &[]).await.unwrap();
    }
    let left: Vec<_> = store.batches("p1").await.unwrap().into_iter().map(|row| row.id).collect();
    assert!(left.contains(&"works".to_owned()) && !left.contains(&"rests".to_owned()), "{left:?}");
    assert_eq!(store.drafts("rests").await.unwrap(), []);
    assert_eq!(store.batches("p2").await.unwrap().len(), 1);
}
