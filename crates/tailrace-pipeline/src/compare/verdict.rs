//! What comes of a table: counts, and some of its differences one by one.

use crate::compare::entry::TopicState;
use crate::compare::group::{Group, Looked};
use crate::compare::matching::Candidate;
use crate::compare::message::Fields;
use crate::compare::{
    CompareOutcome, DIFFERENCES_MAX, Difference, DifferenceKind, TableComparison,
};
use crate::error::Result;
use crate::source::mysql::connection::Connection;

/// A row as its message has it: names and values as text.
type Shown = Vec<(String, String)>;

impl Group<'_> {
    /// What came of every table.
    ///
    /// # Errors
    /// Those of source and target.
    pub(crate) fn verdicts(&mut self, looked: &Looked) -> Result<Vec<TableComparison>> {
        let mut verdicts = Vec::with_capacity(self.tables.len());
        for table in 0..self.tables.len() {
            verdicts.push(self.verdict(table, looked)?);
        }
        Ok(verdicts)
    }

    fn verdict(&mut self, table: usize, looked: &Looked) -> Result<TableComparison> {
        let number = u32::try_from(table).unwrap_or(u32::MAX);
        let Some(scanned) = self.tables.get(table) else {
            let why = "it was lost".to_owned();
            return Ok(TableComparison::without_rows(("", ""), CompareOutcome::Impossible, why));
        };
        let names = (scanned.table.database.clone(), scanned.table.table.clone());
        let mut verdict = TableComparison::without_rows(
            (&names.0, &names.1),
            CompareOutcome::Impossible,
            String::new(),
        );
        verdict.notes.clear();
        verdict.seen.clone_from(&scanned.seen);
        self.topic.name().clone_into(&mut verdict.topic);
        let Some(watched) = self.effects.tables.get(table) else { return Ok(verdict) };
        if let Some(fault) = &watched.fault {
            verdict.notes.push(fault.message().to_owned());
            return Ok(verdict);
        }
        let keyless = watched.shape.is_keyless();
        let keyless_versions = keyless && watched.shape.versions() > 1;
        let matched = &looked.matched;
        let equal = matched.equal.get(&number).copied().unwrap_or(0);
        (verdict.source_rows, verdict.target_rows) = (equal, equal);
        let filtered = scanned.has_filter();
        let mut open: Vec<&Candidate> = Vec::new();
        for (_, one) in matched.candidates.iter().filter(|(key, _)| key.0 == number) {
            if filtered && !one.settled && kind(one) == DifferenceKind::Extra {
                verdict.outside += one.topic_rows();
                continue;
            }
            verdict.source_rows += one.source.rows;
            verdict.target_rows += if one.settled { one.source.rows } else { one.topic_rows() };
            if !one.settled {
                open.push(one);
                *match kind(one) {
                    DifferenceKind::Missing => &mut verdict.missing,
                    DifferenceKind::Extra => &mut verdict.extra,
                    DifferenceKind::Content => &mut verdict.differing,
                } += 1;
            }
        }
        verdict.unchecked = matched.left_out.get(&number).copied().unwrap_or(0);
        verdict.position = Some(looked.mark.place.clone());
        verdict.outcome = match (open.is_empty(), verdict.unchecked) {
            (false, _) => CompareOutcome::Inconsistent,
            (true, 0) => CompareOutcome::Consistent,
            (true, _) => CompareOutcome::Undecided,
        };
        self.note(&mut verdict, looked);
        if keyless_versions && verdict.outcome != CompareOutcome::Consistent {
            verdict.outcome = CompareOutcome::Impossible;
            verdict.notes.push(
                "it has no key, and its columns changed after messages were written: rows cannot be told apart".to_owned(),
            );
            return Ok(verdict);
        }
        open.sort_by_key(|one| one.topic.as_ref().map(TopicState::at));
        open.truncate(DIFFERENCES_MAX);
        let shown: Result<Vec<Difference>> =
            open.into_iter().map(|one| self.difference(table, one)).collect();
        verdict.differences = shown?;
        Ok(verdict)
    }

    /// What a reader should know beside the counts.
    fn note(&self, verdict: &mut TableComparison, looked: &Looked) {
        if let Some((count, at, why)) = &self.effects.foreign {
            verdict.notes.push(format!(
                "{count} messages of the topic are not of this job, the first at {}:{}: {why}",
                at.partition, at.offset
            ));
        }
        if looked.cut && verdict.missing > 0 {
            verdict.notes.push(
                "the topic's oldest messages are gone: with a retention by age or size, Kafka deletes rows that never change".to_owned(),
            );
        }
        if verdict.extra > 0 {
            verdict.notes.push(
                "rows that only the topic has may be those of a TRUNCATE or DROP TABLE: such a statement is no message of its rows".to_owned(),
            );
        }
        if verdict.outside > 0 {
            verdict.notes.push(format!(
                "{} more rows of the topic left the table's filter at some time, or are gone since: they are not judged",
                verdict.outside
            ));
        }
        if verdict.unchecked > 0 {
            verdict.notes.push(format!(
                "{} more keys did not match at the first look and were not looked at again: compare when fewer rows change",
                verdict.unchecked
            ));
        }
    }

    /// A difference with its key and columns.
    fn difference(&mut self, table: usize, one: &Candidate) -> Result<Difference> {
        let kind = kind(one);
        let at = one.topic.as_ref().map(TopicState::at).map(|at| (at.partition, at.offset));
        let there = match at {
            Some((partition, offset)) if kind != DifferenceKind::Missing => {
                // Deleted or compacted since, or not to be read: the difference stands, its details are missing then.
                let value = self.topic.value_at(partition, offset)?.unwrap_or_default();
                let change = self.effects.reader.read(&value).ok().flatten();
                change.and_then(|change| change.after).map(|row| shown(&row)).unwrap_or_default()
            }
            _ => Shown::new(),
        };
        let here = if one.source.rows > 0 && !one.source.literals.is_empty() {
            self.source_row(table, &one.source.literals)?
        } else {
            Shown::new()
        };
        let Some(scanned) = self.tables.get(table) else {
            return Ok(Difference {
                kind,
                key: Vec::new(),
                columns: Vec::new(),
                last_message: at,
                statements: None,
            });
        };
        let is_compared = |(name, _): &(String, String)| {
            !scanned.passing.iter().any(|place| scanned.columns.get(*place) == Some(name))
        };
        let row = if here.is_empty() { &there } else { &here };
        let names = scanned.key.iter().filter_map(|place| scanned.columns.get(*place));
        let key = names
            .filter_map(|name| row.iter().find(|(column, _)| column == name).cloned())
            .collect();
        let columns = match kind {
            DifferenceKind::Content => {
                let here: Shown = here.iter().filter(|one| is_compared(one)).cloned().collect();
                differing(&here, &there)
            }
            _ => Vec::new(),
        };
        Ok(Difference { kind, key, columns, last_message: at, statements: None })
    }

    fn source_row(&mut self, table: usize, literals: &[String]) -> Result<Shown> {
        let spec = self.scan.spec;
        let Some(scanned) = self.tables.get(table) else { return Ok(Shown::new()) };
        let mut connection = Connection::connect(&spec.source, &spec.limits, self.stop.clone())?;
        for statement in crate::source::mysql::reader::SESSION {
            connection.execute(statement)?;
        }
        let mut found = Shown::new();
        let mut each = |row: &Fields<'_>, _: &mut dyn FnMut() -> Result<Vec<String>>| {
            found = shown(row);
            Ok(())
        };
        let reader = &mut self.effects.reader;
        self.scan.row(&mut connection, scanned, literals, reader, &mut each)?;
        Ok(found)
    }
}

fn kind(one: &Candidate) -> DifferenceKind {
    match (one.source.rows, one.topic_rows()) {
        (_, 0) => DifferenceKind::Missing,
        (0, _) => DifferenceKind::Extra,
        _ => DifferenceKind::Content,
    }
}

fn shown(row: &Fields<'_>) -> Shown {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    row.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// Columns that both have, with other values.
fn differing(here: &Shown, there: &Shown) -> Vec<String> {
    let differs = |(name, value): &&(String, String)| {
        there.iter().any(|(other, theirs)| other == name && theirs != value)
    };
    here.iter().filter(differs).map(|(name, _)| name.clone()).collect()
}
