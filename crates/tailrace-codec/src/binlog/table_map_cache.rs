//! What was made of each table map, so that an unchanged one costs a comparison and no allocation.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::Hash;
use std::sync::Arc;

use super::table_map::TableMap;

/// Values of the caller (for example a compiled plan, or the decision to skip the table) by table
/// id, valid as long as the table map's bytes stay the same.
///
/// A server numbers a table anew whenever it opens it, which is at every change if it has more tables
/// than its own cache of them. So a table that comes under another number with the same bytes keeps
/// its value.
///
/// There are at most `tables_max` numbers and as many values. Above that the half that was mapped longest
/// ago goes. Row events always follow their table map within the statement, so nothing in use is lost
/// unless one statement maps more than half as many tables.
#[derive(Debug)]
pub struct TableMapCache<T> {
    numbers: Map<u64, Number<T>>,
    versions: Map<Arc<[u8]>, Version<T>>,
    tables_max: usize,
    clock: u64,
}

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What a table's number stands for.
#[derive(Debug)]
struct Number<T> {
    layout: Arc<[u8]>,
    value: Arc<T>,
    mapped_at: u64,
}

/// A table as its table map describes it, whatever its number.
#[derive(Debug)]
struct Version<T> {
    value: Arc<T>,
    numbered_at: u64,
}

/// Default for the bound of a [`TableMapCache`].
pub const TABLES_MAX_DEFAULT: usize = 8192;

impl<T> TableMapCache<T> {
    /// An empty cache of at most `tables_max` tables, at least one.
    pub fn new(tables_max: usize) -> Self {
        let (numbers, versions) = (Map::default(), Map::default());
        Self { numbers, versions, tables_max: tables_max.max(1), clock: 0 }
    }

    /// The value for a table map: the one known if the bytes are the same as before, under this number
    /// or another, else what `build` makes.
    ///
    /// # Errors
    /// What `build` returns; the number then stands for nothing.
    pub fn map_with<E>(
        &mut self,
        map: &TableMap<'_>,
        build: impl FnOnce(&TableMap<'_>) -> Result<T, E>,
    ) -> Result<&T, E> {
        self.clock = self.clock.wrapping_add(1);
        let mapped_at = self.clock;
        let known = self.numbers.get(&map.table_id).is_some_and(|n| *n.layout == *map.layout());
        let fresh = if known {
            None
        } else {
            self.numbers.remove(&map.table_id);
            let (layout, value) = self.version(map, build)?;
            make_room(&mut self.numbers, self.tables_max, |n| n.mapped_at);
            Some(Number { layout, value, mapped_at })
        };
        let number = match (self.numbers.entry(map.table_id), fresh) {
            (Slot::Occupied(known), None) => known.into_mut(),
            (slot, Some(fresh)) => slot.insert_entry(fresh).into_mut(),
            (Slot::Vacant(_), None) => unreachable!("a known number is in the map"),
        };
        number.mapped_at = mapped_at;
        Ok(&number.value)
    }

    fn version<E>(
        &mut self,
        map: &TableMap<'_>,
        build: impl FnOnce(&TableMap<'_>) -> Result<T, E>,
    ) -> Result<(Arc<[u8]>, Arc<T>), E> {
        let numbered_at = self.clock;
        if let Some((layout, version)) = self.versions.get_key_value(map.layout()) {
            let found = (Arc::clone(layout), Arc::clone(&version.value));
            if let Some(version) = self.versions.get_mut(map.layout()) {
                version.numbered_at = numbered_at;
            }
            return Ok(found);
        }
        let value = Arc::new(build(map)?);
        let layout: Arc<[u8]> = map.layout().into();
        make_room(&mut self.versions, self.tables_max, |v| v.numbered_at);
        let version = Version { value: Arc::clone(&value), numbered_at };
        self.versions.insert(Arc::clone(&layout), version);
        Ok((layout, value))
    }

    /// The value for the table id of a row event.
    pub fn get(&self, table_id: u64) -> Option<&T> {
        self.numbers.get(&table_id).map(|number| &*number.value)
    }

    /// Forgets every table: for DDL under `binlog_row_metadata=MINIMAL`, where a rename of a column
    /// leaves the table map as it was.
    pub fn clear(&mut self) {
        self.numbers.clear();
        self.versions.clear();
    }

    /// Numbers known.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// True if no table is known.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

/// Lets the older half go if there is no room for another one: one at a time would cost a look at all for
/// each.
fn make_room<K: Eq + Hash, V>(map: &mut Map<K, V>, max: usize, used_at: impl Fn(&V) -> u64) {
    if map.len() < max {
        return;
    }
    let mut times: Vec<u64> = map.values().map(&used_at).collect();
    let middle = times.len().saturating_sub(1) / 2;
    let (_, newest_to_go, _) = times.select_nth_unstable(middle);
    map.retain(|_, value| used_at(value) > *newest_to_go);
}
