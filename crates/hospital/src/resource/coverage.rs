//! Coverage. <https://hl7.org/fhir/R4/coverage.html>

use crate::calendar::Day;
use crate::codes::Code;
use crate::json;

pub fn write(
    id: Option<&str>,
    patient: &str,
    insurer: (&str, &str),
    member: i64,
    since: Day,
) -> String {
    json::resource("Coverage", id, |j| {
        j.text("status", "active").concept("type", &POLICY);
        j.plain("subscriberId", format_args!("W{member:09}"))
            .reference("beneficiary", patient);
        j.concept("relationship", &SELF)
            .object("period", |j| j.plain("start", since).end());
        j.one("payor", |j| {
            j.text("reference", insurer.0)
                .text("display", insurer.1)
                .end()
        });
    })
}

const POLICY: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    code: "EHCPOL",
    display: "extended healthcare",
};
const SELF: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/subscriber-relationship",
    code: "self",
    display: "Self",
};
