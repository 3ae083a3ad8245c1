//! Row filters at the source: bound to table versions, and what only the server can say about text.

use std::collections::HashMap;
use std::sync::Arc;

use tailrace_codec::filter::{
    AsciiOrder, BoundFilter, Filter, FilterError, Judge, Question, TextOrder, TextValue,
};
use tailrace_codec::mysql::SNAPSHOT_SESSION;
use tailrace_codec::schema::CollationId;
use tailrace_codec::{Cell, TableSchema};

use crate::error::{Error, ErrorKind, Result};
use crate::job::JobSpec;
use crate::run::StopSignal;
use crate::source::mysql::connection::Connection;

/// Answers remembered; at more all are forgotten.
const ANSWERS_MAX: usize = 10_000;
/// Bytes of a text whose answer is remembered.
const ANSWERED_BYTES_MAX: usize = 256;

/// The filter of one table version.
pub(crate) struct RowFilter {
    bound: BoundFilter,
    sql: String,
}

impl RowFilter {
    /// The filter of a table; `None` if it has none.
    ///
    /// # Errors
    /// `SchemaMismatch` if it does not fit the table, and those of the source.
    pub(crate) fn of_table(
        spec: &JobSpec,
        schema: &TableSchema,
        judge: &mut ServerJudge,
    ) -> Result<Option<Self>> {
        let Some(text) = spec.mappings.filter(&schema.database, &schema.table) else {
            return Ok(None);
        };
        let named = |error: Error| match error.kind() {
            ErrorKind::SchemaMismatch => Error::new(
                error.kind(),
                format!("{}: {} (`{text}`)", schema.full_name(), error.message()),
            ),
            _ => error,
        };
        let filter = Filter::parse(text).map_err(Error::from).map_err(named)?;
        let bound = filter.bind(schema, judge).map_err(named)?;
        Ok(Some(Self { bound, sql: filter.to_sql() }))
    }

    /// The condition as the server reads it.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// Whether a change becomes a message: one of its images is among the filter's rows. A row that leaves or enters the
    /// filter is an update, as with DRS.
    ///
    /// # Errors
    /// `SchemaMismatch` for a row that does not fit, and those of the source.
    pub(crate) fn admits(&self, images: [&[Cell<'_>]; 2], judge: &mut ServerJudge) -> Result<bool> {
        for image in images {
            if !image.is_empty() && self.bound.admits(image, judge)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl From<FilterError> for Error {
    fn from(error: FilterError) -> Self {
        Self::new(ErrorKind::SchemaMismatch, error.to_string())
    }
}

/// A collation's character set and name, as this server calls them.
struct Collation {
    charset: String,
    name: String,
}

/// Asks the source, over a connection of its own that is opened when it is needed.
pub(crate) struct ServerJudge {
    spec: JobSpec,
    stop: StopSignal,
    connection: Option<Connection>,
    collations: HashMap<CollationId, Collation>,
    orders: HashMap<CollationId, TextOrder>,
    /// By collation, test and text.
    answers: HashMap<(CollationId, String, Vec<u8>), bool>,
}

impl ServerJudge {
    pub(crate) fn new(spec: &JobSpec, stop: &StopSignal) -> Self {
        Self {
            spec: spec.clone(),
            stop: stop.clone(),
            connection: None,
            collations: HashMap::new(),
            orders: HashMap::new(),
            answers: HashMap::new(),
        }
    }

    /// Runs a query; a connection that was idle for too long is opened again.
    fn rows(&mut self, sql: &str) -> Result<Vec<Vec<u8>>> {
        if let Some(connection) = &mut self.connection {
            match first_column(connection, sql) {
                Err(e) if e.kind() == ErrorKind::SourceConnection => self.connection = None,
                answered => return answered,
            }
        }
        let mut connection =
            Connection::connect(&self.spec.source, &self.spec.limits, self.stop.clone())?;
        for statement in SNAPSHOT_SESSION {
            connection.execute(statement)?;
        }
        let answered = first_column(&mut connection, sql);
        self.connection = Some(connection);
        answered
    }

    fn truth(&mut self, sql: &str) -> Result<bool> {
        match self.rows(sql)?.first().map(Vec::as_slice) {
            Some(b"1") => Ok(true),
            Some(b"0") => Ok(false),
            _ => Err(Error::new(
                ErrorKind::SourceStatement,
                format!("a filter's comparison has no answer: {sql}"),
            )),
        }
    }

    fn collation(&mut self, id: CollationId) -> Result<&Collation> {
        if !self.collations.contains_key(&id) {
            // The first is MariaDB's from 10.10 on, where one collation has an id for each character set.
            let both = [
                format!(
                    "SELECT CONCAT(CHARACTER_SET_NAME, ' ', FULL_COLLATION_NAME) \
                     FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE ID = {id}"
                ),
                format!(
                    "SELECT CONCAT(CHARACTER_SET_NAME, ' ', COLLATION_NAME) \
                     FROM information_schema.COLLATIONS WHERE ID = {id}"
                ),
            ];
            let found = match self.rows(&both[0]) {
                Ok(rows) if !rows.is_empty() => rows,
                Err(e) if e.kind() != ErrorKind::SourceStatement => return Err(e),
                _ => self.rows(&both[1])?,
            };
            let text = found.first().map(|row| String::from_utf8_lossy(row).into_owned());
            let Some((charset, name)) = text.as_deref().and_then(|text| text.split_once(' '))
            else {
                let text = format!("the source does not know its collation {id}");
                return Err(Error::new(ErrorKind::SourceStatement, text));
            };
            let found = Collation { charset: charset.to_owned(), name: name.to_owned() };
            self.collations.insert(id, found);
        }
        self.collations.get(&id).ok_or_else(|| Error::new(ErrorKind::Bug, "a collation is lost"))
    }

    /// Asks for the sort keys of printable ASCII, alone and in pairs.
    fn learn_order(&mut self, id: CollationId) -> Result<TextOrder> {
        let Collation { charset, name } = self.collation(id)?;
        let of = |ascii: &str| format!("CONVERT({ascii} USING {charset}) COLLATE {name}");
        let numbers: Vec<String> = (b' '..=b'~').map(|n| format!("SELECT {n} AS n")).collect();
        let numbers = format!("({})", numbers.join(" UNION ALL "));
        let single = of("CHAR(a.n USING ascii)");
        let pair = of("CHAR(a.n, b.n USING ascii)");
        let pad = format!("SELECT {} = {}", of("'a'"), of("'a '"));
        let singles = format!("SELECT WEIGHT_STRING({single}) FROM {numbers} a ORDER BY a.n");
        let pairs = format!(
            "SELECT WEIGHT_STRING({pair}) FROM {numbers} a JOIN {numbers} b ORDER BY a.n, b.n"
        );
        let (pad, singles, pairs) = (self.truth(&pad)?, self.rows(&singles)?, self.rows(&pairs)?);
        let order = AsciiOrder::of_keys(&singles, &pairs, pad);
        Ok(order.map_or(TextOrder::Asked, |order| TextOrder::Ascii(Arc::new(order))))
    }
}

impl Judge for ServerJudge {
    type Error = Error;

    fn order(&mut self, collation: CollationId) -> Result<TextOrder> {
        if let Some(order) = self.orders.get(&collation) {
            return Ok(order.clone());
        }
        let order = self.learn_order(collation)?;
        self.orders.insert(collation, order.clone());
        Ok(order)
    }

    fn outcome(&mut self, question: &Question<'_>) -> Result<bool> {
        let (TextValue::Native(bytes) | TextValue::Utf8(bytes)) = question.value;
        let key = (question.collation, question.test.to_sql().to_owned(), bytes.to_vec());
        if let Some(answer) = self.answers.get(&key) {
            return Ok(*answer);
        }
        let answer = self.ask(question)?;
        if bytes.len() <= ANSWERED_BYTES_MAX {
            if self.answers.len() >= ANSWERS_MAX {
                self.answers.clear();
            }
            self.answers.insert(key, answer);
        }
        Ok(answer)
    }
}

impl ServerJudge {
    fn ask(&mut self, question: &Question<'_>) -> Result<bool> {
        let Collation { charset, name } = self.collation(question.collation)?;
        let value = question.value.to_sql();
        let value = match charset.as_str() {
            "binary" => value,
            charset => format!("CONVERT({value} USING {charset}) COLLATE {name}"),
        };
        self.truth(&format!("SELECT t.v {} FROM (SELECT {value} AS v) t", question.test.to_sql()))
    }
}

fn first_column(connection: &mut Connection, sql: &str) -> Result<Vec<Vec<u8>>> {
    let rows = connection.rows(sql)?;
    Ok(rows.into_iter().map(|row| row.get(0).unwrap_or_default().to_vec()).collect())
}
