//! What the rules compare with: data, by names that a configuration may set.

macro_rules! thresholds {
    ($($name:ident = $usual:literal, $low:literal..=$high:literal, $meaning:literal;)*) => {
        #[derive(Clone, Debug, PartialEq)]
        pub struct Thresholds { $(#[doc = $meaning] pub $name: f64,)* }

        impl Default for Thresholds {
            fn default() -> Thresholds {
                Thresholds { $($name: $usual,)* }
            }
        }

        impl Thresholds {
            /// Sets one by its name. Error: no such name, or out of its bounds, in words.
            pub fn set(&mut self, name: &str, value: f64) -> Result<(), String> {
                match name {
                    $(stringify!($name) => {
                        if !($low..=$high).contains(&value) {
                            return Err(format!("{name} is from {} to {}", $low, $high));
                        }
                        self.$name = value;
                    })*
                    _ => return Err(format!("{name} is no threshold of detection")),
                }
                Ok(())
            }

            /// Name, value, meaning.
            pub fn list(&self) -> Vec<(&'static str, f64, &'static str)> {
                vec![$((stringify!($name), self.$name, $meaning),)*]
            }
        }
    };
}

thresholds! {
    alert_points = 75.0, 20.0..=200.0, "Points at which what somebody did with one patient's record is an alert.";
    case_days = 7.0, 1.0..=90.0, "Days without an access after which what somebody does with a record is a new case.";
    again_hours = 24.0, 1.0..=720.0, "Hours in which the same behaviour of the same user is the same incident.";
    around_stay_days = 3.0, 0.0..=30.0, "Days before and after a stay in which it explains accesses of the department.";
    after_encounter_days = 14.0, 0.0..=365.0, "Days after an encounter in which it explains accesses of who took part.";
    before_appointment_days = 7.0, 0.0..=90.0, "Days before an appointment in which it explains accesses.";
    after_order_days = 30.0, 0.0..=365.0, "Days after an order or result in which it explains accesses.";
    team_hours = 24.0, 0.0..=168.0, "Hours in which a colleague's own reason explains accesses of the same department.";
    unexplained_share = 0.02, 0.001..=0.5, "Share of a peer group's records opened without a reason up to which A1 counts in full.";
    depth_types = 3.0, 1.0..=30.0, "Types of clinical resources from which on a record counts as read in depth.";
    depth_points = 10.0, 0.0..=100.0, "Points for a record read in depth, and for coming back on another day.";
    rare_surname_share = 0.0001, 0.0..=0.1, "A4: share of patients at which a common surname counts in full; none at a hundred times that.";
    neighbour_metres = 250.0, 10.0..=5000.0, "A5: metres between homes.";
    volume_hour = 50.0, 5.0..=10000.0, "A9: patients in an hour, at least.";
    volume_day = 120.0, 10.0..=100000.0, "A9: patients in a day, at least.";
    unexplained_day = 15.0, 3.0..=10000.0, "A9: patients without a reason in a day, at least.";
    volume_times = 3.0, 1.5..=20.0, "A9: times the 99th percentile of one's own days and of one's peers'.";
    quick_s = 20.0, 2.0..=120.0, "A10: seconds within which the next record is opened.";
    quick_opens = 15.0, 5.0..=120.0, "A10: so many in ten minutes.";
    quick_unexplained = 0.5, 0.0..=1.0, "A10: share of them without a reason.";
    overrun_hours = 2.0, 0.0..=12.0, "A11: hours before and after a shift that belong to it.";
    dormant_days = 45.0, 7.0..=730.0, "A13: days without use.";
    unseen_days = 365.0, 30.0..=3650.0, "A14: days since the last encounter.";
    sensitive_patients = 8.0, 2.0..=1000.0, "A15: patients whose sensitive entries were read in a day, at least.";
    sensitive_times = 5.0, 1.5..=50.0, "A15: times the share of peers.";
    glasses_week = 3.0, 1.0..=50.0, "A16: emergency overrides in a week; more are an alert.";
    probes = 10.0, 3.0..=60.0, "A17: different questions of one shape with next to no results, in five minutes.";
    refusals_minute = 20.0, 5.0..=120.0, "A18: different resources refused in a minute; more are an alert.";
    travel_kmh = 900.0, 100.0..=5000.0, "A19: speed between two places of one user.";
    travel_km = 150.0, 10.0..=5000.0, "A19: kilometres, at least; where addresses are is known no better.";
    app_times = 3.0, 1.5..=50.0, "A20: times an app's usual number of patients in an hour.";
    app_learnt_days = 3.0, 1.0..=90.0, "A20: days after which an app's types are known.";
    failures = 10.0, 3.0..=120.0, "A21: refused sign-ins of an account in ten minutes.";
    sprayed_accounts = 20.0, 3.0..=120.0, "A21: accounts refused from one address in an hour.";
    factor_failures = 5.0, 2.0..=60.0, "A21: refused second factors of an account in ten minutes.";
    export_times = 2.0, 1.1..=50.0, "A23: times the size of usual exports of the same client.";
    after_grant_minutes = 60.0, 5.0..=1440.0, "A26: minutes after a grant.";
    after_grant_patients = 3.0, 1.0..=100.0, "A26: patients without a reason in that time.";
    document_times = 3.0, 1.5..=50.0, "A28: times the usual number of documents in a day.";
    documents_day = 20.0, 3.0..=1000.0, "A28: documents in a day, at least.";
    change_times = 10.0, 2.0..=100.0, "A30: times the usual changes in a minute.";
    changes_minute = 30.0, 5.0..=10000.0, "A30: changes in a minute, at least.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_set_by_name_within_bounds() {
        let mut limits = Thresholds::default();
        assert_eq!(limits.set("quick_opens", 20.0), Ok(()));
        assert_eq!(limits.quick_opens, 20.0);
        assert!(limits.set("quick_opens", 1.0).unwrap_err().contains("from"));
        assert!(limits.set("quick_opens", f64::NAN).is_err());
        assert!(limits.set("quickly", 1.0).is_err());
        for (name, value, meaning) in Thresholds::default().list() {
            assert_eq!(limits.set(name, value), Ok(()), "{name}");
            assert!(meaning.ends_with('.'));
        }
    }
}
