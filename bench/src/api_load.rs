//! The API under load: clients that list a server's jobs and look at them again and again, as consoles and scripts do.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use crate::figures::Figures;
use crate::server::Server;
use crate::stage::Stage;
use crate::usage::{cpu_seconds, peak_mib};

/// What is measured.
pub(crate) const SUBJECT: &str = "API, jobs listed and polled";
/// Jobs of the server.
const JOBS: usize = 200;
/// Clients at the same time.
const CLIENTS: usize = 50;
/// Requests a second of all of them.
const RATE: u64 = 500;
/// Requests of a client between two that list all jobs; the others look at one job.
const LIST_EVERY: usize = 10;
/// Time before it counts.
const WARM_UP: Duration = Duration::from_secs(5);
/// Time that counts.
const MEASURED: Duration = Duration::from_secs(30);

/// A client that is logged in.
#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    endpoint: String,
    project: String,
    token: String,
}

impl Caller {
    async fn log_in(endpoint: &str, known: &Value) -> Result<Self> {
        let text = |name: &str| known[name].as_str().unwrap_or_default().to_owned();
        let user = json!({"name": text("user_name"), "password": text("password"),
            "domain": {"name": text("domain_name")}});
        let auth = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": text("project_id")}}}});
        let http = reqwest::Client::new();
        let answer = http.post(format!("{endpoint}/v3/auth/tokens")).json(&auth).send().await?;
        let token = answer.headers().get("x-subject-token").context("no token")?;
        let token = token.to_str()?.to_owned();
        Ok(Self { http, endpoint: endpoint.to_owned(), project: text("project_id"), token })
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}/v5/{}/{path}", self.endpoint, self.project);
        let answer = self.http.get(url).header("x-auth-token", &self.token).send().await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.status());
        Ok(answer.json().await?)
    }

    async fn make_job(&self, number: usize) -> Result<String> {
        let job = json!({"job": {"base_info": {"name": format!("load-{number}"), "job_type": "sync",
            "engine_type": "mysql-to-kafka", "job_direction": "up", "task_type": "FULL_INCR_TRANS", "net_type": "vpc"}}});
        let url = format!("{}/v5/{}/jobs", self.endpoint, self.project);
        let request = self.http.post(url).header("x-auth-token", &self.token).json(&job);
        let answer: Value = request.send().await?.json().await?;
        Ok(answer["id"].as_str().with_context(|| answer.to_string())?.to_owned())
    }

    /// Asks at its share of the rate until `end`; how long answers took that were asked for from `from` on.
    async fn poll(
        self,
        first: usize,
        jobs: Vec<String>,
        from: Instant,
        end: Instant,
    ) -> Result<Vec<Duration>> {
        let period = Duration::from_secs(CLIENTS as u64) / u32::try_from(RATE)?;
        // Clients do not ask all at the same moment.
        let own = period * u32::try_from(first)? / u32::try_from(CLIENTS)?;
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + own, period);
        // Late requests are asked for all the same, so that a slow server is not spared.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut took = Vec::new();
        for number in first.. {
            let due = ticks.tick().await.into_std();
            if due >= end {
                break;
            }
            let job = &jobs[number * 7 % jobs.len()];
            let path = match number % LIST_EVERY {
                0 => format!("jobs?job_type=sync&limit={JOBS}"),
                n if n % 2 == 1 => format!("jobs/{job}?type=detail"),
                _ => format!("jobs/{job}?type=progress"),
            };
            self.get(&path).await?;
            if due >= from {
                took.push(due.elapsed());
            }
        }
        Ok(took)
    }
}

/// Measures how long answers take, and what the server needs for them.
///
/// # Errors
/// If an answer is not what it has to be.
pub(crate) fn measure(stage: &Stage, figures: &mut Figures) -> Result<()> {
    // One address stands for all clients.
    let config = stage.dir.path().join("load.toml");
    let limits =
        "[limits]\nrequests_per_key_per_s_max = 100000\nrequests_per_address_per_s_max = 100000\n";
    std::fs::write(&config, limits)?;
    let server = Server::start_with(stage, &["--config", &config.display().to_string()])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let known = std::fs::read_to_string(server.credentials())?;
    let known: Value = serde_json::from_str(&known)?;
    let (mut took, cpu) = runtime.block_on(load(&server, &known))?;
    took.sort();
    let at = |percent: usize| {
        let place = (took.len() * percent / 100).min(took.len().saturating_sub(1));
        took.get(place).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    };
    let peak = peak_mib(server.pid()).context("the server is gone")?;
    let rate = took.len() as f64 / MEASURED.as_secs_f64();
    figures.say(format!(
        "{JOBS} jobs, {CLIENTS} clients, {rate:.0} requests a second for {} s: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms; the server took {:.0} % of a core and {peak:.0} MiB at most",
        MEASURED.as_secs(),
        at(50),
        at(99),
        at(100),
        cpu / MEASURED.as_secs_f64() * 100.0
    ));
    server.stop()
}

/// How long answers took, and the server's CPU seconds meanwhile.
async fn load(server: &Server, known: &Value) -> Result<(Vec<Duration>, f64)> {
    let caller = Caller::log_in(server.endpoint(), known).await?;
    let mut jobs = Vec::with_capacity(JOBS);
    for number in 0..JOBS {
        jobs.push(caller.make_job(number).await?);
    }
    let from = Instant::now() + WARM_UP;
    let end = from + MEASURED;
    let mut clients = Vec::with_capacity(CLIENTS);
    for client in 0..CLIENTS {
        // Each has a connection of its own.
        let own = Caller { http: reqwest::Client::new(), ..caller.clone() };
        clients.push(tokio::spawn(own.poll(client, jobs.clone(), from, end)));
    }
    tokio::time::sleep_until(from.into()).await;
    let before = cpu_seconds(server.pid()).context("the server is gone")?;
    tokio::time::sleep_until(end.into()).await;
    let after = cpu_seconds(server.pid()).context("the server is gone")?;
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await??);
    }
    Ok((took, after - before))
}
