//! What goes back, free of HTTP and of the wire format: `http` turns JSON into what the client accepts.

use bytes::Bytes;
use ward_audit::{ConsentVersion, Entity};
use ward_fhir::issue::{self, Issue};
use ward_fhir::{Failure, Kind};

#[derive(Clone, Debug)]
pub enum Content {
    Empty,
    /// A FHIR resource in JSON, as stored or as built.
    Resource(Bytes),
    /// A Binary in its own media type.
    Raw {
        media_type: String,
        bytes: Bytes,
    },
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub content: Content,
    /// Version number for `ETag: W/"n"`.
    pub version: Option<u32>,
    pub last_modified_us: Option<i64>,
    /// `Type/id/_history/n`, relative to the base.
    pub location: Option<String>,
    /// `X-Security-Context` of a Binary in its own media type.
    pub security_context: Option<String>,
    /// What the Call turned out to be, where its interaction alone does not say it: a posted Bundle.
    pub interaction: Option<&'static str>,
    /// What was touched, for the record.
    pub entities: Vec<Entity>,
    /// Entries of a Bundle that was taken.
    pub entries: Option<u32>,
    /// How long it took tells whether something is hidden: it leaves in steps of time ([`crate::door::ABSENT_STEP`]).
    pub in_steps: bool,
    /// The record was committed together with the data.
    pub recorded: bool,
    /// Text for `WWW-Authenticate` on 401.
    pub challenge: Option<String>,
    /// Seconds to wait before another try.
    pub retry_after_s: Option<u64>,
    /// Why it was refused.
    pub refused: Option<Kind>,
    /// Consents by which something under 42 CFR Part 2 leaves for another organization, for the record.
    pub disclosed_by: Vec<ConsentVersion>,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            content: Content::Empty,
            version: None,
            last_modified_us: None,
            location: None,
            security_context: None,
            interaction: None,
            entities: Vec::new(),
            entries: None,
            in_steps: false,
            recorded: false,
            challenge: None,
            retry_after_s: None,
            refused: None,
            disclosed_by: Vec::new(),
        }
    }

    pub fn resource(status: u16, json: impl Into<Bytes>) -> Self {
        Self {
            content: Content::Resource(json.into()),
            ..Self::status(status)
        }
    }

    /// This, or without its content where it is not the caller's to see.
    pub fn shown(self, shown: bool) -> Self {
        if shown {
            return self;
        }
        Self {
            content: Content::Empty,
            ..self
        }
    }

    /// This with another body in its place, where there is one. What cannot be looked through does not leave; what was written stays
    /// written, with its Record.
    pub(crate) fn settled(self, body: issue::Result<Option<Bytes>>) -> Self {
        match body {
            Ok(None) => self,
            Ok(Some(json)) => Self {
                content: Content::Resource(json),
                ..self
            },
            Err(failure) => Self {
                recorded: self.recorded,
                ..Self::failure(&failure)
            },
        }
    }

    pub fn failure(failure: &Failure) -> Self {
        Self {
            refused: Some(failure.kind),
            retry_after_s: failure.retry_after_s,
            ..Self::resource(failure.status(), failure.to_json())
        }
    }

    pub fn outcome(status: u16, issues: &[Issue]) -> Self {
        Self::resource(status, issue::outcome_json(issues))
    }
}
