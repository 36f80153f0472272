//! CarePlan with its narrative. <https://hl7.org/fhir/R4/careplan.html>

use super::Context;
use crate::calendar::Moment;
use crate::codes::Code;
use crate::codes::illness::Illness;
use crate::json;

pub struct Facts<'a> {
    pub illness: &'a Illness,
    pub condition: &'a str,
    pub goal: Option<&'a str>,
    pub start: Moment,
    pub end: Option<Moment>,
}

pub fn write(id: Option<&str>, context: Context<'_>, facts: &Facts<'_>) -> String {
    let illness = facts.illness;
    let status = if facts.end.is_some() {
        "completed"
    } else {
        "active"
    };
    json::resource("CarePlan", id, |j| {
        let div = format!(
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">Care plan: {}.<br/>Activities: <ul><li>{}</li><li>{}</li></ul>Meant to treat {}.</div>",
            illness.plan.display,
            illness.activities[0].display,
            illness.activities[1].display,
            illness.code.display
        );
        j.object("text", |j| {
            j.text("status", "generated").text("div", &div).end()
        });
        j.text("status", status)
            .text("intent", "order")
            .array("category", |j| {
                j.item(|j| j.one("coding", |j| j.code(&ASSESS)).end());
                j.item(|j| j.concept_body(&illness.plan));
            });
        j.reference("subject", context.patient)
            .reference("encounter", context.encounter);
        j.object("period", |j| {
            j.plain("start", facts.start);
            if let Some(end) = facts.end {
                j.plain("end", end);
            }
        });
        j.references("addresses", &[facts.condition]);
        if let Some(goal) = facts.goal {
            j.references("goal", &[goal]);
        }
        j.array("activity", |j| {
            for activity in &illness.activities {
                j.item(|j| {
                    let status = if facts.end.is_some() {
                        "completed"
                    } else {
                        "in-progress"
                    };
                    j.object("detail", |j| {
                        j.concept("code", activity).text("status", status).end()
                    });
                });
            }
        });
    })
}

const ASSESS: Code = Code {
    system: "http://hl7.org/fhir/us/core/CodeSystem/careplan-category",
    code: "assess-plan",
    display: "",
};
