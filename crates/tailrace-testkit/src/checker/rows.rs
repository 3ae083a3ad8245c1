//! The rows of one table as a consumer holds them.

use std::collections::HashMap;
use std::sync::Arc;

use super::ddl_effect::Change;
use super::message::{Image, Message, Shape};

/// A row with a key: its newest image, or that it is gone.
#[derive(Debug)]
pub(super) struct Row {
    /// `None` after its deletion.
    pub(super) image: Option<Image>,
    /// Newest `version` delivered for the key, where the table has that column.
    pub(super) version: Option<i64>,
    /// The full phase delivered it.
    pub(super) init: bool,
    /// `id` of the newest message of the key.
    pub(super) id: u64,
}

/// Rows of one table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// By key; stays empty for tables without a primary key.
    pub(super) keyed: HashMap<Box<str>, Row>,
    /// By content, with the number of equal rows, for tables without a primary key.
    pub(super) bag: HashMap<Box<str>, (Image, i64)>,
    /// Description in the newest message.
    pub(super) shape: Option<Arc<Shape>>,
    /// The structure changed after that message.
    pub(super) altered: bool,
}

impl Rows {
    /// Live rows.
    pub(super) fn live(&self) -> u64 {
        let keyed = self.keyed.values().filter(|row| row.image.is_some()).count();
        let bag: i64 = self.bag.values().map(|(_, count)| *count).sum();
        u64::try_from(keyed).unwrap_or(u64::MAX) + u64::try_from(bag).unwrap_or(0)
    }

    /// All rows go, as `TRUNCATE` and `DROP` do. What versions were seen stays known.
    pub(super) fn clear(&mut self) {
        for row in self.keyed.values_mut() {
            row.image = None;
            row.init = false;
        }
        self.bag.clear();
        self.altered = true;
    }

    /// Gives every row the columns that an `ALTER TABLE` leaves.
    pub(super) fn alter(&mut self, changes: &[Change]) {
        self.altered = true;
        if changes.is_empty() {
            return;
        }
        for image in self.keyed.values_mut().filter_map(|row| row.image.as_mut()) {
            alter_image(image, changes);
        }
        for (_, (mut image, count)) in std::mem::take(&mut self.bag) {
            alter_image(&mut image, changes);
            let entry = self.bag.entry(content_of(&image)).or_insert((image, 0));
            entry.1 += count;
        }
    }

    /// Remembers how the table is described.
    pub(super) fn note_shape(&mut self, message: &Message) {
        self.shape = Some(Arc::clone(&message.shape));
        self.altered = false;
    }
}

fn alter_image(image: &mut Image, changes: &[Change]) {
    let mut members: Vec<(Box<str>, Option<Box<str>>)> =
        image.columns.iter().cloned().zip(image.values.iter().cloned()).collect();
    for change in changes {
        match change {
            Change::Add(column, text) => {
                if members.iter().all(|(name, _)| **name != **column) {
                    members.push((column.as_str().into(), text.as_deref().map(Into::into)));
                }
            }
            Change::Drop(column) => members.retain(|(name, _)| **name != **column),
            Change::Rename(from, to) => {
                for (name, _) in &mut members {
                    if **name == **from {
                        *name = to.as_str().into();
                    }
                }
            }
        }
    }
    let (columns, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    *image = Image { columns: columns.into(), values: values.into() };
}

/// The key of a row as one text, unambiguous by lengths; `None` if a key column is missing.
pub(super) fn key_of(image: &Image, columns: &[String]) -> Option<Box<str>> {
    use std::fmt::Write as _;
    let mut key = String::new();
    for column in columns {
        match image.get(column)? {
            Some(text) => write!(key, "{}:{text};", text.len()).ok()?,
            None => key.push_str("-;"),
        }
    }
    Some(key.into_boxed_str())
}

/// The content of a row as one text that does not depend on the order of columns.
pub(super) fn content_of(image: &Image) -> Box<str> {
    use std::fmt::Write as _;
    let mut members: Vec<_> = image.iter().collect();
    members.sort_unstable();
    let mut content = String::new();
    for (name, value) in members {
        let written = match value {
            Some(text) => write!(content, "{name}={}:{text};", text.len()),
            None => write!(content, "{name}-;"),
        };
        debug_assert!(written.is_ok(), "writing to a string does not fail");
    }
    content.into_boxed_str()
}

/// Columns in which two images differ, as `column: expected, found`; empty if they are equal.
pub(super) fn difference(expected: &Image, found: &Image) -> String {
    if Arc::ptr_eq(&expected.columns, &found.columns) && expected.values == found.values {
        return String::new();
    }
    let mut parts = Vec::new();
    for (column, value) in expected.iter() {
        match found.get(column) {
            None => parts.push(format!("{column}: expected {}, no such column", text(value))),
            Some(other) if other != value => {
                parts.push(format!("{column}: expected {}, found {}", text(value), text(other)));
            }
            Some(_) => {}
        }
    }
    for (column, value) in found.iter().filter(|(c, _)| expected.get(c).is_none()) {
        parts.push(format!("{column}: not expected, found {}", text(value)));
    }
    parts.join("; ")
}

/// At most so many characters of a value in a failure text.
const SHOWN_MAX: usize = 120;

fn text(value: Option<&str>) -> String {
    match value {
        None => "NULL".into(),
        Some(text) if text.chars().count() > SHOWN_MAX => {
            let head: String = text.chars().take(SHOWN_MAX).collect();
            format!("{head:?}… ({} bytes)", text.len())
        }
        Some(text) => format!("{text:?}"),
    }
}
