//! Applies messages as a consumer does, and notes where what it holds and what it is told disagree.
//!
//! Every UPDATE and DELETE carries the whole row as it was before. So each message is tied to the one
//! before it of the same row: if a change is missing, repeated or out of order, the row that the
//! consumer holds is not the row that the next message says it was.

use std::collections::HashMap;
use std::sync::Arc;

use super::ddl_effect::{Effect, TableName, effects};
use super::message::{Image, Kind, Message};
use super::report::{Fault, Report};
use super::rows::{Row, Rows, content_of, difference, key_of};

/// Column of the workload's tables that grows with every write of a key.
const VERSION: &str = "version";

/// What the consumer holds.
#[derive(Debug)]
pub(super) struct Replay {
    tables: HashMap<(Arc<str>, Arc<str>), Rows>,
    /// Changes of rows not seen before are in order up to this `id`: the full phase goes on.
    unseen_until: u64,
}

impl Replay {
    /// Nothing held yet. Up to the message with id `unseen_until` a change may concern a row that
    /// was not delivered before.
    pub(super) fn new(unseen_until: u64) -> Self {
        Self { tables: HashMap::new(), unseen_until }
    }

    /// Applies one message. Messages come in the order of `id`.
    pub(super) fn apply(&mut self, message: &Message, report: &mut Report) {
        if message.kind == Kind::Ddl {
            self.statement(message, report);
        } else if message.kind != Kind::InitDdl {
            let name = (Arc::clone(&message.database), Arc::clone(&message.table));
            let rows = self.tables.entry(name).or_default();
            rows.note_shape(message);
            let mut step = Step { rows, message, report, unseen_until: self.unseen_until };
            if message.shape.primary_key.is_empty() {
                step.bag();
            } else {
                step.keyed();
            }
        }
    }

    /// The rows of a table, taken out.
    pub(super) fn take(&mut self, database: &str, table: &str) -> Rows {
        self.tables.remove(&(Arc::from(database), Arc::from(table))).unwrap_or_default()
    }

    /// Tables that still hold rows.
    pub(super) fn left(&self) -> impl Iterator<Item = (String, u64)> {
        self.tables
            .iter()
            .map(|((d, t), rows)| (format!("{d}.{t}"), rows.live()))
            .filter(|(_, live)| *live > 0)
    }

    fn statement(&mut self, message: &Message, report: &mut Report) {
        match effects(&message.sql, &message.database) {
            Ok(effects) => effects.into_iter().for_each(|effect| self.effect(effect)),
            Err(text) => report.fault(Fault::Malformed, Some(&message.place), text),
        }
    }

    fn effect(&mut self, effect: Effect) {
        let key = |name: TableName| (Arc::from(name.0), Arc::from(name.1));
        match effect {
            Effect::None => {}
            Effect::Drop(name) | Effect::Truncate(name) => {
                if let Some(rows) = self.tables.get_mut(&key(name)) {
                    rows.clear();
                }
            }
            Effect::Rename(from, to) => {
                if let Some(rows) = self.tables.remove(&key(from)) {
                    self.tables.insert(key(to), rows);
                }
            }
            Effect::Alter(name, changes) => {
                if let Some(rows) = self.tables.get_mut(&key(name)) {
                    rows.alter(&changes);
                }
            }
            Effect::DropDatabase(database) => {
                self.tables
                    .iter_mut()
                    .filter(|((d, _), _)| **d == *database)
                    .for_each(|(_, rows)| rows.clear());
            }
        }
    }
}

/// One message and what it touches.
struct Step<'a> {
    rows: &'a mut Rows,
    message: &'a Message,
    report: &'a mut Report,
    unseen_until: u64,
}

impl Step<'_> {
    fn fault(&mut self, fault: Fault, text: impl AsRef<str>) {
        let m = self.message;
        let row = m.after.as_ref().or(m.before.as_ref());
        let key: Vec<String> = m
            .shape
            .primary_key
            .iter()
            .map(|c| format!("{c}={}", row.and_then(|r| r.get(c)).flatten().unwrap_or("NULL")))
            .collect();
        let text = format!(
            "{} {} {} id {}: {}",
            m.kind.name(),
            m.table_name(),
            key.join(","),
            m.id,
            text.as_ref()
        );
        self.report.fault(fault, Some(&m.place), text);
    }

    fn keyed(&mut self) {
        let pk = &self.message.shape.primary_key;
        let key = |image: &Option<Image>| image.as_ref().map(|i| (key_of(i, pk), i.clone()));
        let before = key(&self.message.before);
        let after = key(&self.message.after);
        if [&before, &after].into_iter().flatten().any(|(key, _)| key.is_none()) {
            self.fault(Fault::Malformed, "a column of pkNames is not in the row");
            return;
        }
        let side = |side: Option<(Option<Box<str>>, Image)>| side.and_then(|(k, i)| Some((k?, i)));
        match (side(before), side(after)) {
            (None, Some((key, image))) if self.message.kind == Kind::Init => self.init(key, image),
            (None, Some((key, image))) => self.insert(key, image),
            (Some((key, image)), None) => self.delete(key, &image),
            (Some(before), Some(after)) => self.update(before, after),
            (None, None) => self.fault(Fault::Malformed, "no row image"),
        }
    }

    fn init(&mut self, key: Box<str>, image: Image) {
        if let Some(row) = self.rows.keyed.get(&key) {
            let found = match &row.image {
                _ if row.init => {
                    Some((Fault::Duplicate, "the full phase sent it before".to_owned()))
                }
                None => Some((Fault::Resurrected, format!("its deletion was message {}", row.id))),
                Some(held) => {
                    let differs = difference(held, &image);
                    let older = image.number(VERSION) < row.version;
                    let fault = if older { Fault::Stale } else { Fault::LostChange };
                    (!differs.is_empty()).then_some((fault, differs))
                }
            };
            if let Some((fault, text)) = found {
                self.fault(fault, text);
            }
        }
        self.put(key, image, true);
    }

    fn insert(&mut self, key: Box<str>, image: Image) {
        let held = self.rows.keyed.get(&key).and_then(|row| row.image.as_ref());
        let found = match held {
            Some(held) if difference(held, &image).is_empty() => {
                Some((Fault::Duplicate, "the row is there already"))
            }
            Some(_) => Some((Fault::LostChange, "another row with this key is there")),
            None => None,
        };
        match found {
            Some((fault, text)) => self.fault(fault, text),
            None => self.check_version(&key, &image),
        }
        self.put(key, image, false);
    }

    fn delete(&mut self, key: Box<str>, image: &Image) {
        self.check_before(&key, image, None);
        self.forget(key, image);
    }

    fn update(&mut self, before: (Box<str>, Image), after: (Box<str>, Image)) {
        let sound = self.check_before(&before.0, &before.1, Some(&after.1));
        let moved = before.0 != after.0;
        if moved {
            let there = self.rows.keyed.get(&after.0).is_some_and(|row| row.image.is_some());
            if there {
                self.fault(Fault::LostChange, "another row with the new key is there");
            }
        }
        if sound {
            if before.1.number(VERSION) >= after.1.number(VERSION)
                && after.1.number(VERSION).is_some()
            {
                let versions = (before.1.number(VERSION), after.1.number(VERSION));
                self.fault(Fault::Stale, format!("version goes from {versions:?}"));
            }
            self.check_version(&after.0, &after.1);
        }
        if moved {
            self.forget(before.0, &before.1);
        }
        self.put(after.0, after.1, false);
    }

    /// Whether the row held is the one that the message says was there before.
    fn check_before(&mut self, key: &str, before: &Image, after: Option<&Image>) -> bool {
        let found = match self.rows.keyed.get(key) {
            None if self.message.id <= self.unseen_until => None,
            None => Some((Fault::UnseenRow, "no message before spoke of this row".to_owned())),
            Some(Row { image: None, version, id, .. }) => {
                let again = after.is_none() && before.number(VERSION) == *version;
                let fault = if again { Fault::Duplicate } else { Fault::LostChange };
                Some((fault, format!("the row is gone since message {id}")))
            }
            Some(Row { image: Some(held), version, id, .. }) => {
                let differs = difference(held, before);
                if differs.is_empty() {
                    None
                } else if after.is_some_and(|after| difference(held, after).is_empty()) {
                    Some((Fault::Duplicate, format!("the row is so already since message {id}")))
                } else {
                    let older = before.number(VERSION) < *version;
                    let fault = if older { Fault::Stale } else { Fault::LostChange };
                    Some((fault, format!("row before is not that of message {id}: {differs}")))
                }
            }
        };
        match found {
            None => true,
            Some((fault, text)) => {
                self.fault(fault, text);
                false
            }
        }
    }

    /// A key's version grows with every message.
    fn check_version(&mut self, key: &str, image: &Image) {
        let Some(row) = self.rows.keyed.get(key) else { return };
        let (Some(seen), Some(now)) = (row.version, image.number(VERSION)) else { return };
        if now <= seen {
            let text = format!("version {now} after {seen}, which was message {}", row.id);
            self.fault(Fault::Stale, text);
        }
    }

    fn put(&mut self, key: Box<str>, image: Image, init: bool) {
        let id = self.message.id;
        let version = image.number(VERSION);
        let row = self.rows.keyed.entry(key).or_insert(Row { image: None, version, init, id });
        row.version = row.version.max(version);
        row.init |= init;
        row.id = id;
        row.image = Some(image);
    }

    fn forget(&mut self, key: Box<str>, image: &Image) {
        let (id, version) = (self.message.id, image.number(VERSION));
        let row =
            self.rows.keyed.entry(key).or_insert(Row { image: None, version, init: false, id });
        row.version = row.version.max(version);
        row.id = id;
        row.image = None;
    }

    fn bag(&mut self) {
        if let Some(before) = &self.message.before {
            let content = content_of(before);
            match self.rows.bag.get_mut(&content) {
                Some((_, count)) if *count > 1 => *count -= 1,
                Some(_) => {
                    self.rows.bag.remove(&content);
                }
                None => {
                    let text = format!("no such row is there: {content}");
                    self.fault(Fault::LostChange, text);
                }
            }
        }
        if let Some(after) = &self.message.after {
            let entry =
                self.rows.bag.entry(content_of(after)).or_insert_with(|| (after.clone(), 0));
            entry.1 += 1;
        }
    }
}
