//! Transaction Bundles. <https://hl7.org/fhir/R4/bundle.html#transaction>

use crate::json;
use crate::rng::Rng;

/// One entry of a patient's bundle.
pub struct Entry {
    pub urn: String,
    pub kind: &'static str,
    pub document: String,
}

pub fn posts(entries: &[Entry]) -> String {
    bundle(entries.iter().map(|e| {
        (
            e.urn.as_str(),
            e.document.as_str(),
            "POST",
            e.kind.to_owned(),
        )
    }))
}

/// PUT of (type, id, document).
pub fn puts(rng: &mut Rng, resources: &[(&'static str, String, String)]) -> String {
    let urns: Vec<String> = resources.iter().map(|_| rng.urn()).collect();
    let entries = resources.iter().zip(&urns);
    bundle(entries.map(|((kind, id, document), urn)| {
        (
            urn.as_str(),
            document.as_str(),
            "PUT",
            format!("{kind}/{id}"),
        )
    }))
}

fn bundle<'a>(
    entries: impl Iterator<Item = (&'a str, &'a str, &'static str, String)> + Clone,
) -> String {
    // What one entry adds around its document.
    const AROUND_BYTES: usize = 160;
    let bytes = entries
        .clone()
        .map(|e| e.1.len() + AROUND_BYTES)
        .sum::<usize>()
        + AROUND_BYTES;
    json::document(bytes, |j| {
        j.text("resourceType", "Bundle")
            .text("type", "transaction")
            .array("entry", |j| {
                for (urn, document, method, url) in entries {
                    j.item(|j| {
                        j.text("fullUrl", urn).raw("resource", document);
                        j.object("request", |j| {
                            j.text("method", method).text("url", &url).end()
                        });
                    });
                }
            });
    })
}
