//! The `lawfit` program; everything is in the library.

use std::process::ExitCode;

/// A run with nothing to do is mostly allocation: this takes a sixth off it (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lawfit::cli::main()
}
