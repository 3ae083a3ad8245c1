//! One session's statements.

use sqlparser::ast::Statement;
use sqlparser::dialect::OracleDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::assign::Formats;
use super::expression::{Context, Seen, unknown};
use super::logminer::Mining;
use super::plsql::{self, Call};
use super::query::View;
use super::store::{Engine, Place};
use super::table::Xid;
use super::{change, query, time};
use crate::oracle::value::Value;
use crate::oracle::wire::{Database, Executed, OraError};
use crate::sql_token::{self, Piece, follow};

/// A session of a user.
pub(crate) struct Session {
    engine: Engine,
    schema: String,
    formats: Formats,
    transaction: Option<Xid>,
    mining: Mining,
}

impl Session {
    pub(crate) fn new(engine: Engine, user: &str) -> Self {
        let schema = user.to_owned();
        Self {
            engine,
            schema,
            formats: Formats::default(),
            transaction: None,
            mining: Mining::default(),
        }
    }

    /// The open transaction, begun if there is none.
    fn transaction(&mut self) -> Xid {
        match self.transaction {
            Some(xid) => xid,
            None => {
                let xid = self.engine.lock().begin();
                self.transaction = Some(xid);
                xid
            }
        }
    }

    /// Statements that no parser of SQL is asked for.
    fn by_tokens(&mut self, sql: &str, pieces: &[Piece]) -> Result<Option<Executed>, OraError> {
        if follow(pieces, 0, &["COMMIT"]) {
            self.commit()?;
        } else if follow(pieces, 0, &["ROLLBACK", "TO"]) {
            self.roll_back_to(pieces)?;
        } else if follow(pieces, 0, &["ROLLBACK"]) {
            self.roll_back();
        } else if follow(pieces, 0, &["SAVEPOINT"]) {
            let xid = self.transaction();
            let name = last_name(pieces);
            let mut state = self.engine.lock();
            if let Some(transaction) = state.transactions.get_mut(&xid) {
                transaction.savepoints.retain(|(known, _)| *known != name);
                transaction.savepoints.push((name, transaction.changes.len()));
            }
        } else if follow(pieces, 0, &["LOCK", "TABLE"]) {
            // In the modes that replication asks for it hinders definitions only, which do not come here meanwhile.
            self.transaction();
        } else if follow(pieces, 0, &["ALTER", "SESSION", "SET"]) {
            self.set(&pieces[3..])?;
        } else {
            let is_definition = ["CREATE", "DROP", "ALTER", "TRUNCATE", "COMMENT"]
                .iter()
                .any(|word| follow(pieces, 0, &[word]));
            if !is_definition {
                return Ok(None);
            }
            // A definition ends the transaction before it.
            self.commit()?;
            let mut state = self.engine.lock();
            match state.define(sql, &self.schema) {
                Some(defined) => defined?,
                None => return Err(unknown(sql)),
            }
        }
        Ok(Some(Executed::Done))
    }

    fn roll_back_to(&mut self, pieces: &[Piece]) -> Result<(), OraError> {
        let name = last_name(pieces);
        let changes = self.transaction.and_then(|xid| {
            let state = self.engine.lock();
            let transaction = state.transactions.get(&xid)?;
            let (_, changes) = transaction.savepoints.iter().find(|(known, _)| *known == name)?;
            Some((xid, *changes))
        });
        let (xid, changes) = changes.ok_or_else(|| {
            OraError::new(1086, format!("savepoint '{name}' never established in this session"))
        })?;
        if changes == 0 {
            // The transaction goes on, with nothing in it.
            self.engine.roll_back(xid, 0);
            self.transaction = None;
            return Ok(());
        }
        self.engine.roll_back(xid, changes);
        Ok(())
    }

    /// `NAME = 'value'`, once or more often.
    fn set(&mut self, pieces: &[Piece]) -> Result<(), OraError> {
        for assignment in pieces.windows(3) {
            let [name, equal, value] = assignment else { continue };
            let (Some(name), Token::Eq) = (name.word(), &equal.token) else { continue };
            let value = match &value.token {
                Token::SingleQuotedString(text) => text.clone(),
                Token::Word(word) => word.value.to_uppercase(),
                _ => continue,
            };
            match name.as_str() {
                "NLS_DATE_FORMAT" => self.formats.date = value,
                "NLS_TIMESTAMP_FORMAT" => self.formats.timestamp = value,
                "NLS_TIMESTAMP_TZ_FORMAT" => self.formats.timestamp_tz = value,
                "CURRENT_SCHEMA" => self.schema = value,
                "CONTAINER" => self.enter(&value)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Goes to another container.
    fn enter(&mut self, name: &str) -> Result<(), OraError> {
        if self.transaction.is_some() {
            return Err(OraError::new(65023, "active transaction exists in container"));
        }
        let state = self.engine.lock();
        let found = state.containers.iter().position(|container| container.name == name);
        let found = found.filter(|_| state.is_cdb()).and_then(|found| u16::try_from(found).ok());
        drop(state);
        let container = found.ok_or_else(|| {
            OraError::new(65011, format!("Pluggable database {name} does not exist."))
        })?;
        self.engine = self.engine.at(Place { container, ..self.engine.place() });
        // Whether a session's forms of values go with it is written nowhere, so nobody may rely on it.
        self.formats = Formats::default();
        Ok(())
    }

    fn run(
        &mut self,
        statement: &Statement,
        scn: Option<u64>,
        binds: &[Value],
    ) -> Result<Executed, OraError> {
        let (formats, schema) = (self.formats.clone(), self.schema.clone());
        // Lent to the statement, which does not change it.
        let mining = std::mem::take(&mut self.mining);
        let ran = self.run_with(statement, scn, binds, (&formats, &schema, &mining));
        self.mining = mining;
        ran
    }

    fn run_with(
        &mut self,
        statement: &Statement,
        scn: Option<u64>,
        binds: &[Value],
        (formats, schema, mining): (&Formats, &str, &Mining),
    ) -> Result<Executed, OraError> {
        let (now_scn, container) = {
            let state = self.engine.lock();
            let name = state.containers[usize::from(state.container)].name.clone();
            let name = if state.is_cdb() { name } else { "STANDIN".to_owned() };
            (state.scn, (name, state.container_id(state.container)))
        };
        let context = Context {
            user: schema,
            formats,
            binds,
            scn: now_scn,
            container: (&container.0, container.1),
            now: time::now(),
            mining,
        };
        match statement {
            Statement::Query(query) => {
                let state = self.engine.lock();
                if scn.is_some_and(|scn| scn > state.scn) {
                    return Err(OraError::new(
                        8181,
                        "specified number is not a valid system change number",
                    ));
                }
                let own = if scn.is_some() { None } else { self.transaction };
                let view = View { scn: scn.unwrap_or(state.scn), own };
                let seen = Seen { state: &state, view, outer: None, group: None };
                query::run(query, seen, &context).map(Executed::Rows)
            }
            Statement::Insert(insert) => {
                let xid = self.transaction();
                change::insert(insert, &self.engine, &context, xid).map(touched)
            }
            Statement::Update(update) => {
                let xid = self.transaction();
                change::update(update, &self.engine, &context, xid).map(touched)
            }
            Statement::Delete(delete) => {
                let xid = self.transaction();
                change::delete(delete, &self.engine, &context, xid).map(touched)
            }
            other => Err(unknown(other)),
        }
    }

    /// Runs the calls of an anonymous block.
    fn block(&mut self, statements: &[Vec<Piece>], binds: &[Value]) -> Result<(), OraError> {
        for call in plsql::calls(statements, binds)? {
            self.call(&call)?;
        }
        Ok(())
    }

    fn call(&mut self, call: &Call) -> Result<(), OraError> {
        let state = self.engine.lock();
        if state.container > 0 {
            let text = "operation not allowed from within a pluggable database";
            return Err(OraError::new(65040, text));
        }
        match call.name.trim_start_matches("SYS.") {
            "DBMS_LOGMNR.ADD_LOGFILE" => {
                let Value::Text(file) = call.argument("LOGFILENAME", 0) else {
                    return Err(OraError::new(1284, "file  cannot be opened"));
                };
                self.mining.add(&file, call.number("OPTIONS", 1).unwrap_or(3), &state)
            }
            "DBMS_LOGMNR.START_LOGMNR" => {
                let scn = |name: &str, place: usize| {
                    call.number(name, place).and_then(|scn| u64::try_from(scn).ok())
                };
                let to = scn("ENDSCN", 1).filter(|scn| *scn > 0);
                let options = call.number("OPTIONS", 5).unwrap_or(0);
                self.mining.start(scn("STARTSCN", 0).unwrap_or(0), to, options, &state)
            }
            "DBMS_LOGMNR.REMOVE_LOGFILE" => match call.argument("LOGFILENAME", 0) {
                Value::Text(file) => self.mining.remove(&file),
                _ => Err(OraError::new(1290, "cannot remove unlisted logfile ")),
            },
            // How tables are described is this server's own matter.
            "DBMS_METADATA.SET_TRANSFORM_PARAM" => Ok(()),
            "DBMS_LOGMNR.END_LOGMNR" => self.mining.end(),
            other => Err(unknown(format!("the procedure {other}"))),
        }
    }

    /// Takes back what a statement that failed had done.
    fn undo_to(&mut self, changes: usize) {
        if let Some(xid) = self.transaction {
            if changes > 0 {
                self.engine.roll_back(xid, changes);
            } else {
                self.engine.roll_back(xid, 0);
                self.transaction = None;
            }
        }
    }

    fn change_count(&self) -> usize {
        let state = self.engine.lock();
        let transaction = self.transaction.and_then(|xid| state.transactions.get(&xid));
        transaction.map_or(0, |transaction| transaction.changes.len())
    }
}

impl Database for Session {
    fn execute(&mut self, sql: &str, binds: &[Vec<Value>]) -> Result<Executed, OraError> {
        let sql = sql.trim().trim_end_matches(';');
        self.engine.begin_statement(sql)?;
        self.run_text(sql, binds)
    }

    fn commit(&mut self) -> Result<(), OraError> {
        if let Some(xid) = self.transaction.take() {
            self.engine.commit(xid);
        }
        Ok(())
    }

    fn roll_back(&mut self) {
        if let Some(xid) = self.transaction.take() {
            self.engine.roll_back(xid, 0);
        }
    }
}

impl Session {
    /// Runs a statement as it came.
    fn run_text(&mut self, sql: &str, binds: &[Vec<Value>]) -> Result<Executed, OraError> {
        let invalid = |why: String| OraError::new(900, format!("invalid SQL statement: {why}"));
        let statements = sql_token::oracle(sql).ok_or_else(|| invalid("no tokens".into()))?;
        let pieces = statements.first().ok_or_else(|| invalid("it is empty".into()))?;
        if pieces[0].is("DECLARE") {
            let opened = plsql::opened(sql, &statements).ok_or_else(|| unknown("such a block"))?;
            let parsed = Parser::parse_sql(&OracleDialect {}, &opened.query);
            let parsed = parsed.map_err(|e| invalid(e.to_string()))?;
            let statement = parsed.first().ok_or_else(|| invalid("it is empty".into()))?;
            let binds = binds.first().map(Vec::as_slice).unwrap_or_default();
            return match self.run(statement, None, binds)? {
                Executed::Rows(set) => Ok(Executed::Opened { place: opened.place, set }),
                _ => Err(unknown("a cursor for what is no query")),
            };
        }
        if pieces[0].is("BEGIN") {
            let none = [Vec::new()];
            for binds in if binds.is_empty() { &none[..] } else { binds } {
                self.block(&statements, binds)?;
            }
            return Ok(Executed::Done);
        }
        if let Some(executed) = self.by_tokens(sql, pieces)? {
            return Ok(executed);
        }
        let prepared = prepare(sql, pieces)?;
        let parsed = Parser::parse_sql(&OracleDialect {}, &prepared.sql);
        let parsed = parsed.map_err(|e| invalid(e.to_string()))?;
        let statement = parsed.first().ok_or_else(|| invalid("it is empty".into()))?;
        let none = [Vec::new()];
        let rows = if binds.is_empty() { &none[..] } else { binds };
        let mut counts = Vec::with_capacity(rows.len());
        for binds in rows {
            let scn = prepared.scn(binds)?;
            let before = self.change_count();
            match self.run(statement, scn, binds) {
                Ok(Executed::Touched(rows)) => counts.extend(rows),
                Ok(other) => return Ok(other),
                Err(error) => {
                    self.undo_to(before);
                    return Err(error);
                }
            }
        }
        Ok(Executed::Touched(counts))
    }
}

fn touched(rows: u64) -> Executed {
    Executed::Touched(vec![rows])
}

fn last_name(pieces: &[Piece]) -> String {
    pieces.last().and_then(Piece::name).unwrap_or_default().to_uppercase()
}

/// A statement that the parser can read: binds have the names of their places, and `AS OF SCN` is taken out.
struct Prepared {
    sql: String,
    as_of: Option<AsOf>,
}

enum AsOf {
    Scn(u64),
    /// A bind's place, from 1.
    Bind(usize),
}

impl Prepared {
    fn scn(&self, binds: &[Value]) -> Result<Option<u64>, OraError> {
        let invalid =
            || OraError::new(8181, "specified number is not a valid system change number");
        match &self.as_of {
            None => Ok(None),
            Some(AsOf::Scn(scn)) => Ok(Some(*scn)),
            Some(AsOf::Bind(place)) => match binds.get(place - 1) {
                Some(Value::Number(number)) => {
                    number.to_string().parse().map(Some).map_err(|_| invalid())
                }
                _ => Err(invalid()),
            },
        }
    }
}

fn prepare(sql: &str, pieces: &[Piece]) -> Result<Prepared, OraError> {
    let mut out = String::with_capacity(sql.len());
    let (mut done, mut place, mut at, mut as_of) = (0, 0, 0, None);
    while at < pieces.len() {
        let piece = &pieces[at];
        if follow(pieces, at, &["AS", "OF", "SCN"]) {
            out.push_str(&sql[done..piece.at.start]);
            let (bound, end) = bind(pieces, at + 3);
            as_of = Some(if bound {
                place += 1;
                AsOf::Bind(place)
            } else {
                let digits = pieces.get(at + 3).map(|piece| piece.token.to_string());
                let scn = digits.and_then(|digits| digits.parse().ok());
                AsOf::Scn(scn.ok_or_else(|| unknown("AS OF SCN with an expression"))?)
            });
            let end = if bound { end } else { at + 4 };
            done = pieces[end - 1].at.end;
            at = end;
            continue;
        }
        let (bound, end) = bind(pieces, at);
        if bound {
            out.push_str(&sql[done..piece.at.start]);
            place += 1;
            out.push_str(&format!(":B{place}"));
            done = pieces[end - 1].at.end;
            at = end;
            continue;
        }
        at += 1;
    }
    out.push_str(&sql[done..]);
    Ok(Prepared { sql: out, as_of })
}

/// Whether a bind's name stands at a place, and where it ends.
fn bind(pieces: &[Piece], at: usize) -> (bool, usize) {
    match pieces.get(at).map(|piece| &piece.token) {
        Some(Token::Placeholder(_)) => (true, at + 1),
        Some(Token::Colon) => (true, at + 2),
        _ => (false, at),
    }
}
