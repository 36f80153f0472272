//! Answers that are looked through before they leave, and what is made of them.

use bytes::Bytes;
use ward_fhir::issue::Result;
use ward_fhir::json::{self, Stamp};
use ward_fhir::tree::Limits;
use ward_fhir::{Document, Failure, Kind, Node};

/// Error: it cannot be read, so nothing of it leaves. `why`: as the client is told.
pub(crate) fn read(json: &[u8], why: &'static str) -> Result<Document> {
    json::read(json, None, &ANSWER).map_err(|_| {
        tracing::error!(why, "an answer could not be read; it was withheld");
        Failure::new(Kind::Internal, why)
    })
}

/// `bytes`: about how long it is.
pub(crate) fn written(root: Node<'_>, bytes: usize) -> Bytes {
    let mut out = Vec::with_capacity(bytes);
    json::write(root, Stamp::default(), &mut out);
    out.into()
}

/// Answers hold resources that are as deep and long as any that is stored, some Bundles within one another.
const ANSWER: Limits = Limits {
    depth_max: 96,
    nodes_max: 64_000_000,
    issues_max: 1,
};
