//! The audit log: one JSON line for every change that was asked for, with who, what, from where and how it ended.
//!
//! No line has a body, a query or a secret. The log is `audit.log` in the data directory; a full file is renamed to
//! `audit.log.1`, that one to `audit.log.2` and so on, and the oldest goes.

mod read;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub use read::{AuditFilter, read_audit};

/// Name of the file that is written.
pub const AUDIT_FILE: &str = "audit.log";
/// Bytes after which a file is full.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Files, with the one that is written.
const FILES_MAX: u32 = 5;
/// Characters of a text that comes from the client: path, address.
const TEXT_CHARS_MAX: usize = 256;

/// A change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was answered, `2026-11-24T02:00:00.000000Z`.
    pub at: String,
    /// Id of the request, as in the answer and in the server's log.
    pub request_id: String,
    /// User; none where nobody logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Name of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Access key that signed; none for a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    /// Address that the request came from: the client's, or the proxy's before the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Operation, as the OpenAPI document names it.
    pub operation: String,
    /// HTTP method.
    pub method: String,
    /// Path, without the query: project and target.
    pub path: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Error code of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Size of the log.
#[derive(Debug, Clone, Copy)]
pub struct AuditBounds {
    /// Bytes after which a file is full.
    pub file_bytes_max: u64,
    /// Files, with the one that is written.
    pub files_max: u32,
}

impl Default for AuditBounds {
    fn default() -> Self {
        Self { file_bytes_max: FILE_BYTES_MAX, files_max: FILES_MAX }
    }
}

/// The log of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AuditLog {
    open: Arc<Mutex<Open>>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
    bounds: AuditBounds,
}

/// A text of the client, bounded.
pub fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// `audit.log.N`; 0 is the file that is written.
fn numbered(path: &Path, number: u32) -> PathBuf {
    match number {
        0 => path.to_owned(),
        number => {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        }
    }
}

fn open_file(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

impl AuditLog {
    /// Opens the log of a data directory, or begins it.
    ///
    /// # Errors
    /// If its file cannot be opened.
    pub fn open(dir: &Path, bounds: AuditBounds) -> io::Result<Self> {
        let path = dir.join(AUDIT_FILE);
        let (file, bytes) = open_file(&path)?;
        Ok(Self { open: Arc::new(Mutex::new(Open { path, file, bytes, bounds })) })
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// If it cannot be written whole.
    pub fn append(&self, entry: &AuditEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.bytes > 0 && open.bytes + line.len() as u64 > open.bounds.file_bytes_max {
            open.turn()?;
        }
        // One write for the line: a reader never sees half of one while the disk has room.
        open.file.write_all(&line)?;
        open.bytes += line.len() as u64;
        Ok(())
    }
}

impl Open {
    /// Renames every file to the next number and begins a new one. The oldest is written over.
    fn turn(&mut self) -> io::Result<()> {
        let oldest = self.bounds.files_max.saturating_sub(1);
        for number in (0..oldest).rev() {
            match std::fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        if oldest == 0 {
            std::fs::remove_file(&self.path)?;
        }
        (self.file, self.bytes) = open_file(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
