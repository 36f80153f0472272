//! Nothing of the memory of a process goes into a core file (X61): keys, tokens and records would lie there for whoever finds it.
//! <https://man7.org/linux/man-pages/man5/core.5.html>

/// Kinds of mappings that a core file takes: none of them.
const NONE: &str = "0";
const FILTER: &str = "/proc/self/coredump_filter";

/// For this process and those it starts; a crash is still told by its signal. Errors say what the log should: another system than
/// Linux, or one without `/proc`, where whoever runs the server forbids core files (`ulimit -c 0`, `LimitCORE=0`).
pub fn forbid() -> Result<(), String> {
    std::fs::write(FILTER, NONE).map_err(|e| format!("{FILTER} cannot be written: {e}"))
}
