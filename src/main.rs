//! The `lawfit` program; everything is in the library.

use std::process::ExitCode;

/// A run with nothing to do is mostly allocation: this takes a sixth off it (the book, validation/speed.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    share_c_arena();
    lawfit::cli::main()
}

/// Has all threads share one arena of the C library, whose own allocations are few.
///
/// It would take 128 MiB of addresses for each thread: where addresses are limited, no thread could be had after some,
/// and a library that cannot do without waits for ever.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a setting of the C library, made before there is a second thread")]
fn share_c_arena() {
    // SAFETY: `mallopt` takes two numbers, and no other thread allocates yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn share_c_arena() {}
