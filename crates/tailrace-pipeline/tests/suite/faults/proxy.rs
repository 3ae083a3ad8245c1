//! Stands between a job and its source and cuts their connections.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct State {
    refuses: AtomicBool,
    refused: AtomicU64,
    /// Bytes to the job after which its connections are cut, one after the other.
    cuts: Mutex<VecDeque<u64>>,
    open: Mutex<Vec<TcpStream>>,
}

/// A proxy on a port of its own.
pub(super) struct Proxy {
    port: u16,
    state: Arc<State>,
}

impl Proxy {
    pub(super) fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.refuses.load(Ordering::Relaxed) {
                    shared.refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                // A server that is down has no connection to give.
                let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)) else { continue };
                shared.join(client, server);
            }
        });
        Self { port, state }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections once more when so many more bytes have gone to the job.
    pub(super) fn cut_behind(&self, bytes: u64) {
        self.state.cuts.lock().unwrap().push_back(bytes);
    }

    pub(super) fn cuts_left(&self) -> usize {
        self.state.cuts.lock().unwrap().len()
    }

    /// Takes no connections, and cuts those that are there.
    pub(super) fn refuse(&self, refuses: bool) {
        self.state.refuses.store(refuses, Ordering::Relaxed);
        if refuses {
            self.state.cut();
        }
    }

    /// Connections that were refused.
    pub(super) fn refused(&self) -> u64 {
        self.state.refused.load(Ordering::Relaxed)
    }
}

impl State {
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let copy = |stream: &TcpStream| stream.try_clone().expect("a stream");
        self.open.lock().unwrap().extend([copy(&client), copy(&server)]);
        let (to_server, from_client) = (copy(&server), copy(&client));
        std::thread::spawn(move || pass(from_client, to_server, |_| {}));
        let state = Arc::clone(self);
        std::thread::spawn(move || pass(server, client, |bytes| state.passed(bytes)));
    }

    fn passed(&self, bytes: u64) {
        let is_due = {
            let mut cuts = self.cuts.lock().unwrap();
            let left = cuts.front().map(|left| left.saturating_sub(bytes));
            match left {
                Some(0) => cuts.pop_front().is_some(),
                Some(left) => {
                    cuts[0] = left;
                    false
                }
                None => false,
            }
        };
        if is_due {
            self.cut();
        }
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            // One that is closed already is cut.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Passes bytes on until one side ends.
fn pass(mut from: TcpStream, mut to: TcpStream, passed: impl Fn(u64)) {
    let mut buffer = vec![0; 16_384];
    while let Ok(count) = from.read(&mut buffer)
        && count > 0
        && to.write_all(&buffer[..count]).is_ok()
    {
        passed(count as u64);
    }
    let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
