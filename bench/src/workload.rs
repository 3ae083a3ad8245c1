//! The loads whose logs are measured: tables and the changes to them, written by MySQL itself.

use crate::stage::DATABASE;

/// A table and what is done to it.
pub(crate) struct Workload {
    /// As the figures call it.
    pub(crate) title: &'static str,
    /// Its table.
    pub(crate) table: &'static str,
    columns: fn() -> String,
    /// The body of a procedure that makes the changes, `n` times.
    body: fn() -> String,
    /// Changes that one of the `n` makes.
    pub(crate) changes_each: u64,
    /// One more row, so that the log ends with a selected change.
    pub(crate) last: &'static str,
}

impl Workload {
    /// The statement that makes the empty table.
    pub(crate) fn create(&self) -> String {
        format!("CREATE TABLE {DATABASE}.{} ({})", self.table, (self.columns)())
    }

    /// Statements that write the log; in the server, so that no client takes time.
    pub(crate) fn write(&self, n: u64) -> String {
        format!(
            "USE {DATABASE};\nDELIMITER //\nDROP PROCEDURE IF EXISTS work//\nCREATE PROCEDURE work(n INT)\nBEGIN\n\
             DECLARE i INT DEFAULT 1;\nSET SESSION cte_max_recursion_depth = 10000;\n\
             WHILE i <= n DO\n{}\nSET i = i + 1;\nEND WHILE;\nEND//\nDELIMITER ;\nCALL work({n});",
            (self.body)()
        )
    }
}

/// Columns of sysbench's table, whose rows have about 190 bytes.
pub(crate) const SYSBENCH: &str = "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, \
     pad CHAR(60) NOT NULL, KEY k_1 (k)";

/// Rows of one transaction of [`BULK`].
const BULK_ROWS: u64 = 1_000;
const WIDE_COLUMNS: usize = 100;
/// Bytes of a large value: its message stays below the 1 048 588 bytes that brokers and producers take by default.
const LARGE_BYTES: u32 = 1_000_000;

/// A third each inserts, updates and deletes, every one a transaction of its own.
pub(crate) const SINGLE: Workload = Workload {
    title: "transactions of one row",
    table: "single",
    columns: || SYSBENCH.to_owned(),
    body: || {
        "INSERT INTO single VALUES (i, i, REPEAT(CHAR(97 + i % 26), 119), REPEAT('p', 59));\n\
         UPDATE single SET k = k + 1, c = REPEAT(CHAR(65 + i % 26), 119) WHERE id = i;\n\
         DELETE FROM single WHERE id = i;"
            .to_owned()
    },
    changes_each: 3,
    last: "INSERT INTO single (k, c, pad) VALUES (0, 'last', '')",
};

/// The same with a dozen columns of common types.
pub(crate) const COMMON: Workload = Workload {
    title: "transactions of one row, 12 columns of common types",
    table: "common",
    columns: || {
        "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL, sku VARCHAR(32) NOT NULL, \
         status ENUM('new','paid','sent','done') NOT NULL, quantity SMALLINT UNSIGNED NOT NULL, price DECIMAL(12,2) NOT NULL, \
         weight DOUBLE, note VARCHAR(200), paid TINYINT(1) NOT NULL, ordered DATETIME(3) NOT NULL, \
         changed TIMESTAMP(6) NOT NULL, attributes JSON"
            .to_owned()
    },
    body: || {
        "INSERT INTO common VALUES (i, i % 1000, CONCAT('sku-', i), 'new', i % 50, i % 10000 / 100, i / 7, \
         IF(i % 3 = 0, NULL, 'leave it at the door'), 0, '2026-11-25 12:34:56.789', NOW(6), '{\"color\": \"red\", \"size\": 42}');\n\
         UPDATE common SET status = 'paid', paid = 1, changed = NOW(6) WHERE id = i;\n\
         DELETE FROM common WHERE id = i;"
            .to_owned()
    },
    changes_each: 3,
    last: "INSERT INTO common VALUES (NULL, 0, '', 'new', 0, 0, 0, '', 0, NOW(), NOW(), '{}')",
};

/// Transactions of a thousand inserted rows.
pub(crate) const BULK: Workload = Workload {
    title: "transactions of 1 000 inserted rows",
    table: "bulk",
    columns: || SYSBENCH.to_owned(),
    body: || {
        format!(
            "INSERT INTO bulk (k, c, pad) WITH RECURSIVE r(j) AS (SELECT 1 UNION ALL SELECT j + 1 FROM r WHERE j < {BULK_ROWS}) \
             SELECT j, REPEAT(CHAR(97 + j % 26), 119), REPEAT('p', 59) FROM r;"
        )
    },
    changes_each: BULK_ROWS,
    last: "INSERT INTO bulk (k, c, pad) VALUES (0, 'last', '')",
};

/// Inserts into a table of a hundred columns.
pub(crate) const WIDE: Workload = Workload {
    title: "transactions of one row, 100 columns",
    table: "wide",
    columns: || {
        let more: Vec<String> = (1..WIDE_COLUMNS)
            .map(|n| format!("c{n} {}", if n % 2 == 0 { "INT" } else { "VARCHAR(20)" }))
            .collect();
        format!("id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, {}", more.join(", "))
    },
    body: || {
        let values: Vec<&str> =
            (1..WIDE_COLUMNS).map(|n| if n % 2 == 0 { "i" } else { "'some text'" }).collect();
        format!("INSERT INTO wide VALUES (NULL, {});", values.join(", "))
    },
    changes_each: 1,
    last: "INSERT INTO wide (c1) VALUES ('last')",
};

/// Inserts of rows of a megabyte.
pub(crate) const LARGE_ROWS: Workload = Workload {
    title: "transactions of one row of 1 MB",
    table: "large_row",
    columns: || "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, t LONGTEXT NOT NULL".to_owned(),
    body: || {
        format!("INSERT INTO large_row (t) VALUES (REPEAT(CHAR(97 + i % 26), {LARGE_BYTES}));")
    },
    changes_each: 1,
    last: "INSERT INTO large_row (t) VALUES ('last')",
};

/// All, with the changes that are made at the size of 600 000.
pub(crate) const ALL: [(&Workload, u64); 5] = [
    (&SINGLE, 900_000),
    (&COMMON, 300_000),
    (&BULK, 1_500_000),
    (&WIDE, 60_000),
    (&LARGE_ROWS, 1_000),
];
