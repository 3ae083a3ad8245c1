//! Two sorted rows of rows, side by side.

use std::cmp::Ordering;

use super::canonical::Form;
use crate::compare::{Difference, DifferenceKind, RowStatements};
use crate::error::{Error, ErrorKind, Result};
use crate::source::oracle::snapshot::quoted;

/// A row's values in the order of the compared columns, as canonical texts.
pub(super) type Row = Vec<Option<String>>;

/// Differences of a table that are listed, as with DRS; more are counted only.
pub(super) const DIFFERENCES_MAX: usize = 10_000;

/// A column that is compared.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Name at the target.
    pub(super) name: String,
    /// Name at the source.
    pub(super) source: String,
    pub(super) form: Form,
}

/// How both sides' tables are called in statements.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// The source's, with the SCN.
    pub(super) source: String,
    pub(super) target: String,
}

/// Longest statement that is kept of a row, bytes.
const REPAIR_BYTES_MAX: usize = 4000;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) source_rows: u64,
    pub(super) target_rows: u64,
    pub(super) missing: u64,
    pub(super) extra: u64,
    pub(super) differing: u64,
    pub(super) differences: Vec<Difference>,
}

impl Found {
    /// Whether nothing differs.
    pub(super) fn is_equal(&self) -> bool {
        self.missing == 0 && self.extra == 0 && self.differing == 0
    }
}

/// Tells what differs of a table's rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller<'a> {
    pub(super) places: &'a Places,
    pub(super) columns: &'a [Column],
    /// Numbers of the key's columns.
    pub(super) key: &'a [usize],
}

/// Compares rows of the source, which are given one by one, with those of the target, which are asked for. Both come in the
/// order of the key.
pub(super) struct Merge<'a> {
    teller: Teller<'a>,
    next_target: &'a mut dyn FnMut() -> Result<Option<Row>>,
    /// The target's row that is not matched yet.
    target: Option<Row>,
    /// The keys that came last, to see that they are sorted.
    last: (Option<Row>, Option<Row>),
    pub(super) found: Found,
}

impl<'a> Merge<'a> {
    pub(super) fn new(
        places: &'a Places,
        (columns, key): (&'a [Column], &'a [usize]),
        next_target: &'a mut dyn FnMut() -> Result<Option<Row>>,
    ) -> Result<Self> {
        let mut merge = Self {
            teller: Teller { places, columns, key },
            next_target,
            target: None,
            last: (None, None),
            found: Found::default(),
        };
        merge.advance()?;
        Ok(merge)
    }

    /// Takes the source's next row.
    ///
    /// # Errors
    /// Those of the target; `Decode` if the rows are not sorted as was asked for.
    pub(super) fn source(&mut self, row: Row) -> Result<()> {
        self.found.source_rows += 1;
        self.sorted(&row, true)?;
        loop {
            let order = match &self.target {
                Some(target) => self.order(&row, target),
                None => Ordering::Less,
            };
            match order {
                Ordering::Less => {
                    self.found.missing += 1;
                    self.teller.tell(&mut self.found, DifferenceKind::Missing, &row, Vec::new());
                    return Ok(());
                }
                Ordering::Greater => self.extra()?,
                Ordering::Equal => return self.matched(&row),
            }
        }
    }

    /// The source has no more rows.
    ///
    /// # Errors
    /// As [`source`](Self::source).
    pub(super) fn end(mut self) -> Result<Found> {
        while self.target.is_some() {
            self.extra()?;
        }
        Ok(self.found)
    }

    fn matched(&mut self, row: &Row) -> Result<()> {
        let Some(target) = self.target.take() else { return Ok(()) };
        let differ = self.teller.differ(row, &target);
        if !differ.is_empty() {
            self.found.differing += 1;
            self.teller.tell(&mut self.found, DifferenceKind::Content, row, differ);
        }
        self.advance()
    }

    fn extra(&mut self) -> Result<()> {
        if let Some(row) = self.target.take() {
            self.found.extra += 1;
            self.teller.tell(&mut self.found, DifferenceKind::Extra, &row, Vec::new());
        }
        self.advance()
    }

    fn advance(&mut self) -> Result<()> {
        self.target = (self.next_target)()?;
        if let Some(row) = self.target.clone() {
            self.found.target_rows += 1;
            self.sorted(&row, false)?;
        }
        Ok(())
    }

    fn order(&self, a: &Row, b: &Row) -> Ordering {
        for number in self.teller.key {
            let (Some(Some(a)), Some(Some(b))) = (a.get(*number), b.get(*number)) else {
                continue;
            };
            let form = self.teller.columns.get(*number).map_or(Form::Text, |column| column.form);
            match form.order(a, b) {
                Ordering::Equal => {}
                other => return other,
            }
        }
        Ordering::Equal
    }

    /// Sees that a row comes behind the one before it.
    fn sorted(&mut self, row: &Row, is_source: bool) -> Result<()> {
        let last = if is_source { &self.last.0 } else { &self.last.1 };
        if let Some(last) = last
            && self.order(last, row) != Ordering::Less
        {
            let side = if is_source { "source" } else { "target" };
            let text = format!("rows of the {side} came in an order that is not known here");
            return Err(Error::new(ErrorKind::Decode, text));
        }
        let last = if is_source { &mut self.last.0 } else { &mut self.last.1 };
        *last = Some(row.clone());
        Ok(())
    }
}

impl Teller<'_> {
    /// Names of the columns in which two rows differ.
    pub(super) fn differ(&self, row: &Row, other: &Row) -> Vec<String> {
        let both = row.iter().zip(other).zip(self.columns);
        both.filter(|((a, b), _)| a != b).map(|(_, column)| column.name.clone()).collect()
    }

    /// Lists a row that differs, if there is room.
    pub(super) fn tell(
        &self,
        found: &mut Found,
        kind: DifferenceKind,
        row: &Row,
        columns: Vec<String>,
    ) {
        if found.differences.len() >= DIFFERENCES_MAX {
            return;
        }
        let pair = |number: &usize| {
            let name = self.columns.get(*number)?.name.clone();
            Some((name, row.get(*number)?.clone().unwrap_or_default()))
        };
        let key = self.key.iter().filter_map(pair).collect();
        let statements = Some(self.statements(kind, row, &columns));
        let last_message = None;
        found.differences.push(Difference { kind, key, columns, last_message, statements });
    }

    /// What shows a row, and what would repair it. `row` is the source's, or the target's of one that only it has.
    fn statements(&self, kind: DifferenceKind, row: &Row, differ: &[String]) -> RowStatements {
        let value = |number: usize| row.get(number).and_then(Option::as_deref);
        let condition = |name: &dyn Fn(&Column) -> String| {
            let term = |number: &usize| {
                let column = self.columns.get(*number)?;
                Some(format!("{} = {}", name(column), literal(column.form, value(*number))))
            };
            self.key.iter().filter_map(term).collect::<Vec<_>>().join(" AND ")
        };
        let (of_source, of_target) = (
            condition(&|column| quoted(&column.source)),
            condition(&|column| quoted(&column.name)),
        );
        let target = &self.places.target;
        let set = |(number, column): (usize, &Column)| {
            (quoted(&column.name), literal(column.form, value(number)))
        };
        let repair = match kind {
            DifferenceKind::Missing => {
                let all = self.columns.iter().enumerate().map(set);
                let (names, values): (Vec<String>, Vec<String>) = all.unzip();
                format!(
                    "INSERT INTO {target} ({}) VALUES ({})",
                    names.join(", "),
                    values.join(", ")
                )
            }
            DifferenceKind::Extra => format!("DELETE FROM {target} WHERE {of_target}"),
            DifferenceKind::Content => {
                let all = self.columns.iter().enumerate();
                let changed = all.filter(|(_, column)| differ.contains(&column.name)).map(set);
                let changed: Vec<String> =
                    changed.map(|(name, value)| format!("{name} = {value}")).collect();
                format!("UPDATE {target} SET {} WHERE {of_target}", changed.join(", "))
            }
        };
        RowStatements {
            source_select: format!("SELECT * FROM {} WHERE {of_source}", self.places.source),
            target_select: format!("SELECT * FROM {target} WHERE {of_target}"),
            repair: Some(repair).filter(|repair| repair.len() <= REPAIR_BYTES_MAX),
        }
    }
}

/// A value that both sides read.
pub(super) fn literal(form: Form, value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) => {
            let prefix = if form == Form::Moment { "TIMESTAMP " } else { "" };
            format!("{prefix}'{}'", text.replace('\'', "''"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(source: &[(i64, &str)], target: &[(i64, &str)]) -> Result<Found> {
        let row = |(id, v): &(i64, &str)| vec![Some(id.to_string()), Some((*v).to_owned())];
        let column =
            |name: &str, form| Column { name: name.to_owned(), source: name.to_uppercase(), form };
        let places = Places { source: "S.T AS OF SCN 7".into(), target: "s.t".into() };
        let columns = [column("id", Form::Decimal), column("v", Form::Text)];
        let mut rest = target.iter();
        let mut next = || Ok(rest.next().map(row));
        let mut merge = Merge::new(&places, (&columns, &[0]), &mut next)?;
        for one in source {
            merge.source(row(one))?;
        }
        merge.end()
    }

    #[test]
    fn what_differs_is_found_and_named() {
        let equal = [(-5, "a"), (9, "b"), (10, "c")];
        assert!(compare(&equal, &equal).unwrap().is_equal());
        let found =
            compare(&[(1, "a"), (2, "b"), (4, "d")], &[(0, "x"), (2, "B"), (3, "c"), (5, "e")])
                .unwrap();
        assert_eq!((found.missing, found.extra, found.differing), (2, 3, 1));
        assert_eq!((found.source_rows, found.target_rows), (3, 4));
        let told: Vec<String> = found
            .differences
            .iter()
            .map(|one| format!("{} {} {:?}", one.kind.name(), one.key[0].1, one.columns))
            .collect();
        let wanted = [
            "extra 0 []",
            "missing 1 []",
            "content 2 [\"v\"]",
            "extra 3 []",
            "missing 4 []",
            "extra 5 []",
        ];
        assert_eq!(told, wanted);
        let repairs: Vec<&str> = found
            .differences
            .iter()
            .filter_map(|one| one.statements.as_ref()?.repair.as_deref())
            .collect();
        assert_eq!(
            repairs[..3],
            [
                "DELETE FROM s.t WHERE \"id\" = '0'",
                "INSERT INTO s.t (\"id\", \"v\") VALUES ('1', 'a')",
                "UPDATE s.t SET \"v\" = 'b' WHERE \"id\" = '2'",
            ]
        );
        let shown = found.differences[1].statements.as_ref().unwrap();
        assert_eq!(shown.source_select, "SELECT * FROM S.T AS OF SCN 7 WHERE \"ID\" = '1'");
        assert_eq!(shown.target_select, "SELECT * FROM s.t WHERE \"id\" = '1'");
        assert_eq!(compare(&[], &[(1, "a")]).unwrap().extra, 1);
        assert_eq!(compare(&[(1, "a")], &[]).unwrap().missing, 1);
    }

    #[test]
    fn another_order_is_an_error_and_no_verdict() {
        assert!(compare(&[(2, "a"), (1, "b")], &[(1, "b"), (2, "a")]).is_err());
        assert!(compare(&[(1, "a")], &[(2, "b"), (1, "a")]).is_err());
        assert!(compare(&[(1, "a"), (1, "a")], &[(1, "a")]).is_err());
    }
}
