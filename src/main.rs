//! The `lawfit` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    lawfit::cli::main()
}
