//! Why a request is not carried out, with everything an answer needs.

use std::fmt;

use super::batch::BatchStatus;
use super::command::Command;
use super::status::JobStatus;

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such job in the caller's project.
    JobMissing {
        /// Id that was asked for.
        job_id: String,
    },
    /// The job existed and was deleted.
    JobDeleted {
        /// Id that was asked for.
        job_id: String,
    },
    /// The command is not allowed in the job's status.
    WrongState {
        /// Status of the job.
        status: JobStatus,
        /// What was asked for.
        command: Command,
        /// Where it is allowed.
        allowed: &'static [JobStatus],
    },
    /// A batch is not where this can be done with it.
    WrongBatchStatus {
        /// Where it is.
        status: BatchStatus,
        /// Where it would be allowed.
        allowed: &'static [BatchStatus],
    },
    /// Another job of the project has the name; names compare without case.
    NameTaken {
        /// The name.
        name: String,
    },
    /// A mandatory value is not there.
    Missing {
        /// DRS name of the field.
        field: String,
    },
    /// A value is not allowed.
    Invalid {
        /// DRS name of the field.
        field: String,
        /// What was given; never a secret.
        value: String,
        /// What is allowed, in words.
        allowed: String,
    },
    /// The job needs a precheck that passed since its endpoints, policy or objects last changed.
    NotPrechecked {
        /// What is missing, in words.
        reason: String,
    },
    /// The job's settings are not complete.
    NotConfigured {
        /// What is missing, in words.
        reason: String,
    },
    /// Source or target cannot be asked.
    Unreachable {
        /// Why, in words.
        why: String,
    },
    /// The link does not offer what was asked for.
    Unsupported {
        /// What was asked for.
        what: String,
        /// What is offered instead.
        instead: String,
    },
    /// Another operation of the same kind is under way, or too many at once.
    Busy {
        /// What is under way.
        what: String,
    },
    /// The objects were not collected yet, or the collection has not finished.
    NotCollected,
    /// No query of that id for this job.
    QueryMissing {
        /// Id that was asked for.
        query_id: String,
    },
    /// A quota is used up.
    QuotaReached {
        /// What is counted.
        what: &'static str,
        /// How many are allowed.
        limit: u64,
    },
    /// IAM has no such thing.
    IamMissing {
        /// What: user, group, project, role, access key.
        what: &'static str,
        /// Id that was asked for.
        id: String,
    },
    /// Nobody would be left who may manage users.
    LastAdministrator,
    /// The caller may not do this.
    Forbidden,
    /// The project is not the caller's.
    WrongProject,
    /// Login failed: user, password, token or access key is wrong, or the user is disabled.
    LoginFailed,
    /// Too many failed logins.
    Locked {
        /// When the next attempt is possible, milliseconds of the Unix epoch.
        until_ms: i64,
    },
    /// The disk of the server's data directory takes no more; nothing was changed.
    DiskFull,
    /// The server failed. The text is for the log and must not be answered.
    Internal(Internal),
}

/// What went wrong inside; for logs only.
#[derive(Clone, PartialEq, Eq)]
pub struct Internal {
    /// The whole chain of causes.
    pub detail: String,
}

impl fmt::Debug for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Refusal {
    /// A value that is not allowed.
    pub fn invalid(
        field: impl Into<String>,
        value: impl fmt::Display,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Invalid { field: field.into(), value: value.to_string(), allowed: allowed.into() }
    }

    /// A failure of the server.
    pub fn internal(detail: impl fmt::Display) -> Self {
        Self::Internal(Internal { detail: detail.to_string() })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JobMissing { job_id } => write!(f, "job {job_id} does not exist"),
            Self::JobDeleted { job_id } => write!(f, "job {job_id} was deleted"),
            Self::WrongState { status, command, allowed } => {
                write!(f, "{command} is not allowed in status {status}; it is in ")?;
                for (i, status) in allowed.iter().enumerate() {
                    write!(f, "{}{status}", if i == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::WrongBatchStatus { status, allowed } => {
                let allowed: Vec<_> = allowed.iter().map(|status| status.name()).collect();
                write!(f, "the batch is {}; this is allowed in {}", status.name(), allowed.join(", "))
            }
            Self::NameTaken { name } => write!(f, "the name {name} is taken in this project"),
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::Invalid { field, value, allowed } => {
                write!(f, "{field}: {value:?} is not allowed; allowed is {allowed}")
            }
            Self::NotPrechecked { reason } | Self::NotConfigured { reason } => f.write_str(reason),
            Self::Unreachable { why } => f.write_str(why),
            Self::Unsupported { what, instead } => {
                write!(f, "{what} is not offered; {instead}")
            }
            Self::Busy { what } => write!(f, "{what} is under way; try again when it is finished"),
            Self::NotCollected => f.write_str("the objects were not collected yet"),
            Self::QueryMissing { query_id } => write!(f, "query {query_id} does not exist"),
            Self::QuotaReached { what, limit } => write!(f, "no more than {limit} {what}"),
            Self::IamMissing { what, id } => write!(f, "{what} {id} does not exist"),
            Self::LastAdministrator => {
                f.write_str("nobody would be left who may manage users; give another user the role secu_admin first")
            }
            Self::Forbidden => f.write_str("not permitted"),
            Self::WrongProject => f.write_str("the project is not one of the caller's"),
            Self::LoginFailed => f.write_str("user name, password, token or key is wrong"),
            Self::Locked { .. } => f.write_str("too many failed logins"),
            Self::DiskFull => f.write_str(
                "the disk of the server's data directory is full and nothing was changed; free some space",
            ),
            Self::Internal(_) => f.write_str("the server failed; see its log"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Result of a request.
pub type Result<T, E = Refusal> = std::result::Result<T, E>;
