//! The aggregate `gathered(n)`: the distinct integers of many rows, packed as the function `rows` reads them.
//!
//! A code has many rows in few homes. `distinct` looks each row up in a tree, which is most of what such a range costs;
//! here it is a look into a table of hashes.
//!
//! Soundness: SQLite hands the context of an aggregate out as zeros and keeps it until `last`, which it calls once for every
//! group that was begun, also where the statement is cut off. It holds one pointer, to a box of ours. No callback unwinds.

use super::ffi::PURE;
use super::rows::Rows;
use libsqlite3_sys as sqlite;
use std::collections::HashSet;
use std::ffi::c_int;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::ptr;

/// Numbers are row ids of the store's own making: nobody chooses them so that they fall together.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_i64(i64::from(*byte) ^ self.0 as i64);
        }
    }

    fn write_i64(&mut self, n: i64) {
        let product = u128::from(n as u64) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

type Gathered = HashSet<i64, BuildHasherDefault<Spread>>;

/// # Safety
/// `db` is a live connection.
pub unsafe fn register(db: *mut sqlite::sqlite3) -> c_int {
    // SAFETY: the name and the functions are static.
    unsafe {
        sqlite::sqlite3_create_function_v2(
            db,
            c"gathered".as_ptr(),
            1,
            PURE,
            ptr::null_mut(),
            None,
            Some(step),
            Some(last),
            None,
        )
    }
}

unsafe extern "C" fn step(
    context: *mut sqlite::sqlite3_context,
    _: c_int,
    arguments: *mut *mut sqlite::sqlite3_value,
) {
    // SAFETY: registered with one argument; the context is a pointer that is null or of a box made here.
    unsafe {
        let bytes = mem::size_of::<*mut Gathered>() as c_int;
        let held: *mut *mut Gathered = sqlite::sqlite3_aggregate_context(context, bytes).cast();
        let Some(held) = held.as_mut() else {
            return sqlite::sqlite3_result_error_nomem(context);
        };
        if held.is_null() {
            *held = Box::into_raw(Box::default());
        }
        (**held).insert(sqlite::sqlite3_value_int64(*arguments));
    }
}

unsafe extern "C" fn last(context: *mut sqlite::sqlite3_context) {
    // SAFETY: without a step before, no context is made for a size of 0; else it holds a box, taken back once.
    unsafe {
        let held: *mut *mut Gathered = sqlite::sqlite3_aggregate_context(context, 0).cast();
        let gathered = match held.as_mut() {
            Some(held) if !held.is_null() => *Box::from_raw(mem::replace(held, ptr::null_mut())),
            _ => Gathered::default(),
        };
        let mut numbers: Vec<i64> = gathered.into_iter().collect();
        numbers.sort_unstable();
        let packed = Rows::of(numbers).into_bytes();
        sqlite::sqlite3_result_blob64(
            context,
            packed.as_ptr().cast(),
            packed.len() as u64,
            sqlite::SQLITE_TRANSIENT(),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::meter::Meter;
    use crate::sqlite::connection::Connection;
    use std::sync::Arc;

    #[test]
    fn each_number_is_gathered_once_and_none_of_no_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ward.db");
        let mut connection = Connection::writer(&path, Arc::new(Meter::new(1_000))).unwrap();
        connection.batch("create table t (n integer)").unwrap();
        let mut gathered = |condition: &str| {
            let sql = format!(
                "select a from rows((select gathered(n) from t where {condition})) order by a"
            );
            let mut numbers = Vec::new();
            let done = connection.each(&sql, &[], |row| {
                numbers.push(row.int(0)?);
                Ok(())
            });
            done.map(|()| numbers)
        };
        assert_eq!(gathered("1"), Ok(Vec::new()));
        let mut connection = Connection::writer(&path, Arc::new(Meter::new(1_000))).unwrap();
        let numbers = "with recursive c (n) as (select -500 union all select n + 1 from c where n < 499) \
             insert into t select n << 40 from c union all select n << 40 from c";
        connection.batch(numbers).unwrap();
        let expected: Vec<i64> = (-500..500).map(|n: i64| n << 40).collect();
        assert_eq!(gathered("1"), Ok(expected));
        assert_eq!(gathered("n = 0"), Ok(vec![0]));
        assert_eq!(gathered("n = 1"), Ok(Vec::new()));
    }
}
