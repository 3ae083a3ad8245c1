//! TLS towards a database: which certificates count.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};

use secrecy::ExposeSecret as _;

use crate::error::{Error, ErrorKind, Result};
use crate::job::DatabaseTls;
use crate::socket::Peer;

/// Builds the client configuration.
///
/// # Errors
/// `Configuration` if certificates or the key cannot be read.
pub(crate) fn client_config(tls: &DatabaseTls) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new(tls, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(ErrorKind::Configuration, format!("TLS: {e}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(identity) = &tls.identity else { return Ok(Arc::new(config.with_no_client_auth())) };
    let bad = |text: String| {
        Error::new(ErrorKind::Configuration, format!("ssl_client.key_store_key: {text}"))
    };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes())
            .collect::<std::result::Result<_, _>>()
            .map_err(|e| bad(format!("not PEM: {e}")))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.expose_secret().as_bytes())
        .map_err(|e| bad(format!("no private key that can be read: {e}")))?;
    let config = config
        .with_client_auth_cert(chain, key)
        .map_err(|e| bad(format!("the key and the certificate do not fit: {e}")))?;
    Ok(Arc::new(config))
}

/// Whether a certificate was refused, by either side, which trying again does not mend; or the connection was lost.
pub(crate) fn kind_of(error: &std::io::Error, peer: Peer) -> ErrorKind {
    use rustls::AlertDescription as Alert;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(
            TlsError::InvalidCertificate(_)
            | TlsError::AlertReceived(
                Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::CertificateRequired
                | Alert::UnknownCA
                | Alert::DecryptError
                | Alert::AccessDenied,
            ),
        ) => peer.refused(),
        _ => peer.lost(),
    }
}

/// Checks the chain against the given CA, and the host name only where asked: MySQL's own generated
/// certificates carry no host name. Without a CA the connection is encrypted, not authenticated, as
/// DRS's `ssl_link` without a certificate is.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    verify_host: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(tls: &DatabaseTls, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let bad = |text: String| Error::new(ErrorKind::Configuration, text);
        let chain = match &tls.ca_pem {
            None => None,
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate =
                        certificate.map_err(|e| bad(format!("ssl_cert_key: not PEM: {e}")))?;
                    roots.add(certificate).map_err(|e| bad(format!("ssl_cert_key: {e}")))?;
                }
                if roots.is_empty() {
                    return Err(bad("ssl_cert_key: no certificate in it".into()));
                }
                let verifier = WebPkiServerVerifier::builder_with_provider(
                    Arc::new(roots),
                    Arc::clone(provider),
                )
                .build()
                .map_err(|e| bad(format!("ssl_cert_key: {e}")))?;
                Some(verifier)
            }
        };
        Ok(Self { chain, verify_host: tls.verify_host, provider: Arc::clone(provider) })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.verify_host => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
