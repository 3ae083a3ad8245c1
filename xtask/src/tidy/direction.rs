//! One direction: what a module may name of the others.

use super::paths::{self, is_under};
use super::source;
use super::{Finding, SourceFile};

/// Code under one of these folders, but for some files, may not name these paths, unless it names one of those.
struct Wall {
    folders: &'static [&'static str],
    but: &'static [&'static str],
    forbidden: &'static [&'static str],
    unless: &'static [&'static str],
    reason: &'static str,
}

/// Applies to what ships; tests may put the parts together as they need.
const WALLS: &[Wall] = &[
    Wall {
        folders: &["crates/tailrace-codec/src/"],
        but: &[],
        forbidden: &[
            "tokio",
            "std::net",
            "std::time",
            "std::fs",
            "std::thread",
            "std::process",
            "std::env",
            "tailrace_pipeline",
            "tailrace",
        ],
        unless: &["std::time::Duration"],
        reason: "codec is bytes in, bytes out: no sockets, files, threads, clock or environment",
    },
    Wall {
        folders: &["crates/tailrace-pipeline/src/"],
        // What speaks HTTP to a target.
        but: &["crates/tailrace-pipeline/src/sink/registry.rs"],
        forbidden: &["tailrace", "axum", "sqlx", "reqwest", "hyper"],
        unless: &[],
        reason: "the data path knows no HTTP and no job store",
    },
    Wall {
        folders: &["crates/tailrace/src/api/", "crates/tailrace/src/console/"],
        but: &[],
        forbidden: &["crate::store", "tailrace_pipeline", "tailrace_codec", "sqlx", "rdkafka"],
        unless: &[],
        reason: "api and console ask control; they know neither the store nor the data path",
    },
    Wall {
        folders: &["crates/tailrace/src/control/"],
        but: &[],
        forbidden: &["crate::api", "crate::console", "crate::cli", "axum", "sqlx"],
        unless: &[],
        reason: "control is below api: it knows no HTTP and no SQL",
    },
    Wall {
        folders: &["crates/tailrace/src/store/", "crates/tailrace/src/secret/"],
        but: &[],
        forbidden: &[
            "crate::api",
            "crate::console",
            "crate::cli",
            "crate::control::worker",
            "crate::control::Control",
            "crate::control::live",
            "crate::control::inner",
            "crate::control::command",
            "tailrace_pipeline",
            "axum",
        ],
        unless: &["tailrace_pipeline::checkpoint"],
        reason: "the store keeps control's data and calls nothing above it",
    },
    Wall {
        folders: &["xtask/src/"],
        but: &[],
        forbidden: &["tailrace_pipeline", "tailrace_codec", "tailrace"],
        unless: &[],
        reason: "the developer commands build before anything else does",
    },
];

pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    let Some(code) = &file.code else { return Vec::new() };
    let walls = WALLS.iter().filter(|wall| {
        wall.folders.iter().any(|folder| file.path.starts_with(folder))
            && !wall.but.contains(&file.path.as_str())
    });
    if file.is_test() {
        return Vec::new();
    }
    let (_, code) = source::split_tests(code);
    let named = paths::named(&code, &module(&file.path));
    let mut findings = Vec::new();
    for wall in walls {
        let under = |path: &str, list: &[&str]| list.iter().any(|prefix| is_under(path, prefix));
        for one in &named {
            if under(&one.path, wall.forbidden) && !under(&one.path, wall.unless) {
                let message = format!("names {}: {}", one.path, wall.reason);
                findings.push(Finding::error("direction", file, one.line, message));
            }
        }
    }
    findings
}

/// The module that a file is, from its crate's root.
fn module(path: &str) -> Vec<String> {
    let inside = path.split_once("/src/").map_or(path, |(_, inside)| inside);
    let mut parts: Vec<String> =
        inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> usize {
        check(&SourceFile::new(path, text.to_owned())).len()
    }

    #[test]
    fn api_may_name_control_and_not_what_is_behind_it() {
        let api = "crates/tailrace/src/api/v5/jobs.rs";
        assert_eq!(broken(api, "use crate::control::Job; use super::list;"), 0);
        assert_eq!(broken(api, "use crate::{control::Job, store::Row};"), 1);
        assert_eq!(broken(api, "fn f() { super::super::super::store::open() }"), 1);
        assert_eq!(broken(api, "fn f(error: tailrace_pipeline::Error) {}"), 1);
        assert_eq!(broken(api, "// crate::store\nconst A: &str = \"crate::store\";"), 0);
        assert_eq!(broken(api, "#[cfg(test)]\nmod tests { use crate::store::Row; }"), 0);
    }

    #[test]
    fn control_and_store_do_not_look_up() {
        assert_eq!(broken("crates/tailrace/src/control/a.rs", "use crate::store::Row;"), 0);
        let http = "use reqwest::Client;";
        assert_eq!(broken("crates/tailrace-pipeline/src/sink/registry.rs", http), 0);
        assert_eq!(broken("crates/tailrace-pipeline/src/sink/kafka/mod.rs", http), 1);
        assert_eq!(broken("crates/tailrace/src/control/a.rs", "use crate::api::Error;"), 1);
        assert_eq!(broken("crates/tailrace/src/store/a.rs", "use crate::control::job::Job;"), 0);
        assert_eq!(broken("crates/tailrace/src/store/a.rs", "use crate::control::worker::W;"), 1);
    }

    #[test]
    fn codec_is_pure_and_pipeline_knows_no_server() {
        let codec = "crates/tailrace-codec/src/a.rs";
        assert_eq!(broken(codec, "use std::{fmt, fs::File};"), 1);
        assert_eq!(broken(codec, "let t = std::time::Instant::now();"), 1);
        assert_eq!(broken(codec, "fn f(d: std::time::Duration) {}"), 0);
        let pipeline = "crates/tailrace-pipeline/src/a.rs";
        assert_eq!(broken(pipeline, "use tailrace_codec::Cell; use std::fs::File;"), 0);
        assert_eq!(broken(pipeline, "use tailrace::control::Job;"), 1);
    }

    #[test]
    fn modules_come_from_paths() {
        assert_eq!(module("crates/tailrace/src/api/mod.rs"), ["api"]);
        assert_eq!(module("crates/tailrace/src/api/v5.rs"), ["api", "v5"]);
        assert_eq!(module("crates/tailrace/src/main.rs"), [] as [&str; 0]);
    }
}
