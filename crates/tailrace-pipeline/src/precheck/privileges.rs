//! Whether the account may do at the source what the job needs.

use tailrace_codec::mysql::ServerVersion;

use crate::error::{ErrorKind, Result};
use crate::job::{JobSpec, TaskType};
use crate::precheck::{CheckItem, CheckResult};
use crate::source::mysql::catalog;
use crate::source::mysql::chunk::quoted_table;
use crate::source::mysql::connection::Connection;

use super::source::SOURCE;

const ITEM: &str = "srcDbPrivilegesIsEnoughForIncre";
/// Missing privileges that are named.
const NAMED_MAX: usize = 10;

/// Privileges that a log is read with, each with the names it has.
const LOG_PRIVILEGES: [&[&str]; 2] =
    [&["REPLICATION SLAVE"], &["REPLICATION CLIENT", "BINLOG MONITOR"]];

/// Reads the account's grants; tables that none of them covers are tried one by one.
pub(super) fn check(spec: &JobSpec, connection: &mut Connection) -> Result<CheckItem> {
    let grants = grants(connection)?;
    let mut missing = Vec::new();
    if spec.task != TaskType::Full {
        for names in LOG_PRIVILEGES {
            let held = |grant: &Grant| grant.is_on("*") && names.iter().any(|n| grant.gives(n));
            if !grants.iter().any(held) {
                missing.push(names[0].to_owned());
            }
        }
    }
    let covered =
        |database: &str| grants.iter().any(|grant| grant.is_on(database) && grant.gives("SELECT"));
    // Of a database without any privilege the account sees no table at all.
    for database in spec.selection.databases.iter().filter(|d| !covered(&d.name)) {
        let may_see = connection
            .rows("SHOW DATABASES")?
            .iter()
            .any(|row| row.text(0).is_ok_and(|name| name == database.name));
        if !may_see {
            missing.push(format!("SELECT on {}", database.name));
        }
    }
    for table in catalog::selected_tables(connection, &spec.selection)? {
        if covered(&table.database) {
            continue;
        }
        let name = quoted_table(&table.database, &table.table);
        match connection.rows(&format!("SELECT * FROM {name} LIMIT 0")) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::SourcePrivilege => {
                missing.push(format!("SELECT on {}.{}", table.database, table.table));
            }
            Err(e) => return Err(e),
        }
    }
    let more = missing.len().saturating_sub(NAMED_MAX);
    missing.truncate(NAMED_MAX);
    Ok(CheckItem::when(
        ITEM,
        SOURCE,
        (!missing.is_empty()).then(|| {
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            (
                CheckResult::Failed,
                format!("the account lacks {}{more}", missing.join(", ")),
                "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* to the account.",
            )
        }),
    ))
}

/// A line of `SHOW GRANTS`.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    /// In upper case.
    privileges: Vec<String>,
    /// A pattern of names: `*`, or one with `%`, `_` and `\` as the server has it. `None` if the grant is on one
    /// table or routine.
    database: Option<String>,
}

impl Grant {
    /// Reads ``GRANT SELECT, INSERT ON `shop`.* TO …``; `None` for a line that grants a role.
    fn parse(line: &str) -> Option<Self> {
        let (privileges, rest) = line.strip_prefix("GRANT ")?.split_once(" ON ")?;
        let scope = rest.rsplit_once(" TO ").map_or(rest, |(scope, _)| scope);
        let database = scope.strip_suffix(".*").map(|name| {
            let inner = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
            inner.map_or_else(|| name.to_owned(), |name| name.replace("``", "`"))
        });
        let privileges = privileges.split(',').map(|p| p.trim().to_ascii_uppercase()).collect();
        Some(Self { privileges, database })
    }

    fn gives(&self, privilege: &str) -> bool {
        self.privileges.iter().any(|held| held == privilege || held == "ALL PRIVILEGES")
    }

    /// Whether it holds for a whole database; `*` stands for all.
    fn is_on(&self, database: &str) -> bool {
        self.database.as_ref().is_some_and(|pattern| {
            pattern == "*"
                || database != "*" && matches_pattern(pattern.as_bytes(), database.as_bytes())
        })
    }
}

/// The server's LIKE: `%` is any text, `_` any byte, `\` takes the next one as it is.
fn matches_pattern(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'%', rest @ ..], _) => {
            (0..=text.len()).any(|skipped| matches_pattern(rest, &text[skipped..]))
        }
        ([b'\\', wanted, rest @ ..], [found, others @ ..]) => {
            wanted == found && matches_pattern(rest, others)
        }
        ([b'_', rest @ ..], [_, others @ ..]) => matches_pattern(rest, others),
        ([wanted, rest @ ..], [found, others @ ..]) => {
            wanted == found && matches_pattern(rest, others)
        }
        _ => false,
    }
}

/// The account's grants, those of its active roles included.
fn grants(connection: &mut Connection) -> Result<Vec<Grant>> {
    let roles = active_roles(connection)?;
    let statement = match roles {
        Some(roles) => format!("SHOW GRANTS FOR CURRENT_USER() USING {roles}"),
        None => "SHOW GRANTS".to_owned(),
    };
    let rows = connection.rows(&statement)?;
    let mut grants = Vec::new();
    for row in &rows {
        grants.extend(Grant::parse(row.text(0)?));
    }
    Ok(grants)
}

/// MariaDB shows what active roles have by itself; MySQL does if they are named.
fn active_roles(connection: &mut Connection) -> Result<Option<String>> {
    let ServerVersion { mariadb, major, .. } = connection.version()?;
    if mariadb || major < 8 {
        return Ok(None);
    }
    let row = connection.one_row("SELECT CURRENT_ROLE()")?;
    Ok(Some(row.text(0)?.to_owned()).filter(|roles| roles != "NONE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_server_are_read() {
        let grant = |line| Grant::parse(line).unwrap();
        let all = grant("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION");
        assert!(all.gives("SELECT") && all.is_on("*") && all.is_on("shop"));
        let one = grant(r"GRANT SELECT, INSERT ON `my\_shop`.* TO `a`@`%`");
        assert!(one.gives("SELECT") && one.is_on("my_shop"));
        assert!(!one.gives("REPLICATION SLAVE") && !one.is_on("my-shop") && !one.is_on("*"));
        assert!(grant("GRANT SELECT ON `a%`.* TO `a`@`%`").is_on("abc"));
        assert!(grant("GRANT SELECT ON `a``b`.* TO `a`@`%`").is_on("a`b"));
        assert!(!grant("GRANT SELECT ON `shop`.`item` TO `a`@`%`").is_on("shop"));
        assert_eq!(Grant::parse("GRANT `reader`@`%` TO `a`@`%`"), None);
    }
}
