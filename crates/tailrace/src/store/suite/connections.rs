use crate::store::*;

fn row(id: &str, name: &str) -> ConnectionRow {
    ConnectionRow {
        id: id.to_owned(),
        project_id: "p1".to_owned(),
        name: name.to_owned(),
        created_ms: 7,
        document: "{}".to_owned(),
        sealed: Some(vec![1, 2]),
    }
}

pub(in crate::store) async fn connections_are_a_projects_own(store: &dyn Store) {
    let (a, b) = (row("a", "Shop"), row("b", "archive"));
    store.insert_connection(&a).await.unwrap();
    store.insert_connection(&b).await.unwrap();
    assert_eq!(store.insert_connection(&row("c", "SHOP")).await, Err(StoreError::NameTaken));
    let other = ConnectionRow { project_id: "p2".to_owned(), ..row("d", "shop") };
    store.insert_connection(&other).await.unwrap();
    assert_eq!(store.connections("p1").await.unwrap(), [b.clone(), a.clone()]);
    assert_eq!(store.connection("p2", "a").await.unwrap(), None);
    let changed = ConnectionRow { name: "store".to_owned(), sealed: None, ..a };
    assert_eq!(store.update_connection(&changed).await, Ok(true));
    assert_eq!(store.connection("p1", "a").await.unwrap(), Some(changed.clone()));
    let taken = ConnectionRow { name: "Archive".to_owned(), ..changed };
    assert_eq!(store.update_connection(&taken).await, Err(StoreError::NameTaken));
    // What is sealed is found for a new key.
    let sealed = store.sealed_rows().await.unwrap();
    assert_eq!(sealed.iter().map(|row| row.row.as_str()).collect::<Vec<_>>(), ["b", "d"]);
    let again = SealedRow { sealed: vec![9], ..sealed[0].clone() };
    store.replace_sealed(&[again], 1).await.unwrap();
    assert_eq!(store.connection("p1", "b").await.unwrap().unwrap().sealed, Some(vec![9]));
    assert_eq!(store.delete_connection("p2", "b").await, Ok(false));
    assert_eq!(store.delete_connection("p1", "b").await, Ok(true));
    assert_eq!(store.update_connection(&b).await, Ok(false));
}
