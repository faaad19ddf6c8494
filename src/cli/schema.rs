//! `lawfit schema`: prints the JSON Schemas of a spec and of `results.json`.

use clap::Args;

use super::{Exit, output};

/// Print the JSON Schema of a spec, for editors.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the schema of `results.json` instead.
    #[arg(long)]
    results: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema = if arguments.results { crate::report::results_schema() } else { crate::spec::schema() };
    output::print_line(format_args!("{schema:#}"));
    Exit::Done
}
