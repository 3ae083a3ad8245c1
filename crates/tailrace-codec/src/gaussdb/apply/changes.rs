//! Changes of rows in order, in one buffer.

use std::ops::Range;

/// A value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'t> {
    /// The log does not say: it stays as it is.
    Unknown,
    /// NULL
    Null,
    /// Its text.
    Text(&'t str),
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// A row comes.
    Insert,
    /// A row gets other values.
    Update,
    /// A row goes.
    Delete,
}

/// A value's place in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Unknown,
    Null,
    Text { start: u32, end: u32 },
}

/// A change as the buffer keeps it. Both rows have a cell for each column of the table, or none.
#[derive(Debug, Clone)]
struct Head {
    kind: ChangeKind,
    table: u32,
    before: Range<usize>,
    after: Range<usize>,
}

/// Changes of several tables. Filled, applied, cleared and filled again.
#[derive(Debug, Default)]
pub struct Changes {
    text: String,
    cells: Vec<Cell>,
    heads: Vec<Head>,
}

/// One change.
#[derive(Debug, Clone, Copy)]
pub struct Change<'c> {
    /// What it does.
    pub kind: ChangeKind,
    /// The caller's number of the table.
    pub table: u32,
    pub(super) before: &'c [Cell],
    pub(super) after: &'c [Cell],
    text: &'c str,
}

impl<'c> Change<'c> {
    /// Values of the row before it, as far as they are known; none of an inserted row.
    pub fn before(&self) -> impl ExactSizeIterator<Item = Text<'c>> + use<'c> {
        let text = self.text;
        self.before.iter().map(move |cell| of(*cell, text))
    }

    /// Values behind it; of an updated row those that it sets. None of a deleted row.
    pub fn after(&self) -> impl ExactSizeIterator<Item = Text<'c>> + use<'c> {
        let text = self.text;
        self.after.iter().map(move |cell| of(*cell, text))
    }
}

fn of(cell: Cell, text: &str) -> Text<'_> {
    match cell {
        Cell::Unknown => Text::Unknown,
        Cell::Null => Text::Null,
        Cell::Text { start, end } => Text::Text(&text[start as usize..end as usize]),
    }
}

impl Changes {
    /// Most bytes of text in one buffer: places in it are 32 bits.
    pub const TEXT_BYTES_MAX: usize = u32::MAX as usize;

    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.text.len()
            + self.cells.len() * size_of::<Cell>()
            + self.heads.len() * size_of::<Head>()
    }

    /// Forgets all, and keeps the room.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.heads.clear();
    }

    /// Appends a change: the row before it and the row behind it, each with a value for every column of the table, in the
    /// table's order. An insertion has no row before it, a deletion none behind.
    ///
    /// False, and nothing appended, if the buffer would become larger than [`TEXT_BYTES_MAX`](Self::TEXT_BYTES_MAX).
    #[must_use]
    pub fn push<'v>(
        &mut self,
        kind: ChangeKind,
        table: u32,
        before: impl IntoIterator<Item = Text<'v>>,
        after: impl IntoIterator<Item = Text<'v>>,
    ) -> bool {
        let (text, cells) = (self.text.len(), self.cells.len());
        let rows = self.row(before).and_then(|before| Some((before, self.row(after)?)));
        let Some((before, after)) = rows else {
            self.text.truncate(text);
            self.cells.truncate(cells);
            return false;
        };
        self.heads.push(Head { kind, table, before, after });
        true
    }

    /// Appends a change of other changes.
    ///
    /// False, and nothing appended, as with [`push`](Self::push).
    #[must_use]
    pub fn push_change(&mut self, change: &Change<'_>) -> bool {
        self.push(change.kind, change.table, change.before(), change.after())
    }

    fn row<'v>(&mut self, values: impl IntoIterator<Item = Text<'v>>) -> Option<Range<usize>> {
        let begin = self.cells.len();
        for value in values {
            let cell = match value {
                Text::Unknown => Cell::Unknown,
                Text::Null => Cell::Null,
                Text::Text(value) => {
                    let start = u32::try_from(self.text.len()).ok()?;
                    let end = u32::try_from(self.text.len() + value.len()).ok()?;
                    self.text.push_str(value);
                    Cell::Text { start, end }
                }
            };
            self.cells.push(cell);
        }
        Some(begin..self.cells.len())
    }

    /// The changes in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Change<'_>> {
        (0..self.heads.len()).map(|number| self.get(number))
    }

    /// A change by its number.
    ///
    /// # Panics
    /// If there is none of that number.
    pub fn get(&self, number: usize) -> Change<'_> {
        let head = &self.heads[number];
        Change {
            kind: head.kind,
            table: head.table,
            before: &self.cells[head.before.clone()],
            after: &self.cells[head.after.clone()],
            text: &self.text,
        }
    }

    /// All text, in which cells are places.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// A cell's value.
pub(super) fn value(cell: Cell, text: &str) -> Text<'_> {
    of(cell, text)
}
