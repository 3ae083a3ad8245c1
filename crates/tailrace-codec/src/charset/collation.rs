//! Collations by number and by name.
//!
//! `tables/collations.tsv` holds id, name, character set and a mark for the set's default: first all
//! of MySQL 9.7's `information_schema.COLLATIONS`, then those that MariaDB 10.11 has beyond them (from
//! `COLLATION_CHARACTER_SET_APPLICABILITY`). Where the two give one name to two ids or one id two
//! names, MySQL's comes first and wins; the character sets are the same in all these cases.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::schema::CollationId;

/// The table, indexed.
#[derive(Default)]
struct Index {
    charset_by_id: HashMap<CollationId, &'static str>,
    id_by_name: HashMap<&'static str, CollationId>,
    default_by_charset: HashMap<&'static str, CollationId>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index::default();
    for line in include_str!("tables/collations.tsv").lines() {
        let mut fields = line.split('\t');
        let id = fields.next().and_then(|id| id.parse().ok());
        let (Some(id), Some(name), Some(charset)) = (id, fields.next(), fields.next()) else {
            continue;
        };
        index.charset_by_id.entry(id).or_insert(charset);
        index.id_by_name.entry(name).or_insert(id);
        if fields.next() == Some("default") {
            index.default_by_charset.insert(charset, id);
        }
    }
    index
});

/// The character set of a collation, `None` for an unknown id.
pub fn charset_of(id: CollationId) -> Option<&'static str> {
    INDEX.charset_by_id.get(&id).copied()
}

/// The id of a collation by its name, upper or lower case; `utf8_…` is the older name of
/// `utf8mb3_…`.
pub fn collation_id(name: &str) -> Option<CollationId> {
    let name = name.to_ascii_lowercase();
    let newer = name.strip_prefix("utf8_").map(|rest| format!("utf8mb3_{rest}"));
    let name = newer.as_deref().unwrap_or(&name);
    INDEX.id_by_name.get(name).copied()
}

/// The default collation of a character set in MySQL 9.7. Older servers and MariaDB have others for
/// some sets (`utf8mb4_general_ci` for `utf8mb4`), of the same character set.
pub fn default_collation(charset: &str) -> Option<CollationId> {
    INDEX.default_by_charset.get(charset_name(charset)?).copied()
}

/// The catalog's own spelling of a character set's name (lower case, `utf8` as `utf8mb3`), `None` for
/// an unknown name.
pub fn charset_name(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let name = if name == "utf8" { "utf8mb3" } else { &name };
    INDEX.default_by_charset.get_key_value(name).map(|(name, _)| *name)
}
