//! `tailrace run` and `tailrace jobs` with a file of Oracle → GaussDB Distributed. Both servers are stand-ins.

use tailrace_testkit::gaussdb::{FrontOptions, GaussFront};
use tailrace_testkit::oracle::{OracleOptions, OracleServer};
use tailrace_testkit::provision::python::ORACLE;
use tailrace_testkit::python;
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer};
use tailrace_testkit::wait;

use super::jobs::{jobs, json};
use super::{ended, tailrace, text};
use crate::proof::served::{PATIENCE, Served};

const PASSWORD: &str = "Geheim_123";

struct Ends {
    oracle: OracleServer,
    postgres: PostgresServer,
    front: GaussFront,
    dir: tempfile::TempDir,
}

impl Ends {
    fn start() -> Self {
        let oracle =
            OracleServer::start(OracleOptions::with_user("SHOP", PASSWORD)).expect("Oracle");
        let postgres = PostgresServer::start(PostgresOptions::default()).expect("PostgreSQL");
        let front = FrontOptions::with_user("tailrace", PASSWORD);
        let front = GaussFront::start(&postgres, front).expect("the front");
        Self { oracle, postgres, front, dir: tempfile::tempdir().expect("a folder") }
    }

    /// Runs statements of SQL at the source.
    fn sql(&self, statements: &[&str]) {
        let script = self.dir.path().join("run.py");
        let lines = "import os, sys, oracledb\n\
            c = oracledb.connect(user='shop', password=os.environ['PASSWORD'], dsn=os.environ['DSN'])\n\
            for s in sys.argv[1:]: c.cursor().execute(s)\n\
            c.commit()\n";
        std::fs::write(&script, lines).expect("a script");
        let dsn = format!("127.0.0.1:{}/standin", self.oracle.port());
        let envs = [("DSN", dsn.as_str()), ("PASSWORD", PASSWORD)];
        python::run_with(ORACLE, &script, statements, &envs).expect("the statements");
    }

    fn job_file(&self) -> std::path::PathBuf {
        self.job_file_of("SHOP = [\"T\"]")
    }

    fn job_file_of(&self, objects: &str) -> std::path::PathBuf {
        let path = self.dir.path().join("job.toml");
        let file = format!(
            "name = \"shop-to-gauss\"\n[source]\nengine = \"oracle\"\nhost = \"127.0.0.1\"\nport = {}\nservice = \"standin\"\n\
             user = \"shop\"\npassword = \"{PASSWORD}\"\n[target]\nhost = \"127.0.0.1\"\nport = {}\ndatabase = \"postgres\"\n\
             user = \"tailrace\"\npassword = \"{PASSWORD}\"\n[objects]\n{objects}\n[mapping.SHOP]\ntarget = \"sales\"\n\
             [policy]\nconflict_policy = \"stop\"\n[limits]\ndirty_rows_max = 2\n",
            self.oracle.port(),
            self.front.port()
        );
        std::fs::write(&path, file).expect("a job file");
        path
    }

    fn rows(&self) -> String {
        let sql = "SELECT string_agg(t::text, ' ' ORDER BY id) FROM sales.t";
        self.postgres.sql(sql).expect("rows").trim().to_owned()
    }
}

#[test]
fn a_file_is_checked_run_gone_on_with_and_forgotten() {
    let ends = Ends::start();
    ends.sql(&[
        "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(9))",
        "INSERT INTO t VALUES (1, 'one')",
    ]);
    let file = ends.job_file();
    let (code, out, err) = ended(&tailrace(&["run", text(&file), "--check"]).output().unwrap());
    assert_eq!(code, 6, "{out}{err}");
    assert!(out.contains("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA;"), "{out}");
    ends.sql(&["ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS"]);
    let run = || ended(&tailrace(&["run", text(&file), "--until-caught-up"]).output().unwrap());
    let (code, out, err) = run();
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("caught up: 1 rows of the full phase, 0 inserts"), "{out}");
    ends.sql(&["INSERT INTO t VALUES (2, 'two')", "UPDATE t SET v = 'uno' WHERE id = 1"]);
    // The table is there by now, and the job has made it.
    let (code, out, err) = run();
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("0 rows of the full phase, 1 inserts, 1 updates"), "{out}");
    assert_eq!(ends.rows(), "(1,uno) (2,two)");
    let (code, out, err) = ended(&tailrace(&["run", text(&file), "--discard"]).output().unwrap());
    assert!(code == 2 && err.contains("--discard"), "{out}{err}");
    let (code, out, err) = ended(&tailrace(&["run", text(&file), "--forget"]).output().unwrap());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("removed"), "{out}");
    let (code, out, err) = run();
    assert_eq!(code, 6, "{out}{err}");
    assert!(out.contains("the target has these tables already: sales.t"), "{out}");
}

/// The same file as a job of a server, which is made by v3.
#[test]
fn a_job_of_the_file_lives_by_commands() {
    let ends = Ends::start();
    ends.sql(&[
        "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
        "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(9))",
        "INSERT INTO t VALUES (1, 'one')",
    ]);
    let file = ends.job_file();
    let served = Served::start().expect("a server");
    let made = json(&served, &["create", text(&file), "--start", "--wait", "--timeout", "120"]);
    assert_eq!(made["status"], "INCRE_TRANSFER_STARTED", "{made}");
    let name = "shop-to-gauss";
    let (code, out, _) = jobs(&served, &["show", name, "--output", "yaml"]);
    assert_eq!(code, 0);
    for wanted in [
        "engine_type: oracle-to-gaussdbv5",
        "conflict_policy: stop",
        "db_name: serviceName.standin",
    ] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    assert!(!out.contains(PASSWORD), "{out}");
    ends.sql(&["UPDATE t SET v = 'uno' WHERE id = 1", "INSERT INTO t VALUES (2, 'two')"]);
    wait::until("the changes", PATIENCE, || Ok((ends.rows() == "(1,uno) (2,two)").then_some(())))
        .expect("the changes");
    let (code, out, err) = jobs(&served, &["compare", name]);
    assert_eq!(code, 0, "{out}{err}\n{}", served.log_tail());
    assert!(out.contains("CONSISTENT"), "{out}");
    ends.postgres.sql("DELETE FROM sales.t WHERE id = 2").expect("a deletion");
    let (code, out, err) = jobs(&served, &["compare", name, "--sample", "100", "--static"]);
    assert!(code == 9 && out.contains("a sample of 100 %"), "{code} {out}{err}");
    let (code, out, err) = jobs(&served, &["compare", name]);
    assert_eq!(code, 9, "{out}{err}");
    assert!(out.contains("INSERT INTO \"sales\".\"t\""), "{out}");
    let (code, out, err) = jobs(&served, &["repair", name]);
    assert_eq!(code, 0, "{out}{err}\n{}", served.log_tail());
    assert_eq!(ends.rows(), "(1,uno) (2,two)", "{out}");
    let (code, out, err) = jobs(&served, &["compare", name]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, _, err) = jobs(&served, &["repair", name]);
    assert!(code != 0 && err.contains("found rows that differ"), "{code} {err}");
    // What the target refuses is put aside, and comes to an end by command.
    let refuse = "ALTER TABLE sales.t ADD CONSTRAINT short CHECK (length(v) < 5)";
    ends.postgres.sql(refuse).expect("a constraint");
    ends.sql(&["INSERT INTO t VALUES (3, 'too long')", "INSERT INTO t VALUES (4, 'fits')"]);
    wait::until_true("the changes", PATIENCE, || ends.rows().ends_with("(4,fits)"));
    let dirty = json(&served, &["dirty", name]);
    let (change, number) = (&dirty[0], dirty[0]["id"].to_string());
    assert!(change["error_sql"].as_str().is_some_and(|sql| sql.contains("'too long'")), "{dirty}");
    assert!(change["error_msg"].as_str().is_some_and(|why| why.contains("short")), "{dirty}");
    let (code, out, err) = jobs(&served, &["dirty", name, "--reapply", &number]);
    assert!(code == 9 && out.contains("short"), "{code} {out}{err}");
    ends.postgres.sql("ALTER TABLE sales.t DROP CONSTRAINT short").expect("a constraint");
    let (code, out, err) = jobs(&served, &["dirty", name, "--reapply", &number]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(ends.rows().contains("(3,\"too long\")"), "{}", ends.rows());
    assert_eq!(json(&served, &["dirty", name]), serde_json::json!([]));
    let (code, out, err) = jobs(&served, &["dirty", name, "--discard", "99"]);
    assert_eq!(code, 0, "{out}{err}");
    let components = || json(&served, &["parts", name, "components"]);
    for (half, at) in [("capture", 0), ("apply", 1)] {
        let (code, out, err) = jobs(&served, &["pause", name, "--part", half]);
        assert_eq!(code, 0, "{out}{err}");
        let status = || components()[at]["status"].as_str().unwrap_or_default().to_owned();
        wait::until_true("a part that rests", PATIENCE, || status() == "STOPPED");
        assert_eq!(components()[1 - at]["status"], "STARTED");
        let (code, out, err) = jobs(&served, &["resume", name, "--part", half]);
        assert_eq!(code, 0, "{out}{err}");
        wait::until_true("a part that goes on", PATIENCE, || status() == "STARTED");
    }
    objects_are_edited(&ends, &served, name);
    assert_eq!(json(&served, &["pause", name, "--wait"])["status"], "PAUSING");
    let (code, _, err) = jobs(&served, &["pause", name, "--part", "apply"]);
    assert!(code != 0 && err.contains("PAUSING"), "{err}");
    assert_eq!(json(&served, &["resume", name, "--wait"])["status"], "INCRE_TRANSFER_STARTED");
    assert_eq!(json(&served, &["stop", name, "--wait"])["status"], "RELEASE_RESOURCE_COMPLETE");
    assert_eq!(json(&served, &["delete", name])["status"], "DELETED");
    let left = ends.postgres.sql("SELECT count(*) FROM tailrace.progress").expect("a count");
    assert_eq!(left.trim(), "0");
}

/// A table is added to a job that runs, and the first one taken away.
fn objects_are_edited(ends: &Ends, served: &Served, name: &str) {
    ends.sql(&[
        "CREATE TABLE u (id NUMBER(10) PRIMARY KEY, v VARCHAR2(9))",
        "INSERT INTO u VALUES (1, 'one')",
    ]);
    let (code, _, err) = jobs(served, &["reread", name, "SHOP.T"]);
    assert!(code != 0 && err.contains("compare it, and repair what differs"), "{err}");
    // What is in the way of an added table is named by the precheck, and the job goes on without it.
    ends.postgres.sql("CREATE TABLE sales.u (id bigint)").expect("a table");
    let both = ends.job_file_of("SHOP = [\"T\", \"U\"]");
    let (code, out, err) = jobs(served, &["edit", name, text(&both), "--wait"]);
    assert!(code != 0 && format!("{out}{err}").contains("already: sales.u"), "{code} {out}{err}");
    ends.postgres.sql("DROP TABLE sales.u").expect("no table");
    let edited = json(served, &["edit", name, text(&both), "--wait", "--timeout", "60"]);
    assert_eq!(edited["status"], "INCRE_TRANSFER_STARTED", "{edited}");
    ends.sql(&["INSERT INTO u VALUES (2, 'two')", "INSERT INTO t VALUES (9, 'nine')"]);
    let u = || {
        let sql = "SELECT string_agg(u::text, ' ' ORDER BY id) FROM sales.u";
        ends.postgres.sql(sql).expect("rows").trim().to_owned()
    };
    wait::until_true("the added table", PATIENCE, || u() == "(1,one) (2,two)");
    wait::until_true("the other one", PATIENCE, || ends.rows().ends_with("(9,nine)"));
    let (code, out, err) = jobs(served, &["compare", name]);
    assert_eq!(code, 0, "{out}{err}\n{}", served.log_tail());
    let only = ends.job_file_of("SHOP = [\"U\"]");
    json(served, &["edit", name, text(&only), "--wait", "--timeout", "60"]);
    ends.sql(&["UPDATE u SET v = 'uno' WHERE id = 1", "INSERT INTO t VALUES (10, 'ten')"]);
    wait::until_true("the change", PATIENCE, || u() == "(1,uno) (2,two)");
    assert!(ends.rows().ends_with("(9,nine)"), "{}", ends.rows());
}
