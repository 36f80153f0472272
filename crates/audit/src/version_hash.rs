//! What ties a version of a resource to the Record of the change that made it: decision 0023, "Versions of resources".

use ward_seal::hash::sha256_of;

/// SHA-256 over type, row id, version and the JSON body as it is read; a deletion has no body. Neither a new key nor another way to
/// compress changes it. About 2 us for 2 KB.
pub fn version_hash(ty: &str, rid: i64, version: u32, body: &[u8]) -> [u8; 32] {
    sha256_of(&[
        FORMAT,
        ty.as_bytes(),
        b"\0",
        &rid.to_be_bytes(),
        &version.to_be_bytes(),
        body,
    ])
}

const FORMAT: &[u8] = b"ward version 1\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_counts() {
        let hash = version_hash("Patient", 7, 1, b"{}");
        let written = b"ward version 1\0Patient\0\0\0\0\0\0\0\0\x07\0\0\0\x01{}";
        assert_eq!(hash, ward_seal::hash::sha256(written));
        for other in [
            version_hash("Person", 7, 1, b"{}"),
            version_hash("Patient", 8, 1, b"{}"),
            version_hash("Patient", 7, 2, b"{}"),
            version_hash("Patient", 7, 1, b"{ }"),
        ] {
            assert_ne!(hash, other);
        }
    }
}
