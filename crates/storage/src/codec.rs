//! Stored bodies: header, zstd level 1, AES-256-GCM under the patient's data key. About 13 us in, 6 us out for 1.6 KB.
//! <https://csrc.nist.gov/pubs/sp/800/38/d/final>
//!
//! Header: codec (u8), dictionary id (u16 LE, 0: none), key id (u32 LE). The tag also covers the header and
//! (type, row id, version), so that no body can be put in another's place.

use crate::contract::{Rid, StoreError};
use crate::dictionaries;
use std::cell::RefCell;
use ward_fhir::TypeId;
use ward_seal::DataKey;
use zstd::zstd_safe::{CCtx, CParameter, DCtx, get_frame_content_size};

/// Level 3 takes 1.7 times as long for 2 % fewer bytes once there is a dictionary.
pub const LEVEL: i32 = 1;
/// Bytes before the sealed part.
pub const HEADER_BYTES: usize = 7;
/// No stored body is larger; a frame that claims more is damaged.
pub const BODY_BYTES_MAX: usize = 256 << 20;

const STORED: u8 = 0;
const ZSTD: u8 = 1;

/// What a body is bound to.
#[derive(Clone, Copy)]
pub struct Place {
    pub ty: TypeId,
    pub rid: Rid,
    pub version: u32,
}

/// Compresses and seals. An empty body (a deletion) stays empty.
pub fn seal(place: Place, key_id: u32, key: &DataKey, body: &[u8]) -> Vec<u8> {
    if body.is_empty() {
        return Vec::new();
    }
    let dictionary = dictionaries::for_type(place.ty);
    COMPRESS.with_borrow_mut(|(context, packed)| {
        packed.clear();
        packed.reserve(zstd::zstd_safe::compress_bound(body.len()));
        // The dictionary is borrowed for ever, so a context may keep it; 'none' must be said too.
        let done = match dictionary {
            Some(dictionary) => context
                .ref_cdict(dictionary.compressor())
                .and_then(|_| context.compress2(packed, body)),
            None => context
                .disable_dictionary()
                .and_then(|_| context.compress2(packed, body)),
        };
        let smaller = done.is_ok() && packed.len() < body.len();
        let (codec, dictionary_id, plain) = match dictionary {
            Some(dictionary) if smaller => (ZSTD, dictionary.id, packed.as_slice()),
            None if smaller => (ZSTD, 0, packed.as_slice()),
            _ => (STORED, 0, body),
        };
        let header = header(codec, dictionary_id, key_id);
        let mut sealed = Vec::with_capacity(
            HEADER_BYTES + plain.len() + ward_seal::aead::NONCE_BYTES + ward_seal::aead::TAG_BYTES,
        );
        sealed.extend_from_slice(&header);
        key.seal(&binding(place, &header), plain, &mut sealed);
        sealed
    })
}

/// The id of the data key a sealed body needs.
pub fn key_id(sealed: &[u8]) -> Option<u32> {
    let bytes = sealed.get(3..HEADER_BYTES)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Opens and decompresses. `Integrity` when anything does not fit: key, place, header, dictionary, frame.
pub fn open(place: Place, key: &DataKey, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
    if sealed.is_empty() {
        return Ok(Vec::new());
    }
    let (header, rest) = sealed
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(StoreError::Integrity)?;
    DECOMPRESS.with_borrow_mut(|(context, scratch)| {
        scratch.clear();
        scratch.extend_from_slice(rest);
        let plain = key
            .open_in_place(&binding(place, header), scratch)
            .map_err(|_| StoreError::Integrity)?;
        match header[0] {
            STORED => Ok(plain.to_vec()),
            ZSTD => decompress(context, u16::from_le_bytes([header[1], header[2]]), plain),
            _ => Err(StoreError::Integrity),
        }
    })
}

fn decompress(
    context: &mut DCtx<'static>,
    dictionary: u16,
    frame: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let size = get_frame_content_size(frame)
        .ok()
        .flatten()
        .ok_or(StoreError::Integrity)?;
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size <= BODY_BYTES_MAX)
        .ok_or(StoreError::Integrity)?;
    let mut body = Vec::with_capacity(size);
    let done = if dictionary == 0 {
        context.decompress(&mut body, frame)
    } else {
        let dictionary = dictionaries::by_id(dictionary).ok_or(StoreError::Integrity)?;
        context.decompress_using_ddict(&mut body, frame, dictionary.decompressor())
    };
    done.map_err(|_| StoreError::Integrity)?;
    if body.len() == size {
        Ok(body)
    } else {
        Err(StoreError::Integrity)
    }
}

fn header(codec: u8, dictionary: u16, key_id: u32) -> [u8; HEADER_BYTES] {
    let (d, k) = (dictionary.to_le_bytes(), key_id.to_le_bytes());
    [codec, d[0], d[1], k[0], k[1], k[2], k[3]]
}

fn binding(place: Place, header: &[u8; HEADER_BYTES]) -> [u8; BINDING_BYTES] {
    let mut out = [0; BINDING_BYTES];
    out[..2].copy_from_slice(&place.ty.0.to_le_bytes());
    out[2..10].copy_from_slice(&place.rid.to_le_bytes());
    out[10..14].copy_from_slice(&place.version.to_le_bytes());
    out[14..].copy_from_slice(header);
    out
}

const BINDING_BYTES: usize = 14 + HEADER_BYTES;

fn new_compressor() -> CCtx<'static> {
    let mut context = CCtx::create();
    // None of these can fail on a fresh context; without them frames are a few bytes longer, nothing else.
    for parameter in [
        CParameter::CompressionLevel(LEVEL),
        CParameter::ContentSizeFlag(true),
        CParameter::ChecksumFlag(false),
        CParameter::DictIdFlag(false),
    ] {
        let _ = context.set_parameter(parameter);
    }
    context
}

thread_local! {
    static COMPRESS: RefCell<(CCtx<'static>, Vec<u8>)> = RefCell::new((new_compressor(), Vec::new()));
    static DECOMPRESS: RefCell<(DCtx<'static>, Vec<u8>)> = RefCell::new((DCtx::create(), Vec::new()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        ty: TypeId(3),
        rid: 4_711,
        version: 2,
    };

    #[test]
    fn bodies_come_back_whatever_their_size() {
        let key = DataKey::generate();
        for size in [0usize, 1, 17, 1_600, 200_000] {
            let body: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let sealed = seal(PLACE, 9, &key, &body);
            assert_eq!(open(PLACE, &key, &sealed).unwrap(), body);
            assert_eq!(key_id(&sealed), (size > 0).then_some(9));
        }
    }

    #[test]
    fn a_body_opens_only_at_its_own_place_and_unchanged() {
        let key = DataKey::generate();
        let sealed = seal(PLACE, 9, &key, &[b'x'; 500]);
        assert!(sealed.len() < 100);
        for place in [
            Place {
                ty: TypeId(4),
                ..PLACE
            },
            Place {
                rid: 4_712,
                ..PLACE
            },
            Place {
                version: 3,
                ..PLACE
            },
        ] {
            assert_eq!(open(place, &key, &sealed), Err(StoreError::Integrity));
        }
        assert_eq!(
            open(PLACE, &DataKey::generate(), &sealed),
            Err(StoreError::Integrity)
        );
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(open(PLACE, &key, &damaged), Err(StoreError::Integrity));
        }
        for end in 1..sealed.len() {
            assert_eq!(
                open(PLACE, &key, &sealed[..end]),
                Err(StoreError::Integrity)
            );
        }
    }

    #[test]
    fn an_unknown_dictionary_is_damage() {
        let key = DataKey::generate();
        let header = header(ZSTD, 60_000, 1);
        let mut sealed = header.to_vec();
        key.seal(
            &binding(PLACE, &header),
            &zstd::bulk::compress(b"{}", 1).unwrap(),
            &mut sealed,
        );
        assert_eq!(open(PLACE, &key, &sealed), Err(StoreError::Integrity));
    }
}
