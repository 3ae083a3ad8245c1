//! Headers of records: where a change is from, or what CloudEvents' binding for Kafka asks for (specification 1.0.2, binary
//! content mode).
//!
//! In a batch they lie as the sink hands them on: for each a byte with the name's length, the name, a zero byte, the value's
//! length in four bytes (little-endian), and the value.

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use tailrace_codec::TableSchema;
use tailrace_codec::encode::rfc3339;

use crate::error::{Error, ErrorKind, Result};
use crate::job::{HeaderSet, JobSpec, MessageFormat};
use crate::transform::compose::Origin;

/// Writes the headers of a job's messages.
#[derive(Debug)]
pub(crate) struct Headers {
    set: HeaderSet,
    /// The job, as CloudEvents name where an event is from.
    source: String,
    content: &'static str,
}

/// What is said of a message.
pub(crate) struct Said<'a> {
    /// Database and table as messages name them.
    pub(crate) table: &'a str,
    /// Which columns it has.
    pub(crate) version: &'a str,
    /// Its id.
    pub(crate) id: u64,
    /// When it was committed, milliseconds of the Unix epoch.
    pub(crate) time_ms: i64,
    /// It is a row of the full phase, which is from no place of the log.
    pub(crate) is_read: bool,
}

/// A short name for what columns a table has in messages: changes if one comes, goes or is of another type.
pub(crate) fn version_of(schema: &TableSchema) -> String {
    let mut hash = Sha256::new();
    for column in &schema.columns {
        hash.update(format!("{}\0{}\0{}\0", column.name, column.type_name, column.nullable));
    }
    for ordinal in &schema.primary_key {
        hash.update(ordinal.to_le_bytes());
    }
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

impl Headers {
    /// `None` for a job whose messages have none.
    pub(crate) fn of_job(spec: &JobSpec) -> Option<Self> {
        let set = spec.policy.headers;
        let content = match spec.policy.format {
            MessageFormat::Avro => "application/avro",
            _ => "application/json",
        };
        let source = format!("/tailrace/{}", spec.job_id);
        (set != HeaderSet::None).then_some(Self { set, source, content })
    }

    /// Appends the headers of a message; gives where they lie.
    ///
    /// # Errors
    /// `Limit` for a batch that is larger than they can tell.
    pub(crate) fn push(
        &self,
        out: &mut Vec<u8>,
        said: &Said<'_>,
        origin: &Origin<'_>,
    ) -> Result<Range<u32>> {
        let start = place(out.len())?;
        match self.set {
            HeaderSet::None => {}
            HeaderSet::Source => {
                if !said.is_read {
                    push_one(out, "position", &format!("{}:{}", origin.file, origin.position));
                    push_one(out, "server_id", &origin.server_id.to_string());
                    if let Some(gtid) = origin.gtid {
                        push_one(out, "gtid", gtid);
                    }
                }
                push_one(out, "schema_version", said.version);
            }
            HeaderSet::CloudEvents => {
                push_one(out, "ce_specversion", "1.0");
                push_one(out, "ce_id", &said.id.to_string());
                push_one(out, "ce_source", &self.source);
                push_one(out, "ce_type", "com.tailrace.change");
                push_one(out, "ce_time", &rfc3339(said.time_ms).unwrap_or_default());
                push_one(out, "ce_subject", said.table);
                push_one(out, "content-type", self.content);
            }
        }
        Ok(start..place(out.len())?)
    }
}

fn place(bytes: usize) -> Result<u32> {
    u32::try_from(bytes).map_err(|_| {
        let text = format!("a batch of {bytes} bytes is too large for messages with headers");
        Error::new(ErrorKind::Limit, text)
    })
}

fn push_one(out: &mut Vec<u8>, name: &str, value: &str) {
    // Names are those above; a value is cut by no header, so its length fits.
    out.push(u8::try_from(name.len()).unwrap_or(0));
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(value.as_bytes());
}
