//! `tailrace jobs`: a job's whole life, and what a user can get wrong.

use std::time::Duration;

use serde_json::Value;
use tailrace_testkit::wait;

use super::{DEMO_SECRET, Shop, ended, tailrace, text};
use crate::proof::served::Served;

/// Longest time a test waits for a state.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `tailrace jobs` against a server: exit code, output, errors.
pub(super) fn jobs(served: &Served, args: &[&str]) -> (i32, String, String) {
    let endpoint = format!("http://{}", served.address());
    let credentials = served.credentials();
    let mut all = vec!["jobs", "--endpoint", &endpoint, "--credentials", text(&credentials)];
    all.extend(args);
    ended(&tailrace(&all).output().expect("the command runs"))
}

/// The same; it has to succeed. The JSON that it prints.
pub(super) fn json(served: &Served, args: &[&str]) -> Value {
    let (code, out, err) = jobs(served, &[args, &["--output", "json"]].concat());
    assert_eq!(code, 0, "{args:?}: {err}\n{}", served.log_tail());
    serde_json::from_str(&out).expect("JSON")
}

#[test]
fn a_job_lives_by_commands() {
    let shop = Shop::new("cmd").unwrap();
    let served = Served::start().unwrap();
    let file = shop.job_file(&shop.whole()).unwrap();
    let made = json(&served, &["create", text(&file)]);
    assert_eq!(
        (&made["name"], &made["status"]),
        (&shop.name.as_str().into(), &"CONFIGURATION".into())
    );
    let name = shop.name.as_str();

    let (code, out, _) = jobs(&served, &["precheck", name]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("PASSED") && !out.contains("FAILED"), "{out}");

    let (code, out, err) = jobs(&served, &["start", name, "--wait", "--timeout", "120"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("INCRE_TRANSFER_STARTED"), "{out}");
    assert!(err.contains("FULL_TRANSFER") || err.contains("INCRE_TRANSFER"), "{err}");
    let progress = json(&served, &["show", name, "--view", "progress"]);
    assert_eq!(progress["progress_info"]["progress"], "100");

    let paused = json(&served, &["pause", name, "--wait"]);
    assert_eq!(paused["status"], "PAUSING");
    things_that_belong_to_it(&served, &shop);
    let (code, _, err) = jobs(&served, &["delete", name]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("DRS."), "{err}");
    assert_eq!(json(&served, &["resume", name, "--wait"])["status"], "INCRE_TRANSFER_STARTED");
    let (code, _, err) = jobs(&served, &["follow", name, "--timeout", "1"]);
    assert_eq!(code, 0, "{err}");

    let listed = json(&served, &["list"]);
    assert_eq!(listed[0]["id"], made["id"]);
    let (code, out, _) = jobs(&served, &["list"]);
    assert_eq!(code, 0);
    assert!(out.starts_with(" id") && out.contains(name), "{out}");
    let (code, out, _) = jobs(&served, &["show", name, "--output", "yaml"]);
    assert_eq!(code, 0);
    assert!(out.contains("engine_type: mysql-to-kafka"), "{out}");
    assert!(!out.contains(&format!(": {}\n", shop.ends.mysql_password)), "{out}");

    assert_eq!(json(&served, &["stop", name, "--wait"])["status"], "RELEASE_RESOURCE_COMPLETE");
    assert_eq!(json(&served, &["delete", name])["status"], "DELETED");
    let (code, _, err) = jobs(&served, &["show", name]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains(name), "{err}");
}

/// Lists and parameters of a paused job.
fn things_that_belong_to_it(served: &Served, shop: &Shop) {
    let name = shop.name.as_str();
    let timeline = json(served, &["parts", name, "timeline"]);
    assert!(timeline.as_array().unwrap().iter().any(|e| e["name"] == "start"), "{timeline}");
    let tables = json(served, &["parts", name, "tables"]);
    assert_eq!((&tables[0]["src_tb"], &tables[0]["progress"]), (&"item".into(), &100.into()));
    let (code, out, err) = jobs(served, &["parts", name, "ddl"]);
    assert_eq!((code, out.trim_start().starts_with("number")), (0, true), "{out}{err}");
    let (code, out, err) = jobs(served, &["set", name, "read_task_num=3"]);
    assert_eq!(code, 0, "{err}");
    let line = out.lines().find(|line| line.contains("read_task_num")).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("3"), "{out}");
    for (bad, code, wanted) in [
        ("read_task_num=many", 1, "read_task_num"),
        ("no_such=1", 1, "no_such"),
        ("read_task_num", 2, "NAME=VALUE"),
    ] {
        let (seen, _, err) = jobs(served, &["set", name, bad]);
        assert!(seen == code && err.contains(wanted), "{bad}: {seen} {err}");
    }
    let (code, _, err) = jobs(served, &["parts", name, "colours"]);
    assert!(code == 2 && err.contains("timeline"), "{err}");
    assert_eq!(
        json(served, &["reset", name, "--wait"])["status"],
        "INCRE_TRANSFER_STARTED",
        "{}",
        served.log_tail()
    );
    assert_eq!(json(served, &["pause", name, "--wait"])["status"], "PAUSING");
}

#[test]
fn a_job_is_made_started_and_removed_in_two_commands() {
    let shop = Shop::new("two").unwrap();
    let served = Served::start().unwrap();
    let file = shop.job_file(&format!("{} = [\"item\"]", shop.database())).unwrap();
    let made = json(&served, &["create", text(&file), "--start", "--wait"]);
    assert_eq!(made["status"], "INCRE_TRANSFER_STARTED");
    let id = made["id"].as_str().unwrap();
    assert_eq!(json(&served, &["delete", id, "--stop"])["status"], "DELETED");
    assert_eq!(json(&served, &["list"]), Value::Array(Vec::new()));
}

#[test]
fn a_table_is_added_to_a_job_that_runs_and_read_again() {
    let shop = Shop::new("more").unwrap();
    let served = Served::start().unwrap();
    let (name, database) = (shop.name.as_str(), shop.database());
    let file = shop.job_file(&format!("{database} = [\"item\"]")).unwrap();
    assert_eq!(json(&served, &["create", text(&file), "--start", "--wait"])["name"], name);
    let more = format!(
        "CREATE TABLE {database}.more (id INT PRIMARY KEY); INSERT INTO {database}.more VALUES (1), (2), (3)"
    );
    shop.sql(&more).unwrap();
    let file = shop.job_file(&format!("{database} = [\"item\", \"more\"]")).unwrap();
    let edited = json(&served, &["edit", name, text(&file), "--wait", "--timeout", "120"]);
    assert_eq!(edited["status"], "INCRE_TRANSFER_STARTED", "{}", served.log_tail());
    let tables = json(&served, &["parts", name, "tables"]);
    let rows = |table: &str| {
        let found = tables.as_array().unwrap().iter().find(|one| one["src_tb"] == table);
        found.unwrap_or_else(|| panic!("{tables}"))["rows"].clone()
    };
    assert_eq!((rows("item"), rows("more")), (3.into(), 3.into()));

    let table = format!("{database}.more");
    let (code, out, err) = jobs(&served, &["reread", name, &table, "--where", "id > 1"]);
    assert_eq!(code, 0, "{out}{err}");
    wait::until_true("no rereads", PATIENCE, || {
        json(&served, &["parts", name, "rereads"]).as_array().unwrap().is_empty()
    });
    for (args, wanted) in [
        (["reread", name, "nowhere.x"].as_slice(), "a table that is selected"),
        (&["reread", name, &table, "--where", "id >"], "condition"),
        (&["stop-reread", name, "x"], "still to be read"),
    ] {
        let (code, _, err) = jobs(&served, args);
        assert!(code == 1 && err.contains(wanted), "{args:?}: {code} {err}");
    }
    let (code, _, err) = jobs(&served, &["reread", name, "nowhere"]);
    assert!(code == 2 && err.contains("DATABASE.TABLE"), "{err}");
    assert_eq!(json(&served, &["delete", name, "--stop"])["status"], "DELETED");
}

#[test]
fn the_policy_of_a_job_that_runs_is_changed() {
    let shop = Shop::new("policy").unwrap();
    let served = Served::start().unwrap();
    let file = shop.job_file(&shop.whole()).unwrap();
    assert_eq!(json(&served, &["create", text(&file), "--start", "--wait"])["name"], shop.name);
    let name = shop.name.as_str();
    let other = std::fs::read_to_string(&file).unwrap() + "kafka_data_format = \"json_c\"\n";
    std::fs::write(&file, other).unwrap();
    let edited = json(&served, &["edit", name, text(&file), "--policy"]);
    assert_eq!(edited["status"], "INCRE_TRANSFER_STARTED", "{}", served.log_tail());
    let detail = json(&served, &["show", name, "--view", "detail"]);
    assert_eq!(detail["policy_config"]["kafka_data_format"], "json_c", "{detail}");
    let (code, _, err) = jobs(&served, &["edit", name, text(&file), "--policy", "--wait"]);
    assert!(code == 2 && err.contains("--wait"), "{code} {err}");
    let (code, _, err) = jobs(&served, &["compare", name, "--timeout", "120"]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn topics_are_compared_with_their_tables() {
    let shop = Shop::new("cmp").unwrap();
    let served = Served::start().unwrap();
    let (name, database) = (shop.name.as_str(), shop.database());
    let file = shop.job_file(&shop.whole()).unwrap();
    assert_eq!(json(&served, &["create", text(&file), "--start", "--wait"])["name"], name);
    let (code, out, err) = jobs(&served, &["compare", name]);
    assert_eq!(code, 0, "{out}{err}\n{}", served.log_tail());
    assert!(out.contains("CONSISTENT") && out.contains("item"), "{out}");
    let table = format!("{database}.item");
    let found = json(&served, &["compare", name, &table]);
    assert_eq!(found["tables"][0]["source_row_num"], 3, "{found}");
    assert_eq!(found["task"]["status"], "SUCCESSFUL");
    for kind in ["--lines", "--objects"] {
        let (code, out, err) = jobs(&served, &["compare", name, kind]);
        assert_eq!(code, 0, "{kind}: {out}{err}");
    }
    // A change that the log does not have never comes.
    shop.sql(&format!("SET sql_log_bin = 0; DELETE FROM {database}.item WHERE id = 1")).unwrap();
    let (code, out, err) = jobs(&served, &["compare", name, "--timeout", "120"]);
    assert_eq!(code, 9, "{out}{err}");
    assert!(out.contains("INCONSISTENT") && out.contains("item [1]: only at the target"), "{out}");
    assert!(err.contains("1 of 1 tables"), "{err}");
    let asked = json(&served, &["compare", name, "--detach"]);
    let id = asked[0]["id"].as_str().unwrap();
    let (code, _, err) = jobs(&served, &["compare", name, "--task", id]);
    assert_eq!(code, 9, "{err}");
    for (args, wanted, exit) in [
        (["compare", name, "nowhere.x"].as_slice(), "nowhere", 1),
        (&["compare", name, "--task", "x"], "x", 1),
        (&["compare", name, "--task", id, "--cancel"], "waits or runs", 1),
        (&["compare", name, "--cancel"], "--task", 2),
    ] {
        let (code, _, err) = jobs(&served, args);
        assert!(code == exit && err.contains(wanted), "{args:?}: {code} {err}");
    }
    assert_eq!(json(&served, &["delete", name, "--stop"])["status"], "DELETED");
}

#[test]
fn what_is_wrong_is_said_with_an_exit_code_of_its_own() {
    let shop = Shop::new("bad").unwrap();
    let served = Served::start().unwrap();
    // A precheck that fails: the table is not there.
    let file = shop.job_file(&format!("{} = [\"no_such_table\"]", shop.database())).unwrap();
    let (code, _, err) = jobs(&served, &["create", text(&file), "--start"]);
    assert_eq!(code, 6, "{err}");
    assert!(err.contains("no_such_table"), "{err}");
    // A password that is wrong: in no output.
    let wrong = std::fs::read_to_string(&file)
        .unwrap()
        .replace("password = \"", &format!("password = \"{DEMO_SECRET}"));
    std::fs::write(&file, wrong.replace(&shop.name, &format!("{}-2", shop.name))).unwrap();
    let (code, out, err) = jobs(&served, &["create", text(&file)]);
    assert_eq!(code, 1, "{err}");
    assert!(!format!("{out}{err}").contains(DEMO_SECRET), "{err}");
    // A name that is taken.
    let file = shop.job_file(&shop.whole()).unwrap();
    let (code, _, err) = jobs(&served, &["create", text(&file)]);
    assert_eq!(code, 1, "{err}");
    // Files that are none, or wrong.
    let (code, _, err) = jobs(&served, &["create", "/nowhere/job.toml"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("/nowhere/job.toml"), "{err}");
    std::fs::write(&file, "name = 5").unwrap();
    let (code, _, err) = jobs(&served, &["create", text(&file)]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("job.toml: line 1"), "{err}");
    // No such job, no such option.
    assert_eq!(jobs(&served, &["start", "no-such-job"]).0, 3);
    assert_eq!(jobs(&served, &["list", "--colour"]).0, 2);
    // Nobody there, nobody known.
    let credentials = served.credentials();
    let run = |args: &[&str]| ended(&tailrace(args).output().unwrap());
    let (code, _, err) = run(&[
        "jobs",
        "--endpoint",
        "http://127.0.0.1:1",
        "--credentials",
        text(&credentials),
        "list",
    ]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("127.0.0.1:1"), "{err}");
    let (code, _, err) =
        run(&["jobs", "--endpoint", "no address", "--credentials", text(&credentials), "list"]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = run(&["jobs", "list"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--credentials"), "{err}");
    let endpoint = format!("http://{}", served.address());
    let known: Value = serde_json::from_slice(&std::fs::read(&credentials).unwrap()).unwrap();
    let output = tailrace(&["jobs", "list"])
        .env("TAILRACE_ENDPOINT", endpoint)
        .env("TAILRACE_PROJECT_ID", known["project_id"].as_str().unwrap())
        .env("TAILRACE_AK", known["access_key"].as_str().unwrap())
        .env("TAILRACE_SK", DEMO_SECRET)
        .output()
        .unwrap();
    let (code, out, err) = ended(&output);
    assert_eq!(code, 7, "{err}");
    assert!(!format!("{out}{err}").contains(DEMO_SECRET), "{err}");
}
