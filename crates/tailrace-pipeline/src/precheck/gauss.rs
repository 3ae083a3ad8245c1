//! Checks of a target of GaussDB Distributed.

use super::{CheckItem, CheckResult};
use crate::error::Result;
use crate::job::TaskType;
use crate::oracle_gaussdb::{Described, OracleJob};
use crate::run::StopSignal;
use crate::sink::gaussdb::Inspection;

const TARGET: &str = "target";

pub(super) fn run(job: &OracleJob, tables: &[Described]) -> Vec<CheckItem> {
    let mut target = match Inspection::open(&job.target, StopSignal::new()) {
        Ok(target) => target,
        Err(e) => return vec![CheckItem::error("dstDbConnection", TARGET, &e)],
    };
    // A job that has begun has made its tables.
    let begun = target.has_progress(&job.job_id).unwrap_or(false);
    let makes = job.make_structure && job.task != TaskType::Incremental && !begun;
    let mut items = vec![CheckItem::passed("dstDbConnection", TARGET)];
    let mut push = |name, result: Result<CheckItem>| {
        items.push(result.unwrap_or_else(|e| CheckItem::error(name, TARGET, &e)));
    };
    push("dstDbVersionSupport", Ok(version(&target)));
    push("dstDbPrivilegesCheck", privileges(&mut target));
    push("dstDbObjectsCheck", objects(&mut target, tables, makes));
    if !makes {
        push("dstForeignKeyCheck", foreign_keys(&mut target, tables));
        push("dstTriggerCheck", triggers(&mut target, tables));
    }
    items
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

/// Tables that are there already, or are not there where they have to be.
fn objects(target: &mut Inspection, tables: &[Described], makes: bool) -> Result<CheckItem> {
    let mut wrong = Vec::new();
    for table in tables {
        let (schema, name) = table.target_place();
        if target.has_table(&schema, &name)? == makes {
            wrong.push(format!("{schema}.{name}"));
        }
    }
    let bad = (!wrong.is_empty()).then(|| match makes {
        true => (
            CheckResult::Failed,
            format!("the target has these tables already: {}", wrong.join(", ")),
            "Drop them, choose other names, or take tableStructure out of sync_type_policy.",
        ),
        false => (
            CheckResult::Failed,
            format!("the target does not have these tables: {}", wrong.join(", ")),
            "Make them, or let the job do it: put tableStructure into sync_type_policy.",
        ),
    });
    Ok(CheckItem::when("dstDbObjectsCheck", TARGET, bad))
}

fn foreign_keys(target: &mut Inspection, tables: &[Described]) -> Result<CheckItem> {
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

fn triggers(target: &mut Inspection, tables: &[Described]) -> Result<CheckItem> {
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
