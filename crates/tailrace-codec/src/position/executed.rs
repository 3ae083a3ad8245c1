//! Transactions and positions by GTID, whichever of the two kinds the source has.

use std::fmt;

use super::gtid::Gtid;
use super::gtid_set::GtidSet;
use super::mariadb::{MariaDbGtid, MariaDbPosition};
use crate::error::{DecodeError, Result};

/// One transaction by its GTID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceGtid {
    /// `uuid:number`
    MySql(Gtid),
    /// `domain-server-sequence`
    MariaDb(MariaDbGtid),
}

impl fmt::Display for SourceGtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MySql(gtid) => gtid.fmt(f),
            Self::MariaDb(gtid) => gtid.fmt(f),
        }
    }
}

/// What is executed, or delivered, by GTID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutedGtids {
    /// A set.
    MySql(GtidSet),
    /// The last transaction of each domain.
    MariaDb(MariaDbPosition),
}

impl ExecutedGtids {
    /// Reads either kind of text. The empty text is of both kinds: the first transaction decides.
    ///
    /// # Errors
    /// The text is of neither kind.
    pub fn parse(text: &str) -> Result<Self> {
        // A set has a colon behind every UUID; a MariaDB position has none.
        if text.trim().is_empty() || text.contains(':') {
            text.parse().map(Self::MySql)
        } else {
            text.parse().map(Self::MariaDb)
        }
    }

    /// Adds a transaction.
    ///
    /// # Errors
    /// It is of the other kind: the source is not the product that it was.
    pub fn add(&mut self, gtid: &SourceGtid) -> Result<()> {
        match (&mut *self, gtid) {
            (Self::MySql(set), SourceGtid::MySql(gtid)) => set.add(gtid),
            (Self::MariaDb(position), SourceGtid::MariaDb(gtid)) => position.advance(*gtid),
            (Self::MySql(set), SourceGtid::MariaDb(gtid)) if set.is_empty() => {
                let mut position = MariaDbPosition::new();
                position.advance(*gtid);
                *self = Self::MariaDb(position);
            }
            (Self::MariaDb(position), SourceGtid::MySql(gtid)) if position.is_empty() => {
                *self = Self::MySql(GtidSet::from_iter([*gtid]));
            }
            (executed, gtid) => {
                let reason = format!("{gtid} cannot follow {executed}: they are of two products");
                return Err(DecodeError::new("GTID", 0, reason));
            }
        }
        Ok(())
    }
}

impl fmt::Display for ExecutedGtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MySql(set) => set.fmt(f),
            Self::MariaDb(position) => position.fmt(f),
        }
    }
}
