//! The suite over SQLite, and what only SQLite has.

use super::*;
use crate::store::{JobStore as _, LeaseStore as _, NewJobRow, suite};

macro_rules! suite {
    ($($test:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $test() {
            let dir = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(&dir.path().join("t.db")).await.unwrap();
            suite::$test(&store).await;
        }
    )*};
}

suite!(
    a_batch_is_changed_from_the_status_that_it_has,
    old_batches_at_rest_go,
    connections_are_a_projects_own,
    files_of_a_kind_are_kept_for_a_while,
    a_job_is_read_as_it_was_written,
    names_are_unique_in_a_project_without_regard_to_case,
    a_change_is_whole_or_not_at_all,
    a_deletion_takes_everything_and_is_remembered,
    lists_filter_sort_and_page,
    journals_are_newest_first_and_bounded,
    a_lease_is_one_owners_until_it_runs_out,
    progress_is_read_as_it_was_written,
    an_old_epoch_writes_nothing,
    ddl_is_numbered_cleared_and_bounded,
    a_query_is_asked_and_answered,
    queries_of_a_dead_process_fail,
    old_queries_of_a_kind_go,
    an_empty_store_is_filled_once,
    tokens_are_kept_until_they_expire,
    data_keys_are_added_and_replaced,
    a_new_data_key_seals_everything_anew,
    another_master_key_takes_over,
);

#[tokio::test]
async fn a_store_is_private_and_outlives_its_process() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    let store = SqliteStore::open(&path).await.unwrap();
    suite::a_lease_is_one_owners_until_it_runs_out(&store).await;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
    store.close().await.unwrap();
    let again = SqliteStore::open(&path).await.unwrap();
    assert!(again.job("j1").await.unwrap().is_some());
    assert_eq!(again.acquire_lease("j1", "a", 0, 1).await.unwrap(), Some(5));
}

/// Until migration 4 every user might do everything.
#[tokio::test]
async fn users_of_an_older_store_keep_what_they_may() {
    use crate::store::{GrantStore as _, IamStore as _};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let older = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    let first: Vec<_> = migrator.iter().filter(|one| one.version < 4).cloned().collect();
    assert_eq!(first.len(), 3);
    migrator.migrations = first.into();
    migrator.run(&older).await.unwrap();
    for statement in [
        "INSERT INTO domains VALUES ('d1', 'acme')",
        "INSERT INTO projects VALUES ('p1', 'd1', 'region-1')",
        "INSERT INTO users VALUES ('u1', 'd1', 'ops', '$hash', 1, 7), ('u2', 'd1', 'dev', '$hash', 1, 8)",
        "INSERT INTO access_keys VALUES ('AK1', 'u1', x'0102', 1, 9)",
    ] {
        sqlx::query(statement).execute(&older).await.unwrap();
    }
    older.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    for user in ["u1", "u2"] {
        let mut roles = store.roles_of(user).await.unwrap();
        roles.sort();
        assert_eq!(roles, [("secu_admin".to_owned(), None), ("te_admin".to_owned(), None)]);
    }
    let user = store.user("u2").await.unwrap().unwrap();
    assert_eq!((user.created_ms, user.description.as_str()), (8, ""));
    assert_eq!(store.project("p1").await.unwrap().unwrap().description, "");
    assert!(store.access_key("AK1").await.unwrap().unwrap().enabled);
}

#[tokio::test]
async fn a_file_of_a_newer_tailrace_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    let store = SqliteStore::open(&path).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', 1, x'00', 0)",
    )
    .execute(&store.write)
    .await
    .unwrap();
    store.close().await.unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err().to_string();
    assert!(error.contains("9999"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    std::fs::write(&path, "not a database, however long this text may be".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err().to_string();
    assert!(error.contains("t.db"), "{error}");
}

#[test]
fn a_data_directory_is_one_processs() {
    use crate::store::DataDirLock;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/data");
    let lock = DataDirLock::acquire(&path).unwrap();
    let error = DataDirLock::acquire(&path).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    drop(lock);
    DataDirLock::acquire(&path).unwrap();
}

/// What SQLite says when the disk is full it also says when the file may not grow.
#[tokio::test]
async fn a_store_that_was_full_takes_changes_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("t.db")).await.unwrap();
    suite::a_lease_is_one_owners_until_it_runs_out(&store).await;
    sqlx::query("PRAGMA max_page_count = 1").execute(&store.write).await.unwrap();
    let insert = async |id: &str| {
        let job = suite::job(id, id);
        store.insert_job(NewJobRow { job: &job, secrets: &[], timeline: None }).await
    };
    let mut refused = None;
    for number in 0..1000 {
        if let Err(error) = insert(&format!("full-{number}")).await {
            refused = Some(error);
            break;
        }
    }
    assert!(
        matches!(&refused, Some(StoreError::Full(text)) if text.contains("full")),
        "{refused:?}"
    );
    // The limit went with the connection that ran into it.
    insert("room").await.unwrap();
    assert!(store.job("room").await.unwrap().is_some());
}
