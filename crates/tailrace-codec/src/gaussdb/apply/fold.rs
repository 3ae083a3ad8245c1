//! Many changes of one table become one outcome for each key.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::changes::{Cell, Change, ChangeKind, Changes, Text, value};
use super::table::ApplyTable;

/// What has become of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It came; all its values are known.
    Insert,
    /// It was there and has these values; all are known.
    Replace,
    /// It was there and has these values; the others are as they were.
    Update,
    /// It was there and went.
    Delete,
    /// It came and went again.
    Vanish,
}

struct Entry {
    outcome: Outcome,
    /// Where its cells begin; as many as the table has columns.
    cells: usize,
}

/// The outcomes of a run of changes. Filled again and again.
#[derive(Default)]
pub struct Fold {
    places: HashMap<Vec<u8>, usize, RandomState>,
    entries: Vec<Entry>,
    cells: Vec<Cell>,
    key: Vec<u8>,
}

impl Fold {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows have an outcome.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all outcomes.
    pub fn clear(&mut self) {
        self.places.clear();
        self.entries.clear();
        self.cells.clear();
    }

    /// Adds a change of the table. False, with nothing added, if it has to be done by itself, behind what was added before:
    /// a change of a key whose other values are not all known, values of the key that are not told, and what contradicts
    /// the changes before it.
    ///
    /// A table without a key takes insertions only.
    pub fn add(&mut self, table: &ApplyTable, changes: &Changes, change: &Change<'_>) -> bool {
        let text = changes.text();
        match change.kind {
            ChangeKind::Insert => self.insert(table, text, change.after, Outcome::Insert),
            ChangeKind::Delete => {
                !table.key().is_empty() && self.delete(table, text, change.before)
            }
            ChangeKind::Update if table.key().is_empty() => false,
            ChangeKind::Update => self.update(table, text, change),
        }
    }

    fn insert(&mut self, table: &ApplyTable, text: &str, row: &[Cell], outcome: Outcome) -> bool {
        if row.contains(&Cell::Unknown) {
            return false;
        }
        if table.key().is_empty() {
            self.push(outcome, row);
            return true;
        }
        let Some(place) = self.place(table, text, row) else { return false };
        match place.map(|place| (place, self.entries[place].outcome)) {
            None => self.push_keyed(outcome, row),
            Some((place, Outcome::Delete)) => self.set(place, Outcome::Replace, row),
            Some((place, Outcome::Vanish)) => self.set(place, Outcome::Insert, row),
            // It is there already: whoever applies it one by one finds out what that means.
            Some(_) => return false,
        }
        true
    }

    fn delete(&mut self, table: &ApplyTable, text: &str, row: &[Cell]) -> bool {
        let Some(place) = self.place(table, text, row) else { return false };
        match place.map(|place| (place, self.entries[place].outcome)) {
            None => self.push_keyed(Outcome::Delete, row),
            Some((place, Outcome::Insert)) => self.entries[place].outcome = Outcome::Vanish,
            Some((place, Outcome::Update | Outcome::Replace)) => {
                self.entries[place].outcome = Outcome::Delete;
            }
            Some((_, Outcome::Delete | Outcome::Vanish)) => return false,
        }
        true
    }

    fn update(&mut self, table: &ApplyTable, text: &str, change: &Change<'_>) -> bool {
        let (before, after) = (change.before, change.after);
        let Some(place) = self.place(table, text, before) else { return false };
        let known = place.map(|place| self.entries[place].cells);
        let (width, moves) = (after.len(), moves(table, text, change));
        let merged: Vec<Cell> = (0..width)
            .map(|column| match (after[column], known) {
                (Cell::Unknown, Some(begin)) => match self.cells[begin + column] {
                    Cell::Unknown => before[column],
                    cell => cell,
                },
                (Cell::Unknown, None) => before[column],
                (cell, _) => cell,
            })
            .collect();
        let is_whole = !merged.contains(&Cell::Unknown);
        if moves {
            return is_whole && self.move_row(table, text, before, &merged);
        }
        match place.map(|place| (place, self.entries[place].outcome)) {
            None => {
                let outcome = if is_whole { Outcome::Replace } else { Outcome::Update };
                self.push_keyed(outcome, &merged);
            }
            Some((place, Outcome::Insert)) => self.set(place, Outcome::Insert, &merged),
            Some((place, Outcome::Update | Outcome::Replace)) => {
                let outcome = if is_whole { Outcome::Replace } else { Outcome::Update };
                self.set(place, outcome, &merged);
            }
            Some((_, Outcome::Delete | Outcome::Vanish)) => return false,
        }
        true
    }

    /// A row gets another key: it goes, and comes under the new one.
    fn move_row(&mut self, table: &ApplyTable, text: &str, from: &[Cell], to: &[Cell]) -> bool {
        // Both have to be possible before one is done.
        let new = self.place(table, text, to);
        let is_free = match new {
            None => false,
            Some(None) => true,
            Some(Some(place)) => {
                matches!(self.entries[place].outcome, Outcome::Delete | Outcome::Vanish)
            }
        };
        is_free && self.delete(table, text, from) && self.insert(table, text, to, Outcome::Insert)
    }

    /// Where a row's outcome is, if it has one; `None` if its key is not told. The key stays in `self.key`.
    fn place(&mut self, table: &ApplyTable, text: &str, row: &[Cell]) -> Option<Option<usize>> {
        self.key.clear();
        for &column in table.key() {
            let Some(Text::Text(part)) = row.get(column).map(|cell| value(*cell, text)) else {
                return None;
            };
            self.key.extend_from_slice(&(part.len() as u64).to_le_bytes());
            self.key.extend_from_slice(part.as_bytes());
        }
        Some(self.places.get(&self.key).copied())
    }

    /// A new outcome of the row whose key was looked for last.
    fn push_keyed(&mut self, outcome: Outcome, row: &[Cell]) {
        self.places.insert(self.key.clone(), self.entries.len());
        self.push(outcome, row);
    }

    fn push(&mut self, outcome: Outcome, row: &[Cell]) {
        self.entries.push(Entry { outcome, cells: self.cells.len() });
        self.cells.extend_from_slice(row);
    }

    fn set(&mut self, place: usize, outcome: Outcome, row: &[Cell]) {
        let entry = &mut self.entries[place];
        entry.outcome = outcome;
        self.cells[entry.cells..entry.cells + row.len()].copy_from_slice(row);
    }

    /// The outcomes with the rows' values, in the order in which keys were met.
    pub fn outcomes<'f>(
        &'f self,
        table: &'f ApplyTable,
        changes: &'f Changes,
    ) -> impl Iterator<Item = (Outcome, impl ExactSizeIterator<Item = Text<'f>> + Clone)> + Clone
    {
        let width = table.columns().len();
        self.entries.iter().map(move |entry| {
            let row = &self.cells[entry.cells..entry.cells + width];
            (entry.outcome, row.iter().map(move |cell| value(*cell, changes.text())))
        })
    }
}

/// Whether a change sets a column of the key, or one by which rows are distributed, to another value.
fn moves(table: &ApplyTable, text: &str, change: &Change<'_>) -> bool {
    table.key().iter().any(|&column| match (change.before[column], change.after[column]) {
        (_, Cell::Unknown) => false,
        (before, after) => value(before, text) != value(after, text),
    })
}
