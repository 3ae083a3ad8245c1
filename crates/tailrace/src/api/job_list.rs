//! What the lists of v3 and v5 share.

use serde::Serialize;
use utoipa::ToSchema;

use crate::control::{Actions, JobStatus, Refusal, Result, command};

/// What can be done with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct JobActionView {
    /// Possible now.
    pub available_actions: Vec<&'static str>,
    /// Known and not possible now.
    pub unavailable_actions: Vec<&'static str>,
    /// Under way; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_action: Option<&'static str>,
}

impl JobActionView {
    /// The actions as they are answered.
    pub(crate) fn of(actions: &Actions) -> Self {
        Self {
            available_actions: actions.available.iter().map(|a| a.name()).collect(),
            unavailable_actions: actions.unavailable.iter().map(|a| a.name()).collect(),
            current_action: actions.current.map(|a| a.name()),
        }
    }

    /// What the status alone allows: enough for a list, without a look-up per job.
    pub(crate) fn of_status(status: JobStatus) -> Self {
        Self::of(&command::actions(status))
    }
}

/// A status to filter by. DRS documents 22 of them; all are taken.
pub(crate) fn status_filter(field: &str, name: Option<String>) -> Result<Option<JobStatus>> {
    let Some(name) = name else { return Ok(None) };
    JobStatus::from_name(&name).map(Some).ok_or_else(|| {
        let names: Vec<_> = JobStatus::ALL.iter().map(|s| s.name()).collect();
        Refusal::invalid(field, name, names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_job_can_be_deleted_and_a_running_one_cannot() {
        let ended = JobActionView::of_status(JobStatus::ReleaseResourceComplete);
        assert!(ended.available_actions.contains(&"DELETE"));
        let running = JobActionView::of_status(JobStatus::IncreTransferStarted);
        assert!(running.unavailable_actions.contains(&"DELETE"));
        assert!(running.available_actions.contains(&"PAUSE"));
    }
}
