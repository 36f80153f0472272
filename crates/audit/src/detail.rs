//! What a Record remembers beside what every Record has: fields of their own, each written only where there is something to say.

use crate::varint::{self, Cursor};

const SHA256_BYTES: usize = 32;

/// Nothing of this for many Records, which take no byte more for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// `X-Request-Id` as the client sent it.
    pub client_request_id: String,
    /// `jti` of the token.
    pub token_id: String,
    /// Of the person who is signed in.
    pub session: String,
    /// The shared computer at which they are.
    pub workstation: String,
    /// Names of the roles in force, with spaces between.
    pub roles: String,
    /// How the user was authenticated: words of `acr` and `amr`, with spaces between.
    pub authenticated: String,
    /// What of the interaction it was: the operation's name, `consent-change`, ...
    pub subtype: String,
    /// A search or an operation as it was asked, path and query or form. Never a credential.
    pub request: String,
    /// Resources in the answer.
    pub results: Option<u32>,
    /// Of the answer's body.
    pub bytes_out: Option<u64>,
    /// Microseconds from the request to its Record.
    pub elapsed_us: Option<u64>,
    /// Row id of the patient that a refused request was about: not disclosed. 0: none.
    pub patient: i64,
    /// SHA-256 of each version that was written, in the order of the entities created or updated (decision 0023).
    pub hashes: Vec<[u8; SHA256_BYTES]>,
    /// An AuditEvent that another system sent, JSON as it was sent.
    pub received: Vec<u8>,
    /// The client is a service that acts for the user, who is not there.
    pub is_delegate: bool,
}

/// A text is cut to so much.
pub const DETAIL_BYTES_MAX: usize = 4096;
/// An AuditEvent that is received may be so long.
pub const RECEIVED_BYTES_MAX: usize = 256 << 10;
const HASHES_MAX: usize = 20_000;

impl Detail {
    pub fn is_empty(&self) -> bool {
        *self == Detail::default()
    }

    /// Pairs of field number, ascending, and value; 0 ends.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for (field, text) in (1..).zip(self.texts()) {
            if !text.is_empty() {
                let kept = &text[..text.floor_char_boundary(DETAIL_BYTES_MAX)];
                put(out, field, kept.as_bytes());
            }
        }
        let mut number = Vec::new();
        for (field, value) in (RESULTS..).zip(self.numbers()) {
            if let Some(value) = value {
                number.clear();
                varint::put(&mut number, value);
                put(out, field, &number);
            }
        }
        if self.patient != 0 {
            number.clear();
            varint::put_signed(&mut number, self.patient);
            put(out, PATIENT, &number);
        }
        if !self.hashes.is_empty() {
            let kept = &self.hashes[..self.hashes.len().min(HASHES_MAX)];
            put(out, HASHES, kept.as_flattened());
        }
        if !self.received.is_empty() {
            put(out, RECEIVED, &self.received);
        }
        if self.is_delegate {
            put(out, DELEGATE, &[1]);
        }
        out.push(0);
    }

    /// `None`: not what [`Detail::encode`] writes.
    pub(crate) fn decode(from: &mut Cursor) -> Option<Detail> {
        let mut detail = Detail::default();
        let mut before = 0;
        loop {
            let field = from.byte()?;
            if field == 0 {
                return Some(detail);
            }
            let length = usize::try_from(from.varint()?).ok()?;
            let value = from.bytes(length)?;
            if field <= before || value.is_empty() {
                return None;
            }
            before = field;
            detail.take(field, value)?;
        }
    }

    fn take(&mut self, field: u8, value: &[u8]) -> Option<()> {
        match field {
            ..RESULTS => {
                let text = std::str::from_utf8(value).ok()?;
                let fits = text.len() <= DETAIL_BYTES_MAX;
                let place = self.texts_mut().into_iter().nth(usize::from(field) - 1)?;
                *place = fits.then(|| text.to_owned())?;
            }
            RESULTS => self.results = Some(u32::try_from(number(value)?).ok()?),
            BYTES_OUT => self.bytes_out = Some(number(value)?),
            ELAPSED => self.elapsed_us = Some(number(value)?),
            PATIENT => {
                let mut from = Cursor(value);
                let patient = from.signed().filter(|patient| *patient != 0)?;
                self.patient = from.0.is_empty().then_some(patient)?;
            }
            HASHES => {
                let (hashes, rest) = value.as_chunks::<SHA256_BYTES>();
                let fits = rest.is_empty() && hashes.len() <= HASHES_MAX;
                self.hashes = fits.then(|| hashes.to_vec())?;
            }
            RECEIVED => self.received = value.to_vec(),
            DELEGATE => self.is_delegate = (value == [1]).then_some(true)?,
            _ => return None,
        }
        Some(())
    }

    /// In the order of their fields' numbers, from 1: only ever append, up to [`RESULTS`].
    fn texts(&self) -> [&String; 8] {
        [
            &self.client_request_id,
            &self.token_id,
            &self.session,
            &self.workstation,
            &self.roles,
            &self.authenticated,
            &self.subtype,
            &self.request,
        ]
    }

    fn texts_mut(&mut self) -> [&mut String; 8] {
        [
            &mut self.client_request_id,
            &mut self.token_id,
            &mut self.session,
            &mut self.workstation,
            &mut self.roles,
            &mut self.authenticated,
            &mut self.subtype,
            &mut self.request,
        ]
    }

    fn numbers(&self) -> [Option<u64>; 3] {
        [self.results.map(u64::from), self.bytes_out, self.elapsed_us]
    }
}

fn put(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field);
    varint::put(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn number(value: &[u8]) -> Option<u64> {
    let mut from = Cursor(value);
    let number = from.varint()?;
    from.0.is_empty().then_some(number)
}

const RESULTS: u8 = 32;
const BYTES_OUT: u8 = 33;
const ELAPSED: u8 = 34;
const PATIENT: u8 = 48;
const HASHES: u8 = 49;
const RECEIVED: u8 = 50;
const DELEGATE: u8 = 51;
