//! Reading the audit log.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use super::{AUDIT_FILE, AuditEntry, numbered};

/// Files that are looked for; more than any bounds make.
const FILES_SOUGHT_MAX: u32 = 1000;

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of this user, by name or id.
    pub user: Option<String>,
    /// Of this operation.
    pub operation: Option<String>,
    /// With this in the path.
    pub target: Option<String>,
    /// Only those that were refused or failed.
    pub refused: bool,
}

impl AuditFilter {
    fn wants(&self, entry: &AuditEntry) -> bool {
        let is = |wanted: &Option<String>, values: &[Option<&str>]| {
            wanted.as_deref().is_none_or(|wanted| values.contains(&Some(wanted)))
        };
        is(&self.user, &[entry.user_name.as_deref(), entry.user_id.as_deref()])
            && is(&self.operation, &[Some(&entry.operation)])
            && self.target.as_deref().is_none_or(|part| entry.path.contains(part))
            && (!self.refused || entry.status >= 400)
    }
}

/// The newest `count_max` entries that are wanted, oldest first. A line that is none, as after a full disk, is passed over.
///
/// # Errors
/// If a file cannot be read; [`io::ErrorKind::NotFound`] if there is no log.
pub fn read_audit(
    dir: &Path,
    filter: &AuditFilter,
    count_max: usize,
) -> io::Result<Vec<AuditEntry>> {
    let path = dir.join(AUDIT_FILE);
    let mut files = vec![File::open(&path)?];
    for number in 1..=FILES_SOUGHT_MAX {
        match File::open(numbered(&path, number)) {
            Ok(file) => files.push(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => break,
            Err(e) => return Err(e),
        }
    }
    let mut newest = VecDeque::new();
    for file in files.into_iter().rev() {
        for line in BufReader::new(file).split(b'\n') {
            let Ok(entry) = serde_json::from_slice::<AuditEntry>(&line?) else { continue };
            if !filter.wants(&entry) {
                continue;
            }
            newest.push_back(entry);
            if newest.len() > count_max {
                newest.pop_front();
            }
        }
    }
    Ok(newest.into())
}
