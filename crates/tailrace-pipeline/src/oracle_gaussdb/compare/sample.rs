//! A sample of a table's rows: what the source has of it is looked up at the target. Rows that only the target has are not
//! found so.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

use tailrace_codec::gaussdb::apply::ApplyTable;

use super::canonical::Form;
use super::merge::{Found, Places, Row, Teller, literal};
use super::{Compared, Look, PIECE_ROWS_MAX, canonical};
use crate::compare::DifferenceKind;
use crate::error::Result;
use crate::sink::gaussdb::Inspection;
use crate::source::oracle::snapshot::{TableRead, quoted};

/// Rows that are looked up at a time.
const LOOKED_UP: usize = 200;

/// Looks up so many of a million rows.
pub(super) fn compare(
    look: &Look<'_>,
    target: &mut Inspection,
    (table, compared): (&ApplyTable, &Compared<'_>),
    (scn, per_million): (u64, u32),
) -> Result<Found> {
    let choice = look.choice;
    let place = (choice.owner.as_str(), choice.name.as_str());
    let read = TableRead::new(place, compared.source.clone(), &compared.key_names(), scn);
    let read = read.sampled(per_million);
    let source = format!("{}.{} AS OF SCN {scn}", quoted(&choice.owner), quoted(&choice.name));
    let places = Places { source, target: table.full_name() };
    let mut sample = Sample {
        look,
        target,
        compared,
        teller: Teller { places: &places, columns: &compared.columns, key: &compared.key },
        forms: compared.columns.iter().map(|column| column.form).collect(),
        query: query(table, compared),
        found: Found::default(),
    };
    let mut rows: Vec<Row> = Vec::with_capacity(LOOKED_UP);
    let mut after: Option<Vec<String>> = None;
    loop {
        let piece = read.texts(look.session, after.as_deref(), PIECE_ROWS_MAX, &mut |row| {
            rows.push(canonical(row, &sample.forms));
            if rows.len() < LOOKED_UP { Ok(()) } else { sample.look_up(&mut rows) }
        })?;
        after = piece.last;
        if after.is_none() {
            sample.look_up(&mut rows)?;
            return Ok(sample.found);
        }
    }
}

struct Sample<'a> {
    look: &'a Look<'a>,
    target: &'a mut Inspection,
    compared: &'a Compared<'a>,
    teller: Teller<'a>,
    forms: Vec<Form>,
    /// The target's rows, without a condition.
    query: String,
    found: Found,
}

impl Sample<'_> {
    /// Looks rows of the source up at the target.
    fn look_up(&mut self, rows: &mut Vec<Row>) -> Result<()> {
        self.look.stop.check()?;
        if rows.is_empty() {
            return Ok(());
        }
        let terms: Vec<String> = rows.iter().map(|row| self.condition(row)).collect();
        let sql = format!("{} WHERE {}", self.query, terms.join(" OR "));
        let mut there: HashMap<Row, Row> = HashMap::with_capacity(rows.len());
        let (forms, compared) = (&self.forms, self.compared);
        self.target.each_row(&sql, &mut |row| {
            let row = canonical(row, forms);
            there.insert(key_of(compared, &row), row);
            Ok(())
        })?;
        for row in rows.drain(..) {
            self.found.source_rows += 1;
            let Some(other) = there.remove(&key_of(compared, &row)) else {
                self.found.missing += 1;
                self.teller.tell(&mut self.found, DifferenceKind::Missing, &row, Vec::new());
                continue;
            };
            self.found.target_rows += 1;
            let differ = self.teller.differ(&row, &other);
            if !differ.is_empty() {
                self.found.differing += 1;
                self.teller.tell(&mut self.found, DifferenceKind::Content, &row, differ);
            }
            self.look.progress.rows.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn condition(&self, row: &Row) -> String {
        let term = |number: &usize| {
            let column = &self.compared.columns[*number];
            format!("{} = {}", quoted(&column.name), literal(column.form, row[*number].as_deref()))
        };
        let terms: Vec<String> = self.compared.key.iter().map(term).collect();
        format!("({})", terms.join(" AND "))
    }
}

fn key_of(compared: &Compared<'_>, row: &Row) -> Row {
    compared.key.iter().map(|number| row[*number].clone()).collect()
}

fn query(table: &ApplyTable, compared: &Compared<'_>) -> String {
    let names = compared.columns.iter().map(|column| format!("{}::text", quoted(&column.name)));
    format!("SELECT {} FROM {}", names.collect::<Vec<_>>().join(", "), table.full_name())
}
