//! The events inside a transaction payload, unpacked one at a time into a buffer of bounded size.

use std::fmt;

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::event_type::EventType;
use super::format_description::LogFormat;
use super::frame::{Frame, RawEvent, split_frame};
use super::payload_event::{PayloadCompression, TransactionPayload, WHAT};
use crate::error::{DecodeError, Result};

/// Bounds for unpacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadLimits {
    /// Greatest size of one event inside the payload; the buffer never grows beyond it and 128 KiB.
    pub event_bytes_max: usize,
    /// Binary logarithm of the greatest zstd window, which zstd allocates for itself. MySQL's levels
    /// 1 to 22 need 19 to 27.
    pub window_log_max: u32,
}

impl Default for PayloadLimits {
    fn default() -> Self {
        // A server cannot write a larger event (`max_log_event_size` in its source).
        Self { event_bytes_max: 1 << 30, window_log_max: 27 }
    }
}

/// Memory for unpacking, to be kept from payload to payload.
pub struct PayloadReader {
    zstd: Decoder<'static>,
    buffer: Vec<u8>,
    limits: PayloadLimits,
}

/// Size the buffer begins with and returns to: a rows event of MySQL is about 8 KiB.
const BUFFER_BYTES: usize = 128 << 10;
/// A buffer that grew beyond this for a large event is given back afterwards.
const BUFFER_BYTES_KEPT: usize = 4 << 20;

impl fmt::Debug for PayloadReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadReader")
            .field("buffer_bytes", &self.buffer.len())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl PayloadReader {
    /// Allocates a zstd context and a small buffer.
    ///
    /// # Errors
    /// If zstd refuses, for example a `window_log_max` outside 10 to 31.
    pub fn new(limits: PayloadLimits) -> Result<Self> {
        let refused = |e: std::io::Error| DecodeError::new(WHAT, 0, format!("zstd: {e}"));
        let mut zstd = Decoder::new().map_err(refused)?;
        zstd.set_parameter(DParameter::WindowLogMax(limits.window_log_max)).map_err(refused)?;
        Ok(Self { zstd, buffer: Vec::new(), limits })
    }

    /// Stands before the first event of a payload.
    ///
    /// # Errors
    /// If zstd cannot be reset.
    pub fn events<'p>(&'p mut self, payload: &TransactionPayload<'p>) -> Result<PayloadEvents<'p>> {
        self.zstd
            .reinit()
            .map_err(|e| DecodeError::new(WHAT, payload.payload_at, format!("zstd: {e}")))?;
        if self.buffer.len() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        if self.buffer.len() < BUFFER_BYTES {
            self.buffer.resize(BUFFER_BYTES, 0);
        }
        Ok(PayloadEvents {
            reader: self,
            payload: *payload,
            read: 0,
            frame_open: false,
            written: 0,
            start: 0,
            end: 0,
            failed: false,
        })
    }
}

/// The events of one payload.
#[derive(Debug)]
pub struct PayloadEvents<'p> {
    reader: &'p mut PayloadReader,
    payload: TransactionPayload<'p>,
    /// Bytes of the payload taken.
    read: usize,
    /// zstd stands inside a frame.
    frame_open: bool,
    /// Bytes unpacked in all.
    written: u64,
    /// The unread part of the buffer.
    start: usize,
    end: usize,
    failed: bool,
}

impl PayloadEvents<'_> {
    /// The next event; its bytes stay until the next call. `None` after the last one, when all sizes
    /// have proved right.
    ///
    /// # Errors
    /// If the packed bytes are damaged, an event in it is cut short, larger than `event_bytes_max` or
    /// of a type that cannot be inside a payload, or the size does not agree with the header. After
    /// an error every further call fails as well, so that a transaction cannot end early by mistake.
    pub fn next_event(&mut self, format: &LogFormat) -> Result<Option<RawEvent<'_>>> {
        if self.failed {
            return Err(self.error("payload", "was damaged before this point".to_owned()));
        }
        let found = match self.find_event() {
            Ok(found) => found,
            Err(error) => {
                self.failed = true;
                return Err(error);
            }
        };
        let Some((from, to)) = found else {
            return Ok(None);
        };
        let bytes = match self.payload.compression {
            PayloadCompression::None => self.payload.payload.get(from..to),
            PayloadCompression::Zstd => self.reader.buffer.get(from..to),
        };
        let raw = format.frame_inner(bytes.unwrap_or_default())?;
        match raw.header.event_type {
            EventType::TRANSACTION_PAYLOAD
            | EventType::FORMAT_DESCRIPTION
            | EventType::ROTATE
            | EventType::STOP => {
                self.failed = true;
                let event_type = raw.header.event_type;
                Err(self.error("event", format!("{event_type} cannot be inside a payload")))
            }
            _ => Ok(Some(raw)),
        }
    }

    /// Bytes of events unpacked so far.
    pub fn unpacked_bytes(&self) -> u64 {
        self.written
    }

    #[cold]
    fn error(&self, field: &'static str, reason: String) -> DecodeError {
        let at = self.payload.payload_at.saturating_add(self.read);
        DecodeError::new(format!("{WHAT} {field}"), at, reason)
    }

    /// Where the next event lies, in the buffer or (not compressed) in the payload.
    fn find_event(&mut self) -> Result<Option<(usize, usize)>> {
        match self.payload.compression {
            PayloadCompression::None => self.find_plain(),
            PayloadCompression::Zstd => self.find_unpacked(),
        }
    }

    fn find_plain(&mut self) -> Result<Option<(usize, usize)>> {
        let from = self.read;
        let rest = self.payload.payload.get(from..).unwrap_or_default();
        if rest.is_empty() {
            return self.finish();
        }
        match split_frame(rest, self.reader.limits.event_bytes_max)? {
            Frame::Complete { event, .. } => {
                let to = from.saturating_add(event.len());
                self.read = to;
                self.written = u64::try_from(to).unwrap_or(u64::MAX);
                Ok(Some((from, to)))
            }
            Frame::Incomplete { needed } => {
                Err(self
                    .error("event", format!("{needed} bytes are needed, {} are left", rest.len())))
            }
        }
    }

    fn find_unpacked(&mut self) -> Result<Option<(usize, usize)>> {
        loop {
            let unread = self.reader.buffer.get(self.start..self.end).unwrap_or_default();
            match split_frame(unread, self.reader.limits.event_bytes_max)? {
                Frame::Complete { event, .. } => {
                    let from = self.start;
                    self.start = from.saturating_add(event.len());
                    return Ok(Some((from, self.start)));
                }
                Frame::Incomplete { needed } => {
                    let have = unread.len();
                    self.make_room(needed);
                    if !self.unpack()? {
                        if have == 0 {
                            return self.finish();
                        }
                        return Err(self.error(
                            "event",
                            format!("{needed} bytes are needed, {have} are left"),
                        ));
                    }
                }
            }
        }
    }

    /// Moves what is unread to the front; grows the buffer only when it is full of one event's bytes,
    /// so that a size that is merely claimed costs nothing.
    fn make_room(&mut self, needed: usize) {
        self.reader.buffer.copy_within(self.start..self.end, 0);
        self.end = self.end.saturating_sub(self.start);
        self.start = 0;
        let len = self.reader.buffer.len();
        if self.end == len {
            self.reader.buffer.resize(needed.min(len.saturating_mul(2)).max(BUFFER_BYTES), 0);
        }
    }

    /// Unpacks more; false if nothing is left.
    fn unpack(&mut self) -> Result<bool> {
        loop {
            let input = self.payload.payload.get(self.read..).unwrap_or_default();
            if input.is_empty() && !self.frame_open {
                return Ok(false);
            }
            let Some(output) = self.reader.buffer.get_mut(self.end..) else {
                return Ok(false);
            };
            let status = match self.reader.zstd.run_on_buffers(input, output) {
                Ok(status) => status,
                Err(e) => return Err(self.error("payload", format!("zstd: {e}"))),
            };
            self.read = self.read.saturating_add(status.bytes_read);
            self.end = self.end.saturating_add(status.bytes_written);
            self.frame_open = status.remaining != 0;
            self.count(status.bytes_written)?;
            if status.bytes_written > 0 {
                return Ok(true);
            }
            if status.bytes_read == 0 && (self.frame_open || !input.is_empty()) {
                return Err(self.error("payload", "the zstd stream ends too early".to_owned()));
            }
        }
    }

    /// A stream that is longer than announced is refused as soon as it shows.
    fn count(&mut self, bytes: usize) -> Result<()> {
        self.written = self.written.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        match self.payload.uncompressed_size {
            Some(size) if self.written > size => Err(self.error(
                "uncompressed size",
                format!("{size} was announced, {} bytes or more are there", self.written),
            )),
            _ => Ok(()),
        }
    }

    fn finish(&self) -> Result<Option<(usize, usize)>> {
        match self.payload.uncompressed_size {
            Some(size) if self.written != size => Err(self.error(
                "uncompressed size",
                format!("{size} was announced, {} bytes are there", self.written),
            )),
            _ => Ok(None),
        }
    }
}
