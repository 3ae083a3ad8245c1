//! A corpus of statements, each with what it is.
//!
//! The fixture has a statement per line (`\n` for a line end inside) and below it `=> ` and its
//! summary. Lines that begin with `## ` are headings; `## mariadb`, `## ansi` and `## noescape` set
//! the dialect of the statements below them, any other heading the default one.

use std::fmt::Write;

use super::super::{
    AlterOp, ColumnDefinition, CreateTable, Dialect, PartitionOp, Position, Statement, TableName,
    TransactionControl, classify_as,
};

#[test]
fn every_statement_of_the_corpus_is_what_it_is() {
    let mut dialect = Dialect::MYSQL;
    let mut statement = None;
    let mut seen = 0;
    let mut wrong = String::new();
    for line in include_str!("corpus.txt").lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            dialect = match heading {
                "mariadb" => Dialect::MARIADB,
                "ansi" => Dialect::MYSQL.with_sql_mode(4),
                "noescape" => Dialect::MYSQL.with_sql_mode(1 << 20),
                _ => Dialect::MYSQL,
            };
        } else if let Some(expected) = line.strip_prefix("=> ") {
            let sql: String = statement.take().expect(line);
            let summary = summary(&classify_as(dialect, &sql, "d"));
            if summary != expected {
                writeln!(wrong, "{}\n=> {summary}", sql.replace('\n', "\\n")).unwrap();
            }
            seen += 1;
        } else if !line.is_empty() {
            assert_eq!(statement, None, "no summary");
            statement = Some(line.replace("\\n", "\n"));
        }
    }
    assert!(wrong.is_empty(), "other than expected:\n{wrong}");
    assert!(seen >= 200, "{seen} statements");
}

fn summary(statement: &Statement) -> String {
    let name = summary_of_kind(statement);
    let tables: Vec<String> = statement.tables().iter().map(ToString::to_string).collect();
    let database =
        statement.database().map_or(String::new(), |database| format!(" database={database}"));
    if tables.is_empty() {
        format!("{name}{database}")
    } else {
        format!("{name} | {}", tables.join(" "))
    }
}

fn summary_of_kind(statement: &Statement) -> String {
    match statement {
        Statement::CreateTable(create) => create_summary(create),
        Statement::AlterTable(alter) => {
            let ops: Vec<String> = alter.ops.iter().map(op).collect();
            format!("alter: {}", ops.join("; "))
        }
        Statement::DropTable { temporary, .. } => {
            format!("drop table{}", if *temporary { " temporary" } else { "" })
        }
        Statement::RenameTable { pairs } => {
            let pairs: Vec<String> =
                pairs.iter().map(|(from, to)| format!("{from}>{to}")).collect();
            format!("rename {}", pairs.join(" "))
        }
        Statement::TruncateTable { .. } => "truncate".to_owned(),
        Statement::CreateDatabase { collation, .. } => format!("create database {collation:?}"),
        Statement::DropDatabase { .. } => "drop database".to_owned(),
        Statement::AlterDatabase { collation, .. } => format!("alter database {collation:?}"),
        Statement::CreateIndex { .. } => "create index".to_owned(),
        Statement::DropIndex { .. } => "drop index".to_owned(),
        Statement::StoredObject { verb, object, names } => {
            let names: Vec<String> = names.iter().map(TableName::to_string).collect();
            format!("{verb:?} {object:?} {}", names.join(" "))
        }
        Statement::Transaction(TransactionControl::XaCommit { xid, one_phase }) => {
            format!("transaction XaCommit({xid:?}) one_phase={one_phase}")
        }
        Statement::Transaction(control) => format!("transaction {control:?}"),
        Statement::Account => "account".to_owned(),
        Statement::Rows { verb } => format!("rows {verb}"),
        Statement::Other { verb } => format!("other {verb}"),
        Statement::Unknown(reason) => format!("unknown: {reason}"),
    }
}

fn create_summary(create: &CreateTable) -> String {
    let mut out = "create".to_owned();
    let flags = [
        (create.temporary, " temporary"),
        (create.if_not_exists, " if-not-exists"),
        (create.as_select, " as-select"),
    ];
    for (set, flag) in flags {
        out.push_str(if set { flag } else { "" });
    }
    if let Some(like) = &create.like {
        write!(out, " like={like}").unwrap();
    }
    match &create.columns {
        Ok(columns) if columns.is_empty() => {}
        Ok(columns) => {
            let columns: Vec<String> = columns.iter().map(column).collect();
            write!(out, " ({})", columns.join(", ")).unwrap();
        }
        Err(reason) => write!(out, " not understood: {reason}").unwrap(),
    }
    if !create.primary_key.is_empty() {
        write!(out, " key({})", create.primary_key.join(",")).unwrap();
    }
    if let Some(collation) = create.collation {
        write!(out, " collation={collation}").unwrap();
    }
    out
}

/// The column in a table of latin1.
fn column(definition: &ColumnDefinition) -> String {
    match definition.to_column(Some(8)) {
        Ok(column) => {
            let null = if column.nullable { "" } else { "!" };
            let collation = if column.collation == 63 {
                String::new()
            } else {
                format!("@{}", column.collation)
            };
            format!("{} {}{collation}{null}", column.name, column.type_name)
        }
        Err(reason) => format!("{} ?{reason}", definition.name),
    }
}

fn op(op: &AlterOp) -> String {
    let place = |position: &Position| match position {
        Position::Unsaid => String::new(),
        Position::First => " first".to_owned(),
        Position::After(name) => format!(" after {name}"),
    };
    let maybe = |optional: &bool| if *optional { "?" } else { "" };
    match op {
        AlterOp::AddColumn { column: definition, position, if_not_exists } => {
            format!("add{} {}{}", maybe(if_not_exists), column(definition), place(position))
        }
        AlterOp::DropColumn { name, if_exists } => format!("drop{} {name}", maybe(if_exists)),
        AlterOp::ModifyColumn { column: definition, position, if_exists } => {
            format!("modify{} {}{}", maybe(if_exists), column(definition), place(position))
        }
        AlterOp::ChangeColumn { old, column: definition, position, if_exists } => {
            format!("change{} {old}>{}{}", maybe(if_exists), column(definition), place(position))
        }
        AlterOp::RenameColumn { from, to, if_exists } => {
            format!("rename{} {from}>{to}", maybe(if_exists))
        }
        AlterOp::RenameTo(name) => format!("to {name}"),
        AlterOp::ConvertCharset(id) => format!("convert {id}"),
        AlterOp::DefaultCollation(id) => format!("default {id}"),
        AlterOp::AlterColumnDefault { name } => format!("alter {name}"),
        AlterOp::AddPrimaryKey { columns } => format!("add key({})", columns.join(",")),
        AlterOp::DropIndex { name } => format!("drop index {name}"),
        AlterOp::Partition(PartitionOp::Exchange { with }) => format!("exchange {with}"),
        AlterOp::Partition(partition) => format!("partition {partition:?}"),
        AlterOp::NotUnderstood(reason) => format!("not understood: {reason}"),
        other => format!("{other:?}"),
    }
}
