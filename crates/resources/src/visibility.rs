//! Who sees a row by consents and labels: the class that a row gets when it is written, and the classes that a caller sees.
//! `docs/decisions/0020-consent-in-the-interactions.md`

mod actors;
mod anew;
mod class;
mod classes;
mod consents;
mod decide;
mod draft;
mod due;
pub(crate) mod explain;
mod family;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hidden_tests;
mod house;
pub(crate) mod judge;
mod keepers;
mod known;
mod known_labels;
mod labelling;
mod labels;
mod masks;
mod named;
mod neighbours;
mod policy;
mod record;
mod relabel;
mod reviews;
mod row;
mod settings;
mod spread;

pub(crate) use actors::Actors;
pub use actors::{ACTORS_KEPT, ActingFor};
pub use class::VisibilityClass;
pub use classes::CLASSES_KEPT;
pub use consents::{At, Followed};
pub(crate) use consents::{Races, permits_to_nobody, refuse};
pub(crate) use decide::{Decided, SeenBy, decide, decide_one};
pub(crate) use draft::{By, Draft};
pub(crate) use due::Closed;
pub use due::LATE_US;
pub(crate) use known::{Answers, Known};
pub(crate) use known_labels::KnownLabels;
pub use labelling::Labelling;
pub(crate) use labels::{Labelled, demand_kept_labels};
pub use masks::MASKS_MAX;
pub(crate) use neighbours::target;
pub use policy::{Judged, Policies, Policy};
pub(crate) use policy::{class_of, consent_type, is_for_authors};
pub use relabel::Labeller;
pub use reviews::{CONSENT_REVIEW, LABEL_REVIEW};
pub(crate) use row::{asks, custodian, row};
pub use settings::{
    ConsentSettings, DEFAULT_PURPOSE, THIS_ORGANIZATION, site_labels, starter_labels,
};

pub(crate) use spread::Spread;

use crate::call::Interaction;
use crate::engine::{Context, Engine, stored};
use bytes::Bytes;
use classes::Classes;
use masks::Masks;
pub(crate) use masks::Sees;
use ward_access::{Access, Caller, PatientKey};
use ward_consent::labels::RowClass;
use ward_consent::{Action, Class, Residual};
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_storage::{Guard, StoreError, Unit};

/// The classes that are known, and what is kept of who sees them.
pub struct Visibility {
    classes: Classes,
    masks: Masks,
}

impl Visibility {
    pub fn new(site: &ConsentSettings) -> Visibility {
        Visibility {
            classes: Classes::new(unworked(site)),
            masks: Masks::default(),
        }
    }

    /// The ids of classes, in that order, for `Write::visibility`; `None`: of a row whose class has no bytes, which is nobody's to see.
    /// Statements: none for those that are known here, else one or a transaction of its own.
    pub async fn intern(&self, engine: &Engine, classes: &[Option<Bytes>]) -> Result<Vec<i32>> {
        stored(self.classes.intern(&engine.store, classes).await)
    }

    /// The class with this id; `None`: it is none that is known here, or cannot be read.
    pub(crate) fn class(&self, id: i32) -> Option<std::sync::Arc<VisibilityClass>> {
        self.classes.one(usize::try_from(id).ok()?)
    }

    /// To be called when classes are judged by other rules from now on.
    pub fn rules_changed(&self) {
        self.masks.expire();
    }
}

/// What a row of which nothing was worked out is judged like: kept here, without consents and labels, of some patient.
fn unworked(site: &ConsentSettings) -> VisibilityClass {
    VisibilityClass {
        is_shared: false,
        residual: Residual::silent(),
        class: Class {
            custodian: Some(site.organization.clone()),
            ..Class::default()
        },
        labels: RowClass::unlabelled(),
    }
}

impl Engine {
    /// What this site says of consents and labels.
    pub fn consent(&self) -> &ConsentSettings {
        &self.settings.consent
    }

    /// Reads the classes that other processes have interned: to be called twice a second. One statement. Where it fails for
    /// [`CLASSES_KEPT`] and other processes write to the store, nothing clinical is answered.
    pub async fn watch_classes(&self) -> std::result::Result<(), StoreError> {
        self.visibility.classes.refresh(&self.store).await
    }

    /// The visibility ids that a caller sees now. Statements: none; one where nobody has read the classes for [`CLASSES_KEPT`].
    /// Errors: the caller's memberships or the classes cannot be read.
    pub(crate) async fn mask(&self, caller: &Caller) -> Result<Sees> {
        self.sees(caller, None).await
    }

    /// The Access of a transaction that has written, for what it reads: what it wrote may be of classes that were new.
    pub(crate) async fn judged_anew(&self, caller: &Caller, access: &Access) -> Result<Access> {
        Ok(self.judged_again(caller, access).await?.to_change())
    }

    /// The same of a batch, for the entries after one that has written: else it would tell whether there was a row of that class before.
    pub(crate) async fn judged_again(&self, caller: &Caller, access: &Access) -> Result<Access> {
        let sees = self.mask(caller).await?;
        Ok(access.judged_anew(sees.mask, sees.changeable))
    }

    /// The Access of a Call whose attempt was lost, for the next: rows of others may be of classes that were new to it, on another process,
    /// too. One statement.
    pub(crate) async fn access_anew(&self, cx: Context<'_>) -> Result<Access> {
        self.watch_classes().await.map_err(|_| unread())?;
        let sees = self.mask(cx.caller).await?;
        let access = cx.access.judged_anew(sees.mask, sees.changeable);
        let changes = cx.call.interaction.changes() || cx.call.interaction == Interaction::Bundle;
        Ok(if changes { access.to_change() } else { access })
    }

    /// Whether what is written is of a class that is shown to the caller, but was not known when conditions were looked at: others
    /// may have written rows of it, which no condition was held against.
    pub(crate) async fn is_behind(&self, cx: Context<'_>, unit: &Unit) -> Result<bool> {
        let is_condition = |guard: &Guard| matches!(guard, Guard::Matches { .. });
        let new: Vec<i32> = match unit.guards.iter().any(is_condition) {
            true => unit.writes.iter().map(|write| write.visibility).collect(),
            false => return Ok(false),
        };
        let known = |id: &i32| cx.access.mask().shows(*id);
        if new.iter().all(known) {
            return Ok(false);
        }
        let anew = self.access_anew(cx).await?;
        Ok(new.iter().any(|id| !known(id) && anew.mask().shows(*id)))
    }

    /// An Access for one patient's record alone, with the glass broken until a moment (R22), in microseconds since 1970: to read and to
    /// search in it what an emergency opens. The other ends of chains are of that record or of nobody's. That the caller may
    /// do so, has said why and has just signed in is for the asking side to see. Errors as of every Call.
    pub async fn break_glass(
        &self,
        caller: &Caller,
        access: &Access,
        (patient, until_us): (PatientKey, i64),
    ) -> Result<Access> {
        let sees = self.sees(caller, Some(until_us)).await?;
        Ok(access.break_glass(patient, sees.mask))
    }

    async fn sees(&self, caller: &Caller, glass_until_us: Option<i64>) -> Result<Sees> {
        let Visibility { classes, masks } = &self.visibility;
        if !classes.are_current(self.store.is_shared()) {
            let read = classes.refresh(&self.store).await;
            read.map_err(|_| unread())?;
        }
        let who = self.consent_caller(caller, Action::Access).await?;
        let moment = (glass_until_us, self.now_us());
        let labelling = self.labelling().await?;
        Ok(masks.of(&who, moment, (classes, &labelling), self.consent()))
    }
}

fn unread() -> Failure {
    tracing::warn!("classes of visibility cannot be read; nothing clinical is answered");
    Failure::new(
        Kind::Unavailable,
        "who may see what cannot be read from the store; try again",
    )
}
