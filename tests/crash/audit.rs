//! Every request that was answered has its record in the store, once what lay in the local log is drained.

use crate::audit::left;
use std::collections::HashSet;
use ward_testkit::Home;

/// `answered`: request ids. No server runs any more.
pub fn check_recorded(home: &Home, answered: &[[u8; 16]]) {
    let records = left::read(home);
    let there: HashSet<[u8; 16]> = records.iter().map(|record| record.request_id).collect();
    let missing = answered.iter().filter(|id| !there.contains(*id)).count();
    let all = answered.len();
    assert!(
        missing == 0,
        "{missing} of {all} acknowledged requests have no record"
    );
}
