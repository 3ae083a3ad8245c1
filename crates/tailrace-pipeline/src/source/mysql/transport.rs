//! Packets over a socket, plain or TLS, read in large slabs.
//!
//! A payload that lies whole in the slab is handed out in place; only payloads that cross the slab's
//! end or are split into several packets (16 MiB and more) are copied. Reads wake up every
//! [`POLL_INTERVAL`] so that a stop is seen although the server is silent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::error::{Error, ErrorKind, Result};
use crate::job::MysqlEndpoint;
use crate::run::StopSignal;
use crate::socket::{POLL_INTERVAL, Peer, Socket};

/// Bytes the socket is asked for at once.
const SLAB_BYTES: usize = 1 << 20;
/// Payload bytes of a packet that says "more follows".
const PACKET_PAYLOAD_MAX: usize = 0xFF_FFFF;
/// Bytes of a packet header.
const HEADER_BYTES: usize = 4;

/// A packet connection to a MySQL-protocol server.
pub(crate) struct Transport {
    socket: Socket,
    slab: Vec<u8>,
    start: usize,
    end: usize,
    /// A payload put together from several packets.
    joined: Vec<u8>,
    /// Sequence number of the next packet.
    sequence: u8,
    payload_bytes_max: usize,
    /// Longest silence before the connection counts as lost.
    silence_max: Duration,
    stop: StopSignal,
    bytes_read: u64,
}

/// Where a payload lies.
enum Place {
    Slab(usize, usize),
    Joined,
}

impl Transport {
    /// Connects by TCP.
    pub(crate) fn connect(
        endpoint: &MysqlEndpoint,
        payload_bytes_max: usize,
        stop: StopSignal,
    ) -> Result<Self> {
        Ok(Self {
            socket: Socket::dial(Peer::Source, &endpoint.host, endpoint.port)?,
            slab: vec![0; SLAB_BYTES],
            start: 0,
            end: 0,
            joined: Vec::new(),
            sequence: 0,
            payload_bytes_max,
            silence_max: Duration::from_secs(60),
            stop,
            bytes_read: 0,
        })
    }

    /// Sets the longest silence before the connection counts as lost.
    pub(crate) fn set_silence_max(&mut self, silence_max: Duration) {
        self.silence_max = silence_max;
    }

    /// Bytes read from the socket so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.socket.is_tls()
    }

    /// Turns the connection into TLS; everything read so far must be consumed.
    pub(crate) fn start_tls(&mut self, config: Arc<ClientConfig>, host: &str) -> Result<()> {
        self.socket.start_tls(config, host)
    }

    /// Starts a new command: the next packet sent has number 0.
    pub(crate) fn reset_sequence(&mut self) {
        self.sequence = 0;
    }

    /// Sends a payload, split where the protocol asks for it.
    pub(crate) fn send(&mut self, payload: &[u8]) -> Result<()> {
        let mut framed = Vec::with_capacity(payload.len() + HEADER_BYTES);
        let mut chunks = payload.chunks(PACKET_PAYLOAD_MAX).peekable();
        let mut last_len = PACKET_PAYLOAD_MAX;
        while last_len == PACKET_PAYLOAD_MAX {
            let part = chunks.next().unwrap_or(&[]);
            last_len = part.len();
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
            framed.extend_from_slice(&length[..3]);
            framed.push(self.sequence);
            self.sequence = self.sequence.wrapping_add(1);
            framed.extend_from_slice(part);
        }
        self.socket.write_all(&framed, || self.stop.check())
    }

    /// Whether a whole payload can be had without waiting.
    pub(crate) fn has_buffered_packet(&self) -> bool {
        let available = self.end - self.start;
        if available < HEADER_BYTES {
            return false;
        }
        let length = header_length(&self.slab[self.start..]);
        available >= HEADER_BYTES + length
    }

    /// Payloads that lie in memory already, in order, up to the first that does not lie there whole.
    pub(crate) fn buffered_payloads(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.slab[self.start..self.end];
        std::iter::from_fn(move || {
            let (header, behind) = rest.split_at_checked(HEADER_BYTES)?;
            let length = Some(header_length(header)).filter(|n| *n < PACKET_PAYLOAD_MAX)?;
            let (payload, behind) = behind.split_at_checked(length)?;
            rest = behind;
            Some(payload)
        })
    }

    /// The first bytes, `wanted` at most, of the next payload, which stays to be received.
    pub(crate) fn peek(&mut self, wanted: usize) -> Result<&[u8]> {
        self.fill(HEADER_BYTES)?;
        let length = header_length(&self.slab[self.start..]).min(wanted);
        self.fill(HEADER_BYTES + length)?;
        let from = self.start + HEADER_BYTES;
        Ok(&self.slab[from..from + length])
    }

    /// Reads the next payload. The slice is valid until the next call.
    pub(crate) fn receive(&mut self) -> Result<&[u8]> {
        match self.receive_place()? {
            Place::Slab(from, to) => Ok(&self.slab[from..to]),
            Place::Joined => Ok(&self.joined),
        }
    }

    fn receive_place(&mut self) -> Result<Place> {
        let length = self.next_header()?;
        if length < PACKET_PAYLOAD_MAX {
            if HEADER_BYTES + length <= self.slab.len() {
                self.fill(HEADER_BYTES + length)?;
                let from = self.start + HEADER_BYTES;
                self.start = from + length;
                return Ok(Place::Slab(from, from + length));
            }
            self.joined.clear();
            self.start += HEADER_BYTES;
            self.append_joined(length)?;
            return Ok(Place::Joined);
        }
        self.joined.clear();
        let mut part = length;
        loop {
            self.start += HEADER_BYTES;
            self.append_joined(part)?;
            if part < PACKET_PAYLOAD_MAX {
                return Ok(Place::Joined);
            }
            part = self.next_header()?;
        }
    }

    /// Makes sure a header is buffered and checks its sequence number.
    fn next_header(&mut self) -> Result<usize> {
        self.fill(HEADER_BYTES)?;
        let header = &self.slab[self.start..self.start + HEADER_BYTES];
        let length = header_length(header);
        let sequence = header[3];
        if sequence != self.sequence {
            return Err(closed(&format!(
                "packet number {sequence} arrived where {} was due",
                self.sequence
            )));
        }
        self.sequence = self.sequence.wrapping_add(1);
        Ok(length)
    }

    fn append_joined(&mut self, mut length: usize) -> Result<()> {
        if self.joined.len() + length > self.payload_bytes_max {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "a packet of more than {} bytes: raise event_bytes_max",
                    self.payload_bytes_max
                ),
            ));
        }
        while length > 0 {
            if self.start == self.end {
                self.fill(1)?;
            }
            let take = length.min(self.end - self.start);
            self.joined.extend_from_slice(&self.slab[self.start..self.start + take]);
            self.start += take;
            length -= take;
        }
        if self.joined.capacity() > 4 * SLAB_BYTES && self.joined.len() < SLAB_BYTES {
            self.joined.shrink_to(SLAB_BYTES);
        }
        Ok(())
    }

    /// Reads until `wanted` bytes lie in the slab in one piece.
    fn fill(&mut self, wanted: usize) -> Result<()> {
        if self.end - self.start >= wanted {
            return Ok(());
        }
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.start + wanted > self.slab.len() {
            self.slab.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let mut silent_since = Instant::now();
        while self.end - self.start < wanted {
            if self.read_once()? {
                silent_since = Instant::now();
                continue;
            }
            self.stop.check()?;
            if silent_since.elapsed() > self.silence_max {
                return Err(closed(&format!(
                    "the source was silent for {} s",
                    self.silence_max.as_secs()
                )));
            }
        }
        Ok(())
    }

    /// Reads what comes next into the slab; false if nothing came in the time for which a read may block.
    fn read_once(&mut self) -> Result<bool> {
        let bytes = self.socket.read(&mut self.slab[self.end..])?;
        self.end += bytes;
        self.bytes_read += bytes as u64;
        Ok(bytes > 0)
    }

    /// Waits until something can be read, for some time at most; whether that is so.
    pub(crate) fn wait_for_bytes(&mut self, longest: Duration) -> Result<bool> {
        if self.has_buffered_packet() || self.end == self.slab.len() {
            return Ok(true);
        }
        self.socket.set_read_timeout(longest)?;
        let came = self.read_once();
        self.socket.set_read_timeout(POLL_INTERVAL)?;
        came
    }
}

fn header_length(header: &[u8]) -> usize {
    usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16
}

fn closed(text: &str) -> Error {
    Peer::Source.closed(text)
}
