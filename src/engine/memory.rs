//! Memory use of the program on Linux; unknown on other systems.

/// Peak resident memory in bytes since [`forget_peak`].
pub(super) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Resets the peak.
pub(super) fn forget_peak() {
    // 5 resets only the peak (proc_pid_clear_refs(5)). Where that is forbidden, the peak covers the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
