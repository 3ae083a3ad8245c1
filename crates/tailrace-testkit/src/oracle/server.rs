//! The server's socket, and what a test can do to it.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};
use tokio_rustls::rustls::{ServerConnection, StreamOwned};

use super::engine::{Engine, Place, Session};
use super::wire::{Served, serve};

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct OracleOptions {
    /// Users, in upper case, with their passwords. Each has a schema of its name.
    pub users: BTreeMap<String, String>,
    /// Service that clients ask for.
    pub service: String,
    /// Pluggable databases, each with a service of its name; with one of them the database is a container of them, and
    /// the service leads to its root.
    pub pluggable: Vec<String>,
    /// Instances (RAC): connections go to them in turn.
    pub instances: u16,
    /// Certificate and key, PEM, for clients that begin with TLS (TCPS); others are served in clear at the same port.
    pub tls: Option<(String, String)>,
    /// The port, if it is not to be any free one.
    pub port: Option<u16>,
    /// A file from which a server that is started again has the database as the one before it had it, as of its kill; without
    /// one it lives as long as the server.
    pub journal: Option<PathBuf>,
}

impl OracleOptions {
    /// One user, the service `STANDIN`, one instance, no pluggable databases.
    pub fn with_user(user: &str, password: &str) -> Self {
        let users = BTreeMap::from([(user.to_uppercase(), password.to_owned())]);
        let service = "STANDIN".to_owned();
        let (pluggable, instances, tls) = (Vec::new(), 1, None);
        Self { users, service, pluggable, instances, tls, port: None, journal: None }
    }
}

/// A running stand-in on 127.0.0.1, with a database of its own that lives as long as it.
pub struct OracleServer {
    port: u16,
    engine: Engine,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    closed: AtomicBool,
    open: Mutex<Vec<Client>>,
    /// Which instances run.
    instances: Mutex<Vec<bool>>,
}

impl Shared {
    /// The instance of the next connection.
    fn instance(&self, number: usize) -> u16 {
        let running = locked(&self.instances);
        let running: Vec<usize> = (0..running.len()).filter(|at| running[*at]).collect();
        let at = running.get(number % running.len().max(1)).copied().unwrap_or(0);
        u16::try_from(at).unwrap_or(0)
    }
}

/// A connection, with its user once it has logged in.
struct Client {
    stream: TcpStream,
    instance: u16,
    user: Arc<OnceLock<String>>,
}

impl OracleServer {
    /// Opens the socket.
    ///
    /// # Errors
    /// If no port can be had, or the journal cannot be read.
    pub fn start(options: OracleOptions) -> Result<Self> {
        let tls = options.tls.as_ref();
        let tls = tls.map(|(certificate, key)| crate::tls::config(certificate, key)).transpose()?;
        let wanted = options.port.unwrap_or(0);
        let listener = TcpListener::bind(("127.0.0.1", wanted))
            .with_context(|| format!("listening on port {wanted} of 127.0.0.1"))?;
        let port = listener.local_addr()?.port();
        let instances = Mutex::new(vec![true; usize::from(options.instances)]);
        let shared = Arc::new(Shared { instances, ..Shared::default() });
        let mut services = vec![options.service.to_uppercase()];
        services.extend(options.pluggable.iter().map(|name| name.to_uppercase()));
        let journal = options.journal.as_deref();
        let engine = Engine::with_journal(&services[1..], options.instances, journal)?;
        let served = Arc::new(Served { passwords: options.users, services });
        let (opened, accepted) = (engine.clone(), Arc::clone(&shared));
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let Ok(client) = client else { return };
                let instance = accepted.instance(number);
                if accepted.closed.load(Ordering::SeqCst) {
                    return;
                }
                let (engine, served, tls) = (opened.clone(), Arc::clone(&served), tls.clone());
                client.set_nodelay(true).ok();
                let Ok(own) = client.try_clone().map(Closing) else { continue };
                let user = Arc::new(OnceLock::new());
                if let Ok(stream) = client.try_clone() {
                    locked(&accepted.open).push(Client {
                        stream,
                        instance,
                        user: Arc::clone(&user),
                    });
                }
                thread::spawn(move || {
                    let open = |name: &str, service: &str| -> Box<dyn super::wire::Database> {
                        user.get_or_init(|| name.to_owned());
                        let container = served.services.iter().position(|known| known == service);
                        let container =
                            container.and_then(|at| u16::try_from(at).ok()).unwrap_or(0);
                        Box::new(Session::new(engine.at(Place { container, instance }), name))
                    };
                    let ended = match tls.filter(|_| begins_tls(&client)).map(ServerConnection::new)
                    {
                        None => serve(client, &served, open),
                        Some(Ok(session)) => {
                            serve(StreamOwned::new(session, client), &served, open)
                        }
                        Some(Err(error)) => Err(std::io::Error::other(error)),
                    };
                    // A connection that breaks off is its client's matter.
                    if let Err(error) = ended
                        && error.kind() == std::io::ErrorKind::InvalidData
                    {
                        eprintln!("stand-in for Oracle: {error}");
                    }
                    drop(own);
                });
            }
        });
        Ok(Self { port, engine, shared })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Deletes the archived logs up to a sequence, but not those that are online.
    pub fn delete_archived(&self, up_to: u32) {
        self.engine.delete_archived(up_to);
    }

    /// The log writer of an instance, from 0, writes only what it has to from here on (commits, a full buffer), or again
    /// all that waits.
    pub fn hold_log_writer(&self, instance: u16, is_held: bool) {
        self.engine.hold_log_writer(instance, is_held);
    }

    /// Ends an instance that is not the first, with its connections; the first rolls back what was open in it.
    pub fn close_instance(&self, instance: u16) {
        locked(&self.shared.instances)[usize::from(instance)] = false;
        for client in locked(&self.shared.open).iter().filter(|c| c.instance == instance) {
            client.stream.shutdown(Shutdown::Both).ok();
        }
        self.engine.close_instance(instance);
    }

    /// Takes an instance that has ended out of the cluster: its online logs are dropped, and its thread is in the archive only.
    pub fn drop_instance(&self, instance: u16) {
        self.engine.drop_thread(instance);
    }

    /// Starts an instance again.
    pub fn open_instance(&self, instance: u16) {
        self.engine.open_instance(instance);
        locked(&self.shared.instances)[usize::from(instance)] = true;
    }

    /// Lets a statement that has a part in it fail once with an error of Oracle's, after so many others that have it.
    pub fn fail(&self, part: &str, pass: usize, code: u32, message: &str) {
        self.engine.fail(part, pass, code, message);
    }

    /// Statements that clients have run so far.
    pub fn statements(&self) -> u64 {
        self.engine.statements()
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

/// Whether a client's first byte is that of a handshake of TLS and not of a packet of TNS.
fn begins_tls(client: &TcpStream) -> bool {
    let mut first = [0];
    client.peek(&mut first).is_ok_and(|read| read == 1) && first[0] == 0x16
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
