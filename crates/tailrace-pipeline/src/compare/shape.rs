//! A table as it is compared: rows as hashes of their keys and of their columns.
//!
//! A message that was written before a column was added does not have it, and no consumer could. So a row is compared
//! by those of its present columns that its last message has: a *version* is such a set of columns. The hash of an image
//! is the sum of the hashes of its columns, so that a row of the source can be hashed for every version at once.

use std::collections::HashMap;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::compare::message::Fields;
use crate::error::{Error, ErrorKind, Result};

/// Versions of one table; more are more changes of columns than are told apart.
const VERSIONS_MAX: usize = 64;

/// Key of the hashes, drawn anew for every comparison.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(u64, u64);

impl Seed {
    pub(crate) fn draw() -> Self {
        Self(rand::random(), rand::random())
    }

    fn hasher(self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }

    fn value(self, column: u16, value: &[u8]) -> u128 {
        let mut hasher = self.hasher();
        hasher.write_u16(column);
        hasher.write(value);
        hasher.finish128().as_u128()
    }
}

/// A set of columns that messages have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    /// Their numbers in the order of the messages' fields; `None` for a field that the table does not have (any more).
    columns: Vec<Option<u16>>,
    /// Where the key's columns are among the fields.
    key: Vec<usize>,
    /// The names of the fields, by which it is recognised.
    names: Vec<Box<str>>,
}

/// One table.
pub(crate) struct Shape {
    seed: Seed,
    table: u32,
    columns: HashMap<Box<str>, u16>,
    key: Vec<u16>,
    /// Number 0 is that of rows as they are now.
    versions: Vec<Version>,
    /// Which one the last row had.
    last: usize,
}

/// A row of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hashed {
    /// Hash of its key.
    pub(crate) key: u128,
    /// Which columns it has.
    pub(crate) version: u16,
    /// Sum of the hashes of its columns.
    pub(crate) image: u128,
}

impl Shape {
    /// A table by its number in the comparison, its columns' names as messages have them, the places of the key's and of
    /// those that are not compared; without a key a row is its own.
    ///
    /// # Errors
    /// `Limit` for more columns than a table has.
    pub(crate) fn new(
        seed: Seed,
        table: u32,
        names: &[String],
        (key, passing): (&[usize], &[usize]),
    ) -> Result<Self> {
        let number = |place: usize| {
            u16::try_from(place).map_err(|_| Error::new(ErrorKind::Limit, "too many columns"))
        };
        let mut columns = HashMap::new();
        let is_compared = |place: &usize| !passing.contains(place);
        for (place, name) in names.iter().enumerate().filter(|(place, _)| is_compared(place)) {
            columns.insert(name.as_str().into(), number(place)?);
        }
        let now = Version {
            columns: (0..names.len())
                .map(|place| is_compared(&place).then(|| number(place)).transpose())
                .collect::<Result<_>>()?,
            key: key.to_vec(),
            names: names.iter().map(|name| name.as_str().into()).collect(),
        };
        let key = key.iter().map(|place| number(*place)).collect::<Result<_>>()?;
        Ok(Self { seed, table, columns, key, versions: vec![now], last: 0 })
    }

    /// Rows have no key: they are counted.
    pub(crate) fn is_keyless(&self) -> bool {
        self.key.is_empty()
    }

    /// How many sets of columns were met.
    pub(crate) fn versions(&self) -> usize {
        self.versions.len()
    }

    /// Hashes a row of a topic.
    ///
    /// # Errors
    /// `SchemaMismatch` if it does not have the key's columns, `Limit` for too many sets of columns.
    pub(crate) fn hash(&mut self, row: &Fields<'_>) -> Result<Hashed> {
        let number = self.version_of(row)?;
        let version = u16::try_from(number).unwrap_or(u16::MAX);
        let image = self.image(number, row);
        Ok(Hashed { key: self.key_of(number, row, image), version, image })
    }

    /// Hashes a row of the source for every version; gives its key and pushes an image each.
    ///
    /// # Errors
    /// As [`Shape::hash`].
    pub(crate) fn hash_for_all(
        &mut self,
        row: &Fields<'_>,
        images: &mut Vec<u128>,
    ) -> Result<u128> {
        let number = self.version_of(row)?;
        let Some(own) = self.versions.get(number) else { return Err(lost()) };
        let mut by_column = vec![0_u128; self.versions.first().map_or(0, |now| now.columns.len())];
        for (column, (_, value)) in own.columns.iter().zip(row) {
            if let Some(column) = column
                && let Some(place) = by_column.get_mut(usize::from(*column))
            {
                *place = self.seed.value(*column, value);
            }
        }
        images.clear();
        for version in &self.versions {
            let sum = version.columns.iter().flatten().fold(0_u128, |sum, column| {
                sum.wrapping_add(by_column.get(usize::from(*column)).copied().unwrap_or(0))
            });
            images.push(sum);
        }
        let image = images.first().copied().unwrap_or(0);
        Ok(self.key_of(number, row, image))
    }

    /// The row before a change of which only some columns are told.
    pub(crate) fn before<'m>(&self, told: &Fields<'m>, after: &Fields<'m>) -> Fields<'m> {
        let mut before = after.clone();
        for (name, value) in told {
            match before.iter_mut().find(|(known, _)| known == name) {
                Some((_, place)) => place.clone_from(value),
                None => before.push((name.clone(), value.clone())),
            }
        }
        before
    }

    fn version_of(&mut self, row: &Fields<'_>) -> Result<usize> {
        let is_it = |version: &Version| {
            version.names.len() == row.len()
                && version.names.iter().zip(row).all(|(name, field)| **name == *field.0)
        };
        if self.versions.get(self.last).is_some_and(is_it) {
            return Ok(self.last);
        }
        if let Some(place) = self.versions.iter().position(is_it) {
            self.last = place;
            return Ok(place);
        }
        if self.versions.len() >= VERSIONS_MAX {
            let text =
                format!("its messages have more than {VERSIONS_MAX} different sets of columns");
            return Err(Error::new(ErrorKind::Limit, text));
        }
        let columns: Vec<Option<u16>> =
            row.iter().map(|(name, _)| self.columns.get(&**name).copied()).collect();
        let place = |column: &u16| columns.iter().position(|one| one.as_ref() == Some(column));
        let key: Option<Vec<usize>> = self.key.iter().map(place).collect();
        let Some(key) = key else {
            let text = "some of its messages do not have the columns of its present primary key";
            return Err(Error::new(ErrorKind::SchemaMismatch, text));
        };
        let names = row.iter().map(|(name, _)| (**name).into()).collect();
        self.versions.push(Version { columns, key, names });
        self.last = self.versions.len() - 1;
        Ok(self.last)
    }

    fn image(&self, version: usize, row: &Fields<'_>) -> u128 {
        let Some(version) = self.versions.get(version) else { return 0 };
        version.columns.iter().zip(row).fold(0, |sum, (column, (_, value))| match column {
            Some(column) => sum.wrapping_add(self.seed.value(*column, value)),
            None => sum,
        })
    }

    /// The hash of a key, or of a row that has none.
    fn key_of(&self, version: usize, row: &Fields<'_>, image: u128) -> u128 {
        let mut hasher = self.seed.hasher();
        hasher.write_u32(self.table);
        if self.is_keyless() {
            hasher.write_u128(image);
        }
        let places = self.versions.get(version).map_or(&[][..], |version| &version.key);
        for value in places.iter().filter_map(|place| row.get(*place)) {
            hasher.write_usize(value.1.len());
            hasher.write(&value.1);
        }
        hasher.finish128().as_u128()
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Bug, "a version of a table was lost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn row<'m>(fields: &[(&'m str, &'m str)]) -> Fields<'m> {
        let field = |(name, value): &(&'m str, &'m str)| {
            (Cow::Borrowed(*name), Cow::Borrowed(value.as_bytes()))
        };
        fields.iter().map(field).collect()
    }

    fn shape(key: &[usize]) -> Shape {
        let names = ["id", "a", "b"].map(str::to_owned);
        Shape::new(Seed(1, 2), 0, &names, (key, &[])).unwrap()
    }

    #[test]
    fn columns_that_say_when_a_message_was_made_are_not_compared() {
        let names = ["id", "at", "from"].map(str::to_owned);
        let mut shape = Shape::new(Seed(1, 2), 0, &names, (&[0], &[1])).unwrap();
        let at = |at, from| row(&[("id", "1"), ("at", at), ("from", from)]);
        let (old, new) = (shape.hash(&at("1", "x")).unwrap(), shape.hash(&at("2", "x")).unwrap());
        assert_eq!(old, new);
        let mut images = Vec::new();
        shape.hash_for_all(&at("3", "x"), &mut images).unwrap();
        assert_eq!(images, [old.image]);
        shape.hash_for_all(&at("3", "y"), &mut images).unwrap();
        assert_ne!(images, [old.image]);
    }

    #[test]
    fn rows_are_equal_by_the_columns_that_their_messages_have() {
        let mut shape = shape(&[0]);
        let new = row(&[("id", "1"), ("a", "2"), ("b", "3")]);
        let hashed = shape.hash(&new).unwrap();
        assert_eq!(hashed.version, 0);
        // Written before `b` was added, and while there was a column `gone`.
        let old = shape.hash(&row(&[("id", "1"), ("gone", "x"), ("a", "2")])).unwrap();
        assert_eq!((old.version, old.key), (1, hashed.key));
        let mut images = Vec::new();
        assert_eq!(shape.hash_for_all(&new, &mut images).unwrap(), hashed.key);
        assert_eq!(images, [hashed.image, old.image]);
        let other = shape.hash(&row(&[("id", "1"), ("a", "3"), ("b", "2")])).unwrap();
        assert_eq!(other.key, hashed.key);
        assert_ne!(other.image, hashed.image, "values belong to their columns");
        let error = shape.hash(&row(&[("a", "2")])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    }

    #[test]
    fn without_a_key_a_row_is_its_own() {
        let mut shape = shape(&[]);
        assert!(shape.is_keyless());
        let a = shape.hash(&row(&[("id", "1"), ("a", "2"), ("b", "3")])).unwrap();
        let b = shape.hash(&row(&[("id", "1"), ("a", "2"), ("b", "4")])).unwrap();
        assert_ne!(a.key, b.key);
    }

    #[test]
    fn the_row_before_is_the_one_behind_but_for_what_is_told() {
        let shape = shape(&[0]);
        let after = row(&[("id", "2"), ("a", "2"), ("b", "3")]);
        let before = shape.before(&row(&[("id", "1")]), &after);
        assert_eq!(before, row(&[("id", "1"), ("a", "2"), ("b", "3")]));
    }
}
