//! The changes of an open transaction, as a stack that takes partial rollbacks back and can be put aside in pieces.
//!
//! Oracle undoes changes from the newest to the oldest, and LogMiner shows each such step as a row with `ROLLBACK` 1: the
//! opposite statement on the same row. So the change that it takes back is at the top of the stack, or, where rows of one
//! statement are told in another order than they were changed, near to it.

use crate::error::{DecodeError, Result};

/// Bytes of a piece that is put aside at once.
pub const PIECE_BYTES: usize = 1 << 20;
/// Changes below the top among which one that is taken back is looked for.
const LOOK_BACK_MAX: usize = 1024;
/// Bytes of an entry beside its texts: operation, state, table, SCN, both lengths, and its own length at the end.
const FIXED_BYTES: usize = 1 + 1 + 4 + 8 + 4 + 4 + 4;

/// What a row of LogMiner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ChangeKind {
    /// `INSERT`
    Insert = 1,
    /// `DELETE`
    Delete = 2,
    /// `UPDATE`
    Update = 3,
    /// A large object of the row is changed, `SEL_LOB_LOCATOR`: its steps follow and are not told.
    Lob = 10,
}

impl ChangeKind {
    /// The kind that takes this one back.
    fn undone_by(self) -> Self {
        match self {
            Self::Insert => Self::Delete,
            Self::Delete => Self::Insert,
            other => other,
        }
    }

    fn of(code: u8) -> Result<Self> {
        match code {
            1 => Ok(Self::Insert),
            2 => Ok(Self::Delete),
            3 => Ok(Self::Update),
            10 => Ok(Self::Lob),
            _ => Err(damaged(format!("kind {code}"))),
        }
    }
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// What it does.
    pub kind: ChangeKind,
    /// The caller's number of the table.
    pub table: u32,
    /// Where in the redo it is.
    pub scn: u64,
    /// Place of the row; empty where LogMiner says none.
    pub row_id: &'a str,
    /// The whole statement.
    pub sql: &'a str,
}

/// Where pieces are put aside: a file, in order.
pub trait Aside {
    /// Why it fails.
    type Error: From<DecodeError>;

    /// Puts a piece behind those that are there.
    ///
    /// # Errors
    /// If there is no room.
    fn put(&mut self, piece: &[u8]) -> Result<(), Self::Error>;

    /// Gives the piece with this number, from 0.
    ///
    /// # Errors
    /// If it cannot be read.
    fn get(&mut self, number: usize, into: &mut Vec<u8>) -> Result<(), Self::Error>;

    /// Forgets the newest piece.
    ///
    /// # Errors
    /// If it cannot be done.
    fn forget_last(&mut self) -> Result<(), Self::Error>;

    /// Number of pieces.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The changes of one open transaction: pieces that were put aside, then pieces in memory, the newest last.
#[derive(Debug, Default)]
pub struct Changes<A> {
    aside: Option<A>,
    pieces: Vec<Vec<u8>>,
    count: u64,
}

impl<A: Aside> Changes<A> {
    /// None yet.
    pub fn new() -> Self {
        Self { aside: None, pieces: Vec::new(), count: 0 }
    }

    /// How many changes there are that nothing took back.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes in memory.
    pub fn memory_bytes(&self) -> usize {
        self.pieces.iter().map(Vec::capacity).sum()
    }

    /// Adds a change.
    ///
    /// # Errors
    /// For texts of more than 4 GiB.
    pub fn push(&mut self, change: Change<'_>) -> Result<()> {
        let entry = FIXED_BYTES + change.row_id.len() + change.sql.len();
        let too_long =
            || DecodeError::new("LogMiner change", 0, format!("a statement of {entry} bytes"));
        let length = u32::try_from(entry).map_err(|_| too_long())?;
        let is_full = |piece: &Vec<u8>| piece.len() + entry > PIECE_BYTES;
        if self.pieces.last().is_none_or(is_full) {
            self.pieces.push(Vec::new());
        }
        let Some(piece) = self.pieces.last_mut() else { return Err(too_long()) };
        // Lengths are below that of the entry.
        let [row_id, sql] = [change.row_id.len() as u32, change.sql.len() as u32];
        piece.push(change.kind as u8);
        piece.push(LIVE);
        piece.extend_from_slice(&change.table.to_le_bytes());
        piece.extend_from_slice(&change.scn.to_le_bytes());
        piece.extend_from_slice(&row_id.to_le_bytes());
        piece.extend_from_slice(&sql.to_le_bytes());
        piece.extend_from_slice(change.row_id.as_bytes());
        piece.extend_from_slice(change.sql.as_bytes());
        piece.extend_from_slice(&length.to_le_bytes());
        self.count += 1;
        Ok(())
    }

    /// Takes back the change that a row with `ROLLBACK` 1 undoes. `undo` has the kind, table and row of that row; its
    /// statement is not looked at.
    ///
    /// # Errors
    /// If no such change is near the top: what was delivered would be wrong.
    pub fn take_back(&mut self, undo: Change<'_>) -> Result<(), A::Error> {
        let Some(seen) = self.look_back(undo)? else { return Ok(()) };
        let reason = format!(
            "a row that takes back a change of row {:?}, SCN {}, and no such change is among the last {seen}",
            undo.row_id, undo.scn
        );
        Err(DecodeError::new("LogMiner rollback", 0, reason).into())
    }

    /// As [`take_back`](Self::take_back), where the change may be older than what is known of the transaction: nothing
    /// happens then.
    ///
    /// # Errors
    /// Those of the place.
    pub fn take_back_if_there(&mut self, undo: Change<'_>) -> Result<(), A::Error> {
        self.look_back(undo).map(drop)
    }

    /// Takes a change back; how many were looked at if it is not there.
    fn look_back(&mut self, undo: Change<'_>) -> Result<Option<usize>, A::Error> {
        loop {
            let (found, seen) = self.kill(&undo)?;
            if found {
                self.count -= 1;
                self.drop_dead()?;
                return Ok(None);
            }
            if seen >= LOOK_BACK_MAX || !self.get_back()? {
                return Ok(Some(seen));
            }
        }
    }

    /// Marks the newest change in memory that this one takes back; whether there is one, and how many were looked at.
    fn kill(&mut self, undo: &Change<'_>) -> Result<(bool, usize)> {
        let mut seen = 0;
        for piece in self.pieces.iter_mut().rev() {
            let mut end = piece.len();
            while end > 0 && seen < LOOK_BACK_MAX {
                let start = start_of(piece, end)?;
                let entry = entry(&piece[start..end])?;
                let is_it = entry.is_live
                    && entry.change.kind.undone_by() == undo.kind
                    && entry.change.table == undo.table
                    && entry.change.row_id == undo.row_id;
                if is_it {
                    piece[start + 1] = DEAD;
                    return Ok((true, seen));
                }
                seen += 1;
                end = start;
            }
        }
        Ok((false, seen))
    }

    /// Gets the newest piece that was put aside back into memory, below those that are there; false if there is none.
    fn get_back(&mut self) -> Result<bool, A::Error> {
        let Some(aside) = self.aside.as_mut().filter(|aside| !aside.is_empty()) else {
            return Ok(false);
        };
        let mut piece = Vec::new();
        aside.get(aside.len() - 1, &mut piece)?;
        aside.forget_last()?;
        self.pieces.insert(0, piece);
        Ok(true)
    }

    /// Removes what was taken back from the top, and gets the newest piece back into memory if none is left there.
    fn drop_dead(&mut self) -> Result<(), A::Error> {
        loop {
            while let Some(piece) = self.pieces.last_mut() {
                while !piece.is_empty() {
                    let start = start_of(piece, piece.len())?;
                    if piece[start + 1] == LIVE {
                        return Ok(());
                    }
                    piece.truncate(start);
                }
                self.pieces.pop();
            }
            if !self.get_back()? {
                return Ok(());
            }
        }
    }

    /// Puts all pieces aside but the newest; `open` makes the place if there is none yet. Gives the bytes of memory that
    /// became free.
    ///
    /// # Errors
    /// Those of the place.
    pub fn put_aside(
        &mut self,
        open: impl FnOnce() -> Result<A, A::Error>,
    ) -> Result<usize, A::Error> {
        let before = self.memory_bytes();
        let older = self.pieces.len().saturating_sub(1);
        if older == 0 {
            return Ok(0);
        }
        let aside = match &mut self.aside {
            Some(aside) => aside,
            none => none.insert(open()?),
        };
        for piece in self.pieces.drain(..older) {
            aside.put(&piece)?;
        }
        Ok(before - self.memory_bytes())
    }

    /// Gives all changes that nothing took back, the oldest first.
    ///
    /// # Errors
    /// Those of the place, and of `each`.
    pub fn for_each(
        &mut self,
        mut each: impl FnMut(Change<'_>) -> Result<(), A::Error>,
    ) -> Result<(), A::Error> {
        let mut piece = Vec::new();
        let aside = self.aside.as_ref().map_or(0, Aside::len);
        for number in 0..aside {
            if let Some(aside) = &mut self.aside {
                piece.clear();
                aside.get(number, &mut piece)?;
                walk(&piece, &mut each)?;
            }
        }
        self.pieces.iter().try_for_each(|piece| walk(piece, &mut each))
    }
}

/// State of an entry that nothing took back.
const LIVE: u8 = 0;
/// State of one that was taken back.
const DEAD: u8 = 1;

struct Entry<'p> {
    change: Change<'p>,
    is_live: bool,
    length: usize,
}

fn damaged(reason: String) -> DecodeError {
    DecodeError::new("LogMiner changes put aside", 0, reason)
}

/// Begin of the entry that ends here.
fn start_of(piece: &[u8], end: usize) -> Result<usize> {
    let at = end.checked_sub(4);
    let length = at.and_then(|at| piece.get(at..end)).and_then(|b| <[u8; 4]>::try_from(b).ok());
    let start = length.and_then(|length| end.checked_sub(u32::from_le_bytes(length) as usize));
    start
        .filter(|start| end - start >= FIXED_BYTES)
        .ok_or_else(|| damaged(format!("no entry ends at byte {end}")))
}

/// Reads the entry at the begin of these bytes.
fn entry(bytes: &[u8]) -> Result<Entry<'_>> {
    let short = || damaged(format!("an entry of {} bytes is cut", bytes.len()));
    let number = |at: usize| {
        let part = bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        part.map(u32::from_le_bytes).ok_or_else(short)
    };
    let (low, high) = (number(6)?, number(10)?);
    let (row_id, sql) = (number(14)? as usize, number(18)? as usize);
    let text = |at: usize, length: usize| {
        let part = bytes.get(at..at.saturating_add(length)).ok_or_else(short)?;
        std::str::from_utf8(part).map_err(|e| damaged(format!("a text: {e}")))
    };
    let change = Change {
        kind: ChangeKind::of(bytes[0])?,
        table: number(2)?,
        scn: u64::from(low) | u64::from(high) << 32,
        row_id: text(22, row_id)?,
        sql: text(22 + row_id, sql)?,
    };
    Ok(Entry { change, is_live: bytes[1] == LIVE, length: FIXED_BYTES + row_id + sql })
}

fn walk<E: From<DecodeError>>(
    piece: &[u8],
    each: &mut impl FnMut(Change<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = piece;
    while !rest.is_empty() {
        let found = entry(rest)?;
        if found.is_live {
            each(found.change)?;
        }
        rest = rest.get(found.length..).ok_or_else(|| damaged("an entry is cut".to_owned()))?;
    }
    Ok(())
}
