//! Parameters of a job: the bounds of its data path that a user may move. DRS's names where it has
//! one for the same thing, Tailrace's own elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use tailrace_pipeline::job::Limits;

use super::refusal::{Refusal, Result};
use super::view::Parameter;

struct Definition {
    name: &'static str,
    description: &'static str,
    min: u64,
    max: u64,
    read: fn(&Limits) -> u64,
    write: fn(&mut Limits, u64),
}

fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

const DEFINITIONS: [Definition; 27] = [
    Definition {
        name: "read_task_num",
        description: "Parallel readers of the full phase.",
        min: 1,
        max: 32,
        read: |l| l.snapshot_readers as u64,
        write: |l, n| l.snapshot_readers = to_usize(n),
    },
    Definition {
        name: "shard_task_num",
        description: "Parallel readers of one table in the full phase, of those that read_task_num allows.",
        min: 1,
        max: 32,
        read: |l| l.table_readers_max as u64,
        write: |l, n| l.table_readers_max = to_usize(n),
    },
    Definition {
        name: "applier_thread_num",
        description: "Requests with messages that one broker has to answer at a time, of a job with a full phase.",
        min: 1,
        max: 5,
        read: |l| u64::from(l.snapshot_requests_max),
        write: |l, n| l.snapshot_requests_max = u8::try_from(n).unwrap_or(5),
    },
    Definition {
        name: "increment_writer_num",
        description: "The same of a job with an increment; one with both phases has the larger of the two numbers.",
        min: 1,
        max: 5,
        read: |l| u64::from(l.stream_requests_max),
        write: |l, n| l.stream_requests_max = u8::try_from(n).unwrap_or(5),
    },
    Definition {
        name: "relay_socket_timeout",
        description: "Milliseconds of silence of the source's log, which says every second that it is alive, before the connection counts as lost.",
        min: 5_000,
        max: 3_600_000,
        read: |l| millis(l.log_silence_max),
        write: |l, n| l.log_silence_max = Duration::from_millis(n),
    },
    Definition {
        name: "datamove_source_socket_timeout",
        description: "Milliseconds of silence of the source behind a statement, such as one that reads a chunk, before the connection counts as lost.",
        min: 10_000,
        max: 86_400_000,
        read: |l| millis(l.statement_silence_max),
        write: |l, n| l.statement_silence_max = Duration::from_millis(n),
    },
    Definition {
        name: "chunk_rows_max",
        description: "Rows in one chunk of the full phase.",
        min: 100,
        max: 10_000_000,
        read: |l| l.chunk_rows_max,
        write: |l, n| l.chunk_rows_max = n,
    },
    Definition {
        name: "skip_all_ddl",
        description: "1: a job to a database passes over all changes of its tables' definitions; 0: its policy decides (ddl_trans).",
        min: 0,
        max: 1,
        read: |l| u64::from(l.skips_definitions),
        write: |l, n| l.skips_definitions = n > 0,
    },
    Definition {
        name: "snapshot_share_percent_max",
        description: "Percent of one core's time for which the full phase reads while others work on the source; 100 takes no notice of them.",
        min: 1,
        max: 100,
        read: |l| u64::from(l.snapshot_share_percent_max),
        write: |l, n| l.snapshot_share_percent_max = u32::try_from(n).unwrap_or(100),
    },
    Definition {
        name: "snapshot_view_age_s_max",
        description: "Seconds after which the full phase renews its read view.",
        min: 10,
        max: 86_400,
        read: |l| l.snapshot_view_age_max.as_secs(),
        write: |l, n| l.snapshot_view_age_max = Duration::from_secs(n),
    },
    Definition {
        name: "queue_bytes_max",
        description: "Bytes of encoded messages between source and sink.",
        min: 1 << 20,
        max: 4 << 30,
        read: |l| l.queue_bytes_max as u64,
        write: |l, n| l.queue_bytes_max = to_usize(n),
    },
    Definition {
        name: "transaction_bytes_max",
        description: "Bytes of messages in one Kafka transaction.",
        min: 64 << 10,
        max: 1 << 30,
        read: |l| l.transaction_bytes_max as u64,
        write: |l, n| l.transaction_bytes_max = to_usize(n),
    },
    Definition {
        name: "transaction_age_ms_max",
        description: "Milliseconds after which an open Kafka transaction is committed.",
        min: 1,
        max: 60_000,
        read: |l| millis(l.transaction_age_max),
        write: |l, n| l.transaction_age_max = Duration::from_millis(n),
    },
    Definition {
        name: "datamove_fetchsize",
        description: "Rows that a source of Oracle hands out at a time in the full phase.",
        min: 10,
        max: 10_000,
        read: |l| u64::from(l.copy_fetch_rows),
        write: |l, n| l.copy_fetch_rows = u32::try_from(n).unwrap_or(10_000),
    },
    Definition {
        name: "shard_length",
        description: "Rows in one piece of a table in the full phase of a job from Oracle, instead of chunk_rows_max; 0: a table is read at once by one reader.",
        min: 0,
        max: 1_000_000_000,
        read: |l| l.shard_rows.unwrap_or(l.chunk_rows_max),
        write: |l, n| l.shard_rows = Some(n),
    },
    Definition {
        name: "datamove_split_partition",
        description: "Whether each partition of a table of Oracle's is read by itself in the full phase, several at a time, however small it is.",
        min: 0,
        max: 1,
        read: |l| u64::from(l.splits_partitions),
        write: |l, n| l.splits_partitions = n > 0,
    },
    Definition {
        name: "read_log_num",
        description: "Sessions of LogMiner's that a job from Oracle has at a time while it is behind with the log of a source that no other job reads.",
        min: 1,
        max: 16,
        read: |l| l.log_readers as u64,
        write: |l, n| l.log_readers = to_usize(n),
    },
    Definition {
        name: "datamove_copy_mode",
        description: "How rows of the full phase come into a target database: by COPY, or by INSERT, which leaves rows alone whose keys are there already.",
        min: 0,
        max: 1,
        read: |l| u64::from(l.inserts_rows),
        write: |l, n| l.inserts_rows = n > 0,
    },
    Definition {
        name: "logminer_fetchsize",
        description: "Rows of LogMiner's that a source of Oracle hands out at a time.",
        min: 10,
        max: 10_000,
        read: |l| u64::from(l.log_fetch_rows),
        write: |l, n| l.log_fetch_rows = u32::try_from(n).unwrap_or(10_000),
    },
    Definition {
        name: "dirty_rows_max",
        description: "Changes that a target database refuses and that are put aside as dirty data before the job stops; 0 stops it at the first.",
        min: 0,
        max: 100_000,
        read: |l| l.dirty_rows_max,
        write: |l, n| l.dirty_rows_max = n,
    },
    Definition {
        name: "read_missing_keys",
        description: "1: the key of an updated row that an Oracle source's log does not tell is read from the source by its place; 0: the job stops there.",
        min: 0,
        max: 1,
        read: |l| u64::from(l.reads_missing_keys),
        write: |l, n| l.reads_missing_keys = n > 0,
    },
    Definition {
        name: "apply_start_scn",
        description: "SCN behind which commits are applied by an increment-only job from Oracle that has not begun yet; 0 is now.",
        min: 0,
        max: i64::MAX as u64,
        read: |l| l.apply_start_scn,
        write: |l, n| l.apply_start_scn = n,
    },
    Definition {
        name: "full_scn",
        description: "SCN as of which a job from Oracle that has not begun yet copies its rows (DRS: fullScn), and behind which it applies commits; 0 is now.",
        min: 0,
        max: i64::MAX as u64,
        read: |l| l.full_scn,
        write: |l, n| l.full_scn = n,
    },
    Definition {
        name: "capture_start_scn",
        description: "SCN from which a job that begins at apply_start_scn or full_scn reads the log, for transactions that were open there; 0 is there itself.",
        min: 0,
        max: i64::MAX as u64,
        read: |l| l.capture_start_scn,
        write: |l, n| l.capture_start_scn = n,
    },
    Definition {
        name: "parallel",
        description: "Appliers of an increment into a database, which share transactions out by the keys of their rows; with 1 the target has whole transactions at every moment.",
        min: 1,
        max: 64,
        read: |l| l.appliers as u64,
        write: |l, n| l.appliers = to_usize(n),
    },
    Definition {
        name: "rows_per_second_max",
        description: "Rows per second of the whole job; 0 is unlimited.",
        min: 0,
        max: 1_000_000_000,
        read: |l| l.rows_per_second_max.unwrap_or(0),
        write: |l, n| l.rows_per_second_max = (n > 0).then_some(n),
    },
    Definition {
        name: "bytes_per_second_max",
        description: "Bytes of messages per second of the whole job; 0 is unlimited.",
        min: 0,
        max: 1_000_000_000_000,
        read: |l| l.bytes_per_second_max.unwrap_or(0),
        write: |l, n| l.bytes_per_second_max = (n > 0).then_some(n),
    },
];

/// Parameters whose values are words: those for the numbers from 0 on.
const WORDS: [(&str, &[&str]); 2] =
    [("datamove_copy_mode", &["COPY", "INSERT"]), ("datamove_split_partition", &["false", "true"])];

impl Definition {
    fn words(&self) -> Option<&'static [&'static str]> {
        WORDS.iter().find(|(name, _)| *name == self.name).map(|(_, words)| *words)
    }

    fn number(&self, value: &str) -> Option<u64> {
        let value = value.trim();
        let number = match self.words() {
            None => value.parse().ok()?,
            Some(words) => {
                u64::try_from(words.iter().position(|word| word.eq_ignore_ascii_case(value))?)
                    .ok()?
            }
        };
        (self.min..=self.max).contains(&number).then_some(number)
    }

    fn text(&self, number: u64) -> String {
        let word = self.words().and_then(|words| words.get(usize::try_from(number).ok()?));
        word.map_or_else(|| number.to_string(), |word| (*word).to_owned())
    }

    fn allowed(&self, between: &str) -> String {
        match self.words() {
            Some(words) => words.join(", "),
            None => format!("{}{between}{}", self.min, self.max),
        }
    }
}

fn checked(name: &str, value: &str) -> Result<(&'static Definition, u64)> {
    let definition = DEFINITIONS.iter().find(|d| d.name == name).ok_or_else(|| {
        let names: Vec<&str> = DEFINITIONS.iter().map(|d| d.name).collect();
        Refusal::invalid("parameter_name", name, names.join(", "))
    })?;
    let number = definition
        .number(value)
        .ok_or_else(|| Refusal::invalid(name, value, definition.allowed(" to ")))?;
    Ok((definition, number))
}

/// Checks a value and answers its usual form.
///
/// # Errors
/// [`Refusal::Invalid`] if there is no such parameter or the value is out of its range.
pub(crate) fn parse(name: &str, value: &str) -> Result<String> {
    checked(name, value).map(|(definition, number)| definition.text(number))
}

/// Sets one bound.
///
/// # Errors
/// As [`parse`].
pub(crate) fn apply(name: &str, value: &str, limits: &mut Limits) -> Result<()> {
    let (definition, number) = checked(name, value)?;
    (definition.write)(limits, number);
    Ok(())
}

/// All parameters, with the values of a job; without a value it has those of its size.
pub(crate) fn list(set: &BTreeMap<String, String>, defaults: &Limits) -> Vec<Parameter> {
    DEFINITIONS
        .iter()
        .map(|d| {
            let default_value = d.text((d.read)(defaults));
            Parameter {
                name: d.name,
                value: set.get(d.name).cloned().unwrap_or_else(|| default_value.clone()),
                default_value,
                value_range: d.allowed("-"),
                description: d.description,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_moves_its_own_bound_and_its_default_is_allowed() {
        for definition in &DEFINITIONS {
            let mut limits = Limits::default();
            let default = (definition.read)(&limits);
            assert!((definition.min..=definition.max).contains(&default), "{}", definition.name);
            for value in [definition.min, definition.max] {
                apply(definition.name, &definition.text(value), &mut limits).unwrap();
                assert_eq!((definition.read)(&limits), value, "{}", definition.name);
            }
            for bad in ["", "-1", "x", "99999999999999999999"] {
                apply(definition.name, bad, &mut limits).unwrap_err();
            }
        }
    }

    #[test]
    fn an_unknown_parameter_is_named_with_those_there_are() {
        let text = parse("max_threads", "2").unwrap_err().to_string();
        assert!(text.contains("max_threads") && text.contains("read_task_num"), "{text}");
    }
}
