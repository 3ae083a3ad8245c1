//! What every engine must do. Each function takes a fresh store; engines instantiate all of them.

mod batches;
mod connections;
mod exports;
mod iam;
mod jobs;
mod keys;
mod leases;
mod progress;
mod queries;

use super::*;
use crate::control::endpoint::{DbType, Endpoint};
use crate::control::job::{Engine, Job, JobTimes, TaskMode};
use crate::control::job_state::JobState;

pub(super) use batches::*;
pub(super) use connections::*;
pub(super) use exports::*;
pub(super) use iam::*;
pub(super) use jobs::*;
pub(super) use keys::*;
pub(super) use leases::*;
pub(super) use progress::*;
pub(super) use queries::*;

pub(super) fn job(id: &str, name: &str) -> Job {
    Job {
        id: id.to_owned(),
        domain_id: "d1".to_owned(),
        project_id: "p1".to_owned(),
        parent_id: None,
        name: name.to_owned(),
        description: "what it is for".to_owned(),
        engine: Engine::MysqlToKafka,
        task: TaskMode::FullIncremental,
        direction: "up".to_owned(),
        net_type: "vpc".to_owned(),
        enterprise_project_id: "0".to_owned(),
        expired_days: 14,
        tags: Vec::new(),
        attributes: Default::default(),
        state: JobState::new(TaskMode::FullIncremental),
        source: Endpoint::empty(DbType::Mysql),
        target: Endpoint::empty(DbType::Kafka),
        policy: None,
        selection: None,
        edited_selection: None,
        listed_databases: None,
        rereads: Vec::new(),
        progress_left: false,
        speed_windows: Vec::new(),
        compare_policy: None,
        held: Default::default(),
        parameters: Default::default(),
        failure: None,
        times: JobTimes::default(),
        children: Vec::new(),
    }
}

async fn insert(store: &dyn Store, job: &Job) {
    store.insert_job(NewJobRow { job, secrets: &[], timeline: None }).await.unwrap();
}

/// A job `j1` in the store.
async fn with_job(store: &dyn Store) -> Job {
    let job = job("j1", "job-1");
    insert(store, &job).await;
    job
}
