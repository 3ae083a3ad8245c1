//! A TCP proxy that breaks connections on demand.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::port::Ports;
use crate::wait;

/// Bytes that are passed on in one piece.
const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Longest wait for the proxy's own port.
const PORT_WAIT_MAX: Duration = Duration::from_secs(5);

/// The way that bytes go through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// A proxy on 127.0.0.1. What is set applies to open connections and to later ones until it is
/// set otherwise; dropping it cuts all and refuses.
#[derive(Debug)]
pub struct ChaosProxy {
    port: u16,
    shared: Arc<Shared>,
    _ports: Option<Ports>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    refuse: bool,
    frozen: bool,
    closed: bool,
    /// Somebody answers at its port.
    listens: bool,
    delay: Duration,
    /// Bytes that may still pass in a direction before the connection that carries them is cut.
    budget: Option<(Direction, u64)>,
    to_server: u64,
    to_client: u64,
    accepted: u64,
    open: Vec<Arc<Link>>,
}

/// One connection through the proxy.
#[derive(Debug)]
struct Link {
    client: TcpStream,
    server: TcpStream,
    /// Directions that have ended, 0 to 2.
    ended: AtomicU8,
}

impl Link {
    fn cut(&self) {
        // An error means that the other side has closed it already.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    fn ends(&self, direction: Direction) -> (&TcpStream, &TcpStream) {
        match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        }
    }
}

impl ChaosProxy {
    /// A proxy on a free port to `upstream` (`host:port`), which need not run yet.
    pub fn start(upstream: &str) -> Result<Self> {
        let ports = Ports::reserve(1)?;
        let mut proxy = Self::start_on(ports.first(), upstream)?;
        proxy._ports = Some(ports);
        Ok(proxy)
    }

    /// A proxy on a port of the caller's choice, for servers that advertise that port.
    pub fn start_on(port: u16, upstream: &str) -> Result<Self> {
        let listener = listen(port)?;
        let shared = Arc::new(Shared::default());
        shared.lock().listens = true;
        let (state, upstream) = (Arc::clone(&shared), upstream.to_owned());
        thread::spawn(move || accept(listener, port, &upstream, &state));
        Ok(Self { port, shared, _ports: None })
    }

    /// The proxy's own port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The proxy's own address, as in `127.0.0.1:18306`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Passes everything on again: takes back all that was set. It listens when this returns.
    pub fn pass(&self) {
        self.shared.change(|state| {
            state.refuse = false;
            state.frozen = false;
            state.delay = Duration::ZERO;
            state.budget = None;
        });
        self.shared.wait(|state| state.listens);
    }

    /// Closes all open connections on both sides now; new ones pass.
    pub fn cut(&self) {
        self.shared.change(|state| {
            for link in state.open.drain(..) {
                link.cut();
            }
        });
    }

    /// Lets `bytes` more bytes pass in one direction, over all connections, and cuts the
    /// connection that carries the last of them. Only once: later connections pass.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.shared.change(|state| state.budget = Some((direction, bytes)));
    }

    /// Holds each piece back for a while, in both directions. A piece has up to 64 KiB.
    pub fn delay(&self, delay: Duration) {
        self.shared.change(|state| state.delay = delay);
    }

    /// Passes nothing on, but keeps all connections open and accepts new ones, as a network does
    /// that loses every packet.
    pub fn freeze(&self) {
        self.shared.change(|state| state.frozen = true);
    }

    /// Ends one direction of all open connections: the receiver reads the end of the stream, and
    /// the other direction goes on.
    pub fn half_close(&self, direction: Direction) {
        self.shared.change(|state| {
            for link in &state.open {
                let (from, to) = link.ends(direction);
                // An error means that it is closed already.
                let _ = from.shutdown(Shutdown::Read);
                let _ = to.shutdown(Shutdown::Write);
            }
        });
    }

    /// Cuts all and refuses new connections, as a host does where nothing listens. It does not listen when this returns.
    pub fn refuse(&self) {
        self.shared.change(|state| {
            state.refuse = true;
            for link in state.open.drain(..) {
                link.cut();
            }
        });
        self.wake_listener();
        self.shared.wait(|state| !state.listens);
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.shared.lock().accepted
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.shared.lock().open.len()
    }

    /// Bytes passed on so far in one direction.
    pub fn bytes(&self, direction: Direction) -> u64 {
        let state = self.shared.lock();
        match direction {
            Direction::ToServer => state.to_server,
            Direction::ToClient => state.to_client,
        }
    }

    /// The listening thread looks at the state after each connection, so it is given one.
    fn wake_listener(&self) {
        // An error means that it does not listen, so it waits for a change of the state already.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.closed = true;
            for link in state.open.drain(..) {
                link.cut();
            }
        });
        self.wake_listener();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is plain numbers and flags: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until its state is so, or it is closed.
    fn wait(&self, holds: impl Fn(&State) -> bool) {
        let waits = |state: &mut State| !state.closed && !holds(state);
        drop(self.changed.wait_while(self.lock(), waits));
    }
}

/// Takes the port. It is the proxy's own, but a process that is being forked has what looked whether it was free open for a
/// moment still.
fn listen(port: u16) -> Result<TcpListener> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    wait::until("the proxy's port", PORT_WAIT_MAX, || Ok(bind().ok()))
        .or_else(|_| bind().with_context(|| format!("the proxy cannot listen on port {port}")))
}

/// Accepts connections until the proxy is dropped; listens only while it does not refuse.
fn accept(first: TcpListener, port: u16, upstream: &str, shared: &Arc<Shared>) {
    let mut listener = Some(first);
    loop {
        let mut state = shared.lock();
        while state.refuse && !state.closed {
            listener = None;
            state.listens = false;
            shared.changed.notify_all();
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return;
        }
        drop(state);
        let socket = match &listener {
            Some(socket) => socket,
            None => match listen(port) {
                Ok(socket) => {
                    shared.change(|state| state.listens = true);
                    listener.insert(socket)
                }
                // Somebody took the port: clients see what they would see of a refusal or worse,
                // and the test fails with its own words.
                Err(_) => {
                    shared.change(|state| state.closed = true);
                    return;
                }
            },
        };
        let Ok((client, _)) = socket.accept() else { continue };
        let state = shared.lock();
        let wanted = !state.refuse && !state.closed;
        drop(state);
        // When the server does not answer, the client's connection is closed at once.
        if wanted && let Ok(server) = TcpStream::connect(upstream) {
            open(client, server, shared);
        }
    }
}

fn open(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    for stream in [&client, &server] {
        // Without it small packets wait; a proxy that cannot set it still works.
        let _ = stream.set_nodelay(true);
    }
    let link = Arc::new(Link { client, server, ended: AtomicU8::new(0) });
    shared.change(|state| {
        state.accepted += 1;
        state.open.push(Arc::clone(&link));
    });
    for direction in [Direction::ToServer, Direction::ToClient] {
        let (link, shared) = (Arc::clone(&link), Arc::clone(shared));
        thread::spawn(move || pump(&link, direction, &shared));
    }
}

/// Passes one direction of one connection on until it ends.
fn pump(link: &Arc<Link>, direction: Direction, shared: &Shared) {
    let (mut from, mut to) = link.ends(direction);
    let mut piece = vec![0; PIECE_BYTES_MAX];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let (allowed, cut) = shared.admit(direction, count);
        let sent = to.write_all(&piece[..allowed]);
        if cut {
            link.cut();
        }
        if cut || sent.is_err() {
            break;
        }
    }
    // The end of one direction is passed on; the other may go on. An error means it is closed.
    let _ = to.shutdown(Shutdown::Write);
    if link.ended.fetch_add(1, Ordering::AcqRel) == 1 {
        shared.lock().open.retain(|open| !Arc::ptr_eq(open, link));
    }
}

impl Shared {
    /// Waits until `count` bytes may pass, counts them, and says how many of them may and whether
    /// the connection is to be cut then.
    fn admit(&self, direction: Direction, count: usize) -> (usize, bool) {
        let begun = Instant::now();
        let mut state = self.lock();
        while !state.closed {
            if state.frozen {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if let Some(left) = state.delay.checked_sub(begun.elapsed())
                && !left.is_zero()
            {
                let waited = self.changed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                break;
            }
        }
        let mut allowed = count as u64;
        let mut cut = false;
        if let Some((limited, left)) = state.budget
            && limited == direction
        {
            allowed = allowed.min(left);
            cut = allowed == left;
            state.budget = if cut { None } else { Some((limited, left - allowed)) };
        }
        match direction {
            Direction::ToServer => state.to_server += allowed,
            Direction::ToClient => state.to_client += allowed,
        }
        // Not more than `count`, which is a `usize`.
        (allowed as usize, cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A server that sends back what it gets, and its address.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut reader = stream.try_clone().unwrap();
                    let _ = std::io::copy(&mut reader, &mut stream);
                    let _ = stream.shutdown(Shutdown::Write);
                });
            }
        });
        address
    }

    fn client(proxy: &ChaosProxy) -> TcpStream {
        let client = TcpStream::connect(proxy.address()).unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        client
    }

    fn ask(client: &mut TcpStream, text: &str) -> std::io::Result<String> {
        client.write_all(text.as_bytes())?;
        let mut answer = vec![0; text.len()];
        client.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    #[test]
    fn passes_and_cuts() {
        let proxy = ChaosProxy::start(&echo()).unwrap();
        let mut one = client(&proxy);
        assert_eq!(ask(&mut one, "hello").unwrap(), "hello");
        assert_eq!(proxy.bytes(Direction::ToServer), 5);
        proxy.cut();
        assert!(ask(&mut one, "hello").is_err());
        assert_eq!(ask(&mut client(&proxy), "again").unwrap(), "again");
        assert_eq!(proxy.accepted(), 2);
    }

    #[test]
    fn cuts_after_so_many_bytes_and_only_once() {
        let proxy = ChaosProxy::start(&echo()).unwrap();
        proxy.cut_after(Direction::ToClient, 7);
        let mut one = client(&proxy);
        one.write_all(b"0123456789").unwrap();
        let mut answer = Vec::new();
        one.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"0123456");
        assert_eq!(ask(&mut client(&proxy), "0123456789").unwrap(), "0123456789");
    }

    #[test]
    fn freezes_and_thaws_without_loss() {
        let proxy = ChaosProxy::start(&echo()).unwrap();
        let mut one = client(&proxy);
        proxy.freeze();
        one.write_all(b"late").unwrap();
        one.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut answer = [0; 4];
        let kind = one.read(&mut answer).unwrap_err().kind();
        assert_eq!(kind, std::io::ErrorKind::WouldBlock);
        proxy.pass();
        one.set_read_timeout(Some(LIMIT)).unwrap();
        one.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"late");
    }

    #[test]
    fn delays() {
        let proxy = ChaosProxy::start(&echo()).unwrap();
        proxy.delay(Duration::from_millis(60));
        let begun = Instant::now();
        assert_eq!(ask(&mut client(&proxy), "slow").unwrap(), "slow");
        // Once in each direction.
        assert!(begun.elapsed() >= Duration::from_millis(120));
    }

    #[test]
    fn half_closes() {
        let proxy = ChaosProxy::start(&echo()).unwrap();
        let mut one = client(&proxy);
        assert_eq!(ask(&mut one, "x").unwrap(), "x");
        proxy.half_close(Direction::ToClient);
        assert_eq!(one.read(&mut [0; 1]).unwrap(), 0);
        one.write_all(b"still").unwrap();
        wait::until_true("the bytes on their way to the server", LIMIT, || {
            proxy.bytes(Direction::ToServer) == 6
        });
    }

    #[test]
    fn refuses_and_listens_again() {
        let proxy = ChaosProxy::start(&echo()).unwrap();
        let mut one = client(&proxy);
        assert_eq!(ask(&mut one, "x").unwrap(), "x");
        proxy.refuse();
        assert!(ask(&mut one, "x").is_err());
        wait::until_true("a refusal", LIMIT, || {
            TcpStream::connect(proxy.address())
                .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
        });
        proxy.pass();
        wait::until_true("a connection", LIMIT, || {
            TcpStream::connect(proxy.address()).is_ok_and(|mut client| {
                client.set_read_timeout(Some(LIMIT)).is_ok() && ask(&mut client, "y").is_ok()
            })
        });
    }

    #[test]
    fn the_end_of_a_stream_passes_and_the_connection_is_forgotten() {
        let proxy = ChaosProxy::start(&echo()).unwrap();
        let mut one = client(&proxy);
        one.write_all(b"bye").unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        one.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"bye");
        wait::until_true("an empty list", LIMIT, || proxy.open() == 0);
    }
}
