//! The disk of the server's data directory is full: jobs go on, what cannot be stored is refused by name, and nothing is
//! lost when there is room again.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use tailrace_testkit::wait;

use super::Shop;
use super::jobs::{jobs, json};
use crate::proof::served::Served;

/// Longest time a test waits for a state.
const PATIENCE: Duration = Duration::from_secs(120);
/// The disk. SQLite's log grows to 4 MiB before it is written over.
const DISK_BYTES: u64 = 32 << 20;

/// Writes until the disk takes no more.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

/// Inserts of a job that were delivered.
fn inserts(served: &Served) -> u64 {
    let text = served.get("/metrics").unwrap();
    let line = text.lines().find(|line| line.starts_with("tailrace_job_inserts_total"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn jobs_go_on_while_the_data_directory_is_full() {
    let shop = Shop::new("disk").unwrap();
    let served = Served::start_on_disk(DISK_BYTES).unwrap();
    let (name, database) = (shop.name.as_str(), shop.database());
    let file = shop.job_file(&shop.whole()).unwrap();
    let made = json(&served, &["create", super::text(&file), "--start", "--wait"]);
    assert_eq!(made["status"], "INCRE_TRANSFER_STARTED");

    let filler = served.data().join("filler");
    fill(&filler);
    let insert = |id: u32| {
        shop.sql(&format!("INSERT INTO {database}.item VALUES ({id}, 'more')")).unwrap();
    };
    let before = inserts(&served);
    for id in 10..30 {
        insert(id);
    }
    // What is left of a page may take a change or two.
    let mut number = 1;
    let refusal = wait::until("a refusal", PATIENCE, || {
        number = number % 8 + 1;
        let (code, _, err) = jobs(&served, &["set", name, &format!("read_task_num={number}")]);
        Ok((code != 0).then_some((code, err)))
    })
    .unwrap();
    assert!(refusal.1.contains("disk") && refusal.1.contains("full"), "{refusal:?}");
    let (code, _, err) = jobs(&served, &["compare", name]);
    assert!(code != 0 && err.contains("full"), "{code} {err}");
    let log = wait::until("a line in the log", PATIENCE, || {
        let log = served.log_tail();
        Ok(log.contains("the worker waits for the store").then_some(log))
    });
    assert!(log.is_ok(), "{}", served.log_tail());
    for id in 30..50 {
        insert(id);
    }
    wait::until("what was inserted meanwhile", PATIENCE, || {
        Ok((inserts(&served) >= before + 40).then_some(()))
    })
    .unwrap();
    // What is shown needs no room.
    assert_eq!(json(&served, &["show", name])["status"], "INCRE_TRANSFER_STARTED");

    std::fs::remove_file(&filler).unwrap();
    wait::until("room", PATIENCE, || {
        let (code, _, _) = jobs(&served, &["set", name, "read_task_num=5"]);
        Ok((code == 0).then_some(()))
    })
    .unwrap();
    insert(50);
    let (code, out, err) = jobs(&served, &["compare", name, "--timeout", "120"]);
    assert_eq!(code, 0, "{out}{err}\n{}", served.log_tail());
    assert_eq!(json(&served, &["pause", name, "--wait"])["status"], "PAUSING");
    assert_eq!(json(&served, &["resume", name, "--wait"])["status"], "INCRE_TRANSFER_STARTED");
    assert!(!served.log_tail().contains("panicked"), "{}", served.log_tail());
}
