//! `tailrace run`: a job without a server, stopped and gone on with.

use std::time::Duration;

use tailrace_testkit::chaos::ChaosProxy;
use tailrace_testkit::process::{Launch, ServerProcess};
use tailrace_testkit::wait;

use super::{Shop, ended, tailrace, text};

/// Longest wait for a state of the job.
const LIMIT: Duration = Duration::from_secs(120);

fn start(shop: &Shop, file: &std::path::Path, log: &str) -> ServerProcess {
    Launch::new("tailrace run", env!("CARGO_BIN_EXE_tailrace"), shop.dir.path().join(log))
        .args(["run", text(file)])
        .start()
        .unwrap()
}

/// Waits until the job follows the log, stops it, and gives what it said.
fn stopped(mut job: ServerProcess) -> String {
    job.wait_for_log("incremental", LIMIT).unwrap();
    job.stop().unwrap();
    let said = std::fs::read_to_string(job.log()).unwrap();
    assert!(job.ended().unwrap().is_some_and(|status| status.success()), "{said}");
    said
}

#[test]
fn a_job_without_a_server_goes_on_where_it_stopped() {
    let shop = Shop::new("run").unwrap();
    let file = shop.job_file(&shop.whole()).unwrap();
    let said = stopped(start(&shop, &file, "first.log"));
    assert!(
        said.contains("stopped at a durable checkpoint: 3 rows of the full phase, 0 inserts"),
        "{said}"
    );
    let database = shop.database();
    shop.sql(&format!(
        "INSERT INTO {database}.item VALUES (4, 'four'); DELETE FROM {database}.item WHERE id = 1"
    ))
    .unwrap();
    let mut second = start(&shop, &file, "second.log");
    wait::until("both changes", LIMIT, || {
        let said = std::fs::read_to_string(second.log())?;
        Ok((said.contains("2 changes") || second.ended()?.is_some()).then_some(()))
    })
    .unwrap();
    let said = stopped(second);
    assert!(said.contains(": 0 rows of the full phase, 1 inserts, 0 updates, 1 deletes"), "{said}");
    let (code, out, err) = ended(&tailrace(&["run", text(&file), "--forget"]).output().unwrap());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("removed"), "{out}");
    let said = stopped(start(&shop, &file, "third.log"));
    assert!(said.contains(": 3 rows of the full phase"), "{said}");
}

/// A job that has everything already ends as one that gets there.
#[test]
fn until_caught_up_ends_at_once_where_nothing_is_left() {
    let shop = Shop::new("caught").unwrap();
    let file = shop.job_file(&shop.whole()).unwrap();
    for rows in [3, 0] {
        let run = tailrace(&["run", text(&file), "--until-caught-up"]).output().unwrap();
        let (code, out, err) = ended(&run);
        assert_eq!(code, 0, "{out}{err}");
        assert!(out.contains(&format!("caught up: {rows} rows of the full phase")), "{out}");
    }
}

#[test]
fn a_check_says_what_hinders_the_job() {
    let shop = Shop::new("check").unwrap();
    let file = shop.job_file(&shop.whole()).unwrap();
    let (code, out, err) = ended(&tailrace(&["run", text(&file), "--check"]).output().unwrap());
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("passed"), "{out}");
    let file = shop.job_file("no_such_database = \"*\"").unwrap();
    let (code, out, err) = ended(&tailrace(&["run", text(&file)]).output().unwrap());
    assert_eq!(code, 6, "{out}{err}");
    assert!(out.contains("FAILED") && out.contains("no_such_database"), "{out}");
    std::fs::write(&file, "[source]").unwrap();
    let (code, _, err) = ended(&tailrace(&["run", text(&file)]).output().unwrap());
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = ended(&tailrace(&["run"]).output().unwrap());
    assert_eq!(code, 2, "{err}");
}

/// A source that is away does not end the job: it says so, and goes on when the source is back.
#[test]
fn a_source_that_is_away_is_waited_for() {
    let shop = Shop::new("away").unwrap();
    let proxy = ChaosProxy::start(&shop.source_address()).unwrap();
    let file = shop.job_file_at(&shop.whole(), proxy.port()).unwrap();
    proxy.refuse();
    let log = shop.dir.path().join("away.log");
    let mut job = Launch::new("tailrace run", env!("CARGO_BIN_EXE_tailrace"), log)
        .args(["run", text(&file), "--no-precheck"])
        .start()
        .unwrap();
    job.wait_for_log("trying again in", LIMIT).unwrap();
    proxy.pass();
    job.wait_for_log("incremental", LIMIT).unwrap();
    let said = stopped(job);
    assert!(said.contains("stopped at a durable checkpoint: 3 rows of the full phase"), "{said}");
    assert!(!said.contains(&shop.password()), "{said}");
}

/// What trying again cannot mend ends the job at once, with what to do.
#[test]
fn a_login_that_is_refused_ends_the_job() {
    let shop = Shop::new("refused").unwrap();
    let file = shop.job_file(&shop.whole()).unwrap();
    let wrong = std::fs::read_to_string(&file).unwrap().replace(&shop.password(), "wrong-password");
    std::fs::write(&file, wrong).unwrap();
    let run = tailrace(&["run", text(&file), "--no-precheck"]).output().unwrap();
    let (code, out, err) = ended(&run);
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("Access denied") && err.contains("what to do:"), "{err}");
    assert!(!err.contains("wrong-password") && !err.contains("trying again"), "{err}");
}
