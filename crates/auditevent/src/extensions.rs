//! What AuditEvent has no element for, as extensions of our own.

use crate::json::Json;
use crate::kind::About;
use crate::render::View;
use ward_seal::base64;
use ward_seal::random::uuid_text;

/// Each with its meaning. All are on the AuditEvent itself but [`NOT_DISCLOSED`].
pub const EXTENSIONS: [(&str, &str); 14] = [
    (SEQUENCE, "number of the leaf in the Merkle tree"),
    (LEAF_NONCE, "random bytes that the leaf commits to"),
    (
        REQUEST_ID,
        "of the request, where there is no entity for it",
    ),
    (HTTP_STATUS, "of the answer"),
    (ELAPSED, "milliseconds from the request to its record"),
    (BYTES_OUT, "of the body of the answer"),
    (RESULTS, "resources in the answer"),
    (SESSION, "in which the person is signed in"),
    (WORKSTATION, "the shared computer at which they are"),
    (
        AUTHENTICATED,
        "words of acr and amr by which they signed in",
    ),
    (
        BREAK_GLASS,
        "an emergency override is declared, used or ended",
    ),
    (ALERT, "number of the alert that the privacy office gets"),
    (RECEIPT, "when and from whom this AuditEvent was received"),
    (NOT_DISCLOSED, "nothing of this patient was disclosed"),
];

pub const SEQUENCE: &str = "urn:ward:audit:sequence";
pub const LEAF_NONCE: &str = "urn:ward:audit:leaf-nonce";
pub const REQUEST_ID: &str = "urn:ward:audit:request-id";
pub const HTTP_STATUS: &str = "urn:ward:audit:http-status";
pub const ELAPSED: &str = "urn:ward:audit:elapsed";
pub const BYTES_OUT: &str = "urn:ward:audit:bytes-out";
pub const RESULTS: &str = "urn:ward:audit:results";
pub const SESSION: &str = "urn:ward:audit:session";
pub const WORKSTATION: &str = "urn:ward:audit:workstation";
pub const AUTHENTICATED: &str = "urn:ward:audit:authenticated";
pub const BREAK_GLASS: &str = "urn:ward:audit:break-glass";
pub const ALERT: &str = "urn:ward:audit:alert";
pub const RECEIPT: &str = "urn:ward:audit:receipt";
/// Of a patient among the entities.
pub const NOT_DISCLOSED: &str = "urn:ward:audit:not-disclosed";

pub(crate) fn write(j: &mut Json, view: &View<'_>) {
    let record = view.record;
    let detail = &record.detail;
    let Some(event) = view.event else { return };
    let decimal = |n: Option<u64>| n.map(|n| n.to_string());
    let has_no_entity = matches!(view.kind.about, About::Token | About::Consents);
    let values = [
        (SEQUENCE, "valueDecimal", decimal(event.sequence)),
        (LEAF_NONCE, "valueBase64Binary", event.nonce.map(base64)),
        (
            REQUEST_ID,
            "valueString",
            has_no_entity.then(|| uuid_text(record.request_id)),
        ),
        (HTTP_STATUS, "valueInteger", Some(record.status.to_string())),
        (ELAPSED, "valueDecimal", detail.elapsed_us.map(milliseconds)),
        (BYTES_OUT, "valueDecimal", decimal(detail.bytes_out)),
        (
            RESULTS,
            "valueDecimal",
            decimal(detail.results.map(u64::from)),
        ),
        (SESSION, "valueString", Some(detail.session.clone())),
        (WORKSTATION, "valueString", Some(detail.workstation.clone())),
        (
            AUTHENTICATED,
            "valueString",
            Some(detail.authenticated.clone()),
        ),
        (
            BREAK_GLASS,
            "valueBoolean",
            record.decision.break_glass.then(|| "true".to_owned()),
        ),
        (
            ALERT,
            "valueString",
            record.decision.alert.map(|alert| alert.to_string()),
        ),
    ];
    for (url, member, value) in values {
        let value = value.unwrap_or_default();
        if !value.trim().is_empty() {
            j.item(|j| {
                j.text("url", url);
                match member {
                    "valueDecimal" | "valueInteger" | "valueBoolean" => j.literal(member, &value),
                    _ => j.text(member, &value),
                }
            });
        }
    }
}

fn milliseconds(us: u64) -> String {
    format!("{}.{:03}", us / 1_000, us % 1_000)
}
