//! `tailrace completion` and `tailrace man`: for the shell, and for its reader.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::exit::{Exit, Failed};
use super::output::emit;

/// Print what a shell completes commands with, such as `source <(tailrace completion bash)`.
#[derive(Debug, Args)]
pub(super) struct Completion {
    /// Shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    pub(super) fn run(self, mut commands: Command) -> Result<(), Failed> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut commands, "tailrace", &mut script);
        emit(&String::from_utf8_lossy(&script))
    }
}

/// Write the manual: all pages into a directory, or the first one to standard output.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Directory, made if it is not there; such as /usr/local/share/man/man1.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, mut commands: Command) -> Result<(), Failed> {
        let Some(dir) = self.dir else {
            let mut page = Vec::new();
            clap_mangen::Man::new(commands).render(&mut page)?;
            return emit(&String::from_utf8_lossy(&page));
        };
        let wrong =
            |e: std::io::Error| Failed::new(Exit::Failure, format!("{}: {e}", dir.display()));
        std::fs::create_dir_all(&dir).map_err(wrong)?;
        commands.build();
        write_pages(&commands, "tailrace", &dir).map_err(wrong)
    }
}

/// Writes the page of a command, and those of the commands below it.
fn write_pages(command: &Command, name: &str, dir: &std::path::Path) -> std::io::Result<()> {
    let mut page = Vec::new();
    // `build` gives `help` a copy of every command, of which nobody wants a page.
    let own: Vec<&Command> =
        command.get_subcommands().filter(|one| one.get_name() != "help").collect();
    clap_mangen::Man::new(command.clone()).title(name.to_uppercase()).render(&mut page)?;
    std::fs::File::create(dir.join(format!("{name}.1")))?.write_all(&page)?;
    own.into_iter().try_for_each(|one| write_pages(one, &format!("{name}-{}", one.get_name()), dir))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::{Cli, run_captured};

    fn run(words: &[&str]) -> (u8, String, String) {
        run_captured(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn shells_learn_every_command() {
        for (shell, begin) in [
            ("bash", "_tailrace()"),
            ("zsh", "#compdef tailrace"),
            ("fish", "complete -c tailrace"),
        ] {
            let (code, script, err) = run(&["completion", shell]);
            assert_eq!(code, 0, "{err}");
            assert!(script.contains(begin), "{shell}");
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }

    #[test]
    fn the_manual_has_a_page_of_every_command() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("man1");
        let (code, _, err) = run(&["man", "--dir", path.to_str().unwrap()]);
        assert_eq!(code, 0, "{err}");
        let page = |name: &str| std::fs::read_to_string(path.join(format!("{name}.1"))).unwrap();
        for command in Cli::command().get_subcommands() {
            let name = format!("tailrace-{}", command.get_name());
            assert!(page(&name).contains(".SH SYNOPSIS"), "{name}");
        }
        let deep = page("tailrace-jobs-compare");
        assert!(deep.contains("Exit code 9") && deep.contains("\\-\\-sample"), "{deep}");
        assert!(!path.join("tailrace-help.1").exists());
        let (code, first, _) = run(&["man"]);
        assert!(code == 0 && first.contains(".TH tailrace 1"), "{first}");
    }

    #[test]
    fn an_error_is_explained_by_both_commands() {
        let (code, page, _) = run(&["explain", "position_lost"]);
        assert!(code == 0 && page.starts_with("# position_lost"));
        assert_eq!(run(&["jobs", "explain", "position_lost"]), (0, page, String::new()));
    }
}
