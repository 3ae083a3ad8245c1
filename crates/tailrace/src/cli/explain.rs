//! What an error means, and what to do about it: the pages of `docs/errors`.

use clap::Args;

use super::exit::{Exit, Failed};
use super::output::emit;

/// The pages by the word that errors begin with.
const PAGES: [(&str, &str); 23] = [
    ("source_connection", include_str!("../../../../docs/errors/source_connection.md")),
    ("source_authentication", include_str!("../../../../docs/errors/source_authentication.md")),
    ("source_privilege", include_str!("../../../../docs/errors/source_privilege.md")),
    ("source_setting", include_str!("../../../../docs/errors/source_setting.md")),
    ("source_statement", include_str!("../../../../docs/errors/source_statement.md")),
    ("position_lost", include_str!("../../../../docs/errors/position_lost.md")),
    ("decode", include_str!("../../../../docs/errors/decode.md")),
    ("unknown_event", include_str!("../../../../docs/errors/unknown_event.md")),
    ("schema_mismatch", include_str!("../../../../docs/errors/schema_mismatch.md")),
    ("target_connection", include_str!("../../../../docs/errors/target_connection.md")),
    ("target_authentication", include_str!("../../../../docs/errors/target_authentication.md")),
    ("target_privilege", include_str!("../../../../docs/errors/target_privilege.md")),
    ("target_topic", include_str!("../../../../docs/errors/target_topic.md")),
    ("schema_incompatible", include_str!("../../../../docs/errors/schema_incompatible.md")),
    ("message_too_large", include_str!("../../../../docs/errors/message_too_large.md")),
    ("target_row", include_str!("../../../../docs/errors/target_row.md")),
    ("fenced", include_str!("../../../../docs/errors/fenced.md")),
    ("target", include_str!("../../../../docs/errors/target.md")),
    ("configuration", include_str!("../../../../docs/errors/configuration.md")),
    ("checkpoint", include_str!("../../../../docs/errors/checkpoint.md")),
    ("limit", include_str!("../../../../docs/errors/limit.md")),
    ("local", include_str!("../../../../docs/errors/local.md")),
    ("bug", include_str!("../../../../docs/errors/bug.md")),
];

/// Tell what an error means and what to do about it.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The word that the error begins with; all words without it.
    error: Option<String>,
}

impl Explain {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Some(word) = self.error else {
            for (word, page) in PAGES {
                emit(&format!("{word:<22} {}\n", summary(page)))?;
            }
            return Ok(());
        };
        let known = PAGES.iter().find(|(known, _)| *known == word.trim_end_matches(':'));
        let (_, page) = known.ok_or_else(|| {
            let words = PAGES.map(|(word, _)| word).join(", ");
            Failed::new(Exit::Usage, format!("{word:?} is no error; there are {words}"))
        })?;
        emit(page)
    }
}

/// The first sentence below the title.
fn summary(page: &str) -> &str {
    page.lines().nth(2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tailrace_pipeline::error::ErrorKind;

    use super::*;

    #[test]
    fn every_error_that_stops_a_job_has_a_page() {
        let stops = ErrorKind::ALL.into_iter().filter(|kind| *kind != ErrorKind::Cancelled);
        let names: Vec<&str> = stops.map(ErrorKind::name).collect();
        assert_eq!(PAGES.map(|(word, _)| word).to_vec(), names);
    }

    #[test]
    fn a_page_says_how_it_is_told_what_was_done_and_what_to_do() {
        let overview = include_str!("../../../../docs/errors/README.md");
        for (word, page) in PAGES {
            assert!(page.starts_with(&format!("# {word}\n\n")), "{word}");
            assert!(summary(page).ends_with('.'), "{word}: {}", summary(page));
            let parts: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
            let wanted = ["## How it is told", "## What Tailrace did", "## What to do"];
            assert_eq!(parts[..3], wanted, "{word}");
            let mut samples = page.lines().filter(|line| line.starts_with("    "));
            assert!(samples.clone().count() > 0, "{word}");
            assert!(
                samples.all(|line| line.trim_start().starts_with(&format!("{word}: "))),
                "{word}"
            );
            assert!(overview.contains(&format!("| [{word}]({word}.md) |")), "{word}");
        }
    }
}
