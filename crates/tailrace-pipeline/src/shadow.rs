//! Tables that online schema changes make beside another one: they hold its rows a second time until they take its place.

/// The table that one with this name is a shadow of, by the names that gh-ost and pt-online-schema-change give.
///
/// gh-ost: `_t_gho` with the rows, `_t_ghc` with its own notes, `_t_del` (and `_t_20260131235959_del`) for what was replaced.
/// pt-online-schema-change: `_t_new` and `_t_old`, with more underscores where those exist.
pub(crate) fn shadow_of(table: &str) -> Option<&str> {
    let base = table.strip_prefix('_')?.trim_start_matches('_');
    let endings = ["_gho", "_ghc", "_del", "_new", "_old"];
    let base = endings.iter().find_map(|ending| base.strip_suffix(ending))?;
    let base = match base.rsplit_once('_') {
        Some((base, time)) if time.len() == 14 && time.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => base,
    };
    (!base.is_empty()).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::shadow_of;

    #[test]
    fn names_of_both_tools() {
        for table in
            ["_t_gho", "_t_ghc", "_t_del", "_t_20260131235959_del", "_t_new", "__t_new", "_t_old"]
        {
            assert_eq!(shadow_of(table), Some("t"), "{table}");
        }
        assert_eq!(shadow_of("_a_b_new"), Some("a_b"));
        for table in ["t", "t_new", "_t", "_new", "__old", "_t_newer", "t_gho", "_t_news"] {
            assert_eq!(shadow_of(table), None, "{table}");
        }
    }
}
