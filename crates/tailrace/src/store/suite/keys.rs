use secrecy::{ExposeSecret as _, SecretString};

use super::with_job;
use crate::control::endpoint::Side;
use crate::secret::{MasterKey, Place, Vault, WrappedKey};
use crate::store::rotation::{rewrap_data_keys, rotate_data_key};
use crate::store::*;

const PLACE: Place<'static> = Place { table: "job_secrets", row: "j1/so", column: "password" };

pub(in crate::store) async fn data_keys_are_added_and_replaced(store: &dyn Store) {
    assert_eq!(store.data_keys().await.unwrap(), []);
    let key = |id, byte| WrappedKey { id, master: "m".to_owned(), wrapped: vec![byte] };
    store.put_data_keys(&[key(1, 1)]).await.unwrap();
    store.put_data_keys(&[key(2, 2), key(1, 3)]).await.unwrap();
    assert_eq!(store.data_keys().await.unwrap(), [key(1, 3), key(2, 2)]);
}

const DRAFT: Place<'static> = Place { table: "batch_drafts", row: "draft", column: "sealed" };

/// A store whose job has a sealed password, and a draft that is sealed.
async fn sealed(store: &dyn Store, master: &MasterKey) {
    let keys = [Vault::make_key(master, 1).unwrap()];
    store.put_data_keys(&keys).await.unwrap();
    let vault = Vault::open(master, &keys).unwrap();
    let job = with_job(store).await;
    let secret = SealedSecret {
        side: Side::Source,
        name: "password".to_owned(),
        sealed: vault.seal(PLACE, &SecretString::from("secret")).unwrap(),
    };
    let change = JobChange { secrets: &[secret], ..JobChange::of(&job, 1) };
    store.change_job(change).await.unwrap();
    let draft = DraftRow {
        sealed: Some(vault.seal(DRAFT, &SecretString::from("{}")).unwrap()),
        ..super::batches::draft(0, "draft")
    };
    store.add_batch(&super::batches::batch("b1", "p1", 1), &[draft]).await.unwrap();
}

async fn opened(store: &dyn Store, master: &MasterKey) -> String {
    let vault = Vault::open(master, &store.data_keys().await.unwrap()).unwrap();
    let drafts = store.drafts("b1").await.unwrap();
    let draft = vault.unseal(DRAFT, drafts[0].sealed.as_deref().unwrap()).unwrap();
    assert_eq!(draft.expose_secret(), "{}");
    let secrets = store.secrets("j1").await.unwrap();
    vault.unseal(PLACE, &secrets[0].sealed).unwrap().expose_secret().to_owned()
}

pub(in crate::store) async fn a_new_data_key_seals_everything_anew(store: &dyn Store) {
    let master = MasterKey::generate().unwrap();
    sealed(store, &master).await;
    let before = store.sealed_rows().await.unwrap();
    assert_eq!(before.len(), 2);
    assert_eq!(rotate_data_key(store, &master).await.unwrap(), 2);
    let keys = store.data_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [2]);
    assert_ne!(store.sealed_rows().await.unwrap(), before);
    assert_eq!(opened(store, &master).await, "secret");
    // A rotation that broke off after its key was added is completed by the next.
    store.put_data_keys(&[Vault::make_key(&master, 3).unwrap()]).await.unwrap();
    assert_eq!(opened(store, &master).await, "secret");
    rotate_data_key(store, &master).await.unwrap();
    assert_eq!(store.data_keys().await.unwrap()[0].id, 4);
    assert_eq!(opened(store, &master).await, "secret");
}

pub(in crate::store) async fn another_master_key_takes_over(store: &dyn Store) {
    let (old, new) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
    sealed(store, &old).await;
    rewrap_data_keys(store, &old, &new).await.unwrap();
    assert_eq!(opened(store, &new).await, "secret");
    Vault::open(&old, &store.data_keys().await.unwrap()).unwrap_err();
    rewrap_data_keys(store, &old, &new).await.unwrap_err();
}
