//! A log whose transactions go through thousands of tables in turn.

use std::process::Stdio;

use anyhow::{Context as _, Result};

use crate::figures::{Figures, Run};
use crate::prepare::{self, Log};
use crate::stage::{DATABASE, Stage};
use crate::startup::{self, MANY};
use crate::tailrace::{Shape, Target, job_file, said, start_of, usage};

/// The two index files of a partition have a size of 10 MiB each from the begin, as holes. Where the disk's read-ahead is
/// larger than its default (it was 8 MiB), the kernel fills memory with zeros for them at the first message of every
/// partition, and does little else with thousands of them.
const SMALL_INDEXES: [(&str, &str); 1] = [("log.index.size.max.bytes", "65536")];

/// As the figures call what is measured: the target, and whether all tables share one topic.
pub(crate) const SUBJECTS: [(&str, Target, bool); 3] = [
    ("Tailrace → nothing", Target::Nothing, true),
    ("Tailrace, exactly once, one topic", Target::ExactlyOnce, true),
    ("Tailrace, exactly once, a topic for each table", Target::ExactlyOnce, false),
];

/// Follows a log of single-row transactions over `tables` tables. Runs are counted whole, the start and the making of
/// topics included.
///
/// # Errors
/// Those of the subject and of the servers.
pub(crate) fn measure(
    stage: &mut Stage,
    figures: &mut Figures,
    (tables, transactions, rounds): (u32, u64, u32),
) -> Result<()> {
    println!("-- preparing {transactions} changes: of {tables} tables in turn");
    startup::prepare(stage, tables)?;
    let log =
        prepare::measured(stage, ("", ""), transactions, || write(stage, tables, transactions))?;
    stage.set_broker(&SMALL_INDEXES)?;
    for round in 1..=rounds {
        println!("-- round {round} of {rounds}");
        for (name, target, shared) in SUBJECTS {
            if figures.wants(name) {
                figures.add(name, follow(stage, (&log, tables), (target, shared))?);
            }
        }
    }
    stage.set_broker(&[])
}

fn write(stage: &Stage, tables: u32, transactions: u64) -> Result<()> {
    let script = format!(
        "USE {MANY};\nDELIMITER //\nDROP PROCEDURE IF EXISTS work//\nCREATE PROCEDURE work(n INT)\nBEGIN\n\
         DECLARE i INT DEFAULT 0;\nWHILE i < n DO\n\
         SET @s = CONCAT('INSERT INTO t', LPAD(i % {tables}, 5, '0'), ' VALUES (', 2 + i DIV {tables}, ', ''a row of many tables'')');\n\
         PREPARE s FROM @s;\nEXECUTE s;\nSET i = i + 1;\nEND WHILE;\nEND//\nDELIMITER ;\nCALL work({transactions});"
    );
    stage.mysql.query(&script).map(drop)
}

fn follow(
    stage: &mut Stage,
    (log, tables): (&Log, u32),
    (target, shared): (Target, bool),
) -> Result<Run> {
    let name = stage.run_name();
    let job = job_file(stage, &name, &["*"], "incremental", &start_of(log), (target, Shape::Drs))
        .replace(&format!("{DATABASE} = [\"*\"]"), &format!("{MANY} = \"*\""));
    let per_table = format!("topic_name_format = \"{name}-$database$-$tablename$\"");
    let one = format!("topic_policy = \"one_topic\"\ntopic = \"{name}-all\"");
    let job = if shared { job.replace(&per_table, &one) } else { job };
    let path = stage.dir.path().join(format!("{name}.toml"));
    std::fs::write(&path, job)?;
    // The log has to end with a selected change: a position that only others moved is told late.
    stage.mysql.query(&format!("UPDATE {MANY}.t00000 SET name = '{name}' WHERE id = 1"))?;
    if shared {
        stage.create_topic(&format!("{name}-all"))?;
    }
    let mut command = stage.tailrace();
    command.arg("run").arg(&path).args(["--no-precheck", "--until-caught-up"]);
    if target == Target::Nothing {
        command.arg("--discard");
    }
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let (seconds, cpu, peak_mib) = usage(&said(output.context("tailrace run")?)?)?;
    let topics: Vec<String> = match shared {
        true => vec![format!("{name}-all")],
        false => (0..tables).map(|n| format!("{name}-{MANY}-t{n:05}")).collect(),
    };
    stage.delete_topics(&topics)?;
    Ok(Run::whole(log.changes, seconds, Some(cpu), Some(peak_mib)))
}
