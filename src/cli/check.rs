//! `lawfit check`: checks specs without running them.

use std::path::PathBuf;

use clap::Args;

use super::screen::Screen;
use super::{Allow, Exit, compile_specs};

/// Check specs: syntax, names, units, formulas. Runs nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The spec files, TOML or YAML.
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,
    #[command(flatten)]
    allow: Allow,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    match compile_specs(&arguments.specs, &arguments.allow, screen) {
        Ok((files, compiled)) => {
            let specs = files.len();
            screen.say(&format!(
                "{specs} spec{} sound, {} stages",
                if specs == 1 { " is" } else { "s are" },
                compiled.plan.len()
            ));
            Exit::Done
        }
        Err(exit) => exit,
    }
}
