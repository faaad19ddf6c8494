//! `lawfit init`: writes a starter spec.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::Exit;
use super::screen::Screen;

/// Write a starter spec with comments, ready to run.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file to write; TOML.
    #[arg(default_value = "study.toml", value_name = "FILE")]
    file: PathBuf,
}

/// The starter spec.
pub(super) const STARTER: &str = include_str!("starter.toml");

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let path = &arguments.file;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ["yaml", "yml"].iter().any(|yaml| ending.eq_ignore_ascii_case(yaml)) {
        let toml = path.with_extension("toml");
        screen.error(
            "the starting spec is TOML, which a file of YAML cannot hold",
            &[format!("name a file of TOML: `lawfit init {}`", toml.display())],
        );
        return Exit::BadSpec;
    }
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty())
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        screen.error(&format!("{}: {error}", folder.display()), &[]);
        return Exit::Internal;
    }
    // Never overwrite an existing file.
    let written = std::fs::File::create_new(path).and_then(|mut file| file.write_all(STARTER.as_bytes()));
    match written {
        Ok(()) => {
            screen.say(&format!("wrote {0}; try `lawfit run {0}`", path.display()));
            Exit::Done
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            screen.error(
                &format!("{} is already there", path.display()),
                &["name another file: `lawfit init other.toml`".to_owned()],
            );
            Exit::BadSpec
        }
        Err(error) => {
            screen.error(&format!("{}: {error}", path.display()), &[]);
            Exit::Internal
        }
    }
}
