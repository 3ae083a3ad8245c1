//! Names at the target: lower case, and no two the same.

use std::collections::BTreeMap;

use super::column_type::Fault;

/// Longest name, bytes (`NAMEDATALEN` of GaussDB less one).
const NAME_BYTES_MAX: usize = 63;
/// What may not be in a name, besides what is no ASCII.
const FORBIDDEN: [char; 12] = ['.', '>', '<', '\\', '`', '|', ',', '?', '!', '"', '\'', '\0'];

/// A name at the target.
///
/// # Errors
/// For characters that are not possible there, and names that are too long.
pub fn fold(name: &str) -> Result<String, Fault> {
    let fault = |reason: String| Fault { name: name.to_owned(), reason };
    if let Some(bad) = name.chars().find(|c| !c.is_ascii() || FORBIDDEN.contains(c)) {
        return Err(fault(format!("{bad:?} may not be in a name; map it to another one")));
    }
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let reason = format!("{} characters; 1 to {NAME_BYTES_MAX} are possible", name.len());
        return Err(fault(reason));
    }
    Ok(name.to_ascii_lowercase())
}

/// Names of one space at the target, in the same order.
///
/// # Errors
/// As [`fold`], and for two names that differ by case only.
pub fn folded<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<String>, Fault> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut out = Vec::new();
    for name in names {
        let folded = fold(name)?;
        if let Some(other) = seen.insert(folded.clone(), name) {
            return Err(Fault {
                name: name.to_owned(),
                reason: format!(
                    "{other} and {name} would both be {folded}; map one to another name"
                ),
            });
        }
        out.push(folded);
    }
    Ok(out)
}
