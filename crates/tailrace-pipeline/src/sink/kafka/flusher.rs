//! Lets messages leave that wait for their batch to become full, without waiting for the client's clock.
//!
//! librdkafka sends what lingers while `rd_kafka_flush` lasts. Where deliveries are reported as events, that
//! call ends when their reader has seen the last one, or in whole milliseconds; the reader was the caller, so
//! each commit of few messages waited for up to a millisecond behind its last acknowledgement (seen in the
//! kernel's schedule: 0.6 ms of 4). A thread of its own flushes while the caller reads.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rdkafka::producer::BaseProducer;

use crate::error::{Error, ErrorKind, Result};
use crate::sink::kafka::deliveries::Deliveries;
use crate::sink::kafka::raw_produce;

/// Longest single flush in milliseconds: what is produced meanwhile does not linger.
const FLUSH_MS: i32 = 1;

/// The thread that flushes one client. Ends with this value.
pub(crate) struct Flusher {
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// # Errors
    /// `Local` if the system has no thread left.
    pub(crate) fn start(client: Arc<BaseProducer<Deliveries>>) -> Result<Self> {
        let (ask, asked) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("tailrace-flush".to_owned())
            .spawn(move || flush_when(&asked, &client))
            .map_err(|e| {
                Error::new(ErrorKind::Local, format!("a thread cannot be started: {e}"))
            })?;
        Ok(Self { ask: Some(ask), thread: Some(thread) })
    }

    /// Asks for a flush and does not wait. Asking again before it has begun changes nothing.
    pub(crate) fn ask(&self) {
        if let Some(ask) = &self.ask {
            // Full: one is asked for already.
            let _ = ask.try_send(());
        }
    }
}

fn flush_when(asked: &Receiver<()>, client: &BaseProducer<Deliveries>) {
    while asked.recv().is_ok() {
        raw_produce::flush(client, FLUSH_MS);
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.ask = None;
        // The client must not end on that thread, which could be later than its owner's end.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
