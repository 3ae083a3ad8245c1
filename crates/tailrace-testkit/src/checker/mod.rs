//! The checker of a job's topics: an independent consumer that knows what was promised.
//!
//! It reads as a consumer would, replays, and compares with the source row by row and column by
//! column. It shares no code with the product, so that a fault is not checked with itself. What it
//! can tell: lost and repeated changes, rows that go back, order inside a partition and of
//! transactions, partitions and keys, texts of values, DDL messages.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

mod consume;
mod ddl_effect;
mod message;
mod murmur2;
mod rendering;
mod replay;
mod report;
mod routing;
mod rows;
mod sequence;
mod source;
#[cfg(test)]
mod tests;
mod verdict;

pub use consume::{Tail, read_topic, topics};
pub use ddl_effect::normal_form;
pub use message::{Format, Image, Kind, Message, Parser, Place, Record, Shape};
pub use murmur2::{murmur2, partition_of};
pub use report::{Fault, Report, Violation};
pub use routing::{PartitionRule, TopicRule};
pub use sequence::Delivery;
pub use source::{Selected, SourceTable, read as read_source};

/// What a job promised.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Message format.
    pub format: Format,
    /// Delivery.
    pub delivery: Delivery,
    /// Policies of topic and partition; the numbers of partitions are filled in by [`check_job`].
    pub topic: TopicRule,
    /// Partition policy.
    pub partition: PartitionRule,
    /// Topic of DDL messages; `None` if the job sends none.
    pub ddl_topic: Option<String>,
    /// Begin of the names of the job's topics; what lies in others is not looked at.
    pub topic_prefix: String,
    /// Objects.
    pub selected: Selected,
    /// The job had a full phase, so a consumer knows every row.
    pub full_phase: bool,
    /// DDL statements on selected objects since the incremental phase began; `None` if it is not
    /// known which, and then they are not checked.
    pub statements: Option<Vec<Statement>>,
}

/// A DDL statement on a selected object that was executed while the job ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Database in which it was executed.
    pub database: String,
    /// Its text.
    pub sql: String,
    /// It took effect for sure; false if the connection was lost before the answer.
    pub certain: bool,
}

/// Reads the topics of a job and its source, and checks all that was promised. The source must have
/// come to rest and the job must have caught up.
///
/// # Errors
/// Broker or source cannot be read. What is wrong with the messages is in the report.
pub fn check_job(brokers: &str, source_url: &str, promise: &Promise) -> Result<Report> {
    let partitions = topics(brokers)?;
    let mut parser = Parser::new(promise.format);
    let mut report = Report::default();
    let mut messages = Vec::new();
    let names: BTreeMap<_, _> =
        partitions.iter().filter(|(t, _)| t.starts_with(&promise.topic_prefix)).collect();
    for topic in names.keys() {
        read_topic(brokers, topic, |record| {
            messages.extend(parse(&mut parser, record, &mut report));
        })?;
    }
    let tables = read_source(source_url, &promise.selected, promise.format)?;
    verdict::judge(messages, promise, partitions, tables, &mut report);
    Ok(report)
}

/// As [`check_job`], over records and tables at hand. `partitions` says how many partitions each
/// topic has.
pub fn check_records(
    records: impl IntoIterator<Item = Record>,
    partitions: HashMap<String, i32>,
    tables: Vec<SourceTable>,
    promise: &Promise,
) -> Report {
    let mut parser = Parser::new(promise.format);
    let mut report = Report::default();
    let messages =
        records.into_iter().filter_map(|record| parse(&mut parser, record, &mut report)).collect();
    verdict::judge(messages, promise, partitions, tables, &mut report);
    report
}

fn parse(parser: &mut Parser, record: Record, report: &mut Report) -> Option<Message> {
    let place = record.place.clone();
    match parser.parse(record) {
        Ok(message) => {
            *report.messages.entry(message.kind.name().to_owned()).or_default() += 1;
            Some(message)
        }
        Err(text) => {
            report.fault(Fault::Malformed, Some(&place), text);
            None
        }
    }
}
