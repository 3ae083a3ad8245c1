//! What is in a job's dead-letter topic.

use rdkafka::message::Message as _;

use crate::error::{Error, ErrorKind, Result};
use crate::job::JobSpec;
use crate::run::StopSignal;
use crate::sink::kafka::lookup::{ANSWER_TIMEOUT, Lookup};
use crate::sink::kafka::progress_consumers::ProgressConsumers;
use crate::sink::kafka::topic_reader::TopicReader;
pub use crate::transform::dead_letter::Letter;
use crate::transform::dead_letter::READ;

/// Letters that are kept in memory and put in order; more are counted only.
pub const LETTERS_MAX: usize = 10_000;

/// Which letters are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LettersRequest {
    /// Written at or behind this moment, milliseconds of the Unix epoch.
    pub from_ms: i64,
    /// Written before this moment, milliseconds of the Unix epoch.
    pub until_ms: i64,
    /// Of rows of the full phase, or of changes.
    pub full_phase: bool,
}

/// Letters of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Letters {
    /// How many there are.
    pub count: u64,
    /// The first [`LETTERS_MAX`] of them that were read, oldest first.
    pub letters: Vec<Letter>,
}

/// Reads the letters of a job that are in its dead-letter topic; none for a job without one. Messages of others in
/// the topic are passed over. Blocks.
///
/// # Errors
/// `TargetTopic` if the topic is gone, and those of the connection.
pub fn dead_letters(
    spec: &JobSpec,
    request: &LettersRequest,
    stop: &StopSignal,
) -> Result<Letters> {
    let Some(name) = &spec.policy.dead_letter_topic else { return Ok(Letters::default()) };
    let lookup = Lookup::open(&spec.target)?;
    let Some(found) = lookup.topic(name, ANSWER_TIMEOUT)? else {
        let text = format!("topic {name} does not exist, or the account may not see it");
        return Err(Error::new(ErrorKind::TargetTopic, text));
    };
    let partitions = found.partitions;
    let consumers = ProgressConsumers::open(&spec.target)?;
    let mut reader = TopicReader::new(name, &lookup, &consumers, stop);
    let ends = reader.ends_since(partitions, request.from_ms)?;
    let mut found = Letters::default();
    reader.read(&ends, |message| {
        let letter = message.payload().map(serde_json::from_slice::<Letter>);
        let Some(Ok(letter)) = letter else { return Ok(()) };
        let in_time = (request.from_ms..request.until_ms).contains(&letter.time_ms);
        let in_phase = (letter.op == READ) == request.full_phase;
        if letter.job_id == spec.job_id && in_time && in_phase {
            found.count += 1;
            if found.letters.len() < LETTERS_MAX {
                found.letters.push(letter);
            }
        }
        Ok(())
    })?;
    found.letters.sort_by_key(|letter| letter.time_ms);
    Ok(found)
}
