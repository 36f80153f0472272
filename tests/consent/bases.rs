//! T1 to T12, T17 to T21, T61 and T62: bases, defaults, purposes, levels, several consents.

use super::hospital::{Hospital, OFFICER, on_each, on_own};
use super::seen::{hides, shows};
use super::words::{deny, opt_in, opt_out, permit, rooted};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn t1_r9_r12_nothing_is_said_and_treatment_is_implied() {
    on_each(|ward| {
        let o1 = ward.patient().glucose();
        shows(ward.dr_t(), &o1);
        shows(ward.dr_o(), &o1);
        shows(&ward.service("billing at H1"), &o1);
        // Neither research nor what is for nothing at all is implied.
        hides(&ward.service("research at H1"), &o1);
        hides(&ward.service("no purpose at H1"), &o1);
    });
}

#[test]
fn t2_r9_nothing_is_said_where_the_default_is_to_deny() {
    on_own(&[("consent.default", "deny")], |ward| {
        let chart = ward.patient();
        let o1 = chart.glucose();
        for who in [ward.dr_t(), ward.dr_o(), &ward.service("treatment at H1")] {
            hides(who, &o1);
        }
        chart.gives(&opt_in());
        shows(ward.dr_t(), &o1);
        shows(ward.dr_o(), &o1);
    });
}

#[test]
fn t3_r9_substance_use_is_not_disclosed_without_consent() {
    on_each(|ward| {
        let chart = ward.patient();
        let c1 = chart.alcohol(&json!({}));
        hides(ward.dr_o(), &c1);
        hides(&ward.service("treatment at H2"), &c1);
        // Not disclosed at home.
        shows(ward.dr_t(), &c1);
    });
}

#[test]
fn t4_r3_opt_in() {
    on_each(|ward| {
        let o1 = ward.patient_with(&[opt_in()]).glucose();
        shows(ward.dr_o(), &o1);
        shows(ward.dr_t(), &o1);
    });
}

#[test]
fn t5_r3_r10a_opt_out_stops_sharing_but_not_the_treatment_team() {
    on_each(|ward| {
        let o1 = ward.patient_with(&[opt_out()]).glucose();
        hides(ward.dr_o(), &o1);
        hides(&ward.service("treatment at H2"), &o1);
        shows(ward.dr_t(), &o1);
        // For treatment only.
        hides(&ward.service("billing at H1"), &o1);
        // Where the consent speaks of the custodian's people nobody is exempt.
        let named = ward.patient_with(&[opt_out().but(deny().actor("Practitioner/drx"))]);
        hides(ward.dr_t(), &named.glucose());
    });
}

#[test]
fn t5_r10a_the_exemption_can_be_switched_off() {
    on_own(&[("consent.custodian_exemption", "false")], |ward| {
        let o1 = ward.patient_with(&[opt_out()]).glucose();
        hides(ward.dr_t(), &o1);
    });
}

#[test]
fn t6_r3_r4_a_root_of_type_permit_with_an_exception() {
    on_each(|ward| {
        let consent = rooted(permit().but(deny().actor("Practitioner/drx")));
        let o1 = ward.patient_with(&[consent]).glucose();
        hides(ward.dr_x(), &o1);
        shows(ward.dr_t(), &o1);
    });
}

#[test]
fn t7_r4_l3_a_sensitivity_is_denied() {
    on_each(|ward| {
        let chart = ward.patient_with(&[opt_in().but(deny().label("HIV"))]);
        hides(ward.dr_t(), &chart.viral_load());
        shows(ward.dr_t(), &chart.glucose());
    });
}

#[test]
fn t8_r6_an_exception_from_the_exception() {
    on_each(|ward| {
        let exception = deny().label("HIV").but(permit().actor("Practitioner/drt"));
        let chart = ward.patient_with(&[opt_in().but(exception)]);
        let o2 = chart.viral_load();
        shows(ward.dr_t(), &o2);
        hides(ward.dr_x(), &o2);
        shows(ward.dr_x(), &chart.glucose());
    });
}

#[test]
fn t9_r4_r12_opt_out_but_for_treatment() {
    on_each(|ward| {
        let chart = ward.patient_with(&[opt_out().but(permit().purpose("TREAT"))]);
        let o1 = chart.glucose();
        shows(ward.dr_o(), &o1);
        shows(&ward.service("treatment at H2"), &o1);
        hides(&ward.service("research at H2"), &o1);
        hides(&ward.service("no purpose at H2"), &o1);
    });
}

/// What denies for a purpose does not reach who has none, what denies without one does.
#[test]
fn t9_r12_a_deny_for_a_purpose_is_not_for_who_has_none() {
    on_each(|ward| {
        let for_research = opt_in().but(deny().purpose("HRESCH"));
        let o1 = ward.patient_with(&[for_research]).glucose();
        shows(&ward.service("no purpose at H2"), &o1);
        hides(&ward.service("research at H2"), &o1);
        let for_all = opt_in().but(deny().class("Observation"));
        let o1 = ward.patient_with(&[for_all]).glucose();
        hides(&ward.service("no purpose at H2"), &o1);
    });
}

#[test]
fn t10_r9_a_root_for_treatment_says_nothing_of_research() {
    on_each(|ward| {
        let consent = rooted(permit().purpose("TREAT"));
        let o1 = ward.patient_with(&[consent]).glucose();
        hides(&ward.service("research at H1"), &o1);
        shows(ward.dr_t(), &o1);
    });
}

#[test]
fn t11_r5_a_denied_time_includes_what_has_no_date() {
    on_each(|ward| {
        let then = deny().data_period("2019-01-01", "2019-12-31");
        let chart = ward.patient_with(&[opt_in().but(then)]);
        let dated = |date| chart.observation("2345-7", &json!({ "effectiveDateTime": date }));
        hides(ward.dr_t(), &dated(json!("2019-05")));
        shows(ward.dr_t(), &dated(json!("2020-05")));
        hides(ward.dr_t(), &dated(json!(null)));
    });
}

#[test]
fn t12_r5_a_permitted_time_excludes_what_has_no_date() {
    on_each(|ward| {
        let then = permit().data_period("2019-01-01", "2019-12-31");
        let chart = ward.patient_with(&[opt_out().but(then)]);
        let dated = |date| chart.observation("2345-7", &json!({ "effectiveDateTime": date }));
        hides(ward.dr_o(), &dated(json!(null)));
        shows(ward.dr_o(), &dated(json!("2019-05")));
        hides(ward.dr_o(), &dated(json!("2020-05")));
    });
}

#[test]
fn t17_r8_the_newest_of_a_group_counts() {
    on_each(|ward| {
        let (old, new) = ("2024-05-01T00:00:00Z", "2025-05-01T00:00:00Z");
        let denied = ward.patient_with(&[opt_in().written(old), opt_out().written(new)]);
        hides(ward.dr_o(), &denied.glucose());
        let permitted = ward.patient_with(&[opt_in().written(new), opt_out().written(old)]);
        shows(ward.dr_o(), &permitted.glucose());
    });
}

#[test]
fn t18_r8_of_two_of_one_moment_the_deny_counts() {
    on_each(|ward| {
        for both in [[opt_in(), opt_out()], [opt_out(), opt_in()]] {
            hides(ward.dr_o(), &ward.patient_with(&both).glucose());
        }
    });
}

/// The consent of the exchange denies what is asked through the exchange's client.
#[test]
fn t19_r4_r8_between_groups_the_deny_wins() {
    on_each(|ward| {
        let client = format!("urn:ward:client:{}", ward.client_id("the exchange"));
        let ours = opt_in().of_organization("Organization/h1");
        let theirs = rooted(deny().actor(&client)).of_organization("Organization/hie");
        let o1 = ward.patient_with(&[ours, theirs]).glucose();
        hides(&ward.service("the exchange"), &o1);
        shows(&ward.service("treatment at H2"), &o1);
        shows(&ward.service("treatment at H1"), &o1);
    });
}

#[test]
fn t20_r1_an_expired_consent_says_nothing() {
    on_each(|ward| {
        let expired = opt_out().during("2020-01-01", &day(-1));
        shows(ward.dr_o(), &ward.patient_with(&[expired]).glucose());
        let ahead = opt_out().during(&day(2), &day(9));
        shows(ward.dr_o(), &ward.patient_with(&[ahead]).glucose());
        let now = opt_out().during("2020-01-01", &day(1));
        hides(ward.dr_o(), &ward.patient_with(&[now]).glucose());
    });
}

#[test]
fn t21_r1_what_is_not_active_says_nothing() {
    on_each(|ward| {
        for status in [
            "entered-in-error",
            "draft",
            "proposed",
            "rejected",
            "inactive",
        ] {
            let chart = ward.patient_with(&[opt_out().status(status)]);
            shows(ward.dr_o(), &chart.glucose());
        }
        // Nor does it when it was active.
        let chart = ward.patient();
        let consent = chart.gives(&opt_out());
        let o1 = chart.glucose();
        hides(ward.dr_o(), &o1);
        chart.changes(&consent, &opt_out().status("inactive"));
        shows(ward.dr_o(), &o1);
        chart.changes(&consent, &opt_out());
        hides(ward.dr_o(), &o1);
    });
}

#[test]
fn r2_without_verification_only_what_is_denied_counts() {
    on_own(
        &[
            ("consent.verified_only", "true"),
            ("consent.default", "deny"),
        ],
        |ward| {
            let unverified = ward.patient_with(&[opt_in()]);
            hides(ward.dr_t(), &unverified.glucose());
            let verified = opt_in().set("verification", json!([{ "verified": true }]));
            shows(ward.dr_t(), &ward.patient_with(&[verified]).glucose());
            let denied = opt_in().but(deny().label("HIV"));
            hides(ward.dr_t(), &ward.patient_with(&[denied]).viral_load());
        },
    );
}

/// A deny matches one of what is done, a permit must list all of it: what another organization reads is accessed and disclosed.
#[test]
fn r4_actions_and_times_are_criteria() {
    on_each(|ward| {
        let chart = ward.patient_with(&[opt_in().but(deny().action("disclose"))]);
        let o1 = chart.glucose();
        hides(ward.dr_o(), &o1);
        shows(ward.dr_t(), &o1);
        let accessed = opt_out().but(permit().action("access"));
        hides(ward.dr_o(), &ward.patient_with(&[accessed]).glucose());
        let both = opt_out().but(permit().action("access").action("disclose"));
        shows(ward.dr_o(), &ward.patient_with(&[both]).glucose());
        let (over, now) = (
            deny().period("2020-01-01", &day(-1)),
            deny().period("2020-01-01", &day(1)),
        );
        shows(
            ward.dr_t(),
            &ward.patient_with(&[opt_in().but(over)]).glucose(),
        );
        hides(
            ward.dr_t(),
            &ward.patient_with(&[opt_in().but(now)]).glucose(),
        );
    });
}

#[test]
fn r6_what_is_nested_too_deep_is_refused() {
    on_each(|ward| {
        let nested =
            |levels: usize| (1..levels).fold(deny().label("HIV"), |inner, _| permit().but(inner));
        let chart = ward.patient();
        chart.sends(&opt_in().but(nested(8))).expect(201);
        let refused = chart.sends(&opt_in().but(nested(9))).expect(422);
        assert!(refused.text().contains("provision"), "{}", refused.text());
    });
}

#[test]
fn t61_r4_a_deny_of_a_confidentiality_covers_what_is_higher() {
    on_each(|ward| {
        let chart = ward.patient_with(&[opt_in().but(deny().label("R"))]);
        shows(ward.dr_t(), &chart.glucose());
        hides(ward.dr_t(), &chart.viral_load());
        hides(ward.dr_t(), &leveled(ward, &chart.patient, "V"));
    });
}

#[test]
fn t62_r4_l5_a_permit_of_a_confidentiality_covers_what_is_lower() {
    on_each(|ward| {
        let normal = permit().label("N").purpose("TREAT");
        let chart = ward.patient_with(&[opt_out().but(normal)]);
        shows(ward.dr_o(), &chart.glucose());
        hides(ward.dr_o(), &chart.viral_load());
        for level in ["L", "U"] {
            shows(ward.dr_o(), &leveled(ward, &chart.patient, level));
        }
        for level in ["R", "V"] {
            hides(ward.dr_o(), &leveled(ward, &chart.patient, level));
        }
    });
}

/// Consents are for the patient, who gave them and the privacy officer; what is withheld is told to nobody else (R23).
#[test]
fn r23_consents_are_not_for_everybody() {
    on_each(|ward| {
        let chart = ward.patient();
        let consent = chart.gives(&opt_in().but(deny().label("PSY")));
        shows(ward.person(OFFICER), &consent);
        for who in [
            ward.dr_t(),
            ward.dr_o(),
            &ward.service("treatment at H1"),
            &ward.loader,
        ] {
            hides(who, &consent);
        }
    });
}

/// An Observation with a level that its author stated.
fn leveled(ward: &Hospital, patient: &str, level: &str) -> String {
    ward.create(&json!({ "resourceType": "Observation", "status": "final", "effectiveDateTime": "2025-03-01",
        "meta": { "security": [super::words::label(level)] }, "subject": { "reference": patient },
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8302-2" }] } }))
}

/// The date so many days from today.
pub fn day(from_today: i64) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let days = i64::try_from(since.as_secs() / 86_400).unwrap() + from_today;
    // <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
