//! `tailrace serve`: the server.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::data_dir::DataDir;
use super::exit::{Exit, Failed};
use crate::api::{self, ApiLimits, ForwardedHeader, Rate};
use crate::audit::{AuditBounds, AuditLog};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigFile, Overrides};
use crate::control::iam::{BootstrapValues, Credentials};
use crate::control::runner_pipeline::PipelineRunner;
use crate::control::{Bounds, Control, ControlParts};
use crate::listen::{Certificate, LOOK_INTERVAL, Peer, TlsListener};
use crate::secret::Vault;
use crate::store::Store;
use crate::telemetry::{self, LogFormat};

/// Part of the time for a graceful stop that jobs may use.
const JOBS_SHARE: f64 = 0.8;
/// Part of it that the store may use to close.
const CLOSE_SHARE: f64 = 0.1;

/// Run the server: the API, the jobs, the store.
///
/// The first start on an empty data directory makes one domain, project, administrator and access
/// key and writes them to DIR/credentials.json (mode 0600). Values come from the environment where
/// set: TAILRACE_BOOTSTRAP_PROJECT_ID, _PROJECT_NAME, _DOMAIN, _USER, _PASSWORD, _AK, _SK.
///
/// Passwords of sources and targets are sealed with the key in DIR/master.key, or in
/// TAILRACE_MASTER_KEY (Base64 of 32 bytes) if that is set. Keep a copy: without it they are lost.
///
/// SIGTERM or SIGINT stops the server within 10 seconds: jobs stop at a durable checkpoint and go on
/// at the next start. SIGHUP reads the TLS certificate again; so does a change of its files.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Directory of everything that is kept: store, keys, credentials. Made if it is not there; one
    /// process at a time.
    #[arg(long, value_name = "DIR", env = "TAILRACE_DATA_DIR")]
    data_dir: PathBuf,
    /// Address to serve [default: 127.0.0.1:8080]. Give it TLS, or a proxy with TLS in front of it,
    /// before you open it to others.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Store [default: sqlite:DIR/tailrace.db].
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Serve HTTPS with this certificate chain (PEM, the server's own certificate first).
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Address or network of a proxy that is believed where a request comes from; may be given more than once.
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    trusted_proxy: Vec<String>,
    /// Header that trusted proxies tell it in: X-Forwarded-For and -Proto, or Forwarded [default: x-forwarded].
    #[arg(long, value_name = "HEADER")]
    proxy_header: Option<ForwardedHeader>,
    /// Configuration file (TOML): listen, store, [tls] certificate_file and key_file, [proxy] trusted and
    /// header, [log] format and filter, [limits] jobs_per_project_max, probes_max,
    /// requests_per_key_per_s_max, requests_per_address_per_s_max and stop_age_s_max. The command line wins over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Form of the log on standard error [default: text].
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Level of the log, or a list of target=level [default: info].
    #[arg(long, value_name = "FILTER", env = "TAILRACE_LOG")]
    log_filter: Option<String>,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failed> {
        let file = self.config.as_deref().map(ConfigFile::read).transpose()?.unwrap_or_default();
        let over = Overrides {
            listen: self.listen,
            store: self.store,
            tls_certificate: self.tls_certificate,
            tls_key: self.tls_key,
            trusted_proxies: self.trusted_proxy,
            proxy_header: self.proxy_header,
            log_format: self.log_format,
            log_filter: self.log_filter,
        };
        let config = Config::build(self.data_dir, file, over)?;
        telemetry::start_log(config.log_format, &config.log_filter)
            .map_err(|e| Failed::new(Exit::Usage, e))?;
        telemetry::start_metrics();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(serve(&config));
        // A probe may hang in a connect on its own thread; it must not hold the process.
        runtime.shutdown_timeout(Duration::from_millis(100));
        Ok(done?)
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    // What is wrong with it is said before anything is made.
    let certificate = match &config.tls {
        Some(files) => Some(Arc::new(
            Certificate::read(&files.certificate, &files.key).context("the TLS certificate")?,
        )),
        None => None,
    };
    let data = DataDir::open(&config.data_dir, &config.store).await?;
    let store = Arc::clone(&data.store);
    bootstrap(store.as_ref(), &data.vault, &config.data_dir).await?;
    let control = Control::start_up(ControlParts {
        store: Arc::clone(&store),
        vault: Arc::clone(&data.vault),
        runner: Arc::new(PipelineRunner { scratch: config.data_dir.join("compare") }),
        clock: Arc::new(SystemClock),
        owner: data.owner()?,
        bounds: bounds(config),
    })
    .await
    .context("the control plane cannot start")?;
    api::batches(&control).go_on().await.context("batches cannot go on")?;

    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let tls = certificate.is_some();
    tracing::info!(%address, tls, data_dir = %config.data_dir.display(), "tailrace serves");
    if !tls && !address.ip().is_loopback() && config.proxies.networks.is_empty() {
        tracing::warn!("passwords travel in clear: there is no TLS, and no proxy is told of");
    }
    let stop = CancellationToken::new();
    let audit = AuditLog::open(&config.data_dir, AuditBounds::default())
        .with_context(|| format!("the audit log in {}", config.data_dir.display()))?;
    let router = api::router(control.clone(), limits(config), Some(audit), config.proxies.clone());
    let mut http = match &certificate {
        None => spawn_http(listener, router, &stop),
        Some(certificate) => {
            let listener = TlsListener::new(listener, Arc::clone(certificate))?;
            spawn_http(listener, router, &stop)
        }
    };
    let _watch = AbortOnDrop(tokio::spawn(watch(certificate, signal(SignalKind::hangup())?)));

    let signalled = tokio::select! {
        signal = wait_for_signal() => signal.context("signals cannot be waited for"),
        ended = &mut http => Err(anyhow::anyhow!("the API ended by itself: {ended:?}")),
    };
    tracing::info!("stopping: jobs go to a durable checkpoint");
    stop.cancel();
    let age_max = Duration::from_secs(config.stop_age_s_max);
    if !control.shut_down(age_max.mul_f64(JOBS_SHARE)).await {
        tracing::warn!("not every job stopped in time; each goes on from its last checkpoint");
    }
    // Answers that are not written by now had all the time the jobs had.
    http.abort();
    if tokio::time::timeout(age_max.mul_f64(CLOSE_SHARE), store.close()).await.is_err() {
        // Everything that was answered is on disk; the next start reads the write-ahead log.
        tracing::warn!("the store is still busy; it is left as it is");
    }
    tracing::info!("stopped");
    signalled
}

/// Serves until `stop`.
fn spawn_http<L>(
    listener: L,
    router: Router,
    stop: &CancellationToken,
) -> JoinHandle<io::Result<()>>
where
    L: Listener<Addr = SocketAddr>,
    Peer: for<'a> Connected<IncomingStream<'a, L>>,
{
    let http = axum::serve(listener, router.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(http.into_future())
}

/// Reads the certificate again at SIGHUP, and when its files change. A server without one outlives SIGHUP too.
async fn watch(certificate: Option<Arc<Certificate>>, mut hangup: Signal) {
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            signal = hangup.recv() => if signal.is_none() { return },
        }
        let Some(certificate) = certificate.clone() else { continue };
        // Reading files may block, on a network's file system for long.
        if tokio::task::spawn_blocking(move || certificate.look_and_tell()).await.is_err() {
            return;
        }
    }
}

/// A task that ends with its owner.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn wait_for_signal() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn bootstrap(store: &dyn Store, vault: &Vault, dir: &Path) -> anyhow::Result<()> {
    let value = |name: &str| {
        std::env::var(format!("TAILRACE_BOOTSTRAP_{name}")).ok().filter(|v| !v.is_empty())
    };
    let values = BootstrapValues {
        project_id: value("PROJECT_ID"),
        project_name: value("PROJECT_NAME"),
        domain: value("DOMAIN"),
        user: value("USER"),
        password: value("PASSWORD").map(SecretString::from),
        ak: value("AK"),
        sk: value("SK").map(SecretString::from),
    };
    let now_ms = SystemClock.now_ms();
    match Credentials::bootstrap(store, vault, dir, values, now_ms).await {
        Ok(None) => Ok(()),
        Ok(Some(made)) => {
            let file = dir.join("credentials.json");
            tracing::info!(
                project_id = made.project_id,
                user = made.user_name,
                file = %file.display(),
                "first administrator and access key made"
            );
            Ok(())
        }
        Err(crate::control::Refusal::Internal(e)) => Err(anyhow::anyhow!("{e:?}")),
        Err(refusal) => Err(refusal.into()),
    }
}

fn limits(config: &Config) -> ApiLimits {
    let mut limits = ApiLimits::default();
    if let Some(n) = config.requests_per_key_per_s_max {
        limits.rate_per_key = Rate::per_second(n);
    }
    if let Some(n) = config.requests_per_address_per_s_max {
        limits.rate_per_address = Rate::per_second(n);
    }
    limits
}

fn bounds(config: &Config) -> Bounds {
    let mut bounds = Bounds::default();
    if let Some(n) = config.jobs_per_project_max {
        bounds.jobs_per_project_max = n;
    }
    if let Some(n) = config.probes_max {
        bounds.probes_max = n;
    }
    bounds
}
