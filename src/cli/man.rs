//! `lawfit man`: writes manual pages, for packages of the program.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::Exit;
use super::screen::Screen;

/// Write the manual: one page for the program and one for each command.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder; `man -M` and packages expect the name man1.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let folder = &arguments.folder;
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(super::Arguments::command(), folder));
    match written {
        Ok(()) => {
            screen.say(&format!("wrote the manual into {0}; try `man {0}/lawfit.1`", folder.display()));
            Exit::Done
        }
        Err(error) => {
            screen.error(&format!("{}: {error}", folder.display()), &[]);
            Exit::Internal
        }
    }
}
