//! What of a policy may be changed once a job has run.

use super::job::Job;
use super::job_state::Reached;
use super::policy::SyncPolicy;
use super::refusal::{Refusal, Result};
use super::secrets::JobSecrets;
use super::spec;
use super::status::JobStatus;

/// Checks a policy that takes the place of another. Before the first start everything may change.
///
/// # Errors
/// [`Refusal::Unsupported`] that names the member, [`Refusal::Invalid`] for a policy that does not fit the rest of the job.
pub(crate) fn check(job: &Job, new: &SyncPolicy, secrets: &JobSecrets) -> Result<()> {
    let old = &job.policy.clone().unwrap_or_else(SyncPolicy::default_for_unset);
    if job.status() == JobStatus::Configuration {
        return Ok(());
    }
    if new.database.is_some() {
        // What is made at the target is made already; all else counts from the next start.
        return Ok(());
    }
    let fixed = [
        ("progress_topic", old.progress_topic == new.progress_topic),
        ("delivery", old.delivery == new.delivery),
        ("file_and_position, gtid_set", old.start_position == new.start_position),
    ];
    keeps(&fixed, "it says where the job stands")?;
    if job.state.reached < Reached::Incremental {
        // Else a part of the rows would be elsewhere, or in another form, than the rest.
        let of_rows = [
            ("topic_policy, topic, topic_name_format", old.topic == new.topic),
            ("partition_policy", old.partition == new.partition),
            ("kafka_data_format", old.format == new.format),
            ("debezium_modes", old.debezium == new.debezium),
            ("subject_naming", old.subjects == new.subjects),
            ("message_headers", old.headers == new.headers),
            ("dml_types", old.changes == new.changes),
        ];
        keeps(&of_rows, "the full phase has delivered rows by it")?;
    }
    let mut changed = job.clone();
    changed.policy = Some(new.clone());
    let Some(selection) = &job.selection else { return Ok(()) };
    let named = spec::named_selection(selection);
    let listed = job.listed_databases.clone().unwrap_or_else(|| vec!["-".to_owned()]);
    let named = named.unwrap_or_else(|| spec::whole_databases(&listed));
    let plan = spec::build(&changed, (named, selection.mappings.clone()), secrets)?;
    let Some(spec) = plan.kafka() else { return Ok(()) };
    spec.validate().map_err(|e| {
        Refusal::invalid(
            "sync policy",
            "the new one",
            format!("one that fits the job: {}", e.message()),
        )
    })
}

fn keeps(members: &[(&str, bool)], why: &str) -> Result<()> {
    match members.iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((member, _)) => Err(Refusal::Unsupported {
            what: format!("another {member} for a job that has run ({why})"),
            instead: "the value that it has, or a job of its own".to_owned(),
        }),
    }
}
