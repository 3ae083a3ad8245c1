//! The paths that Rust code names: `use` declarations written out, and paths in expressions.

use super::source::{closing, is_name, line_of};

/// A path like `crate::store::Job` and the line that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// All paths of two and more parts in `code` (from [`super::source::code`]). `module` is the
/// module that the file is, as in `["api", "v5"]`: paths that begin with `super` or `self` are
/// given from `crate`.
pub(crate) fn named(code: &str, module: &[String]) -> Vec<Named> {
    let mut found = Vec::new();
    let bytes = code.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !is_name(bytes[at]) {
            at += 1;
            continue;
        }
        let (path, end) = path_at(code, at);
        let line = line_of(code, at);
        if path == "use" {
            let stop = code[end..].find(';').map_or(code.len(), |length| end + length);
            let mut paths = Vec::new();
            expand("", code[end..stop].trim(), &mut paths);
            for path in paths {
                found.push(Named { path: from_crate(&path, module), line });
            }
            at = stop;
        } else {
            if path.contains("::") {
                found.push(Named { path: from_crate(&path, module), line });
            }
            at = end;
        }
    }
    found
}

/// The path that begins at `at`, and where it ends.
fn path_at(code: &str, at: usize) -> (String, usize) {
    let bytes = code.as_bytes();
    let name_end = |from: usize| {
        (from..bytes.len()).find(|index| !is_name(bytes[*index])).unwrap_or(bytes.len())
    };
    let mut end = name_end(at);
    while code[end..].starts_with("::") && bytes.get(end + 2).is_some_and(|next| is_name(*next)) {
        end = name_end(end + 2);
    }
    (code[at..end].to_owned(), end)
}

/// Writes out a `use` tree: `a::{b, c::{self, D}}` is `a::b`, `a::c`, `a::c::D`.
fn expand(prefix: &str, tree: &str, out: &mut Vec<String>) {
    let tree = tree.trim();
    let join = |rest: &str| match (prefix, rest) {
        ("", rest) => rest.to_owned(),
        (prefix, "self" | "") => prefix.to_owned(),
        (prefix, rest) => format!("{prefix}::{rest}"),
    };
    let Some(open) = tree.find('{') else {
        if !tree.is_empty() {
            let path = tree.split_whitespace().next().unwrap_or(tree);
            out.push(join(path));
        }
        return;
    };
    let prefix = join(tree[..open].trim().trim_end_matches("::"));
    let inside = &tree[open + 1..closing(tree, open) - 1];
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                expand(&prefix, &inside[begin..at], out);
                begin = at + 1;
            }
            _ => {}
        }
    }
    expand(&prefix, &inside[begin..], out);
}

fn from_crate(path: &str, module: &[String]) -> String {
    let mut parts = path.split("::").peekable();
    let mut base: Vec<&str> = match parts.peek() {
        Some(&"super") => module.iter().map(String::as_str).collect(),
        Some(&"self") => {
            parts.next();
            module.iter().map(String::as_str).collect()
        }
        _ => return path.to_owned(),
    };
    while parts.peek() == Some(&"super") {
        parts.next();
        base.pop();
    }
    base.insert(0, "crate");
    base.extend(parts);
    base.join("::")
}

/// True when `path` is `prefix` or lies under it.
pub(crate) fn is_under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
        named(code, &module).into_iter().map(|named| named.path).collect()
    }

    #[test]
    fn use_trees_are_written_out() {
        let code = "use std::{fs, io::{self, Read as R}};\nuse crate::store::*;";
        assert_eq!(paths(code, &[]), ["std::fs", "std::io", "std::io::Read", "crate::store::*"]);
    }

    #[test]
    fn paths_in_expressions_and_relative_paths_are_found() {
        assert_eq!(paths("let a = std::time::Instant::now();", &[]), ["std::time::Instant::now"]);
        assert_eq!(paths("use super::super::store::Job;", &["api", "v5"]), ["crate::store::Job"]);
        assert_eq!(
            paths("super::x(self::y::z)", &["api", "v5"]),
            ["crate::api::x", "crate::api::v5::y::z"]
        );
    }

    #[test]
    fn a_prefix_ends_at_a_part() {
        assert!(is_under("tailrace::api", "tailrace") && is_under("tailrace", "tailrace"));
        assert!(!is_under("tailrace_codec::Cell", "tailrace"));
    }
}
