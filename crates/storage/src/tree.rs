//! The tree of the audit log over the stored records (decision 0023): numbers them, puts them into the tree and signs, and reads
//! proofs back. What is the same of both stores; each has its statements in `sqlite::tree` and `postgres::tree`.

pub(crate) mod export;
pub(crate) mod filing;
pub(crate) mod horizon;
pub(crate) mod keys;
pub(crate) mod nodes;
pub(crate) mod numbering;
pub(crate) mod places;
pub(crate) mod proofs;
pub(crate) mod published;
pub(crate) mod recount;
pub(crate) mod rows;
pub(crate) mod standing;
pub(crate) mod taking;
pub(crate) mod walk;

pub use export::{ExportLine, LogExport};
pub use filing::{Filed, Filing, Misfiled};
pub use horizon::Horizon;
pub use numbering::{Numbered, Numbering};
pub use proofs::{ENTRIES_AT_ONCE_MAX, LogEntry, LogRun};
pub use recount::{Recount, Unrecorded};
pub use rows::Anchored;
pub use standing::NumberError;
pub use taking::{EXPIRED_AT_ONCE, Expiry, Held, Removed, TakeError, Taken};
pub use walk::{Gap, Walk};
