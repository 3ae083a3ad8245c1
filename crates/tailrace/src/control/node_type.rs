//! Sizes of a job, DRS's `node_type`: how much memory and how many readers its data path has, where no parameter says more.

use tailrace_pipeline::job::Limits;

use super::change::Extra;
use super::command::Command;
use super::job::{Attributes, Job};
use super::refusal::{Refusal, Result};
use super::{Caller, Control};

/// The sizes, from the least on.
pub const NODE_TYPES: [&str; 6] = ["micro", "small", "medium", "high", "xlarge", "2xlarge"];
/// The size of a job that names none.
pub const NODE_TYPE_DEFAULT: &str = "high";
/// Attribute of a job that has it.
const ATTRIBUTE: &str = "node_type";

/// Checks a size; [`NODE_TYPE_DEFAULT`] if none is given.
///
/// # Errors
/// [`Refusal::Invalid`].
pub fn checked(field: &str, given: Option<String>) -> Result<String> {
    let given = given.unwrap_or_else(|| NODE_TYPE_DEFAULT.to_owned());
    if NODE_TYPES.contains(&given.as_str()) {
        return Ok(given);
    }
    Err(Refusal::invalid(field, given, NODE_TYPES.join(", ")))
}

/// The size of a job.
pub fn of(attributes: &Attributes) -> &str {
    attributes.get(ATTRIBUTE).and_then(|value| value.as_str()).unwrap_or(NODE_TYPE_DEFAULT)
}

/// The bounds of a data path of this size.
pub fn limits(node_type: &str) -> Limits {
    let usual = Limits::default();
    // Readers, and memory of queues and batches as a share of the usual.
    let (readers, numerator, denominator) = match node_type {
        "micro" => (1, 1, 4),
        "small" => (1, 1, 2),
        "xlarge" => (4, 2, 1),
        "2xlarge" => (8, 4, 1),
        _ => (usual.snapshot_readers, 1, 1),
    };
    let share = |bytes: usize| bytes * numerator / denominator;
    Limits {
        snapshot_readers: readers,
        queue_bytes_max: share(usual.queue_bytes_max),
        transaction_bytes_max: share(usual.transaction_bytes_max),
        ..usual
    }
}

/// Notes a size in a job.
fn set(job: &mut Job, node_type: &str) {
    job.attributes.insert(ATTRIBUTE.to_owned(), node_type.into());
    let spec = job.attributes.get_mut("node_info").and_then(|node| node.get_mut("spec"));
    if let Some(spec) = spec.and_then(|spec| spec.as_object_mut()) {
        spec.insert(ATTRIBUTE.to_owned(), node_type.into());
    }
}

impl Control {
    /// Gives a job another size, which holds from its next start on.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::WrongState`].
    pub async fn change_node_type(
        &self,
        caller: &Caller,
        job_id: &str,
        node_type: &str,
    ) -> Result<()> {
        self.command(caller, job_id, Command::ChangeParameters, &|job| {
            set(job, node_type);
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// Jobs that a project has, and how many it may have.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn job_quota(&self, caller: &Caller) -> Result<(u64, u64)> {
        let used = self.inner.store.job_count(&caller.project_id).await?;
        Ok((used, self.inner.bounds.jobs_per_project_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_size_has_no_less_of_anything() {
        let sizes: Vec<Limits> = NODE_TYPES.iter().map(|name| limits(name)).collect();
        for pair in sizes.windows(2) {
            assert!(pair[0].snapshot_readers <= pair[1].snapshot_readers);
            assert!(pair[0].queue_bytes_max <= pair[1].queue_bytes_max);
            assert!(pair[0].transaction_bytes_max <= pair[1].transaction_bytes_max);
        }
        assert_eq!(sizes[3].queue_bytes_max, Limits::default().queue_bytes_max);
        assert!(sizes[0].queue_bytes_max < sizes[5].queue_bytes_max);
        assert_eq!(of(&Attributes::new()), NODE_TYPE_DEFAULT);
        assert!(checked("node_type", Some("tiny".to_owned())).is_err());
    }
}
