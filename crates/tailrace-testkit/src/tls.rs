//! What stand-ins show their clients.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;

/// A server's settings with a certificate and its key, both PEM.
///
/// # Errors
/// If they cannot be read or do not fit.
pub(crate) fn config(certificate: &str, key: &str) -> anyhow::Result<Arc<ServerConfig>> {
    let chain =
        rustls_pemfile::certs(&mut certificate.as_bytes()).collect::<std::io::Result<Vec<_>>>()?;
    let key = rustls_pemfile::private_key(&mut key.as_bytes())?
        .ok_or_else(|| anyhow::anyhow!("no private key in the text"))?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}
