//! The file stays mapped while others commit. <https://www.sqlite.org/mmap.html>
//!
//! SQLite lets go of a map whenever another connection has committed, so that a file that has grown is mapped anew. A server that
//! records every read commits before almost every read: each page would be faulted in again and again (searches of a large
//! store spent most of their time so). This layer over the VFS of the system lets go only when the file has grown by a part, or has
//! become shorter; pages past the map are read by copying. A shared map shows what is in the file, and no page past its end is
//! asked for.
//!
//! Soundness: the file of the layer is that of the system with an [`Extra`] behind it, in memory that SQLite allocates by
//! `szOsFile`; the system's methods see their own file. The callbacks never unwind.

use libsqlite3_sys as sqlite;
use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::OnceLock;

/// Makes the layer what connections opened from now on use. Call once.
pub fn register() {
    // SAFETY: plain calls; what is registered is never freed.
    unsafe {
        let system = sqlite::sqlite3_vfs_find(ptr::null());
        let Some(found) = system.as_ref() else {
            return;
        };
        if SYSTEM.set(System(system)).is_err() {
            return;
        }
        let layer = Box::leak(Box::new(sqlite::sqlite3_vfs {
            zName: NAME.as_ptr(),
            pNext: ptr::null_mut(),
            szOsFile: extra_at(found) as c_int + mem::size_of::<Extra>() as c_int,
            xOpen: Some(open),
            ..*found
        }));
        sqlite::sqlite3_vfs_register(layer, 1);
    }
}

const NAME: &CStr = c"ward";
static SYSTEM: OnceLock<System> = OnceLock::new();

struct System(*mut sqlite::sqlite3_vfs);

// SAFETY: a VFS is registered for the life of the process and used by all of its threads.
unsafe impl Send for System {}
// SAFETY: as above.
unsafe impl Sync for System {}

/// What stands behind the file of the system.
struct Extra {
    /// Those of the system with `unfetch` among them.
    methods: sqlite::sqlite3_io_methods,
    system: *const sqlite::sqlite3_io_methods,
    /// Bytes of the file when its map was let go last.
    bytes: i64,
}

fn extra_at(system: &sqlite::sqlite3_vfs) -> usize {
    (system.szOsFile as usize).next_multiple_of(mem::align_of::<Extra>())
}

unsafe extern "C" fn open(
    _: *mut sqlite::sqlite3_vfs,
    name: sqlite::sqlite3_filename,
    file: *mut sqlite::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let Some(System(system)) = SYSTEM.get() else {
        return sqlite::SQLITE_CANTOPEN;
    };
    // SAFETY: the system's VFS with the arguments of its own `xOpen`; `file` has room for its file and an `Extra` behind it.
    unsafe {
        let Some(open) = (**system).xOpen else {
            return sqlite::SQLITE_CANTOPEN;
        };
        let opened = open(*system, name, file, flags, flags_out);
        let methods = (*file).pMethods;
        if opened != sqlite::SQLITE_OK
            || methods.is_null()
            || flags & sqlite::SQLITE_OPEN_MAIN_DB == 0
        {
            return opened;
        }
        // Only methods of the third version know maps.
        if (*methods).iVersion < 3 || (*methods).xUnfetch.is_none() {
            return opened;
        }
        let extra = extra(file, *system);
        ptr::write(
            extra,
            Extra {
                methods: sqlite::sqlite3_io_methods {
                    xUnfetch: Some(unfetch),
                    ..*methods
                },
                system: methods,
                bytes: 0,
            },
        );
        (*file).pMethods = &raw const (*extra).methods;
        opened
    }
}

/// # Safety
/// `file` was opened by the layer.
unsafe fn extra(file: *mut sqlite::sqlite3_file, system: *mut sqlite::sqlite3_vfs) -> *mut Extra {
    // SAFETY: within the memory that SQLite allocated for the file; SQLite aligns it to eight bytes, as `Extra` is.
    unsafe { file.cast::<u8>().add(extra_at(&*system)).cast() }
}

/// A page is given back, or (without one) the whole map.
unsafe extern "C" fn unfetch(
    file: *mut sqlite::sqlite3_file,
    at: sqlite::sqlite3_int64,
    page: *mut c_void,
) -> c_int {
    let Some(System(system)) = SYSTEM.get() else {
        return sqlite::SQLITE_ERROR;
    };
    // SAFETY: only files of the layer have this method.
    unsafe {
        let extra = extra(file, *system);
        let Some(unfetch) = (*(*extra).system).xUnfetch else {
            return sqlite::SQLITE_OK;
        };
        if !page.is_null() {
            return unfetch(file, at, page);
        }
        let mut bytes = 0;
        if let Some(size) = (*(*extra).system).xFileSize
            && size(file, &mut bytes) == sqlite::SQLITE_OK
            && bytes >= (*extra).bytes
            && bytes <= (*extra).bytes.saturating_add((*extra).bytes / GROWTH)
        {
            return sqlite::SQLITE_OK;
        }
        (*extra).bytes = bytes;
        unfetch(file, at, page)
    }
}

/// The part of itself by which a file grows before it is mapped anew.
const GROWTH: i64 = 16;
