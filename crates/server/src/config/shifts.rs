//! What a site decides about roles that people have by the rota.

use serde::Deserialize;
use ward_access::{RoleCodes, Roles};
use ward_resources::{DutySettings, WallClock};

/// `[shifts]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shifts {
    pub from_practitioner_role: bool,
    pub grace_minutes: u32,
    pub time_zone: String,
    pub role_codes: Vec<String>,
    pub bound_roles: Vec<String>,
}

/// A longer grace would make a shift of its own.
const GRACE_MINUTES_MAX: u32 = 240;

/// Messages name the option.
pub fn settings(shifts: &Shifts) -> Result<DutySettings, String> {
    if shifts.grace_minutes > GRACE_MINUTES_MAX {
        return Err(format!(
            "shifts.grace_minutes must be at most {GRACE_MINUTES_MAX}"
        ));
    }
    let known = Roles::seeded();
    if let Some(unknown) = shifts.bound_roles.iter().find(|r| known.get(r).is_none()) {
        return Err(format!("shifts.bound_roles: there is no role `{unknown}`"));
    }
    Ok(DutySettings {
        from_practitioner_role: shifts.from_practitioner_role,
        grace_s: shifts.grace_minutes * 60,
        clock: WallClock::named(&shifts.time_zone).map_err(|e| format!("shifts.time_zone: {e}"))?,
        codes: RoleCodes::shipped()
            .with(&shifts.role_codes, &known)
            .map_err(|e| format!("shifts.role_codes: {e}"))?,
        bound_roles: shifts.bound_roles.clone(),
    })
}
