//! `tailrace serve` with TLS, and the commands as its clients.

use std::path::Path;
use std::time::Duration;

use tailrace_testkit::port::Ports;
use tailrace_testkit::process::Launch;
use tailrace_testkit::rundir::RunDir;
use tailrace_testkit::wait;

use super::{ended, tailrace, text};

const LIMIT: Duration = Duration::from_secs(60);

/// Writes a certificate for 127.0.0.1, its key, and the authority that it is by.
fn issue(dir: &Path, authority_file: &str) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(params, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    std::fs::write(dir.join(authority_file), authority.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(dir.join("chain.pem"), leaf.pem()).unwrap();
}

#[test]
fn a_server_has_tls_and_takes_a_new_certificate_while_it_runs() {
    let dir = RunDir::new("tls").unwrap();
    let (path, port) = (dir.path(), Ports::reserve(1).unwrap());
    issue(path, "first.pem");
    let log = path.join("serve.log");
    let address = format!("127.0.0.1:{}", port.first());
    let server = Launch::new("tailrace serve", env!("CARGO_BIN_EXE_tailrace"), log.clone())
        .arg("serve")
        .args(["--data-dir".into(), path.join("data")])
        .args(["--listen", &address])
        .args(["--tls-certificate".into(), path.join("chain.pem")])
        .args(["--tls-key".into(), path.join("key.pem")])
        .start()
        .unwrap();
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    let list = |scheme: &str, authority: Option<&str>| {
        let (credentials, endpoint) =
            (path.join("data/credentials.json"), format!("{scheme}://{address}"));
        let mut args =
            vec!["jobs", "list", "--credentials", text(&credentials), "--endpoint", &endpoint];
        let authority = authority.map(|name| path.join(name));
        if let Some(file) = &authority {
            args.extend(["--ca-file", text(file)]);
        }
        ended(&tailrace(&args).output().unwrap())
    };
    wait::until_true("the server to serve", LIMIT, || list("https", Some("first.pem")).0 == 0);
    let (code, _, err) = list("http", None);
    assert_eq!(code, 5, "{err}");
    let (code, _, err) = list("https", None);
    assert!(code == 5 && err.contains("certificate"), "{code} {err}");
    let (code, _, err) = list("https", Some("serve.log"));
    assert!(code == 2 && err.contains("serve.log"), "{code} {err}");

    let hang_up = || server.signal("HUP").unwrap();
    issue(path, "second.pem");
    hang_up();
    wait::until_true("the new certificate", LIMIT, || list("https", Some("second.pem")).0 == 0);
    assert_eq!(list("https", Some("first.pem")).0, 5);

    std::fs::write(path.join("key.pem"), "no key any more").unwrap();
    hang_up();
    wait::until_true("an error in the log", LIMIT, || said().contains("cannot be used"));
    assert!(said().contains("key.pem") && !said().contains("no key any more"), "{}", said());
    let (code, _, err) = list("https", Some("second.pem"));
    assert_eq!(code, 0, "{err}");
}
