//! Questions for a job that has no file: the settings that every job needs. All others have defaults, and
//! a file has them all.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::cli::exit::Failed;
use crate::cli::prompt;
use crate::job_file::JobFile;

/// Somebody who answers.
trait Answers {
    /// A line; nothing gives the default.
    fn line(&mut self, what: &str, default: Option<&str>) -> Result<String, Failed>;
    /// A secret, which is not shown.
    fn secret(&mut self, what: &str) -> Result<SecretString, Failed>;
    /// What is wrong with an answer.
    fn say(&mut self, text: &str);
}

/// Whoever sits in front of the terminal.
struct Person;

impl Answers for Person {
    fn line(&mut self, what: &str, default: Option<&str>) -> Result<String, Failed> {
        prompt::line(what, default)
    }

    fn secret(&mut self, what: &str) -> Result<SecretString, Failed> {
        prompt::secret(what, "a job file")
    }

    fn say(&mut self, text: &str) {
        eprintln!("  {text}");
    }
}

/// Asks for a job.
pub(super) fn job() -> Result<JobFile, Failed> {
    eprintln!("Settings that are not asked for have their defaults; a job file has all of them.");
    ask(&mut Person)
}

fn ask(person: &mut impl Answers) -> Result<JobFile, Failed> {
    let mut job = json!({});
    job["name"] = until(person, "name of the job", None, |text| {
        crate::control::check_job_name(text).map(|()| text.into()).map_err(|e| e.to_string())
    })?;
    job["task"] = until(person, "phases", Some("full+incremental"), |text| {
        one_of(text, &["full", "full+incremental"])
    })?;
    let engine = until(person, "source: mysql, taurus or oracle", Some("mysql"), |text| {
        one_of(text, &["mysql", "taurus", "oracle"])
    })?;
    let is_oracle = engine == "oracle";
    let port = if is_oracle { "1521" } else { "3306" };
    job["source"] = json!({
        "engine": engine,
        "host": person.line("host of the source", None)?,
        "port": until(person, "port", Some(port), number)?,
        "user": person.line("account", None)?,
        "password": person.secret("password")?.expose_secret(),
    });
    if is_oracle {
        job["source"]["service"] = person.line("service", None)?.into();
        job["target"] = json!({
            "host": person.line("host of GaussDB", None)?,
            "port": until(person, "port", Some("8000"), number)?,
            "database": person.line("database", None)?,
            "user": person.line("account", None)?,
            "password": person.secret("password")?.expose_secret(),
        });
    } else {
        job["source"]["ssl"] = yes(person, "TLS to the source")?;
        job["target"] = kafka(person)?;
    }
    job["objects"] = until(person, OBJECTS, None, objects)?;
    let text = job.to_string();
    JobFile::parse_json(&text).map_err(Failed::from)
}

const OBJECTS: &str = "databases or DATABASE.TABLE, separated by commas";

fn kafka(person: &mut impl Answers) -> Result<Value, Failed> {
    let mut target = json!({"brokers": person.line("brokers, host:port[,host:port…]", None)?});
    let security = until(person, "security", Some("PLAINTEXT"), |text| {
        one_of(text, &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
    })?;
    if security.as_str().is_some_and(|text| text.starts_with("SASL")) {
        target["sasl_mechanism"] = until(person, "mechanism", Some("SCRAM-SHA-512"), |text| {
            one_of(text, &["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
        })?;
        target["user"] = person.line("user of Kafka", None)?.into();
        target["password"] = person.secret("password of Kafka")?.expose_secret().into();
    }
    target["security"] = security;
    Ok(target)
}

/// Asks until the answer can be used.
fn until(
    person: &mut impl Answers,
    what: &str,
    default: Option<&str>,
    read: impl Fn(&str) -> Result<Value, String>,
) -> Result<Value, Failed> {
    loop {
        match read(&person.line(what, default)?) {
            Ok(value) => return Ok(value),
            Err(why) => person.say(&why),
        }
    }
}

fn yes(person: &mut impl Answers, what: &str) -> Result<Value, Failed> {
    let answer = until(person, what, Some("no"), |text| one_of(text, &["yes", "no"]))?;
    Ok(Value::Bool(answer == "yes"))
}

fn one_of(text: &str, allowed: &[&str]) -> Result<Value, String> {
    if allowed.contains(&text) {
        Ok(text.into())
    } else {
        Err(format!("one of {}", allowed.join(", ")))
    }
}

fn number(text: &str) -> Result<Value, String> {
    text.parse::<u16>().map(Value::from).map_err(|_| "a number from 0 to 65535".to_owned())
}

/// Reads `shop, crm.customers, crm.contacts`.
fn objects(text: &str) -> Result<Value, String> {
    let mut chosen: BTreeMap<&str, Option<Vec<&str>>> = BTreeMap::new();
    for one in text.split(',').map(str::trim) {
        let (database, table) = one.split_once('.').map_or((one, None), |(a, b)| (a, Some(b)));
        if database.is_empty() || table.is_some_and(str::is_empty) {
            return Err(format!("{one:?} is neither a database nor DATABASE.TABLE"));
        }
        match (chosen.get_mut(database), table) {
            (None, table) => {
                chosen.insert(database, table.map(|table| vec![table]));
            }
            (Some(Some(tables)), Some(table)) => tables.push(table),
            _ => return Err(format!("{database} is named as a whole and by tables")),
        }
    }
    Ok(chosen
        .into_iter()
        .map(|(database, tables)| {
            let tables = tables.map_or_else(|| json!("*"), |tables| json!(tables));
            (database.to_owned(), tables)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Answers by the begin of the question; the same question may come again.
    struct Script(VecDeque<(&'static str, &'static str)>, Vec<String>);

    impl Script {
        fn next(&mut self, what: &str, default: Option<&str>) -> String {
            let (begin, answer) = self.0.pop_front().expect("no more questions");
            assert!(what.starts_with(begin), "{what:?} was asked, not {begin:?}");
            if answer.is_empty() {
                default.expect("a default").to_owned()
            } else {
                answer.to_owned()
            }
        }
    }

    impl Answers for Script {
        fn line(&mut self, what: &str, default: Option<&str>) -> Result<String, Failed> {
            Ok(self.next(what, default))
        }

        fn secret(&mut self, what: &str) -> Result<SecretString, Failed> {
            Ok(self.next(what, None).into())
        }

        fn say(&mut self, text: &str) {
            self.1.push(text.to_owned());
        }
    }

    fn asked(answers: &[(&'static str, &'static str)]) -> (Result<JobFile, Failed>, Vec<String>) {
        let mut script = Script(answers.iter().copied().collect(), Vec::new());
        let file = ask(&mut script);
        assert!(script.0.is_empty(), "not asked: {:?}", script.0);
        (file, script.1)
    }

    #[test]
    fn answers_make_the_job_that_a_file_would() {
        let (file, said) = asked(&[
            ("name", "x"),
            ("name", "shop-to-kafka"),
            ("phases", ""),
            ("source", ""),
            ("host", "db.example"),
            ("port", "many"),
            ("port", ""),
            ("account", "repl"),
            ("password", "s3cret"),
            ("TLS", "yes"),
            ("brokers", "k:9092"),
            ("security", "SASL_SSL"),
            ("mechanism", ""),
            ("user", "kate"),
            ("password", "k-secret"),
            ("databases", "shop, shop.orders"),
            ("databases", "crm, shop.orders, shop.items"),
        ]);
        assert_eq!(said.len(), 3, "{said:?}");
        let file = file.expect("a job");
        let source = file.source_endpoint().expect("a source");
        assert_eq!((&source["db_port"], &source["db_password"]), (&3306.into(), &"s3cret".into()));
        assert_eq!(source["ssl_link"], true);
        let target = file.target_endpoint().expect("a target");
        assert_eq!(target["kafka_security_config"]["sasl_mechanism"], "SCRAM-SHA-512");
        let objects = file.db_object();
        assert_eq!(objects["object_info"]["crm"]["all"], true);
        assert_eq!(objects["object_info"]["shop"]["tables"]["items"]["all"], true);
        file.plan().expect("it can run");
    }

    #[test]
    fn oracle_is_asked_for_what_it_needs() {
        let (file, _) = asked(&[
            ("name", "shop-to-gauss"),
            ("phases", "full"),
            ("source", "oracle"),
            ("host", "ora.example"),
            ("port", ""),
            ("account", "c"),
            ("password", "p"),
            ("service", "orcl"),
            ("host", "cn.example"),
            ("port", ""),
            ("database", "shop"),
            ("account", "t"),
            ("password", "p"),
            ("databases", "SHOP.ORDERS"),
        ]);
        file.expect("a job").plan().expect("it can run");
    }
}
