//! The server's certificate: read from files, and read again when they change.
//!
//! Files are compared by their content, not by their time: a secret that Kubernetes mounts is changed by
//! turning a link, and a backup that is played back has an old time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Time between two looks at the files.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Bytes that a file may have.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why a certificate cannot be used: which file, and what is wrong with it. Never its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what}", file.display())]
pub struct CertificateError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub what: String,
}

/// A certificate chain with its key that new connections are met with.
#[derive(Debug)]
pub struct Certificate {
    chain_file: PathBuf,
    key_file: PathBuf,
    served: RwLock<Arc<CertifiedKey>>,
    /// Hash of what was read last, be it usable or not: each state of the files is judged once.
    seen: Mutex<[u8; 32]>,
}

impl Certificate {
    /// Reads chain and key, both PEM.
    ///
    /// # Errors
    /// [`CertificateError`] if one is not there or they do not belong together.
    pub fn read(chain_file: &Path, key_file: &Path) -> Result<Self, CertificateError> {
        let files = Files::read(chain_file, key_file)?;
        Ok(Self {
            served: RwLock::new(Arc::new(files.certified(chain_file, key_file)?)),
            seen: Mutex::new(files.hash()),
            chain_file: chain_file.to_owned(),
            key_file: key_file.to_owned(),
        })
    }

    /// Takes what is in the files now, if it is not what was there at the last look. `true` if there is a
    /// new certificate.
    ///
    /// # Errors
    /// [`CertificateError`]; the certificate that was served is served on. The same content is not told
    /// again.
    pub fn look(&self) -> Result<bool, CertificateError> {
        let files = Files::read(&self.chain_file, &self.key_file);
        let hash = match &files {
            Ok(files) => files.hash(),
            Err(error) => Sha256::digest(error.to_string()).into(),
        };
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::replace(&mut *seen, hash) == hash {
                return Ok(false);
            }
        }
        let fresh = files?.certified(&self.chain_file, &self.key_file)?;
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = served.cert != fresh.cert;
        *served = Arc::new(fresh);
        Ok(is_other)
    }

    /// Looks at the files, and says in the log what came of it.
    pub fn look_and_tell(&self) {
        match self.look() {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!(file = %self.chain_file.display(), "new TLS certificate taken");
            }
            Err(error) => tracing::error!(
                file = %error.file.display(),
                "the new TLS certificate cannot be used, the old one is served on: {error}"
            ),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Content of both files.
struct Files {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Files {
    fn read(chain_file: &Path, key_file: &Path) -> Result<Self, CertificateError> {
        Ok(Self { chain: content(chain_file)?, key: Zeroizing::new(content(key_file)?) })
    }

    fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.chain.len().to_le_bytes());
        hash.update(&self.chain);
        hash.update(self.key.as_slice());
        hash.finalize().into()
    }

    fn certified(
        &self,
        chain_file: &Path,
        key_file: &Path,
    ) -> Result<CertifiedKey, CertificateError> {
        let wrong = |file: &Path, what: String| CertificateError { file: file.to_owned(), what };
        let chain = CertificateDer::pem_slice_iter(&self.chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| wrong(chain_file, format!("no certificates in PEM: {e}")))?;
        if chain.is_empty() {
            return Err(wrong(chain_file, "no certificate in PEM is in it".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|e| wrong(key_file, format!("no private key in PEM: {e}")))?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|e| {
            let what = match e {
                rustls::Error::InconsistentKeys(_) => {
                    format!("not the key of the certificate in {}", chain_file.display())
                }
                other => format!("not usable with {}: {other}", chain_file.display()),
            };
            wrong(key_file, what)
        })
    }
}

fn content(file: &Path) -> Result<Vec<u8>, CertificateError> {
    let wrong = |what: String| CertificateError { file: file.to_owned(), what };
    let bytes = std::fs::metadata(file).map_err(|e| wrong(e.to_string()))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(wrong(format!("{bytes} bytes; allowed are {FILE_BYTES_MAX}")));
    }
    std::fs::read(file).map_err(|e| wrong(e.to_string()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A certificate for 127.0.0.1 by an authority of its own, in two files; the authority as PEM.
    pub(in crate::listen) fn write(dir: &Path) -> String {
        let (authority, chain, key) = issue();
        std::fs::write(dir.join("chain.pem"), chain).expect("written");
        std::fs::write(dir.join("key.pem"), key).expect("written");
        authority
    }

    fn issue() -> (String, String, String) {
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).expect("a certificate");
        let issuer = rcgen::Issuer::new(params, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let params =
            rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let leaf = params.signed_by(&key, &issuer).expect("a certificate");
        (authority.pem(), leaf.pem(), key.serialize_pem())
    }

    fn served(certificate: &Certificate) -> Vec<CertificateDer<'static>> {
        certificate.served.read().expect("no panic").cert.clone()
    }

    #[test]
    fn what_changed_is_taken_and_what_is_broken_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        write(dir.path());
        let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
        let certificate = Certificate::read(&chain, &key).expect("usable");
        let first = served(&certificate);
        assert_eq!(certificate.look(), Ok(false));

        write(dir.path());
        assert_eq!(certificate.look(), Ok(true));
        let second = served(&certificate);
        assert_ne!(first, second);

        // A key that is another's, a text that is none, a file that is gone: told once each, by name.
        let (_, _, other_key) = issue();
        let good_key = std::fs::read(&key).expect("read");
        for (broken, content, told) in [
            (&key, Some(other_key.as_str()), "not the key"),
            (&key, Some("nonsense"), "no private key"),
            (&chain, Some("nonsense"), "no certificate"),
            (&chain, None, "No such file"),
        ] {
            match content {
                Some(text) => std::fs::write(broken, text).expect("written"),
                None => std::fs::remove_file(broken).expect("removed"),
            }
            let error = certificate.look().expect_err("broken");
            assert_eq!(&error.file, broken, "{error}");
            assert!(error.to_string().contains(told), "{error}");
            assert_eq!(certificate.look(), Ok(false), "told twice");
            assert_eq!(served(&certificate), second);
            std::fs::write(&key, &good_key).expect("written");
        }
        write(dir.path());
        assert_eq!(certificate.look(), Ok(true));
        assert_ne!(served(&certificate), second);
    }

    #[test]
    fn a_start_without_a_usable_certificate_names_the_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
        assert_eq!(Certificate::read(&chain, &key).expect_err("none").file, chain);
        write(dir.path());
        std::fs::write(&key, "").expect("written");
        assert_eq!(Certificate::read(&chain, &key).expect_err("empty").file, key);
    }
}
