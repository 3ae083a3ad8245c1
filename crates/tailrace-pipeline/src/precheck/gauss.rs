//! Checks of a target of GaussDB Distributed.

use std::collections::BTreeSet;

use super::{CheckItem, CheckResult};
use crate::error::Result;
use crate::job::TaskType;
use crate::oracle_gaussdb::{Described, OracleJob, added_id};
use crate::run::StopSignal;
use crate::sink::gaussdb::Inspection;

const TARGET: &str = "target";

pub(super) fn run(job: &OracleJob, tables: &[Described]) -> Vec<CheckItem> {
    let mut target = match Inspection::open(&job.target, StopSignal::new()) {
        Ok(target) => target,
        Err(e) => return vec![CheckItem::error("dstDbConnection", TARGET, &e)],
    };
    let made = made(job, &mut target, tables);
    let mut items = vec![CheckItem::passed("dstDbConnection", TARGET)];
    let mut push = |name, result: Result<CheckItem>| {
        items.push(result.unwrap_or_else(|e| CheckItem::error(name, TARGET, &e)));
    };
    push("dstDbVersionSupport", Ok(version(&target)));
    push("dstDbPrivilegesCheck", privileges(&mut target));
    let (there, missing): (Vec<&Described>, Vec<&Described>) = match made {
        Ok(made) => tables.iter().partition(|table| made.contains(&table.choice.to_string())),
        Err(e) => {
            items.push(CheckItem::error("dstDbObjectsCheck", TARGET, &e));
            return items;
        }
    };
    push("dstDbObjectsCheck", objects(&mut target, (&there, &missing)));
    if !there.is_empty() {
        push("dstForeignKeyCheck", foreign_keys(&mut target, &there));
        push("dstTriggerCheck", triggers(&mut target, &there));
    }
    items
}

/// The tables that have to be there: those that the job does not make, and those that it has made.
fn made(
    job: &OracleJob,
    target: &mut Inspection,
    tables: &[Described],
) -> Result<BTreeSet<String>> {
    if !job.make_structure || job.task == TaskType::Incremental {
        return Ok(tables.iter().map(|table| table.choice.to_string()).collect());
    }
    Ok(target.kept_tables(&[job.job_id.clone(), added_id(&job.job_id)])?.into_iter().collect())
}

fn version(target: &Inspection) -> CheckItem {
    let version = target.version();
    let bad = (!version.to_ascii_lowercase().contains("gaussdb")).then(|| {
        (
            CheckResult::Alarm,
            format!("the target calls itself {version}"),
            "Use GaussDB Distributed; statements may be refused by other servers.",
        )
    });
    CheckItem::when("dstDbVersionSupport", TARGET, bad)
}

fn privileges(target: &mut Inspection) -> Result<CheckItem> {
    let bad = (!target.may_create_schemas()?).then(|| {
        (
            CheckResult::Failed,
            "the account may not make schemas in the target's database".to_owned(),
            "Grant CREATE and CONNECT on the database to the account.",
        )
    });
    Ok(CheckItem::when("dstDbPrivilegesCheck", TARGET, bad))
}

/// Tables that are not there where they have to be, or are there already.
fn objects(
    target: &mut Inspection,
    (there, missing): (&[&Described], &[&Described]),
) -> Result<CheckItem> {
    let mut wrong = |tables: &[&Described], is_wrong: bool| -> Result<String> {
        let mut names = Vec::new();
        for table in tables {
            let (schema, name) = table.target_place();
            if target.has_table(&schema, &name)? == is_wrong {
                names.push(format!("{schema}.{name}"));
            }
        }
        Ok(names.join(", "))
    };
    let (in_the_way, lacking) = (wrong(missing, true)?, wrong(there, false)?);
    let bad = match (in_the_way.is_empty(), lacking.is_empty()) {
        (true, true) => None,
        (false, _) => Some((
            CheckResult::Failed,
            format!("the target has these tables already: {in_the_way}"),
            "Drop them, choose other names, or take tableStructure out of sync_type_policy.",
        )),
        (true, false) => Some((
            CheckResult::Failed,
            format!("the target does not have these tables: {lacking}"),
            "Make them, or let the job do it: put tableStructure into sync_type_policy.",
        )),
    };
    Ok(CheckItem::when("dstDbObjectsCheck", TARGET, bad))
}

fn foreign_keys(target: &mut Inspection, tables: &[&Described]) -> Result<CheckItem> {
    let mut found = Vec::new();
    for table in tables {
        let (schema, name) = table.target_place();
        found.extend(target.foreign_keys(&schema, &name)?);
    }
    let bad = (!found.is_empty()).then(|| {
        (
            CheckResult::Failed,
            format!(
                "foreign keys at the target would refuse rows that come in another order: {}",
                found.join(", ")
            ),
            "Disable or drop them while the job runs.",
        )
    });
    Ok(CheckItem::when("dstForeignKeyCheck", TARGET, bad))
}

fn triggers(target: &mut Inspection, tables: &[&Described]) -> Result<CheckItem> {
    let mut found = Vec::new();
    for table in tables {
        let (schema, name) = table.target_place();
        found.extend(target.triggers(&schema, &name)?);
    }
    let bad = (!found.is_empty()).then(|| {
        (
            CheckResult::Failed,
            format!(
                "triggers at the target would change what the job writes: {}",
                found.join(", ")
            ),
            "Disable or drop them while the job runs.",
        )
    });
    Ok(CheckItem::when("dstTriggerCheck", TARGET, bad))
}
