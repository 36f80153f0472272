//! What SQLite offers and diesel does not pass on. Beside [`super::map`] and [`super::gathered`] the only unsafe code of the crate.
//! <https://www.sqlite.org/vtab.html>
//!
//! Registered for every connection of the process through `sqlite3_auto_extension`:
//! - `rows(data)`, an eponymous table-valued function over rows packed by [`super::rows`]: with it a batch takes a
//!   constant number of statements, whatever the number of rows;
//! - `vis(mask, k)`, 1 when bit `k` of the mask is set, 0 otherwise (also beyond the end: unknown is hidden);
//! - `typed(term, type)`, [`crate::index::typed`] for statements over several types;
//! - `xor(a, b)`, bit by bit: the term of a reference from the target's own and the parameter's;
//! - `gathered(n)`, the distinct integers of many rows, see [`super::gathered`];
//! - a progress handler that interrupts a statement when the leash of its thread says so: the deadline passed, or nobody
//!   waits for it.
//!
//! Soundness: every callback treats its pointers as SQLite hands them out, copies the packed bytes before it returns,
//! reads them with bounds checks and never unwinds (no callback can panic).

use super::gathered;
use super::map;
use super::rows::Cursor;
use libsqlite3_sys as sqlite;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Instant;

/// Makes every connection opened from now on carry the functions above. Call before opening any.
pub fn register() {
    static ONCE: Once = Once::new();
    // SAFETY: plain calls with constant arguments; configuring fails harmlessly when SQLite already runs.
    ONCE.call_once(|| unsafe {
        // Each connection is used by one thread at a time (diesel's is not Sync), so no mutex per call is needed.
        sqlite::sqlite3_config(sqlite::SQLITE_CONFIG_MULTITHREAD);
        // Memory statistics take a global lock for every allocation.
        sqlite::sqlite3_config(sqlite::SQLITE_CONFIG_MEMSTATUS, 0 as c_int);
        sqlite::sqlite3_auto_extension(Some(extend));
        map::register();
    });
}

/// What ends the statements of a thread before they are done.
pub struct Leash {
    pub deadline: Instant,
    /// Looks (each after [`STEPS_PER_CHECK`]) after which the work is to go on elsewhere.
    pub looks: Option<u32>,
    /// Set when nobody waits for the answer any more.
    pub gone: Option<Arc<AtomicBool>>,
}

/// Why statements were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Deadline,
    Looks,
    Gone,
}

impl Leash {
    fn cut(&mut self) -> Option<Cut> {
        if self
            .gone
            .as_ref()
            .is_some_and(|gone| gone.load(Ordering::Relaxed))
        {
            return Some(Cut::Gone);
        }
        if Instant::now() > self.deadline {
            return Some(Cut::Deadline);
        }
        let looks = self.looks.as_mut()?;
        *looks = looks.saturating_sub(1);
        (*looks == 0).then_some(Cut::Looks)
    }
}

/// Statements of this thread are interrupted by the leash from now on, or no more; why one was under the leash before.
pub fn set_leash(leash: Option<Leash>) -> Option<Cut> {
    LEASH.set(leash);
    CUT.take()
}

/// Why the statements of this thread are being interrupted.
pub fn cut() -> Option<Cut> {
    CUT.get()
}

thread_local! {
    static LEASH: Cell<Option<Leash>> = const { Cell::new(None) };
    static CUT: Cell<Option<Cut>> = const { Cell::new(None) };
}

/// Virtual machine steps between two looks at the clock: some tens of microseconds.
const STEPS_PER_CHECK: c_int = 4_000;
/// Columns a packed row may have; the hidden argument follows them.
pub const COLUMNS: usize = 13;
const DATA: c_int = COLUMNS as c_int;
const DECLARATION: &CStr = c"create table rows(a, b, c, d, e, f, g, h, i, j, k, l, m, data hidden)";
pub(super) const PURE: c_int =
    sqlite::SQLITE_UTF8 | sqlite::SQLITE_DETERMINISTIC | sqlite::SQLITE_INNOCUOUS;

unsafe extern "C" fn extend(
    db: *mut sqlite::sqlite3,
    _: *mut *mut c_char,
    _: *const sqlite::sqlite3_api_routines,
) -> c_int {
    // SAFETY: `db` is the connection being opened; the names, the module and the functions are static.
    unsafe {
        // Without it every statement with a bound LIMIT is compiled anew for each execution, to look at the value: nine tenths of
        // what a search of one page costs.
        let stable = sqlite::sqlite3_db_config(
            db,
            sqlite::SQLITE_DBCONFIG_ENABLE_QPSG,
            1 as c_int,
            ptr::null_mut::<c_int>(),
        );
        if stable != sqlite::SQLITE_OK {
            return stable;
        }
        sqlite::sqlite3_progress_handler(db, STEPS_PER_CHECK, Some(progress), ptr::null_mut());
        let made =
            sqlite::sqlite3_create_module_v2(db, c"rows".as_ptr(), &ROWS.0, ptr::null_mut(), None);
        if made != sqlite::SQLITE_OK {
            return made;
        }
        for (name, body) in [(c"vis", vis as Function), (c"typed", typed), (c"xor", xor)] {
            let made = function(db, name, body);
            if made != sqlite::SQLITE_OK {
                return made;
            }
        }
        gathered::register(db)
    }
}

type Function =
    unsafe extern "C" fn(*mut sqlite::sqlite3_context, c_int, *mut *mut sqlite::sqlite3_value);

unsafe fn function(db: *mut sqlite::sqlite3, name: &CStr, body: Function) -> c_int {
    // SAFETY: the caller passes a live connection; name and body are static.
    unsafe {
        sqlite::sqlite3_create_function_v2(
            db,
            name.as_ptr(),
            2,
            PURE,
            ptr::null_mut(),
            Some(body),
            None,
            None,
            None,
        )
    }
}

unsafe extern "C" fn progress(_: *mut c_void) -> c_int {
    // A thread that is ending has no leash any more.
    let cut = LEASH.try_with(|leash| {
        let mut held = leash.take();
        let cut = held.as_mut().and_then(Leash::cut);
        leash.set(held);
        cut
    });
    match cut {
        Ok(Some(cut)) => {
            CUT.set(Some(cut));
            1
        }
        _ => 0,
    }
}

unsafe extern "C" fn vis(
    context: *mut sqlite::sqlite3_context,
    _: c_int,
    arguments: *mut *mut sqlite::sqlite3_value,
) {
    // SAFETY: registered with two arguments; the blob stays valid while this call reads one byte of it.
    unsafe {
        let k = sqlite::sqlite3_value_int64(*arguments.add(1));
        let length = sqlite::sqlite3_value_bytes(*arguments);
        let mask: *const u8 = sqlite::sqlite3_value_blob(*arguments).cast();
        let visible = k >= 0
            && !mask.is_null()
            && (k >> 3) < i64::from(length)
            && *mask.add((k >> 3) as usize) & (1 << (k & 7)) != 0;
        sqlite::sqlite3_result_int(context, c_int::from(visible));
    }
}

unsafe extern "C" fn typed(
    context: *mut sqlite::sqlite3_context,
    _: c_int,
    arguments: *mut *mut sqlite::sqlite3_value,
) {
    // SAFETY: registered with two arguments.
    unsafe {
        let term = sqlite::sqlite3_value_int64(*arguments);
        let ty = sqlite::sqlite3_value_int64(*arguments.add(1));
        sqlite::sqlite3_result_int64(
            context,
            crate::index::typed(term, ward_fhir::TypeId(ty as u16)),
        );
    }
}

unsafe extern "C" fn xor(
    context: *mut sqlite::sqlite3_context,
    _: c_int,
    arguments: *mut *mut sqlite::sqlite3_value,
) {
    // SAFETY: registered with two arguments.
    unsafe {
        let a = sqlite::sqlite3_value_int64(*arguments);
        let b = sqlite::sqlite3_value_int64(*arguments.add(1));
        sqlite::sqlite3_result_int64(context, a ^ b);
    }
}

#[repr(transparent)]
struct Module(sqlite::sqlite3_module);
// SAFETY: a table of function pointers that nothing writes to.
unsafe impl Sync for Module {}

/// No `xCreate`: the table exists in every connection and cannot be created otherwise.
static ROWS: Module = Module(sqlite::sqlite3_module {
    iVersion: 0,
    xCreate: None,
    xConnect: Some(connect),
    xBestIndex: Some(best_index),
    xDisconnect: Some(disconnect),
    xDestroy: None,
    xOpen: Some(open),
    xClose: Some(close),
    xFilter: Some(filter),
    xNext: Some(next),
    xEof: Some(eof),
    xColumn: Some(column),
    xRowid: Some(rowid),
    xUpdate: None,
    xBegin: None,
    xSync: None,
    xCommit: None,
    xRollback: None,
    xFindFunction: None,
    xRename: None,
    xSavepoint: None,
    xRelease: None,
    xRollbackTo: None,
    xShadowName: None,
    xIntegrity: None,
});

/// SQLite's cursor header followed by ours.
#[repr(C)]
struct OpenCursor {
    base: sqlite::sqlite3_vtab_cursor,
    rows: Cursor,
}

unsafe extern "C" fn connect(
    db: *mut sqlite::sqlite3,
    _: *mut c_void,
    _: c_int,
    _: *const *const c_char,
    table: *mut *mut sqlite::sqlite3_vtab,
    _: *mut *mut c_char,
) -> c_int {
    // SAFETY: `db` is live; `table` receives a box that `disconnect` takes back.
    unsafe {
        let declared = sqlite::sqlite3_declare_vtab(db, DECLARATION.as_ptr());
        if declared == sqlite::SQLITE_OK {
            let base = sqlite::sqlite3_vtab {
                pModule: ptr::null(),
                nRef: 0,
                zErrMsg: ptr::null_mut(),
            };
            *table = Box::into_raw(Box::new(base));
        }
        declared
    }
}

unsafe extern "C" fn disconnect(table: *mut sqlite::sqlite3_vtab) -> c_int {
    // SAFETY: made by `connect`, given back once.
    drop(unsafe { Box::from_raw(table) });
    sqlite::SQLITE_OK
}

/// The packed bytes must be given by equality; then a full pass over them is the only plan.
unsafe extern "C" fn best_index(
    _: *mut sqlite::sqlite3_vtab,
    info: *mut sqlite::sqlite3_index_info,
) -> c_int {
    // SAFETY: SQLite guarantees `nConstraint` entries in both arrays.
    unsafe {
        for at in 0..(*info).nConstraint as usize {
            let constraint = &*(*info).aConstraint.add(at);
            if constraint.usable != 0
                && constraint.iColumn == DATA
                && c_int::from(constraint.op) == sqlite::SQLITE_INDEX_CONSTRAINT_EQ as c_int
            {
                let usage = &mut *(*info).aConstraintUsage.add(at);
                usage.argvIndex = 1;
                usage.omit = 1;
                (*info).estimatedCost = 100.0;
                (*info).estimatedRows = 100;
                return sqlite::SQLITE_OK;
            }
        }
    }
    sqlite::SQLITE_CONSTRAINT
}

unsafe extern "C" fn open(
    _: *mut sqlite::sqlite3_vtab,
    cursor: *mut *mut sqlite::sqlite3_vtab_cursor,
) -> c_int {
    let made = Box::new(OpenCursor {
        base: sqlite::sqlite3_vtab_cursor {
            pVtab: ptr::null_mut(),
        },
        rows: Cursor::default(),
    });
    // SAFETY: `OpenCursor` starts with the header; `close` takes the box back.
    unsafe { *cursor = Box::into_raw(made).cast() };
    sqlite::SQLITE_OK
}

unsafe extern "C" fn close(cursor: *mut sqlite::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: made by `open`, given back once.
    drop(unsafe { Box::from_raw(cursor.cast::<OpenCursor>()) });
    sqlite::SQLITE_OK
}

unsafe fn ours<'a>(cursor: *mut sqlite::sqlite3_vtab_cursor) -> &'a mut Cursor {
    // SAFETY: every cursor of this module is an `OpenCursor`, used by one thread at a time.
    unsafe { &mut (*cursor.cast::<OpenCursor>()).rows }
}

unsafe extern "C" fn filter(
    cursor: *mut sqlite::sqlite3_vtab_cursor,
    _: c_int,
    _: *const c_char,
    _: c_int,
    arguments: *mut *mut sqlite::sqlite3_value,
) -> c_int {
    // SAFETY: `best_index` asked for exactly one argument; its bytes are copied before returning.
    unsafe {
        let length = sqlite::sqlite3_value_bytes(*arguments);
        let bytes: *const u8 = sqlite::sqlite3_value_blob(*arguments).cast();
        let packed = if bytes.is_null() {
            &[][..]
        } else {
            std::slice::from_raw_parts(bytes, length as usize)
        };
        if ours(cursor).start(packed) {
            sqlite::SQLITE_OK
        } else {
            sqlite::SQLITE_ERROR
        }
    }
}

unsafe extern "C" fn next(cursor: *mut sqlite::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: a cursor of ours.
    if unsafe { ours(cursor) }.advance() {
        sqlite::SQLITE_OK
    } else {
        sqlite::SQLITE_ERROR
    }
}

unsafe extern "C" fn eof(cursor: *mut sqlite::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: a cursor of ours.
    c_int::from(unsafe { ours(cursor) }.at_end())
}

unsafe extern "C" fn rowid(
    cursor: *mut sqlite::sqlite3_vtab_cursor,
    out: *mut sqlite::sqlite3_int64,
) -> c_int {
    // SAFETY: a cursor of ours; `out` is SQLite's.
    unsafe { *out = ours(cursor).number() };
    sqlite::SQLITE_OK
}

unsafe extern "C" fn column(
    cursor: *mut sqlite::sqlite3_vtab_cursor,
    context: *mut sqlite::sqlite3_context,
    at: c_int,
) -> c_int {
    use super::rows::Field;
    // SAFETY: a cursor of ours; text and blobs are copied by SQLite (TRANSIENT) during the call.
    unsafe {
        match ours(cursor).field(at as usize) {
            Field::Null => sqlite::sqlite3_result_null(context),
            Field::Int(value) => sqlite::sqlite3_result_int64(context, value),
            Field::Real(value) => sqlite::sqlite3_result_double(context, value),
            Field::Text(text) => {
                sqlite::sqlite3_result_text(
                    context,
                    text.as_ptr().cast(),
                    text.len() as c_int,
                    sqlite::SQLITE_TRANSIENT(),
                );
            }
            Field::Blob(bytes) => {
                sqlite::sqlite3_result_blob(
                    context,
                    bytes.as_ptr().cast(),
                    bytes.len() as c_int,
                    sqlite::SQLITE_TRANSIENT(),
                );
            }
        }
    }
    sqlite::SQLITE_OK
}
