use super::with_job;
use crate::store::*;

pub(in crate::store) async fn a_lease_is_one_owners_until_it_runs_out(store: &dyn Store) {
    assert_eq!(store.acquire_lease("j1", "a", 0, 100).await.unwrap(), None);
    with_job(store).await;
    assert_eq!(store.acquire_lease("j1", "a", 0, 100).await.unwrap(), Some(1));
    assert_eq!(store.acquire_lease("j1", "b", 99, 200).await.unwrap(), None);
    // Its owner may take it anew at any time; that fences what held the old epoch.
    assert_eq!(store.acquire_lease("j1", "a", 50, 150).await.unwrap(), Some(2));
    assert!(!store.renew_lease("j1", "a", 1, 300).await.unwrap());
    assert!(store.renew_lease("j1", "a", 2, 300).await.unwrap());
    assert!(!store.renew_lease("j1", "b", 2, 900).await.unwrap());
    assert_eq!(store.acquire_lease("j1", "b", 299, 400).await.unwrap(), None);
    assert_eq!(store.acquire_lease("j1", "b", 300, 400).await.unwrap(), Some(3));
    assert!(!store.renew_lease("j1", "a", 2, 900).await.unwrap());
    // Letting go of what is another's by now does nothing.
    store.release_lease("j1", "a", 2).await.unwrap();
    assert_eq!(store.acquire_lease("j1", "a", 350, 500).await.unwrap(), None);
    store.release_lease("j1", "b", 3).await.unwrap();
    assert_eq!(store.acquire_lease("j1", "a", 350, 500).await.unwrap(), Some(4));
}
