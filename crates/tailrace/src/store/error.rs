//! What can go wrong with a store.

use std::fmt;

/// Why a store does not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The row was changed or removed since it was read.
    Stale,
    /// The lease of the job was given out anew: another worker writes for it.
    Fenced,
    /// The name is taken.
    NameTaken,
    /// Nobody would be left who may manage users.
    LastAdministrator,
    /// Another process has the data directory.
    InUse(String),
    /// A stored value is not what it should be.
    Damaged(String),
    /// The disk takes no more; nothing was changed. The text is for logs.
    Full(String),
    /// The engine failed. The text is for logs.
    Engine(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => f.write_str("the row was changed meanwhile"),
            Self::Fenced => f.write_str("another worker has the job's lease"),
            Self::NameTaken => f.write_str("the name is taken"),
            Self::LastAdministrator => f.write_str("nobody would be left who may manage users"),
            Self::InUse(text) | Self::Full(text) | Self::Engine(text) => f.write_str(text),
            Self::Damaged(text) => write!(f, "the store is damaged: {text}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// A stored value that is not what it should be.
    pub fn damaged(place: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::Damaged(format!("{place}: {why}"))
    }
}
