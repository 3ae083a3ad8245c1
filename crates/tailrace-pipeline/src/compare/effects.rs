//! What the messages of a topic do to the rows of the tables that are compared.

use std::collections::HashMap;

use rdkafka::message::{BorrowedMessage, Message as _};

use crate::compare::entry::{At, Effect};
use crate::compare::message::{Fields, MessageReader, RowChange};
use crate::compare::shape::Shape;
use crate::error::{Error, ErrorKind, Result};

/// Tables by the names that messages have for them.
#[derive(Default)]
struct Names(HashMap<String, HashMap<String, usize>>);

impl Names {
    fn place(&self, database: &str, table: &str) -> Option<usize> {
        self.0.get(database)?.get(table).copied()
    }
}

/// A table and what is wrong with it, if anything.
pub(crate) struct Watched {
    pub(crate) shape: Shape,
    pub(crate) fault: Option<Error>,
}

/// Reads the effects of messages.
pub(crate) struct Effects {
    names: Names,
    pub(crate) tables: Vec<Watched>,
    pub(crate) reader: MessageReader,
    /// Messages that are none of the job's format: how many, and the first one.
    pub(crate) foreign: Option<(u64, At, String)>,
}

impl Effects {
    pub(crate) fn new(reader: MessageReader) -> Self {
        Self { names: Names::default(), tables: Vec::new(), reader, foreign: None }
    }

    /// Adds a table by the names that messages have for it.
    pub(crate) fn watch(&mut self, (database, table): (&str, &str), shape: Shape) {
        let tables = self.names.0.entry(database.to_owned()).or_default();
        tables.insert(table.to_owned(), self.tables.len());
        self.tables.push(Watched { shape, fault: None });
    }

    /// Gives `each` what a message does: table, key's hash, place, effect.
    ///
    /// # Errors
    /// Those of `each`, and of a registry. A message that is not of the job is counted, one that does not fit its table is
    /// the table's fault.
    pub(crate) fn read(
        &mut self,
        message: &BorrowedMessage<'_>,
        each: &mut dyn FnMut(u32, u128, At, Effect) -> Result<()>,
    ) -> Result<()> {
        // A tombstone repeats what the message before it said.
        let Some(value) = message.payload() else { return Ok(()) };
        let at = At {
            time_ms: message.timestamp().to_millis().unwrap_or(0),
            offset: message.offset(),
            partition: message.partition(),
        };
        self.value(value, at, each)
    }

    fn value(
        &mut self,
        value: &[u8],
        at: At,
        each: &mut dyn FnMut(u32, u128, At, Effect) -> Result<()>,
    ) -> Result<()> {
        let change = match self.reader.read(value) {
            Ok(Some(change)) => change,
            Ok(None) => return Ok(()),
            Err(e) if e.kind() == ErrorKind::Decode => {
                let first = self.foreign.get_or_insert_with(|| (0, at, e.message().to_owned()));
                first.0 += 1;
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        let Some(place) = self.names.place(&change.database, &change.table) else { return Ok(()) };
        let Some(watched) = self.tables.get_mut(place) else { return Ok(()) };
        if watched.fault.is_some() {
            return Ok(());
        }
        let table = u32::try_from(place).unwrap_or(u32::MAX);
        match effects(&mut watched.shape, &change) {
            Ok(effects) => effects
                .into_iter()
                .flatten()
                .try_for_each(|(key, effect)| each(table, key, at, effect)),
            Err(e) => {
                watched.fault = Some(e);
                Ok(())
            }
        }
    }
}

/// What a change does to the row before, and to the one behind.
fn effects(shape: &mut Shape, change: &RowChange<'_>) -> Result<[Option<(u128, Effect)>; 2]> {
    let keyless = shape.is_keyless();
    let gone = if keyless { Effect::Count(-1) } else { Effect::Absent };
    let Some(after) = &change.after else {
        let before = change.before.as_ref().map(|row| shape.hash(row)).transpose()?;
        return Ok([before.map(|hashed| (hashed.key, gone)), None]);
    };
    let hashed = shape.hash(after)?;
    let before = match &change.before {
        None => None,
        Some(told) if told.len() < after.len() => {
            let whole: Fields<'_> = shape.before(told, after);
            Some(shape.hash(&whole)?)
        }
        Some(whole) => Some(shape.hash(whole)?),
    };
    let before = before.filter(|before| keyless || before.key != hashed.key);
    let present = Effect::of(&hashed, keyless);
    Ok([before.map(|before| (before.key, gone)), Some((hashed.key, present))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::shape::Seed;
    use crate::job::MessageFormat;

    fn run(
        key: &[usize],
        format: MessageFormat,
        messages: &[&str],
    ) -> (Effects, Vec<(u128, Effect)>) {
        let names = ["id", "a"].map(str::to_owned);
        let mut effects = Effects::new(MessageReader::new(format, None));
        let shape = Shape::new(Seed::draw(), 0, &names, (key, &[])).unwrap();
        effects.watch(("s", "t"), shape);
        let mut told = Vec::new();
        for (offset, message) in (0..).zip(messages) {
            let at = At { time_ms: 0, offset, partition: 0 };
            let mut each = |_, key, _, effect| {
                told.push((key, effect));
                Ok(())
            };
            effects.value(message.as_bytes(), at, &mut each).unwrap();
        }
        (effects, told)
    }

    const INSERT: &str = r#"{"database":"s","table":"t","type":"insert","data":{"id":1,"a":2}}"#;

    #[test]
    fn a_changed_key_is_a_row_that_went_and_one_that_came() {
        let moved =
            r#"{"database":"s","table":"t","type":"update","data":{"id":7,"a":2},"old":{"id":1}}"#;
        let (_, told) = run(&[0], MessageFormat::Maxwell, &[INSERT, moved]);
        let [inserted, went, came] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((went.0, went.1), (inserted.0, Effect::Absent));
        assert_ne!(came.0, went.0);
        assert!(matches!(came.1, Effect::Present(0, _)));
    }

    #[test]
    fn rows_without_a_key_come_and_go() {
        let changed =
            r#"{"database":"s","table":"t","type":"update","data":{"id":1,"a":3},"old":{"a":2}}"#;
        let gone = r#"{"database":"s","table":"t","type":"delete","data":{"id":1,"a":3}}"#;
        let (_, told) = run(&[], MessageFormat::Maxwell, &[INSERT, changed, gone]);
        let [inserted, went, came, last] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(inserted.1, Effect::Count(1));
        assert_eq!((went.0, went.1), (inserted.0, Effect::Count(-1)));
        assert_eq!((last.0, last.1), (came.0, Effect::Count(-1)));
    }

    #[test]
    fn what_is_not_of_the_job_is_counted_and_what_does_not_fit_is_the_tables_fault() {
        let other = r#"{"database":"s","table":"u","type":"insert","data":{"id":1}}"#;
        let (effects, told) = run(&[0], MessageFormat::Maxwell, &["hello", other, "{}", INSERT]);
        assert_eq!(told.len(), 1);
        let (count, at, text) = effects.foreign.unwrap();
        assert_eq!((count, at.offset), (2, 0));
        assert!(text.contains("format"), "{text}");
        let no_key = r#"{"database":"s","table":"t","type":"insert","data":{"a":1}}"#;
        let (effects, told) = run(&[0], MessageFormat::Maxwell, &[no_key, INSERT]);
        assert!(told.is_empty());
        let fault = effects.tables[0].fault.as_ref().unwrap();
        assert_eq!(fault.kind(), ErrorKind::SchemaMismatch);
    }
}
