//! One proof: a load, a job over it, and the verdict.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use tailrace_testkit::checker::{Report, check_job};
use tailrace_testkit::workload::{Plan, Summary, Workload};

use super::caught_up;
use super::policy::{PARTITIONS, Policy, data_topic, ddl_topic};
use super::served::{Ends, Served};

/// For calls to the broker.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// A load and a job that replicates it.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) served: Served,
    pub(super) ends: Ends,
    pub(super) plan: Plan,
    policy: Policy,
    pub(super) job: String,
    fences: i64,
}

impl Scene {
    /// Makes topics and the job, up to but without its start. The source's databases must be there.
    pub(super) fn set_up(ends: Ends, plan: Plan, policy: Policy) -> Result<Self> {
        create_topics(&ends.kafka, &[(data_topic(&plan), PARTITIONS), (ddl_topic(&plan), 1)])?;
        let served = Served::start()?;
        let objects = serde_json::to_string(&plan.selected().databases)?;
        let settings = policy.settings(&plan);
        let name = format!("proof-{}", plan.prefix.replace('_', "-"));
        let mut commands = vec!["create", &name, "--", "connect", "@", "--", "policy", "@"];
        commands.extend(settings.iter().map(String::as_str));
        commands.extend(["--", "select", "@", &objects, "--", "precheck", "@"]);
        let job = served.drive(&ends, &commands)?;
        Ok(Self { served, ends, plan, policy, job, fences: 0 })
    }

    /// Runs commands of `drive_job.py`, `@` being the job.
    pub(super) fn drive(&self, commands: &[&str]) -> Result<String> {
        let commands: Vec<&str> =
            commands.iter().map(|c| if *c == "@" { self.job.as_str() } else { c }).collect();
        self.served.drive(&self.ends, &commands)
    }

    /// Address of the source for drivers.
    pub(super) fn url(&self) -> String {
        url(&self.ends)
    }

    /// Stops the load and waits until the job has delivered all of it.
    pub(super) fn catch_up(&mut self, load: Workload) -> Result<Summary> {
        let summary = load.stop()?;
        self.fences += 1;
        caught_up::wait(&self.url(), &self.ends.kafka, &self.plan, self.fences)
            .with_context(|| format!("log of the server:\n{}", self.served.log_tail()))?;
        Ok(summary)
    }

    /// The checker's verdict on the topics as they are. `Err` names everything that is wrong.
    pub(super) fn judge(&self, summary: &Summary) -> Result<Report> {
        let mut promise = self.policy.promise(&self.plan);
        promise.statements = Some(summary.statements.clone());
        let report = check_job(&self.ends.kafka, &self.url(), &promise)?;
        let seed = self.plan.seed;
        report.into_result().map_err(|text| {
            anyhow::anyhow!(
                "the promise does not hold (TAILRACE_SEED={seed}):\n{text}\n{summary:?}"
            )
        })
    }

    /// Ends and deletes the job, as its user would.
    pub(super) fn end_and_delete(&self) -> Result<()> {
        self.drive(&[
            "stop",
            "@",
            "--",
            "wait",
            "@",
            "RELEASE_RESOURCE_COMPLETE",
            "--",
            "delete",
            "@",
        ])
        .map(drop)
    }
}

/// `mysql://…` of the source.
pub(super) fn url(ends: &Ends) -> String {
    format!("mysql://{}:{}@{}", ends.mysql_user, ends.mysql_password, ends.mysql)
}

/// Makes topics anew.
pub(crate) fn create_topics(kafka: &str, topics: &[(String, i32)]) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", kafka).create()?;
    let options = AdminOptions::new().operation_timeout(Some(CALL_LIMIT));
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|(name, partitions)| NewTopic::new(name, *partitions, TopicReplication::Fixed(1)))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for result in runtime.block_on(admin.create_topics(&new, &options))? {
        result.map_err(|(topic, code)| anyhow::anyhow!("topic {topic}: {code}"))?;
    }
    Ok(())
}
