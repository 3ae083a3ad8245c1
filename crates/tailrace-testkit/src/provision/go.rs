//! Programs in Go, built with the modules that their `go.sum` names.

use std::process::Command;

use anyhow::{Context, Result};

use super::sdk::Sources;
use super::{announce, system};
use crate::cache;
use crate::process;

/// The start of a command that runs the program of these sources, which is built into the folder `name` of the cache when it is
/// not there. Modules and compiled packages have a folder of their own, so that a change of the program compiles only it.
pub(super) fn program(name: &str, sources: &Sources) -> Result<Command> {
    system::ensure(&[system::GO])?;
    let built = cache::once(name, &sources.text, |into| {
        announce(&format!(
            "building {} into {} (the first time about 55 MB are fetched)",
            sources.dir.display(),
            into.display()
        ));
        let kept = cache::dir("go")?;
        let mut build = Command::new("go");
        // The folder can be removed by its owner: modules are read-only otherwise. No version control, which may belong to somebody else.
        build
            .args(["build", "-modcacherw", "-trimpath", "-buildvcs=false", "-o"])
            .arg(into.join("program"))
            .arg(".");
        build.current_dir(&sources.dir).env("GOPATH", &kept).env("GOCACHE", kept.join("build"));
        build.env_remove("GOMODCACHE").env_remove("GOBIN");
        // The compiler that is there; no workspace around the sources; no C.
        build.env("GOTOOLCHAIN", "local").env("GOWORK", "off").env("CGO_ENABLED", "0");
        process::run(&mut build).context("building a Go program")?;
        Ok(())
    })?;
    Ok(Command::new(built.join("program")))
}
