//! One AuditEvent on its way out.

use super::message::Severity;

pub struct Event {
    /// Public id: by it a collector knows what it has already.
    pub id: String,
    pub at_us: i64,
    pub severity: Severity,
    /// The AuditEvent, compact.
    pub json: Vec<u8>,
}
