//! Real servers from other Debian suites than the machine's own, unpacked into private prefixes.
//!
//! apt is given folders of its own and an empty list of installed packages, so the download holds
//! every library down to libc, signed and checked as usual, and the system's own package state is not
//! touched. The server then runs with its own dynamic loader. The version is what the suite has today.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{announce, system};
use crate::cache;
use crate::process;

/// Packages of a suite that are unpacked together.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    name: &'static str,
    /// Folder in the cache.
    folder: &'static str,
    suite: &'static str,
    packages: &'static [&'static str],
    /// About as much is fetched.
    megabytes: u32,
}

/// MySQL, which no stable Debian has: the server and its command-line client.
pub const MYSQL: Origin = Origin {
    name: "MySQL",
    folder: "mysql-sid",
    suite: "sid",
    packages: &["mysql-server-core", "mysql-client-core"],
    megabytes: 66,
};

/// MariaDB 11.8: the server.
pub const MARIADB_11_8: Origin = Origin {
    name: "MariaDB 11.8",
    folder: "mariadb-trixie",
    suite: "trixie",
    packages: &["mariadb-server-core"],
    megabytes: 17,
};

/// The keys that sign Debian's archives, of all suites.
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// What is unpacked of an [`Origin`].
#[derive(Debug, Clone)]
pub struct Prefix {
    root: PathBuf,
    loader: PathBuf,
    libraries: String,
}

impl Prefix {
    /// The prefix in the cache, fetched when it is not there.
    pub fn ensure(origin: &Origin) -> Result<Self> {
        let root = cache::once(origin.folder, "1", |into| fetch(origin, into))?;
        Self::open(&root.join("root"))
    }

    fn open(root: &Path) -> Result<Self> {
        let loaders = ["usr/lib64/ld-linux-x86-64.so.2", "usr/lib/ld-linux-aarch64.so.1"];
        let Some(loader) = loaders.iter().map(|path| root.join(path)).find(|path| path.exists())
        else {
            bail!("no dynamic loader in {}: remove that folder and try again", root.display());
        };
        let mut libraries = vec![root.join("usr/lib")];
        for triple in ["x86_64-linux-gnu", "aarch64-linux-gnu"] {
            libraries.push(root.join("usr/lib").join(triple));
            libraries.push(root.join("usr/lib").join(triple).join("mysql"));
        }
        let libraries: Vec<String> = libraries
            .iter()
            .filter(|path| path.is_dir())
            .map(|path| path.display().to_string())
            .collect();
        Ok(Self { root: root.to_path_buf(), loader, libraries: libraries.join(":") })
    }

    /// The program and first arguments that run `name` of the prefix, for example `mysqld`.
    pub fn program(&self, name: &str) -> Result<Vec<String>> {
        let places = ["usr/sbin", "usr/bin"];
        let Some(program) =
            places.iter().map(|place| self.root.join(place).join(name)).find(|path| path.is_file())
        else {
            bail!("no program {name} in {}", self.root.display());
        };
        Ok(vec![
            self.loader.display().to_string(),
            "--library-path".to_owned(),
            self.libraries.clone(),
            program.display().to_string(),
        ])
    }

    /// The folder that holds `usr`.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

fn fetch(origin: &Origin, into: &Path) -> Result<()> {
    let Origin { name, suite, packages, megabytes, .. } = origin;
    system::ensure(&[system::MYSQL])?;
    if system::find("apt-get").is_none() {
        bail!("{name} is fetched with apt-get, which this machine does not have");
    }
    let mirror = mirror()?;
    announce(&format!(
        "fetching {} of Debian {suite} (about {megabytes} MB) into {}",
        packages.join(" and "),
        into.display(),
    ));
    let apt = PrivateApt::lay(&into.join("apt"), &mirror, suite)?;
    apt.run(&["update"])?;
    let mut install = vec!["install", "-y", "--download-only"];
    install.extend(*packages);
    apt.run(&install).with_context(|| {
        format!(
            "{name} cannot be had from Debian {suite} today; a suite that changes daily is \
             sometimes inconsistent for some hours, so try again later"
        )
    })?;
    unpack(&apt.dir.join("cache/archives"), &into.join("root"))?;
    fs::remove_dir_all(&apt.dir).context("removing the downloaded packages")
}

fn unpack(archives: &Path, root: &Path) -> Result<()> {
    fs::create_dir(root)?;
    let mut count = 0;
    for entry in
        fs::read_dir(archives).with_context(|| format!("reading {}", archives.display()))?
    {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            process::run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(root))?;
            count += 1;
        }
    }
    announce(&format!("unpacked {count} packages"));
    Ok(())
}

/// The mirror that the system's own apt sources name for Debian.
fn mirror() -> Result<String> {
    let format = "$(REPO_URI) $(ORIGIN) $(LABEL)";
    let targets = process::run(Command::new("apt-get").args([
        "indextargets",
        "--format",
        format,
        "Created-By: Packages",
    ]))?;
    if let Some(found) = mirror_of_targets(&targets) {
        return Ok(found);
    }
    // Before the first `apt-get update` there are no targets: ask what an update would fetch.
    let uris = process::run(Command::new("apt-get").args(["--print-uris", "update"]))?;
    mirror_of_uris(&uris).context("the system's apt sources name no mirror of Debian")
}

fn mirror_of_targets(text: &str) -> Option<String> {
    text.lines().find_map(|line| Some(line.strip_suffix(" Debian Debian")?.to_owned()))
}

fn mirror_of_uris(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (mirror, _) = line.strip_prefix('\'')?.split_once("/dists/")?;
        mirror.ends_with("/debian").then(|| mirror.to_owned())
    })
}

/// apt with folders of its own, and otherwise with the settings that the system has for it (a proxy,
/// for example).
struct PrivateApt {
    dir: PathBuf,
    arch: String,
}

impl PrivateApt {
    fn lay(dir: &Path, mirror: &str, suite: &str) -> Result<Self> {
        let folders = [
            "etc/apt.conf.d",
            "etc/preferences.d",
            "etc/trusted.gpg.d",
            "state/lists/partial",
            "cache/archives/partial",
        ];
        for folder in folders {
            fs::create_dir_all(dir.join(folder))?;
        }
        // Nothing counts as installed, so every library comes along.
        fs::write(dir.join("state/status"), "")?;
        let arch =
            process::run(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned();
        fs::write(
            dir.join("etc/sources.list"),
            format!("deb [arch={arch} signed-by={KEYRING}] {mirror} {suite} main\n"),
        )?;
        Ok(Self { dir: dir.to_path_buf(), arch })
    }

    fn run(&self, args: &[&str]) -> Result<()> {
        let at = |path: &str| self.dir.join(path).display().to_string();
        let options = [
            format!("Dir::Etc={}", at("etc")),
            format!("Dir::Etc::sourcelist={}", at("etc/sources.list")),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::Etc::preferencesparts={}", at("etc/preferences.d")),
            format!("Dir::State={}", at("state")),
            format!("Dir::State::status={}", at("state/status")),
            format!("Dir::Cache={}", at("cache")),
            format!("APT::Architecture={}", self.arch),
            "APT::Install-Recommends=false".to_owned(),
            "APT::Install-Suggests=false".to_owned(),
            // The folders belong to this user, so apt must not change to another one.
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Debug::NoLocking=1".to_owned(),
        ];
        let mut command = Command::new("apt-get");
        command.arg("-q").env("DEBIAN_FRONTEND", "noninteractive");
        for option in options {
            command.arg("-o").arg(option);
        }
        process::run(command.args(args)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_mirror_from_what_apt_prints() {
        let targets = "http://a.example/debian-security/ Debian Debian-Security\n\
                       http://b.example/tools Other Other\n\
                       http://c.example/debian/ Debian Debian\n";
        assert_eq!(mirror_of_targets(targets).unwrap(), "http://c.example/debian/");
        assert_eq!(mirror_of_targets(""), None);
        let uris = "'http://c.example/debian-security/dists/x/InRelease' name 0\n\
                    'http://c.example/debian/dists/x/InRelease' name 0\n";
        assert_eq!(mirror_of_uris(uris).unwrap(), "http://c.example/debian");
    }
}
