//! The memory of the program, on Linux; unknown elsewhere.

/// The most that was resident since [`forget_peak`], in bytes.
pub(super) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Resets the peak.
pub(super) fn forget_peak() {
    // 5 resets the peak alone (proc_pid_clear_refs(5)); where that is forbidden the peak is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
