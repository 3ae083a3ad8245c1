//! What was made of each table map, so that an unchanged one costs a comparison and no allocation.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use super::table_map::TableMap;

/// Values of the caller (for example a compiled plan, or the decision to skip the table) by table
/// id, valid as long as the table map's bytes stay the same.
///
/// A server numbers a table anew whenever it opens it, so old numbers pile up: above
/// `tables_max` entries the one that was mapped longest ago goes. Row events always follow their
/// table map within the statement, so nothing in use is lost unless one statement maps more tables.
#[derive(Debug)]
pub struct TableMapCache<T> {
    entries: HashMap<u64, Entry<T>, foldhash::fast::RandomState>,
    tables_max: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry<T> {
    layout: Box<[u8]>,
    mapped_at: u64,
    value: T,
}

/// Default for the bound of a [`TableMapCache`].
pub const TABLES_MAX_DEFAULT: usize = 8192;

impl<T> TableMapCache<T> {
    /// An empty cache of at most `tables_max` tables, at least one.
    pub fn new(tables_max: usize) -> Self {
        Self { entries: HashMap::default(), tables_max: tables_max.max(1), clock: 0 }
    }

    /// The value for a table map: the one known if the bytes are the same as last time, else what
    /// `build` makes.
    ///
    /// # Errors
    /// What `build` returns; the table is then unknown.
    pub fn map_with<E>(
        &mut self,
        map: &TableMap<'_>,
        build: impl FnOnce(&TableMap<'_>) -> Result<T, E>,
    ) -> Result<&T, E> {
        self.clock = self.clock.wrapping_add(1);
        let mapped_at = self.clock;
        let known = self.entries.get(&map.table_id).is_some_and(|e| *e.layout == *map.layout());
        let fresh = if known {
            None
        } else {
            self.entries.remove(&map.table_id);
            let value = build(map)?;
            self.make_room();
            Some(Entry { layout: map.layout().into(), mapped_at, value })
        };
        let entry = match (self.entries.entry(map.table_id), fresh) {
            (Slot::Occupied(known), None) => known.into_mut(),
            (slot, Some(fresh)) => slot.insert_entry(fresh).into_mut(),
            (Slot::Vacant(_), None) => unreachable!("a known table is in the map"),
        };
        entry.mapped_at = mapped_at;
        Ok(&entry.value)
    }

    fn make_room(&mut self) {
        if self.entries.len() < self.tables_max {
            return;
        }
        let oldest = self.entries.iter().min_by_key(|(_, e)| e.mapped_at).map(|(id, _)| *id);
        if let Some(oldest) = oldest {
            self.entries.remove(&oldest);
        }
    }

    /// The value for the table id of a row event.
    pub fn get(&self, table_id: u64) -> Option<&T> {
        self.entries.get(&table_id).map(|e| &e.value)
    }

    /// Forgets every table: for DDL under `binlog_row_metadata=MINIMAL`, where a rename of a column
    /// leaves the table map as it was.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Forgets the tables whose value does not satisfy `keep`.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.entries.retain(|_, e| keep(&e.value));
    }

    /// Number of tables known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if no table is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
