//! Servers shared by a whole test binary live in statics, which nobody drops: they are ended when the process exits.

use std::collections::HashSet;
use std::process::Command;
use std::sync::{Mutex, Once, PoisonError};

static RUNNING: Mutex<Option<HashSet<u32>>> = Mutex::new(None);
static REGISTER: Once = Once::new();

unsafe extern "C" {
    /// C's `atexit`: the Rust test harness ends through `exit`, which runs what is registered here.
    safe fn atexit(callback: extern "C" fn()) -> i32;
}

/// Remembers a child until `ended` is called with it.
pub fn started(pid: u32) {
    REGISTER.call_once(|| {
        atexit(end_all);
    });
    RUNNING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_default()
        .insert(pid);
}

pub fn ended(pid: u32) {
    if let Some(running) = RUNNING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_mut()
    {
        running.remove(&pid);
    }
}

extern "C" fn end_all() {
    let running = RUNNING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    for pid in running.unwrap_or_default() {
        let _ = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
    }
}
