//! Where the changes of large open transactions are put aside: a file that nobody else sees.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tailrace_codec::redo::Aside;

use crate::error::{Error, ErrorKind};

/// Pieces in a file, one behind the other.
#[derive(Debug)]
pub(super) struct SpillFile {
    file: File,
    /// Where each piece ends.
    ends: Vec<u64>,
}

impl SpillFile {
    /// A file in a folder, gone with this value.
    ///
    /// # Errors
    /// `Local` if it cannot be made.
    pub(super) fn new(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(folder).map_err(|e| {
            local(&format!("a file for large transactions in {}", folder.display()), &e)
        })?;
        Ok(Self { file, ends: Vec::new() })
    }

    fn begin(&self, number: usize) -> u64 {
        number.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

fn local(what: &str, e: &std::io::Error) -> Error {
    Error::new(ErrorKind::Local, format!("{what}: {e}"))
}

impl Aside for SpillFile {
    type Error = Error;

    fn put(&mut self, piece: &[u8]) -> Result<(), Error> {
        let begin = self.begin(self.ends.len());
        self.file
            .write_all_at(piece, begin)
            .map_err(|e| local("writing the changes of a large transaction", &e))?;
        self.ends.push(begin + piece.len() as u64);
        Ok(())
    }

    fn get(&mut self, number: usize, into: &mut Vec<u8>) -> Result<(), Error> {
        let begin = self.begin(number);
        let length = usize::try_from(self.ends[number] - begin).unwrap_or(usize::MAX);
        into.clear();
        into.resize(length, 0);
        self.file
            .read_exact_at(into, begin)
            .map_err(|e| local("reading the changes of a large transaction", &e))
    }

    fn forget_last(&mut self) -> Result<(), Error> {
        self.ends.pop();
        let end = self.begin(self.ends.len());
        self.file.set_len(end).map_err(|e| local("shortening the file of a large transaction", &e))
    }

    fn len(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = SpillFile::new(folder.path()).unwrap();
        assert!(spill.is_empty());
        for piece in ["one", "", "three"] {
            spill.put(piece.as_bytes()).unwrap();
        }
        spill.forget_last().unwrap();
        spill.put(b"4").unwrap();
        let mut read = Vec::new();
        for (number, wanted) in ["one", "", "4"].into_iter().enumerate() {
            spill.get(number, &mut read).unwrap();
            assert_eq!(read, wanted.as_bytes());
        }
        assert_eq!(spill.len(), 3);
        assert_eq!(SpillFile::new(Path::new("/nowhere")).unwrap_err().kind(), ErrorKind::Local);
    }
}
