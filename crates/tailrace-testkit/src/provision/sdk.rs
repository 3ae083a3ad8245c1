//! Programs of the tests that use the official SDK for Go, Java or Node.js.
//!
//! What they need is fetched, and they are built, when their sources have changed; nothing is written into the source tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::jars::Jars;
use super::{announce, go, node, system};
use crate::cache;
use crate::process;

/// Packages of the system that all of them need.
pub const PACKAGES: &[&[system::Package]] = &[system::GO, system::JAVA_SOURCE, system::NODE];

/// A language that has an official SDK, beside Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Go
    Go,
    /// Java
    Java,
    /// JavaScript, by Node.js
    Node,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Go, Self::Java, Self::Node];

    /// Short name; the folder of its program's sources.
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Java => "java",
            Self::Node => "node",
        }
    }

    /// The start of a command that runs a program; its arguments follow. `programs` is the folder that
    /// has a folder of sources for each language.
    ///
    /// # Errors
    /// If what it needs cannot be fetched, or it cannot be built.
    pub fn program(self, programs: &Path) -> Result<Command> {
        let sources = Sources::read(&programs.join(self.name()))?;
        match self {
            Self::Go => go::program("sdk-go", &sources),
            Self::Java => java(&sources),
            Self::Node => {
                let packages = node::locked("sdk-node", &sources.dir)?;
                let mut command = Command::new("node");
                command.env("NODE_PATH", packages.join("node_modules"));
                command.arg(sources.dir.join("drive.mjs"));
                Ok(command)
            }
        }
    }
}

fn java(sources: &Sources) -> Result<Command> {
    let jars = Jars::sdk()?;
    let version = format!("{}\n{}", jars.class_path(), sources.text);
    let classes = cache::once("sdk-java", &version, |into| {
        announce(&format!("compiling {} into {}", sources.dir.display(), into.display()));
        let mut compile = Command::new("javac");
        compile.args(["-J-XX:TieredStopAtLevel=1", "--release", "17", "-proc:none"]);
        compile.args(["-cp", jars.class_path(), "-d"]).arg(into);
        compile.args(
            sources.files.iter().filter(|file| file.extension().is_some_and(|e| e == "java")),
        );
        process::run(&mut compile).map(drop)
    })?;
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-cp"]);
    command.arg(format!("{}:{}", classes.display(), jars.class_path())).arg("Drive");
    Ok(command)
}

/// The sources of a program: the files of one folder.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) dir: PathBuf,
    /// In the order of their names.
    pub(super) files: Vec<PathBuf>,
    /// All that is in them; what was built of the same text is not built again.
    pub(super) text: String,
}

impl Sources {
    fn read(dir: &Path) -> Result<Self> {
        let reading = || format!("reading {}", dir.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(dir).with_context(reading)? {
            let file = entry.with_context(reading)?.path();
            // What a package manager was asked to put beside them is none of them.
            if file.is_file() {
                files.push(file);
            }
        }
        files.sort();
        let mut text = String::new();
        for file in &files {
            text.push_str(
                &fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?,
            );
        }
        Ok(Self { dir: dir.to_owned(), files, text })
    }
}
