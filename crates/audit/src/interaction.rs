//! One byte for the interactions every record names. <https://hl7.org/fhir/R4/valueset-system-restful-interaction.html>

/// Stored by position: only ever append. 0 is "spelled out".
const KNOWN: &[&str] = &[
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history",
    "history-instance",
    "history-type",
    "history-system",
    "create",
    "search",
    "search-type",
    "search-system",
    "capabilities",
    "transaction",
    "batch",
    "operation",
];

pub(crate) fn number(code: &str) -> Option<u8> {
    KNOWN
        .iter()
        .position(|known| *known == code)
        .map(|at| at as u8 + 1)
}

pub(crate) fn code(number: u8) -> Option<&'static str> {
    KNOWN.get(usize::from(number).checked_sub(1)?).copied()
}
