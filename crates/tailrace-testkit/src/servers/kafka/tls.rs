//! Certificates of a test cluster: an authority, the brokers' certificate, a client's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process;

const SETTINGS: &str = "\
[req]
prompt = no
distinguished_name = dn
[dn]
CN = tailrace test
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = IP:127.0.0.1,DNS:localhost
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
";

/// Days that the certificates are valid.
const DAYS: &str = "3650";

/// Makes `ca.pem`, `client.pem` and `client.key` for clients, and `server-keystore.pem` for the
/// brokers, who are 127.0.0.1 and localhost. In access rules the client is `User:CN=client`.
pub(super) fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    fs::write(dir.join("openssl.cnf"), SETTINGS)?;
    let openssl =
        |args: &[&str]| process::run(Command::new("openssl").args(args).current_dir(dir)).map(drop);
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let new_key = |args: &[&str]| {
        let settings: [&str; 2] = ["-config", "openssl.cnf"];
        openssl(&[&["req"], &key[..], &settings[..], args].concat())
    };
    new_key(&[
        "-x509",
        "-extensions",
        "ca",
        "-subj",
        "/CN=tailrace test authority",
        "-days",
        DAYS,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ])?;
    for name in ["server", "client"] {
        let (subject, keyfile) = (format!("/CN={name}"), format!("{name}.key"));
        let (request, certificate) = (format!("{name}.csr"), format!("{name}.pem"));
        new_key(&["-subj", &subject, "-keyout", &keyfile, "-out", &request])?;
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            DAYS,
            "-extfile",
            "openssl.cnf",
            "-extensions",
            name,
            "-out",
            &certificate,
        ])?;
    }
    let mut store = String::new();
    for part in ["server.key", "server.pem", "ca.pem"] {
        store.push_str(&fs::read_to_string(dir.join(part))?);
    }
    fs::write(dir.join("server-keystore.pem"), store)?;
    Ok(())
}
