//! Changes that cannot be delivered to their topic and go to the job's dead-letter topic instead, each with the reason
//! and with the whole row.
//!
//! A letter is a JSON object; `message` is the change in DRS's `json_c` form, whatever the job's format is.
//! `docs/message-format.md` says which changes become letters.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tailrace_codec::TableSchema;
use tailrace_codec::encode::{Format, RowEncoder, kafka_partition};

use crate::batch::{Message, Topic};
use crate::error::{Error, ErrorKind, Result};

/// What a record batch with one message has beside the message's key, value and headers, bytes: 61 of the batch's own
/// head and up to 36 of lengths and differences (Kafka's message format, version 2), rounded up.
const OVERHEAD_BYTES: usize = 128;

/// Where changes of a table go that cannot be delivered.
pub(crate) struct DeadLetters {
    /// Dead-letter topic.
    topic: Topic,
    /// Largest message that it takes, bytes.
    letter_bytes_max: usize,
    /// The table's own topic.
    meant_for: String,
    /// Largest message that it takes, bytes.
    message_bytes_max: usize,
    /// Writes the rows of letters.
    form: RowEncoder,
    job_id: String,
    names: (String, String),
}

/// Topics by name with the largest message that each takes, bytes.
pub(crate) struct DeadLetterTopics {
    pub(crate) topic: Topic,
    pub(crate) letter_bytes_max: u64,
    pub(crate) meant_for: String,
    pub(crate) message_bytes_max: u64,
}

/// What a letter of the full phase has as its `op`.
pub(crate) const READ: &str = "read";

/// What a letter says beside the change itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Id of the job.
    pub job_id: String,
    /// Name of the error, as in `docs/errors`.
    pub error: String,
    /// Why it could not be delivered.
    pub reason: String,
    /// Database, as messages name it.
    pub database: String,
    /// Table, as messages name it.
    pub table: String,
    /// `read`, `insert`, `update` or `delete`.
    pub op: String,
    /// Topic that it was meant for.
    pub topic: String,
    /// Log file; empty for a row of the full phase.
    pub file: String,
    /// Offset of its event in the file.
    pub position: u64,
    /// Number among the rows of its event.
    pub row: u32,
    /// GTID of its transaction, where messages say it.
    pub gtid: Option<String>,
    /// When it was committed at the source, milliseconds of the Unix epoch; 0 in the full phase.
    pub commit_ms: i64,
    /// When it was put there, milliseconds of the Unix epoch.
    pub time_ms: i64,
}

/// A change on its way into a letter.
pub(super) struct Undelivered<'a> {
    pub(super) fault: &'a Error,
    pub(super) op: &'static str,
    pub(super) gtid: Option<&'a str>,
    pub(super) file: &'a str,
    pub(super) position: u64,
    pub(super) row: u32,
    pub(super) commit_ms: i64,
    pub(super) time_ms: i64,
}

impl DeadLetters {
    /// Compiles a table version, as messages have it.
    ///
    /// # Errors
    /// `SchemaMismatch` if its rows cannot be written.
    pub(crate) fn compile(
        schema: &TableSchema,
        job_id: &str,
        topics: DeadLetterTopics,
    ) -> Result<Self> {
        let form = RowEncoder::compile(schema, Format::JsonC)
            .map_err(|e| Error::new(ErrorKind::SchemaMismatch, e.to_string()))?;
        let bytes = |max: u64| usize::try_from(max).unwrap_or(usize::MAX);
        Ok(Self {
            topic: topics.topic,
            letter_bytes_max: bytes(topics.letter_bytes_max),
            meant_for: topics.meant_for,
            message_bytes_max: bytes(topics.message_bytes_max),
            form,
            job_id: job_id.to_owned(),
            names: (schema.database.clone(), schema.table.clone()),
        })
    }

    /// Why the table's topic does not take a message, if it does not. What counts is its size before compression, as a
    /// producer's `max.request.size` counts it.
    pub(super) fn oversize(&self, message: &Message) -> Option<Error> {
        let bytes = message.key.len() + message.value.len() + message.headers.len();
        if bytes.saturating_add(OVERHEAD_BYTES) <= self.message_bytes_max {
            return None;
        }
        let (topic, max) = (&self.meant_for, self.message_bytes_max);
        let (database, table) = &self.names;
        let text = format!(
            "a change of {database}.{table} of {bytes} bytes is larger than topic {topic} takes (max.message.bytes is {max})"
        );
        Some(Error::new(ErrorKind::MessageTooLarge, text))
    }

    /// Appends the letter of a change whose row `push_row` appends.
    ///
    /// # Errors
    /// The change's own fault if the row cannot be written here either, or if the letter is larger than the dead-letter
    /// topic takes.
    pub(super) fn push(
        &self,
        data: &mut Vec<u8>,
        change: &Undelivered<'_>,
        push_row: impl FnOnce(&RowEncoder, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Message> {
        let own = |more: &str| {
            let (kind, text) = (change.fault.kind(), change.fault.message());
            Error::new(kind, format!("{text}; {more}"))
        };
        let (database, table) = self.names.clone();
        let letter = Letter {
            job_id: self.job_id.clone(),
            error: change.fault.kind().name().to_owned(),
            reason: change.fault.message().to_owned(),
            database,
            table,
            op: change.op.to_owned(),
            topic: self.meant_for.clone(),
            file: change.file.to_owned(),
            position: change.position,
            row: change.row,
            gtid: change.gtid.map(str::to_owned),
            commit_ms: change.commit_ms,
            time_ms: change.time_ms,
        };
        let key = part(data, format!("{}.{}", self.names.0, self.names.1).as_bytes());
        let start = data.len();
        let head = serde_json::to_vec(&letter)
            .map_err(|e| Error::new(ErrorKind::Bug, format!("a letter cannot be written: {e}")))?;
        // The object goes on behind its last member.
        data.extend_from_slice(head.strip_suffix(b"}").unwrap_or(&head));
        data.extend_from_slice(b",\"message\":");
        if let Err(e) = push_row(&self.form, data) {
            data.truncate(key.start);
            return Err(own(&format!("and the dead-letter topic cannot have it: {}", e.message())));
        }
        data.push(b'}');
        let value = start..data.len();
        let bytes = key.len() + value.len();
        if bytes.saturating_add(OVERHEAD_BYTES) > self.letter_bytes_max {
            data.truncate(key.start);
            let max = self.letter_bytes_max;
            return Err(own(&format!(
                "its letter of {bytes} bytes is larger than the dead-letter topic takes (max.message.bytes is {max})"
            )));
        }
        let bytes = data.get(key.clone()).unwrap_or_default();
        let partition = kafka_partition(bytes, self.topic.partitions);
        Ok(Message { topic: self.topic.id, partition, key, value, headers: 0..0 })
    }
}

fn part(data: &mut Vec<u8>, bytes: &[u8]) -> Range<usize> {
    let start = data.len();
    data.extend_from_slice(bytes);
    start..data.len()
}
