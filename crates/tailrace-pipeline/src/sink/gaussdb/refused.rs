//! What GaussDB says when it refuses a statement, and what that means.

use std::fmt;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::ErrorFields;

use crate::error::{Error, ErrorKind};

/// A refused statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refused {
    /// SQLSTATE, five characters.
    pub code: String,
    /// What is said.
    pub message: String,
    /// More of it, such as the values of a key that is there already.
    pub detail: Option<String>,
    /// The server ends the connection.
    pub is_fatal: bool,
}

impl Refused {
    /// Reads the fields of an error message.
    pub(crate) fn of(mut fields: ErrorFields<'_>) -> Self {
        let mut refused = Self::default();
        while let Ok(Some(field)) = fields.next() {
            let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                // Not translated where it is there; the other one may be.
                b'V' | b'S' => refused.is_fatal |= text == "FATAL" || text == "PANIC",
                b'C' => refused.code = text,
                b'M' => refused.message = text,
                b'D' => refused.detail = Some(text),
                _ => {}
            }
        }
        refused
    }

    /// A row with the values of a unique key is there already (`unique_violation`).
    pub fn is_duplicate(&self) -> bool {
        self.code == "23505"
    }

    /// The data of a row is at fault, not the connection, the server's state or a privilege: its values (class 22) or a
    /// constraint (class 23).
    pub fn is_of_data(&self) -> bool {
        self.code.starts_with("22") || self.code.starts_with("23")
    }

    /// Whether the outcome may be another one if all is done again: what PostgreSQL's appendix of error codes lists as
    /// lost connections, rolled-back transactions, lack of resources, and what an operator did.
    fn kind(&self) -> ErrorKind {
        match self.code.get(..2).unwrap_or_default() {
            "08" => ErrorKind::TargetConnection,
            "28" => ErrorKind::TargetAuthentication,
            _ if self.code == "42501" => ErrorKind::TargetPrivilege,
            // Full disks, memory and connections: waited for, as a person can end them without touching the job.
            "53" | "57" | "58" if self.code != "57014" => ErrorKind::TargetConnection,
            // A lock that somebody holds (`lock_not_available`).
            _ if self.code == "55P03" => ErrorKind::TargetConnection,
            // The database does not exist.
            _ if self.code == "3D000" => ErrorKind::Configuration,
            _ => ErrorKind::Target,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)?;
        match &self.detail {
            Some(detail) => write!(f, "; {detail}"),
            None => Ok(()),
        }
    }
}

/// Why a statement did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server refused it; the connection can be used on.
    Refused(Refused),
    /// The connection cannot be used any more.
    Broken(Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::new(refused.kind(), format!("the target refused: {refused}"))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refused) => refused.into(),
            Failure::Broken(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}
