//! The server's socket, and what a test can do to it.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};

use super::engine::{Engine, Session};
use super::wire::{Served, serve};
use crate::port::Ports;

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct OracleOptions {
    /// Users, in upper case, with their passwords. Each has a schema of its name.
    pub users: BTreeMap<String, String>,
    /// Service that clients ask for.
    pub service: String,
}

impl OracleOptions {
    /// One user, the service `STANDIN`.
    pub fn with_user(user: &str, password: &str) -> Self {
        let users = BTreeMap::from([(user.to_uppercase(), password.to_owned())]);
        Self { users, service: "STANDIN".to_owned() }
    }
}

/// A running stand-in on 127.0.0.1, with a database of its own that lives as long as it.
pub struct OracleServer {
    port: u16,
    engine: Engine,
    shared: Arc<Shared>,
    _ports: Ports,
}

#[derive(Default)]
struct Shared {
    closed: AtomicBool,
    open: Mutex<Vec<Client>>,
}

/// A connection, with its user once it has logged in.
struct Client {
    stream: TcpStream,
    user: Arc<OnceLock<String>>,
}

impl OracleServer {
    /// Opens the socket.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start(options: OracleOptions) -> Result<Self> {
        let ports = Ports::reserve(1)?;
        let port = ports.first();
        let listener = TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("listening on port {port} of 127.0.0.1"))?;
        let shared = Arc::new(Shared::default());
        let served = Arc::new(Served {
            passwords: options.users,
            services: vec![options.service.to_uppercase()],
        });
        let engine = Engine::default();
        let (opened, accepted) = (engine.clone(), Arc::clone(&shared));
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if accepted.closed.load(Ordering::SeqCst) {
                    return;
                }
                let (engine, served) = (opened.clone(), Arc::clone(&served));
                client.set_nodelay(true).ok();
                let Ok(own) = client.try_clone().map(Closing) else { continue };
                let user = Arc::new(OnceLock::new());
                if let Ok(stream) = client.try_clone() {
                    locked(&accepted.open).push(Client { stream, user: Arc::clone(&user) });
                }
                thread::spawn(move || {
                    let open = |name: &str, _: &str| -> Box<dyn super::wire::Database> {
                        user.get_or_init(|| name.to_owned());
                        let user = name;
                        Box::new(Session::new(engine, user))
                    };
                    // A connection that breaks off is its client's matter.
                    if let Err(error) = serve(client, &served, open)
                        && error.kind() == std::io::ErrorKind::InvalidData
                    {
                        eprintln!("stand-in for Oracle: {error}");
                    }
                    drop(own);
                });
            }
        });
        Ok(Self { port, engine, shared, _ports: ports })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Deletes the archived logs up to a sequence, but not those that are online.
    pub fn delete_archived(&self, up_to: u32) {
        self.engine.delete_archived(up_to);
    }

    /// Lets a statement that has a part in it fail once with an error of Oracle's, after so many others that have it.
    pub fn fail(&self, part: &str, pass: usize, code: u32, message: &str) {
        self.engine.fail(part, pass, code, message);
    }

    /// Breaks every connection off.
    pub fn cut(&self) {
        for client in locked(&self.shared.open).drain(..) {
            client.stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Breaks a user's connections off.
    pub fn cut_user(&self, user: &str) {
        for client in locked(&self.shared.open).iter() {
            if client.user.get().is_some_and(|of| of == user) {
                client.stream.shutdown(Shutdown::Both).ok();
            }
        }
    }
}

/// Closes a client's socket, of which there are others, when its thread ends, whichever way.
struct Closing(TcpStream);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.shutdown(Shutdown::Both).ok();
    }
}

impl Drop for OracleServer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts, so that it sees that it is over.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
