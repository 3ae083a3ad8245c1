//! Fixed-size records on disk, in buckets by the hash of their key: what is compared is read back bucket by bucket, so
//! that memory holds one bucket and not the table.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Buckets.
pub(crate) const BUCKETS: usize = 256;
/// Bytes of a bucket that are collected before they are written.
const BLOCK_BYTES: usize = 64 << 10;
/// Bytes that one side may spill: some billion rows.
const SPILL_BYTES_MAX: u64 = 64 << 30;

/// What is spilled.
pub(crate) trait Record: Sized {
    /// Bytes of each.
    const BYTES: usize;

    /// Decides the bucket; records of one key are in one.
    fn key(&self) -> u128;

    /// Appends exactly [`Record::BYTES`].
    fn write(&self, out: &mut Vec<u8>);

    /// Reads what was written; `None` for anything else.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// Records in a file that has no name: it is gone with the process.
pub(crate) struct Spill<R> {
    file: File,
    end: u64,
    /// By bucket: bytes that are not written yet.
    open: Vec<Vec<u8>>,
    /// By bucket: place and length of what is written.
    blocks: Vec<Vec<(u64, usize)>>,
    kind: PhantomData<R>,
}

impl<R: Record> Spill<R> {
    /// An empty one in a directory.
    ///
    /// # Errors
    /// `Local` if no file can be made there.
    pub(crate) fn create(directory: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(|e| {
            let text = format!("no file can be made in {}: {e}", directory.display());
            Error::new(ErrorKind::Local, text)
        })?;
        Ok(Self {
            file,
            end: 0,
            open: (0..BUCKETS).map(|_| Vec::new()).collect(),
            blocks: (0..BUCKETS).map(|_| Vec::new()).collect(),
            kind: PhantomData,
        })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// `Local` if the disk takes no more.
    pub(crate) fn push(&mut self, record: &R) -> Result<()> {
        let bucket = usize::from(record.key().to_le_bytes()[0]);
        let (Some(open), Some(blocks)) = (self.open.get_mut(bucket), self.blocks.get_mut(bucket))
        else {
            return Err(Error::new(ErrorKind::Bug, "a bucket is missing"));
        };
        if open.len() + R::BYTES > BLOCK_BYTES {
            self.file.write_all_at(open, self.end).map_err(|e| full(&e))?;
            blocks.push((self.end, open.len()));
            self.end += open.len() as u64;
            open.clear();
            if self.end > SPILL_BYTES_MAX {
                let text = format!(
                    "more than {SPILL_BYTES_MAX} bytes would be spilled to disk: compare fewer tables of the topic at once"
                );
                return Err(Error::new(ErrorKind::Limit, text));
            }
        }
        record.write(open);
        Ok(())
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.end
    }

    /// The records of a bucket in the order in which they were added.
    ///
    /// # Errors
    /// `Local` if they cannot be read back.
    pub(crate) fn bucket(&self, bucket: usize, mut each: impl FnMut(R)) -> Result<()> {
        let strange = || Error::new(ErrorKind::Local, "what was spilled reads back differently");
        let mut block = Vec::new();
        let mut read = |bytes: &[u8]| -> Result<()> {
            for bytes in bytes.chunks(R::BYTES) {
                each(R::read(bytes).ok_or_else(strange)?);
            }
            Ok(())
        };
        for (place, length) in self.blocks.get(bucket).into_iter().flatten() {
            block.resize(*length, 0);
            self.file.read_exact_at(&mut block, *place).map_err(|e| {
                Error::new(ErrorKind::Local, format!("what was spilled cannot be read: {e}"))
            })?;
            read(&block)?;
        }
        self.open.get(bucket).map_or(Ok(()), |open| read(open))
    }
}

fn full(e: &io::Error) -> Error {
    Error::new(ErrorKind::Local, format!("what is compared cannot be spilled to disk: {e}"))
}

/// Takes the next bytes off a record.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number(u128);

    impl Record for Number {
        const BYTES: usize = 16;

        fn key(&self) -> u128 {
            self.0
        }

        fn write(&self, out: &mut Vec<u8>) {
            out.extend_from_slice(&self.0.to_le_bytes());
        }

        fn read(mut bytes: &[u8]) -> Option<Self> {
            take(&mut bytes).map(|bytes| Self(u128::from_le_bytes(bytes)))
        }
    }

    #[test]
    fn every_record_is_read_back_in_its_bucket_and_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut spill = Spill::create(directory.path()).unwrap();
        // More than a block in every bucket.
        let count = (BLOCK_BYTES / 16 * 2 + 3) * BUCKETS;
        for number in 0..count as u128 {
            spill.push(&Number(number)).unwrap();
        }
        assert!(spill.bytes() > 0);
        let mut seen = 0;
        for bucket in 0..BUCKETS {
            let mut next = bucket as u128;
            spill
                .bucket(bucket, |number| {
                    assert_eq!(number.0, next);
                    next += BUCKETS as u128;
                    seen += 1;
                })
                .unwrap();
        }
        assert_eq!(seen, count);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "it has no name");
    }

    #[test]
    fn a_directory_that_is_not_there_is_told() {
        let error = Spill::<Number>::create(Path::new("/nowhere/at/all")).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Local);
        assert!(error.message().contains("/nowhere/at/all"), "{error}");
    }
}
