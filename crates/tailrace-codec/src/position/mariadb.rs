//! MariaDB's GTIDs: `domain-server-sequence`, and positions that hold the last one of each domain.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::error::{DecodeError, Result};

/// One transaction of MariaDB. Inside a domain the log has one order, and the sequence grows along it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MariaDbGtid {
    /// Replication domain (`gtid_domain_id`).
    pub domain: u32,
    /// `server_id` of the server where the transaction came into being.
    pub server: u32,
    /// Number of the transaction, from 1.
    pub sequence: u64,
}

impl fmt::Display for MariaDbGtid {
    /// `0-1-270`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.sequence)
    }
}

impl FromStr for MariaDbGtid {
    type Err = DecodeError;

    /// Reads `domain-server-sequence`; white space around it is allowed.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |reason: &str| {
            DecodeError::new("MariaDB GTID", 0, format!("`{}` {reason}", text.trim()))
        };
        let mut parts = text.trim().split('-');
        let mut next = |name: &str| match parts.next() {
            Some(part) if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) => {
                part.parse::<u64>().map_err(|_| wrong(&format!("has a {name} above 64 bits")))
            }
            _ => Err(wrong(&format!("has no {name}: it must be domain-server-sequence"))),
        };
        let narrow = |number: u64, name: &str| {
            u32::try_from(number).map_err(|_| wrong(&format!("has a {name} above 32 bits")))
        };
        let domain = narrow(next("domain")?, "domain")?;
        let server = narrow(next("server")?, "server")?;
        let sequence = next("sequence")?;
        match parts.next() {
            None => Ok(Self { domain, server, sequence }),
            Some(_) => Err(wrong("has more than three parts")),
        }
    }
}

/// A position in MariaDB's log by GTID: of every domain, the last transaction before it.
///
/// Read it with [`str::parse`], print it with `Display`: the text is that of `@@gtid_binlog_pos`, by
/// domain, so that equal positions print equally.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MariaDbPosition {
    /// By domain.
    last: BTreeMap<u32, MariaDbGtid>,
}

impl MariaDbPosition {
    /// Before the first transaction.
    pub const fn new() -> Self {
        Self { last: BTreeMap::new() }
    }

    /// Moves behind a transaction.
    pub fn advance(&mut self, gtid: MariaDbGtid) {
        self.last.insert(gtid.domain, gtid);
    }

    /// Whether nothing is before it.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }
}

impl fmt::Display for MariaDbPosition {
    /// `0-1-270,4-2-11`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, gtid) in self.last.values().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator}{gtid}")?;
        }
        Ok(())
    }
}

impl FromStr for MariaDbPosition {
    type Err = DecodeError;

    /// Reads GTIDs between commas; no two may be of one domain.
    fn from_str(text: &str) -> Result<Self> {
        let mut position = Self::new();
        if text.trim().is_empty() {
            return Ok(position);
        }
        for part in text.split(',') {
            let gtid: MariaDbGtid = part.parse()?;
            if let Some(other) = position.last.insert(gtid.domain, gtid) {
                let reason = format!("{other} and {gtid} are of one domain");
                return Err(DecodeError::new("MariaDB GTID position", 0, reason));
            }
        }
        Ok(position)
    }
}
