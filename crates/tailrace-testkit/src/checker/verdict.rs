//! The checks in their order, and the comparison of the end state.

use std::collections::{HashMap, VecDeque};

use super::message::{Kind, Message, Shape};
use super::replay::Replay;
use super::report::{Fault, Report};
use super::routing::Routing;
use super::rows::{Rows, content_of, difference, key_of};
use super::sequence::{check_partition_order, check_transactions, in_order_of_id};
use super::source::SourceTable;
use super::{Promise, Statement, normal_form};

/// Judges all messages of a job against its promise and the source.
pub(super) fn judge(
    messages: Vec<Message>,
    promise: &Promise,
    partitions: HashMap<String, i32>,
    tables: Vec<SourceTable>,
    report: &mut Report,
) {
    let routing = Routing {
        topic: promise.topic.clone(),
        partition: promise.partition,
        ddl_topic: promise.ddl_topic.clone(),
        partitions,
    };
    for message in &messages {
        check_selected(message, promise, report);
        routing.check(message, report);
    }
    check_partition_order(&messages, promise.delivery, report);
    let messages = in_order_of_id(messages, promise.delivery, report);
    check_transactions(&messages, report);
    if let Some(statements) = &promise.statements {
        check_statements(&messages, statements, report);
    }
    let mut replay = Replay::new(unseen_until(&messages, promise.full_phase));
    for message in &messages {
        replay.apply(message, report);
    }
    for table in tables {
        let rows = replay.take(&table.database, &table.table);
        compare(table, rows, report);
    }
    for (name, live) in replay.left() {
        report.fault(
            Fault::ExtraRow,
            None,
            format!("{name}: {live} rows of a table that is no more"),
        );
    }
}

/// A change of a row that was not delivered before is in order while the full phase goes on, and
/// always if there was none.
fn unseen_until(messages: &[Message], full_phase: bool) -> u64 {
    if !full_phase {
        return u64::MAX;
    }
    messages.iter().filter(|m| m.kind == Kind::Init).map(|m| m.id).max().unwrap_or(0)
}

fn check_selected(message: &Message, promise: &Promise, report: &mut Report) {
    if message.kind == Kind::Ddl {
        if !promise.selected.databases.contains_key(&*message.database) {
            let text = format!("database {} is not selected: {}", message.database, message.sql);
            report.fault(Fault::UnexpectedDdl, Some(&message.place), text);
        }
    } else if !promise.selected.includes(&message.database, &message.table) {
        let text = format!("{} is not selected", message.table_name());
        report.fault(Fault::NotSelected, Some(&message.place), text);
    }
}

/// DDL messages are the executed statements, in their order.
fn check_statements(messages: &[Message], statements: &[Statement], report: &mut Report) {
    let mut expected: VecDeque<(String, &Statement)> =
        statements.iter().map(|s| (comparable(&s.sql, &s.database), s)).collect();
    let found: Vec<String> = messages
        .iter()
        .filter(|m| m.kind == Kind::Ddl)
        .map(|m| comparable(&m.sql, &m.database))
        .collect();
    if fits(&found, expected.make_contiguous()) {
        return;
    }
    // Something is wrong; the first place that fits tells roughly what.
    for message in messages.iter().filter(|m| m.kind == Kind::Ddl) {
        let found = comparable(&message.sql, &message.database);
        // Statements whose outcome nobody knows may be left out.
        let place = expected.iter().position(|(sql, _)| *sql == found);
        let Some(place) = place else {
            let text = format!("no such statement is due: {}", message.sql);
            report.fault(Fault::UnexpectedDdl, Some(&message.place), text);
            continue;
        };
        for (_, passed) in expected.drain(..=place).take(place) {
            missing_statement(passed, report);
        }
    }
    for (_, left) in expected {
        missing_statement(left, report);
    }
}

/// Whether the messages are the statements in their order, without some of those whose outcome nobody
/// knows. Of equal statements it may be either that was not executed, so all ways are tried.
fn fits(found: &[String], expected: &[(String, &Statement)]) -> bool {
    // For each number of messages: whether they can be all that the statements so far gave.
    let mut fitting = vec![false; found.len() + 1];
    fitting[0] = true;
    for (sql, statement) in expected {
        for count in (0..fitting.len()).rev() {
            let left_out = fitting[count] && !statement.certain;
            let given = count > 0 && fitting[count - 1] && found[count - 1] == *sql;
            fitting[count] = left_out || given;
        }
    }
    fitting[found.len()]
}

fn missing_statement(statement: &Statement, report: &mut Report) {
    if statement.certain {
        report.fault(Fault::MissingDdl, None, format!("no message of: {}", statement.sql));
    }
}

/// The server writes some statements anew and adds the database: that makes no difference. Of a
/// `CREATE TABLE`, which it may write with all columns and options, only the name is compared.
fn comparable(sql: &str, database: &str) -> String {
    let sql = normal_form(sql).replace(&format!("{} . ", database.to_uppercase()), "");
    match sql.strip_prefix("CREATE TABLE ") {
        Some(rest) => {
            let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
            format!("CREATE TABLE {}", rest.split(' ').next().unwrap_or(rest))
        }
        None => sql,
    }
}

fn compare(table: SourceTable, mut rows: Rows, report: &mut Report) {
    let name = format!("{}.{}", table.database, table.table);
    let count = u64::try_from(table.rows.len()).unwrap_or(u64::MAX);
    report.rows_compared.insert(name.clone(), count);
    if let Some(shape) = rows.shape.as_ref().filter(|_| !rows.altered) {
        compare_shapes(&name, &table.shape, shape, report);
    }
    if table.shape.primary_key.is_empty() {
        compare_bags(&name, table, rows, report);
        return;
    }
    for expected in table.rows {
        let Some(key) = key_of(&expected, &table.shape.primary_key) else { continue };
        let row = rows.keyed.remove(&key);
        let Some((id, found)) = row.and_then(|row| Some((row.id, row.image?))) else {
            report.fault(Fault::MissingRow, None, format!("{name}: key {key}"));
            continue;
        };
        let differs = difference(&expected, &found);
        if !differs.is_empty() {
            let text = format!("{name}: key {key}, last message {id}: {differs}");
            report.fault(Fault::WrongValue, None, text);
        }
    }
    for (key, row) in rows.keyed.iter().filter(|(_, row)| row.image.is_some()) {
        let text = format!("{name}: key {key}, last message {}", row.id);
        report.fault(Fault::ExtraRow, None, text);
    }
}

fn compare_bags(name: &str, table: SourceTable, mut rows: Rows, report: &mut Report) {
    for expected in table.rows {
        let content = content_of(&expected);
        rows.bag.entry(content).or_insert((expected, 0)).1 -= 1;
    }
    for (content, (_, count)) in rows.bag {
        if count < 0 {
            report.fault(Fault::MissingRow, None, format!("{name}: {}× {content}", -count));
        } else if count > 0 {
            report.fault(Fault::ExtraRow, None, format!("{name}: {count}× {content}"));
        }
    }
}

fn compare_shapes(name: &str, expected: &Shape, found: &Shape, report: &mut Report) {
    if expected != found {
        let text = format!("{name}: expected {expected:?}, found {found:?}");
        report.fault(Fault::WrongShape, None, text);
    }
}
