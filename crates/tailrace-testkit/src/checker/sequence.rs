//! Checks on the order and the numbers of messages: `id`, source transactions, commit order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::message::{Kind, Message, Place};
use super::report::{Fault, Report};
use super::rows::key_of;

/// Column of the workload's tables that holds the number of the writing transaction.
const TRANSACTION: &str = "txn";
/// Column that is filled in commit order.
const COMMIT_SEQUENCE: &str = "commit_seq";

/// What the job promises of repeated messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// None.
    ExactlyOnce,
    /// The same message again, with its `id`.
    AtLeastOnce,
}

/// Checks that `id` grows along each partition. `messages` are in partition order.
///
/// Rows of the full phase are read by several readers and only have to keep the order of one key.
pub(super) fn check_partition_order(messages: &[Message], delivery: Delivery, report: &mut Report) {
    let mut partitions: HashMap<(Arc<str>, i32), Vec<&Message>> = HashMap::new();
    for message in messages {
        let partition = (Arc::clone(&message.place.topic), message.place.partition);
        partitions.entry(partition).or_default().push(message);
    }
    for messages in partitions.values() {
        if !messages.is_sorted_by(|a, b| a.id < b.id) {
            check_one_partition(messages, delivery, report);
        }
    }
}

fn check_one_partition(messages: &[&Message], delivery: Delivery, report: &mut Report) {
    let mut seen = HashSet::new();
    let mut newest = 0;
    let mut newest_of_key = HashMap::new();
    for message in messages {
        let again = !seen.insert(message.id) && delivery == Delivery::AtLeastOnce;
        if again {
            continue;
        }
        if message.kind.is_change() || message.kind == Kind::Ddl {
            if message.id <= newest {
                let text = format!("id {} after {newest}", message.id);
                report.fault(Fault::IdOrder, Some(&message.place), text);
            }
            newest = newest.max(message.id);
        }
        let image = message.after.as_ref().or(message.before.as_ref());
        let key = image.and_then(|image| key_of(image, &message.shape.primary_key));
        if let Some(key) = key.filter(|_| !message.shape.primary_key.is_empty()) {
            let name = (message.table_name(), key);
            if let Some(before) = newest_of_key.insert(name, message.id)
                && before >= message.id
            {
                let text = format!("id {} after {before}, for the same key", message.id);
                report.fault(Fault::IdOrder, Some(&message.place), text);
            }
        }
    }
}

/// Puts messages into the order of `id` and takes out those that at-least-once delivery may repeat.
pub(super) fn in_order_of_id(
    mut messages: Vec<Message>,
    delivery: Delivery,
    report: &mut Report,
) -> Vec<Message> {
    messages.sort_by(|a, b| (a.id, &a.place).cmp(&(b.id, &b.place)));
    let mut kept: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        if let Some(last) = kept.last().filter(|last| last.id == message.id) {
            if delivery == Delivery::AtLeastOnce && same_content(last, &message) {
                report.repeated += 1;
                continue;
            }
            let text =
                format!("id {} is also that of {} at {}", message.id, describe(last), last.place);
            report.fault(Fault::IdRepeated, Some(&message.place), text);
        }
        kept.push(message);
    }
    kept
}

/// All but `ts`, which is the time of encoding.
fn same_content(a: &Message, b: &Message) -> bool {
    a.kind == b.kind
        && a.database == b.database
        && a.table == b.table
        && a.sql == b.sql
        && a.key == b.key
        && a.before == b.before
        && a.after == b.after
}

fn describe(message: &Message) -> String {
    format!("{} {}", message.kind.name(), message.table_name())
}

/// Checks that the messages of a source transaction stand together and that transactions which
/// took a number at their commit come in its order. `messages` are in the order of `id`.
pub(super) fn check_transactions(messages: &[Message], report: &mut Report) {
    let mut finished: HashSet<i64> = HashSet::new();
    let mut current: Option<i64> = None;
    let mut last_commit: Option<(i64, &Place)> = None;
    for message in messages.iter().filter(|m| m.kind.is_change()) {
        let Some(after) = &message.after else { continue };
        if let Some(transaction) = after.number(TRANSACTION)
            && current != Some(transaction)
        {
            finished.extend(current);
            current = Some(transaction);
            if finished.contains(&transaction) {
                let text = format!("transaction {transaction} goes on after another began");
                report.fault(Fault::Interleaved, Some(&message.place), text);
            }
        }
        if let Some(sequence) =
            after.number(COMMIT_SEQUENCE).filter(|_| message.kind == Kind::Insert)
        {
            if let Some((last, place)) = last_commit.filter(|(last, _)| *last >= sequence) {
                let text = format!("commit {sequence} comes after commit {last} at {place}");
                report.fault(Fault::CommitOrder, Some(&message.place), text);
            }
            last_commit = Some((sequence, &message.place));
        }
    }
}
