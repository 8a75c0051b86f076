//! `openagent help`, and `--help` of every command: the pages are text files in `help/`.

use super::args::unknown_command;
use super::exit::Exit;
use std::ffi::OsString;
use std::io::Write as _;

const OVERVIEW: &str = include_str!("help/overview.txt");

/// A page for every command there is.
const PAGES: [(&str, &str); 14] = [
    ("foreground", include_str!("help/foreground.txt")),
    ("standalone", include_str!("help/standalone.txt")),
    ("try", include_str!("help/try.txt")),
    ("collector", include_str!("help/collector.txt")),
    ("check", include_str!("help/check.txt")),
    ("targets", include_str!("help/targets.txt")),
    ("scrape", include_str!("help/scrape.txt")),
    ("parse", include_str!("help/parse.txt")),
    ("relabel", include_str!("help/relabel.txt")),
    ("send-sample", include_str!("help/send-sample.txt")),
    ("status", include_str!("help/status.txt")),
    ("supervisor", include_str!("help/supervisor.txt")),
    ("version", include_str!("help/version.txt")),
    ("help", include_str!("help/help.txt")),
];

/// `openagent help [COMMAND]`.
pub fn run(args: &[OsString]) -> Exit {
    match args.first() {
        Some(command) => page(&command.to_string_lossy()),
        None => print(OVERVIEW),
    }
}

/// Whether `--help` or `-h` stands among a command's arguments; what follows `--` is not the command's.
pub fn is_asked(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--help" || arg == "-h")
}

/// Prints the page of a command.
pub fn page(command: &str) -> Exit {
    match PAGES.iter().find(|(name, _)| *name == command) {
        Some((_, text)) => print(text),
        None => unknown_command(command),
    }
}

fn print(text: &str) -> Exit {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Ok
}

#[cfg(test)]
mod tests {
    use super::super::args::COMMANDS;
    use super::*;

    #[test]
    fn every_command_has_a_page_that_shows_its_usage() {
        for command in COMMANDS {
            let (_, text) = PAGES.iter().find(|(name, _)| *name == command).expect(command);
            assert!(text.starts_with(&format!("openagent {command} - ")), "{command}");
            assert!(
                text.contains(&format!("\nUSAGE\n    openagent {command}")) || command == "supervisor",
                "{command}"
            );
            assert!(OVERVIEW.contains(&format!("\n    {command} ")), "{command} is not in the overview");
        }
        assert_eq!(PAGES.len(), COMMANDS.len());
    }

    #[test]
    fn pages_fit_a_terminal() {
        for (name, text) in PAGES.iter().chain([&("overview", OVERVIEW)]) {
            assert!(text.ends_with('\n') && !text.contains('\t'), "{name}");
            for line in text.lines() {
                assert!(line.chars().count() <= 120 && line.trim_end() == line, "{name}: {line}");
            }
        }
    }

    /// The source of a command, where it has one already.
    fn source(command: &str) -> String {
        let cli = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
        let name = if command == "try" { "try_it".to_owned() } else { command.replace('-', "_") };
        let files = [cli.join(format!("{name}.rs")), cli.join(name).join("mod.rs")];
        files.iter().find_map(|file| std::fs::read_to_string(file).ok()).unwrap_or_default()
    }

    #[test]
    fn pages_name_every_option_their_commands_take() {
        for (command, text) in PAGES {
            let source = source(command);
            for option in source.split("Long(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(text.contains(&format!("--{option}")), "openagent help {command} does not tell --{option}");
            }
        }
    }

    #[test]
    fn help_behind_two_dashes_belongs_to_the_other_program() {
        let asked = |args: &[&str]| is_asked(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(asked(&["--help"]) && asked(&["x", "-h"]));
        assert!(!asked(&["--", "perf", "--help"]) && !asked(&[]));
    }
}
