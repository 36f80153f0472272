//! CPU time and memory of processes with their children, from `/proc`. <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>

use std::collections::BTreeMap;
use std::fs;

/// Kernel ticks per second in `/proc/<pid>/stat`: 100 on every Linux we run on (USER_HZ is part of its interface).
const TICKS_PER_S: u64 = 100;

/// What a group of processes has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub cpu_ms: u64,
    /// Proportional set size where the kernel tells it, else resident set size. KiB.
    pub memory_kib: u64,
    /// Highest resident set size of the processes named (without children). KiB.
    pub peak_kib: u64,
}

/// Usage of `pids` and all their children; children that have ended count as far as their parent waited for them.
pub fn usage(pids: &[u32]) -> Usage {
    if pids.is_empty() {
        return Usage::default();
    }
    let table = processes();
    let mut total = Usage::default();
    for pid in family(pids, &table) {
        let Some(process) = table.get(&pid) else {
            continue;
        };
        total.cpu_ms += process.ticks * 1000 / TICKS_PER_S;
        total.memory_kib += memory_kib(pid);
    }
    total.peak_kib = pids
        .iter()
        .filter_map(|pid| field_kib(*pid, "status", "VmHWM:"))
        .sum();
    total
}

pub fn own() -> Usage {
    usage(&[std::process::id()])
}

struct Process {
    parent: u32,
    ticks: u64,
}

fn processes() -> BTreeMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        Some((
            pid,
            stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
        ))
    })
    .collect()
}

/// The name stands in parentheses and may hold anything: what counts comes after the last one.
fn stat(text: &str) -> Option<Process> {
    let fields: Vec<&str> = text
        .get(text.rfind(')')? + 1..)?
        .split_whitespace()
        .collect();
    // state, ppid, ...; utime, stime, cutime and cstime are fields 14 to 17 counted from 1, the state is field 3.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = (14..=17).map(number).sum::<Option<u64>>()?;
    Some(Process {
        parent: u32::try_from(number(4)?).ok()?,
        ticks,
    })
}

fn family(pids: &[u32], table: &BTreeMap<u32, Process>) -> Vec<u32> {
    let mut family: Vec<u32> = pids.to_vec();
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        let children = table
            .iter()
            .filter(|(_, p)| p.parent == parent)
            .map(|(pid, _)| *pid);
        let new: Vec<u32> = children.filter(|pid| !family.contains(pid)).collect();
        family.extend(new);
        next += 1;
    }
    family
}

fn memory_kib(pid: u32) -> u64 {
    field_kib(pid, "smaps_rollup", "Pss:")
        .or_else(|| field_kib(pid, "status", "VmRSS:"))
        .unwrap_or(0)
}

fn field_kib(pid: u32, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    text.lines().find_map(|l| {
        l.strip_prefix(name)?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_behind_any_name() {
        let line = "42 (a ) b) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7";
        let process = stat(line).unwrap();
        assert_eq!((process.parent, process.ticks), (7, 127));
        assert!(stat("42 nonsense").is_none());
    }

    #[test]
    fn this_process_uses_memory() {
        let own = own();
        assert!(own.memory_kib > 0 && own.peak_kib > 0);
        assert_eq!(usage(&[]), Usage::default());
    }
}
