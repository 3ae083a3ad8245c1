//! A job that is begun anew where trying again can help, as a worker does.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use tailrace_pipeline::error::Retry;
use tailrace_pipeline::job::JobSpec;
use tailrace_pipeline::observe::{Counters, JobObserver};
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Error, ErrorKind};

use crate::support::{PATIENCE, Recorder};

/// Longest time that one of these jobs may take for a step: outages are waited for.
const LONGEST: u32 = 4;

/// A job that goes on until it is stopped.
pub(crate) struct Kept {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) counters: Arc<Counters>,
    stop: StopSignal,
    failures: Arc<Mutex<Vec<ErrorKind>>>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Kept {
    pub(crate) fn start(spec: &JobSpec) -> Self {
        let stop = StopSignal::new();
        let recorder = Arc::new(Recorder::default());
        let counters = Arc::new(Counters::default());
        let failures = Arc::<Mutex<Vec<ErrorKind>>>::default();
        let (spec, told) = (spec.clone(), stop.clone());
        let observer: Arc<dyn JobObserver> = Arc::clone(&recorder) as _;
        let (counted, failed) = (Arc::clone(&counters), Arc::clone(&failures));
        let thread = std::thread::spawn(move || {
            loop {
                let end = tailrace_pipeline::run_job(&spec, 1, &told, &observer, &counted);
                match end {
                    Ok(_) => return Ok(()),
                    Err(e) if e.kind().retry() == Retry::Never => return Err(e),
                    Err(e) => {
                        observer.log(tracing::Level::WARN, &e.to_string());
                        failed.lock().unwrap().push(e.kind());
                    }
                }
            }
        });
        Self { recorder, counters, stop, failures, thread: Some(thread) }
    }

    /// Kinds of the errors behind which it was begun anew.
    pub(crate) fn failures(&self) -> Vec<ErrorKind> {
        self.failures.lock().unwrap().clone()
    }

    /// Waits until a condition holds.
    pub(crate) fn wait_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE * LONGEST;
        while !condition(self) {
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                let end = self.thread.take().map(JoinHandle::join);
                panic!(
                    "the job ended while waiting for {what}: {end:?}; {:?}",
                    self.recorder.log()
                );
            }
            assert!(Instant::now() < until, "no {what} in time; {:?}", self.recorder.log());
            std::thread::yield_now();
        }
    }

    /// Stops it.
    pub(crate) fn stop(mut self) {
        self.stop.stop();
        let end = self.thread.take().expect("a running job").join().expect("no panic");
        if let Err(e) = end {
            assert_eq!(e.kind(), ErrorKind::Cancelled, "{e}");
        }
    }
}
