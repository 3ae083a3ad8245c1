//! Jobs and endpoints of all pairs of source and sink, for whoever does not care which one it is.

use crate::job::{GaussEndpoint, JobSpec, KafkaEndpoint, MysqlEndpoint, OracleEndpoint};
use crate::oracle_gaussdb::OracleJob;

/// What a job is to do, by its pair of source and sink.
#[derive(Debug, Clone)]
pub enum JobPlan {
    /// MySQL or TaurusDB to Kafka.
    Kafka(Box<JobSpec>),
    /// Oracle to GaussDB Distributed.
    Gauss(Box<OracleJob>),
}

impl JobPlan {
    /// DRS job id.
    pub fn job_id(&self) -> &str {
        match self {
            Self::Kafka(spec) => &spec.job_id,
            Self::Gauss(job) => &job.job_id,
        }
    }

    /// The job's settings if its target is Kafka.
    pub fn kafka(&self) -> Option<&JobSpec> {
        match self {
            Self::Kafka(spec) => Some(spec),
            Self::Gauss(_) => None,
        }
    }
}

impl From<JobSpec> for JobPlan {
    fn from(spec: JobSpec) -> Self {
        Self::Kafka(Box::new(spec))
    }
}

impl From<OracleJob> for JobPlan {
    fn from(job: OracleJob) -> Self {
        Self::Gauss(Box::new(job))
    }
}

/// A source of any kind.
#[derive(Debug, Clone)]
pub enum SourceEndpoint {
    /// MySQL, MariaDB or TaurusDB.
    Mysql(MysqlEndpoint),
    /// Oracle.
    Oracle(OracleEndpoint),
}

/// A target of any kind.
#[derive(Debug, Clone)]
pub enum TargetEndpoint {
    /// Kafka.
    Kafka(KafkaEndpoint),
    /// GaussDB Distributed.
    Gauss(GaussEndpoint),
}
