//! The commands as clients of the API: command lines, over a real socket, with what they print.

use std::path::PathBuf;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::{Next, from_fn},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{AK, PATIENCE, PROJECT, SK, Server, v5};
use crate::{
    api::state::ApiLimits,
    cli::run_captured,
    clock::{Clock as _, SystemClock},
    listen::Peer,
};

/// A server that commands reach.
struct Reached {
    server: Server,
    endpoint: String,
    credentials: PathBuf,
    log_reads: Arc<AtomicUsize>,
    dir: tempfile::TempDir,
}

impl Reached {
    async fn new() -> Self {
        // Signatures have the time of day.
        let server = Server::start_at(SystemClock.now_ms(), ApiLimits::default()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let log_reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&log_reads);
        let count = from_fn(move |request: Request, next: Next| {
            if request.uri().query().is_some_and(|query| query.contains("type=log")) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            next.run(request)
        });
        let service =
            server.router.clone().layer(count).into_make_service_with_connect_info::<Peer>();
        tokio::spawn(axum::serve(listener, service).into_future());
        let dir = tempfile::tempdir().expect("a directory");
        let credentials = dir.path().join("credentials.json");
        let known = json!({"project_id": PROJECT, "access_key": AK, "secret_key": SK});
        std::fs::write(&credentials, known.to_string()).expect("written");
        Self { server, endpoint, credentials, log_reads, dir }
    }

    /// Runs a command line: exit code, output, why it failed.
    async fn run(&self, line: &[&str]) -> (u8, String, String) {
        let mut args: Vec<String> = line.iter().map(|arg| (*arg).to_owned()).collect();
        let credentials = self.credentials.display().to_string();
        args.extend(["--endpoint".to_owned(), self.endpoint.clone()]);
        args.extend(["--credentials".to_owned(), credentials]);
        tokio::task::spawn_blocking(move || run_captured(&args)).await.expect("no panic")
    }

    /// Waits until somebody has read a job's log from begin to end since now.
    async fn until_log_is_read(&self) {
        // The next one may have begun before.
        let wanted = self.log_reads.load(Ordering::SeqCst) + 3;
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        let read = async {
            while self.log_reads.load(Ordering::SeqCst) < wanted {
                looks.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the log is read");
    }

    /// The same by words; it has to succeed. What it prints.
    async fn text(&self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let (code, out, err) = self.run(&words).await;
        assert_eq!(code, 0, "{line}: {err}");
        out
    }

    /// The same, as JSON.
    async fn json(&self, line: &str) -> Value {
        let out = self.text(&format!("{line} --output json")).await;
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}: {out}"))
    }

    /// It has to fail like this.
    async fn fails(&self, line: &str, code: u8, said: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let (seen, _, err) = self.run(&words).await;
        assert!(seen == code && err.contains(said), "{line}: {seen} {err}");
    }
}

#[tokio::test]
async fn a_comparison_rests_and_goes_on() {
    let reached = Reached::new().await;
    let id = reached.server.make_running_job("job-1").await;
    // It waits for its time, so that there is something that can rest.
    let later = reached.server.clock.now_ms() + 3_600_000;
    let task = json!({"type": "contents", "start_time": later.to_string()});
    let action = json!({"job": {"action_name": "create_compare",
        "action_params": {"compare_task_param": task}}});
    let answer = reached.server.post(&v5(&format!("jobs/{id}/action")), action).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let task = answer.body["query_id"].as_str().expect("an id").to_owned();
    let progress = v5(&format!("jobs/{id}/compare-progress/{task}"));
    let is_paused = async || {
        let answer = reached.server.get(&progress).await;
        answer.body["full_info"]["is_paused"].clone()
    };
    assert_eq!(is_paused().await, false);
    let shown = reached.json(&format!("jobs compare job-1 --task {task} --pause")).await;
    assert_eq!((&shown[0]["id"], is_paused().await), (&json!(task), json!(true)));
    // Behind --resume it is waited for, for no time here.
    let resume = format!("jobs compare job-1 --task {task} --resume --timeout 0");
    reached.fails(&resume, 8, &format!("--task {task}")).await;
    assert_eq!(is_paused().await, false);
    reached.fails("jobs compare job-1 --pause", 2, "--task").await;
    reached.fails("jobs compare job-1 --task nothing --pause", 1, "nothing").await;
    let both = format!("jobs compare job-1 --task {task} --pause --resume");
    reached.fails(&both, 2, "--resume").await;
}

#[tokio::test]
async fn everything_of_a_job_is_shown_and_set_by_commands() {
    let reached = Reached::new().await;
    let id = reached.server.make_job("job-1").await;
    assert_eq!(reached.server.select(&id, &["shop"]).await.status, StatusCode::ACCEPTED);
    let found = reached.json("jobs objects job-1").await;
    assert_eq!(found["object_info"]["shop"]["all"], true);
    let rows = reached.text("jobs objects job-1").await;
    assert!(rows.lines().any(|row| row.split_whitespace().eq(["shop", "*"])), "{rows}");
    let source = reached.json("jobs objects job-1 --source").await;
    assert_eq!(source["status"], "success");
    assert!(source["object_info"]["shop"].is_object(), "{source}");
    assert_eq!(reached.json("jobs objects job-1 --in-force").await["object_info"], json!({}));

    assert_eq!(reached.json("jobs tags job-1 a=1 b=2").await.as_array().map(Vec::len), Some(2));
    assert_eq!(
        reached.json("jobs tags job-1 --remove a").await,
        json!([{"key": "b", "value": "2"}])
    );
    assert_eq!(reached.json("tags").await, json!([{"key": "b", "values": ["2"]}]));

    let renamed = reached.json("jobs rename job-1 job-2 --description new").await;
    assert_eq!((&renamed["id"], &renamed["name"]), (&json!(id), &json!("job-2")));
    let detail = reached.json("jobs show job-2").await;
    assert_eq!(detail["base_info"]["description"], "new");
    reached.fails("jobs copy job-2 job-3", 4, "CONFIGURATION").await;
    let running = reached.server.make_running_job("job-9").await;
    let copy = reached.json("jobs copy job-9 job-3").await;
    assert_eq!(copy["name"], "job-3");
    assert_ne!(copy["id"], running);

    reached.text("jobs limit job-2 10@08-17").await;
    let limit = &reached.json("jobs show job-2").await["speed_limit"];
    assert_eq!(
        (&limit[0]["speed"], &limit[0]["begin"], &limit[0]["end"]),
        (&json!("10"), &json!("08:00"), &json!("17:59"))
    );
    reached.text("jobs limit job-2").await;
    assert_eq!(reached.json("jobs show job-2").await["speed_limit"], json!([]));

    let tuning = reached.json("jobs parts job-2 tuning").await;
    assert!(
        tuning.as_array().is_some_and(|all| all
            .iter()
            .any(|one| one["name"] == "read_task_num" && one["phase"] == "full_sync")),
        "{tuning}"
    );
    reached.text("jobs set job-2 read_task_num=5").await;
    let history = reached.json("jobs parts job-2 history").await;
    assert_eq!(
        (&history[0]["name"], &history[0]["new_value"]),
        (&json!("read_task_num"), &json!("5"))
    );
    let actions = reached.json("jobs parts job-2 actions").await;
    assert!(actions[0]["available_actions"].is_array(), "{actions}");
    let monitor = reached.json("jobs parts job-9 monitor").await;
    assert!(monitor[0]["dst_rps"].is_string(), "{monitor}");
    reached.fails("jobs position job-2 --binlog nonsense", 1, "file_and_position").await;
    reached.fails("jobs objects nothing", 3, "nothing").await;
}

#[tokio::test]
async fn a_log_is_followed_until_the_job_is_gone() {
    let reached = Reached::new().await;
    let id = reached.server.make_running_job("job-1").await;
    let all = reached.json("jobs logs job-1").await;
    let all = all.as_array().expect("a list");
    assert!(!all.is_empty());
    let times: Vec<&str> = all.iter().filter_map(|one| one["create_time"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let last = reached.text("jobs logs job-1 --tail 1").await;
    assert!(last.lines().count() == 1 && last.contains("INFO"), "{last}");
    assert_eq!(reached.json("jobs logs job-1 --level error").await, json!([]));

    let args = ["jobs", "logs", "job-1", "-f", "-o", "json", "--tail", "0"];
    let follows = reached.run(&args);
    let acts = async {
        // Followers have seen what was there before; what comes now is new.
        reached.until_log_is_read().await;
        assert_eq!(reached.server.action(&id, "stop").await.status, StatusCode::OK);
        reached.server.wait_for(&id, "PAUSING").await;
        reached.server.action(&id, "terminate").await;
        reached.server.wait_for(&id, "RELEASE_RESOURCE_COMPLETE").await;
        reached.until_log_is_read().await;
        let answer = reached.server.delete(&v5(&format!("jobs/{id}")), None).await;
        assert!(answer.status.is_success(), "{answer:?}");
    };
    let ((code, out, err), ()) = tokio::join!(follows, acts);
    assert_eq!(code, 3, "{err}");
    assert!(out.lines().count() > 0, "nothing was told");
    for line in out.lines() {
        let entry: Value = serde_json::from_str(line).expect("a JSON value on each line");
        assert!(!all.contains(&entry), "told before: {entry}");
    }
}

#[tokio::test]
async fn connections_are_kept_changed_and_forgotten() {
    let reached = Reached::new().await;
    let file = reached.dir.path().join("c.yaml");
    std::fs::write(&file, "endpoint: {db_password: pw-1, db_user: kate}\nssl: {ssl_link: false}\n")
        .expect("written");
    let file = file.display().to_string();
    let create = format!(
        "connections create one --engine mysql --address db.test --port 3306 --description d --file {file}"
    );
    let list = reached.json(&create).await;
    let one = &list[0];
    assert_eq!((&one["name"], &one["db_type"]), (&json!("one"), &json!("mysql")));
    assert_eq!(
        (&one["endpoint"]["ip"], &one["endpoint"]["db_user"]),
        (&json!("db.test"), &json!("kate"))
    );
    assert!(!list.to_string().contains("pw-1"), "{list}");
    let edited = reached.json("connections edit one --name two --address other.test").await;
    assert_eq!(
        (&edited[0]["name"], &edited[0]["endpoint"]["ip"]),
        (&json!("two"), &json!("other.test"))
    );
    let row = reached.text("connections list").await;
    assert!(row.contains("two") && row.contains("other.test"), "{row}");
    reached.fails("connections edit one", 3, "\"one\"").await;
    reached.fails("connections create x --engine colours --address h", 1, "db_type").await;
    assert_eq!(reached.json("connections delete two").await, json!([]));
}

#[tokio::test]
async fn what_a_project_has_and_is_offered_is_listed_in_every_form() {
    let reached = Reached::new().await;
    reached.server.make_job("job-1").await;
    let quota = reached.json("quotas").await;
    assert_eq!(quota["used"], 1);
    let links = reached.json("links").await;
    assert!(
        links
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["engine_type"] == "mysql-to-kafka"))
    );
    let sizes = reached.json("node-types mysql-to-kafka").await;
    assert!(sizes.as_array().is_some_and(|all| all.iter().any(|one| one["node_type"] == "high")));
    assert_eq!(reached.json("node-types colours").await, json!([]));
    assert_eq!(reached.json("zones").await[0]["status"], "ENABLED");
    assert_eq!(reached.json("tags").await, json!([]));

    let path = "/v5/{project_id}/jobs?job_type=sync";
    let answer = reached.json(&format!("api GET {path}")).await;
    assert_eq!(answer["total_count"], 1);
    let body = reached.dir.path().join("body.json");
    std::fs::write(&body, r#"{"name": "job-2", "type": "trans"}"#).expect("written");
    let line =
        format!("api post /v5/{{project_id}}/jobs/name-validation --body {}", body.display());
    assert_eq!(reached.json(&line).await["is_valid"], true);
    reached.fails("api GET /nowhere", 1, "APIGW.0101").await;

    for line in [
        "jobs list",
        "quotas",
        "links",
        "node-types",
        "zones",
        "connections list",
        "jobs logs job-1",
        "jobs objects job-1",
    ] {
        let yaml = reached.text(&format!("{line} -o yaml")).await;
        let value: Value = serde_norway::from_str(&yaml).expect("YAML");
        assert_eq!(value, reached.json(line).await, "{line}");
        let table = reached.text(&format!("{line} -o table")).await;
        assert!(serde_json::from_str::<Value>(&table).is_err(), "{line}: {table}");
    }
}

#[tokio::test]
async fn jobs_are_created_together() {
    let reached = Reached::new().await;
    let file = |name: &str, body: Value| {
        let path = reached.dir.path().join(name);
        std::fs::write(&path, body.to_string()).expect("written");
        path.display().to_string()
    };
    let mut wrong = super::batches::job("two");
    wrong["policy_config"]["topic_policy"] = "9".into();
    let asked = file("jobs.json", json!({"jobs": [super::batches::job("job-one"), wrong]}));
    reached.fails(&format!("batches create {asked} --commit"), 6, "something is wrong").await;
    let batches = reached.json("batches list").await;
    let batch = batches[0]["async_job_id"].as_str().expect("an id").to_owned();
    let jobs = reached.json(&format!("batches show {batch}")).await;
    let said = jobs[1]["failed_reason"].as_str().expect("a text");
    assert!(said.contains("name") || said.contains("topic_policy"), "{said}");
    let params = json!({"job_id": jobs[1]["id"], "base_info": {"name": "job-two"},
        "policy_config": {"topic_policy": "0"}});
    let change = file("change.json", json!({"jobs": [{"type": "all", "params": params}]}));
    reached.text(&format!("batches edit {batch} {change}")).await;
    let done = reached.text(&format!("batches commit {batch} --timeout 60")).await;
    assert!(done.contains("job-one") && done.contains("job-two"), "{done}");
    assert_eq!(reached.json("batches list").await[0]["status"], "ASYNC_JOB_COMPLETED");
    reached.fails("batches show none", 1, "async_job_id").await;
    reached.fails("batches create nowhere.json", 2, "nowhere.json").await;
}
