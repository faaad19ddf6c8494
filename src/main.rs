//! The `lawfit` program; everything is in the library.

use std::process::ExitCode;

/// A run with nothing to do spends most of its time on allocation; this allocator saves a sixth of it (book,
/// validation/speed.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    share_c_arena();
    lawfit::cli::main()
}

/// Makes all threads share one arena of the C library.
///
/// The program makes few allocations there. By default the library reserves 128 MiB of address space per thread.
/// Where address space is limited, threads could then not be created, and a library that needs one would wait
/// forever.
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
