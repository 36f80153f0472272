//! ExplanationOfBenefit with contained ServiceRequest and Coverage.
//! <https://hl7.org/fhir/R4/explanationofbenefit.html>

use super::claim::{CLAIM_TYPE, Line, Numbers, Source, list};
use crate::calendar::Moment;
use crate::codes::{Code, hl7};
use crate::json::{self, Json};

const BLUE_BUTTON: &str = "https://bluebutton.cms.gov/resources/codesystem/adjudication";

/// The six adjudications of a line: variable, display, percent of the charge (None: no amount).
const ADJUDICATIONS: &[(&str, &str, Option<i64>)] = &[
    (
        "https://bluebutton.cms.gov/resources/variables/line_coinsrnc_amt",
        "Line Beneficiary Coinsurance Amount",
        Some(20),
    ),
    (
        "https://bluebutton.cms.gov/resources/variables/line_prvdr_pmt_amt",
        "Line Provider Payment Amount",
        Some(80),
    ),
    (
        "https://bluebutton.cms.gov/resources/variables/line_sbmtd_chrg_amt",
        "Line Submitted Charge Amount",
        Some(100),
    ),
    (
        "https://bluebutton.cms.gov/resources/variables/line_alowd_chrg_amt",
        "Line Allowed Charge Amount",
        Some(100),
    ),
    (
        "https://bluebutton.cms.gov/resources/variables/line_bene_ptb_ddctbl_amt",
        "Line Beneficiary Part B Deductible Amount",
        Some(0),
    ),
    (
        "https://bluebutton.cms.gov/resources/variables/line_prcsg_ind_cd",
        "Line Processing Indicator Code",
        None,
    ),
];
const MEDICAL_CARE: Code = Code {
    system: "https://bluebutton.cms.gov/resources/variables/line_cms_type_srvc_cd",
    code: "1",
    display: "Medical care",
};
const OUTPATIENT: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/ex-serviceplace",
    code: "19",
    display: "Off Campus-Outpatient Hospital",
};
const PRIMARY: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/claimcareteamrole",
    code: "primary",
    display: "Primary provider",
};
const SUBMITTED: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/adjudication",
    code: "submitted",
    display: "Submitted Amount",
};

pub struct Facts<'a> {
    pub patient: &'a str,
    pub practitioner: &'a str,
    pub encounter: &'a str,
    pub claim: &'a str,
    pub claim_number: &'a str,
    pub insurer: &'a str,
    pub start: Moment,
    pub end: Moment,
    pub lines: &'a [Line],
    pub cancelled: bool,
}

pub fn write(id: Option<&str>, facts: &Facts<'_>) -> String {
    json::resource("ExplanationOfBenefit", id, |j| {
        j.array("contained", |j| contained(j, facts))
            .array("identifier", |j| identifiers(j, facts));
        j.text(
            "status",
            if facts.cancelled {
                "cancelled"
            } else {
                "active"
            },
        );
        j.bare_concept("type", &hl7(CLAIM_TYPE, "institutional"))
            .text("use", "claim")
            .reference("patient", facts.patient);
        j.period("billablePeriod", facts.end, facts.end.plus_days(365))
            .plain("created", facts.end);
        j.object("insurer", |j| j.text("display", facts.insurer).end())
            .reference("provider", facts.practitioner);
        j.reference("referral", "#referral")
            .reference("claim", facts.claim)
            .text("outcome", "complete");
        j.one("careTeam", |j| {
            j.value("sequence", 1)
                .reference("provider", facts.practitioner);
            j.object("role", |j| j.one("coding", |j| j.code(&PRIMARY)).end());
        });
        sources(j, facts.lines);
        j.one("insurance", |j| {
            j.value("focal", true);
            j.object("coverage", |j| {
                j.text("reference", "#coverage")
                    .text("display", facts.insurer)
                    .end()
            });
        });
        j.array("item", |j| items(j, facts));
        let total: i64 = facts.lines.iter().filter_map(|l| l.cents).sum();
        j.one("total", |j| {
            j.concept("category", &SUBMITTED)
                .money("amount", total)
                .end()
        });
        j.object("payment", |j| j.money("amount", total * 80 / 100).end());
    })
}

fn contained(j: &mut Json, facts: &Facts<'_>) {
    j.item(|j| {
        j.text("resourceType", "ServiceRequest")
            .text("id", "referral")
            .text("status", "completed")
            .text("intent", "order");
        j.reference("subject", facts.patient)
            .reference("requester", facts.practitioner);
        j.references("performer", &[facts.practitioner]);
    });
    j.item(|j| {
        j.text("resourceType", "Coverage")
            .text("id", "coverage")
            .text("status", "active");
        j.object("type", |j| j.text("text", facts.insurer).end())
            .reference("beneficiary", facts.patient);
        j.one("payor", |j| j.text("display", facts.insurer).end());
    });
}

fn identifiers(j: &mut Json, facts: &Facts<'_>) {
    let claim = "https://bluebutton.cms.gov/resources/variables/clm_id";
    let group = "https://bluebutton.cms.gov/resources/identifier/claim-group";
    j.item(|j| {
        j.text("system", claim)
            .text("value", facts.claim_number)
            .end()
    });
    j.item(|j| j.text("system", group).text("value", "99999999999").end());
}

fn sources(j: &mut Json, lines: &[Line]) {
    list(
        j,
        "supportingInfo",
        lines.iter().filter_map(|l| {
            if let Source::Immunization(r) = &l.source {
                Some(r)
            } else {
                None
            }
        }),
        |j, r| {
            let information = hl7(
                "http://terminology.hl7.org/CodeSystem/claiminformationcategory",
                "info",
            );
            j.bare_concept("category", &information)
                .reference("valueReference", r);
        },
    );
    list(
        j,
        "diagnosis",
        lines.iter().filter_map(|l| {
            if let Source::Diagnosis(r) = &l.source {
                Some(r)
            } else {
                None
            }
        }),
        |j, r| {
            let principal = hl7(
                "http://terminology.hl7.org/CodeSystem/ex-diagnosistype",
                "principal",
            );
            j.reference("diagnosisReference", r)
                .one("type", |j| j.one("coding", |j| j.code(&principal)).end());
        },
    );
    list(
        j,
        "procedure",
        lines.iter().filter_map(|l| {
            if let Source::Procedure(r) = &l.source {
                Some(r)
            } else {
                None
            }
        }),
        |j, r| {
            j.reference("procedureReference", r);
        },
    );
}

fn items(j: &mut Json, facts: &Facts<'_>) {
    let mut numbers = Numbers::default();
    for (n, line) in facts.lines.iter().enumerate() {
        j.item(|j| {
            j.value("sequence", n + 1);
            numbers.write(j, &line.source);
            j.object("category", |j| {
                j.one("coding", |j| j.code(&MEDICAL_CARE)).end()
            });
            j.concept("productOrService", &line.code).period(
                "servicedPeriod",
                facts.start,
                facts.end,
            );
            j.object("locationCodeableConcept", |j| {
                j.one("coding", |j| j.code(&OUTPATIENT)).end()
            });
            match (&line.source, line.cents) {
                (Source::Visit, _) => j.references("encounter", &[facts.encounter]).end(),
                (_, Some(cents)) => adjudicated(j, cents),
                _ => {}
            }
        });
    }
}

fn adjudicated(j: &mut Json, cents: i64) {
    j.money("net", cents).array("adjudication", |j| {
        for (code, display, percent) in ADJUDICATIONS {
            j.item(|j| {
                let category = Code {
                    system: BLUE_BUTTON,
                    code,
                    display,
                };
                j.object("category", |j| j.one("coding", |j| j.code(&category)).end());
                if let Some(percent) = percent {
                    j.money("amount", cents * percent / 100);
                }
            });
        }
    });
}
