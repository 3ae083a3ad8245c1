//! Packages of the system (Debian), installed only when something that they bring is missing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::announce;
use crate::account;
use crate::cache::{self, Lock};
use crate::process;

/// One package and how to see that what we need of it is there, however it came.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// The package's name.
    pub name: &'static str,
    /// What it is needed for.
    pub purpose: &'static str,
    /// Any one of these, a program of the search path or an absolute path, shows that it is there.
    pub signs: &'static [&'static str],
}

impl Package {
    fn is_there(&self) -> bool {
        self.signs.iter().any(|sign| find(sign).is_some())
    }
}

/// To build the workspace: the C parts of librdkafka, zstd, SQLite and aws-lc.
pub const BUILD: &[Package] = &[
    Package { name: "build-essential", purpose: "the C parts of the build", signs: &["g++"] },
    Package { name: "make", purpose: "the build of librdkafka", signs: &["make"] },
    Package { name: "pkg-config", purpose: "finding OpenSSL", signs: &["pkg-config"] },
    Package {
        name: "libssl-dev",
        purpose: "TLS of the Kafka client",
        signs: &["/usr/include/openssl/ssl.h", "/usr/local/include/openssl/ssl.h"],
    },
    Package { name: "cmake", purpose: "the build of librdkafka", signs: &["cmake"] },
    Package { name: "python3", purpose: "the build of librdkafka", signs: &["python3"] },
    Package { name: "git", purpose: "the list of the source files", signs: &["git"] },
    Package {
        name: "ca-certificates",
        purpose: "fetching over TLS",
        signs: &["/etc/ssl/certs/ca-certificates.crt"],
    },
];

/// To build with the feature `kerberos`.
pub const SASL: &[Package] = &[Package {
    name: "libsasl2-dev",
    purpose: "Kerberos of the Kafka client",
    signs: &["/usr/include/sasl/sasl.h", "/usr/local/include/sasl/sasl.h"],
}];

/// To run a key distribution centre of Kerberos, and to log in with its tickets.
pub const KERBEROS: &[Package] = &[
    Package {
        name: "krb5-kdc",
        purpose: "running a Kerberos realm",
        signs: &["/usr/sbin/krb5kdc"],
    },
    Package {
        name: "krb5-admin-server",
        purpose: "making its principals",
        signs: &["/usr/sbin/kadmin.local"],
    },
    Package {
        name: "libsasl2-modules-gssapi-mit",
        purpose: "logging in with Kerberos",
        signs: &["/usr/lib/*/sasl2/libgssapiv2.so"],
    },
];

/// To run Kafka.
pub const KAFKA: &[Package] = &[
    Package { name: "default-jre-headless", purpose: "running Kafka", signs: &["java"] },
    Package { name: "maven", purpose: "fetching Kafka", signs: &["mvn"] },
    Package { name: "openssl", purpose: "certificates for Kafka's TLS", signs: &["openssl"] },
];

/// To run a Java program from its source.
pub const JAVA_SOURCE: &[Package] = &[Package {
    name: "default-jdk-headless",
    purpose: "running tests of Java readers",
    signs: &["javac"],
}];

/// To build the official SDK's client in Go.
pub const GO: &[Package] = &[Package {
    name: "golang-go",
    purpose: "the official SDK for Go as a client",
    signs: &["go"],
}];

/// To run clients of Node.js.
pub const NODE: &[Package] = &[
    Package { name: "nodejs", purpose: "running tests of Node.js clients", signs: &["node"] },
    Package { name: "npm", purpose: "fetching Node.js packages", signs: &["npm"] },
];

/// To fetch and run MySQL in its private prefix.
pub const MYSQL: &[Package] = &[
    Package { name: "util-linux", purpose: "starting servers", signs: &["setpriv"] },
    Package {
        name: "debian-archive-keyring",
        purpose: "checking MySQL's packages",
        signs: &[super::prefix::KEYRING],
    },
];

/// To run MariaDB. Without the package that starts it as a service of the machine.
pub const MARIADB: &[Package] = &[
    Package {
        name: "mariadb-server-core",
        purpose: "running MariaDB",
        signs: &["/usr/sbin/mariadbd"],
    },
    Package {
        name: "mariadb-client-core",
        purpose: "initialising MariaDB and its client",
        signs: &["/usr/bin/my_print_defaults"],
    },
];

/// To run PostgreSQL.
pub const POSTGRES: &[Package] = &[Package {
    name: "postgresql",
    purpose: "running PostgreSQL",
    signs: &["/usr/lib/postgresql/*/bin/initdb"],
}];

/// To run the official SDK as a client.
pub const PYTHON: &[Package] = &[Package {
    name: "python3-venv",
    purpose: "the official SDK as a client",
    signs: &["/usr/lib/python3*/ensurepip/__init__.py", "/usr/lib/python3/dist-packages/venv"],
}];

/// To change tables online while they are in use, with pt-online-schema-change.
pub const ONLINE_SCHEMA_CHANGE: &[Package] = &[Package {
    name: "percona-toolkit",
    purpose: "changing tables online",
    signs: &["pt-online-schema-change"],
}];

/// To count instructions.
pub const COUNTING: &[Package] =
    &[Package { name: "valgrind", purpose: "counts of instructions", signs: &["valgrind"] }];

/// To drive the console in a browser.
pub const BROWSER: &[Package] = &[
    Package { name: "chromium", purpose: "tests of the console", signs: &["chromium"] },
    Package {
        name: "fonts-dejavu-core",
        purpose: "tests of the console",
        signs: &["/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"],
    },
];

/// Installs those of `packages` that are missing; does and says nothing when none is. As another
/// user than root this is an error with the command to run.
pub fn ensure(packages: &[&[Package]]) -> Result<()> {
    let missing =
        || packages.iter().copied().flatten().filter(|one| !one.is_there()).collect::<Vec<_>>();
    if missing().is_empty() {
        return Ok(());
    }
    let _lock = Lock::wait(&cache::root()?.join("apt.lock"))?;
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|one| one.name).collect();
    let command = format!("apt-get update && apt-get install -y {}", names.join(" "));
    for one in &missing {
        announce(&format!("missing: {} ({})", one.name, one.purpose));
    }
    if find("apt-get").is_none() {
        bail!("this machine has no apt-get: install the equivalents of {}", names.join(", "));
    }
    if !account::is_root()? {
        bail!("system packages are missing; as root run: {command}");
    }
    announce(&format!("running: {command}"));
    process::run(Command::new("apt-get").args(["-q", "update"]))?;
    // At runlevel 1 Debian's packages install without starting a service on the machine.
    process::run(
        Command::new("apt-get")
            .args(["-q", "install", "-y", "--no-install-recommends"])
            .args(&names)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1"),
    )?;
    for one in missing {
        if !one.is_there() {
            bail!("{} is installed, but none of {:?} is there", one.name, one.signs);
        }
    }
    Ok(())
}

/// Finds a program of the search path, or an absolute path whose folders may contain one `*` each.
/// Of several matches the last in name order, so the newest version.
pub fn find(sign: &str) -> Option<PathBuf> {
    if let Some(rest) = sign.strip_prefix('/') {
        return expand(Path::new("/"), rest);
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(sign)).find(|file| file.is_file())
}

fn expand(base: &Path, rest: &str) -> Option<PathBuf> {
    let Some((part, rest)) = rest.split_once('/') else {
        let file = base.join(rest);
        return file.exists().then_some(file);
    };
    let Some((before, after)) = part.split_once('*') else {
        return expand(&base.join(part), rest);
    };
    let mut names: Vec<String> = std::fs::read_dir(base)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
        })
        .collect();
    names.sort();
    names.iter().rev().find_map(|name| expand(&base.join(name), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rundir::RunDir;

    #[test]
    fn finds_programs_and_paths_with_a_star() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-here").is_none());
        let dir = RunDir::new("system-test").unwrap();
        for version in ["13", "15"] {
            std::fs::create_dir_all(dir.path().join(version).join("bin")).unwrap();
            std::fs::write(dir.path().join(version).join("bin/initdb"), "").unwrap();
        }
        std::fs::create_dir(dir.path().join("16")).unwrap();
        let sign = format!("{}/*/bin/initdb", dir.path().display());
        assert_eq!(find(&sign), Some(dir.path().join("15/bin/initdb")));
        assert_eq!(find(&format!("{}/1*/bin/none", dir.path().display())), None);
    }

    #[test]
    fn nothing_is_done_when_nothing_is_missing() {
        let there =
            Package { name: "no-such-package", purpose: "this test", signs: &["none", "sh"] };
        ensure(&[&[there]]).unwrap();
    }
}
