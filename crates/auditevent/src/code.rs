//! Codes of AuditEvents, and what is not in anybody's code system as codes of our own.
//! <https://hl7.org/fhir/R4/valueset-audit-event-type.html> <https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html>

use crate::json::Json;
use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) system: &'static str,
    pub(crate) code: Cow<'static, str>,
    pub(crate) display: &'static str,
}

pub(crate) const fn code(system: &'static str, code: &'static str, display: &'static str) -> Code {
    Code {
        system,
        code: Cow::Borrowed(code),
        display,
    }
}

/// A FHIR interaction. <https://hl7.org/fhir/R4/valueset-restful-interaction.html>
pub(crate) const fn rest(interaction: &'static str) -> Code {
    code(
        "http://hl7.org/fhir/restful-interaction",
        interaction,
        interaction,
    )
}

const fn dcm(number: &'static str, display: &'static str) -> Code {
    code(
        "http://dicom.nema.org/resources/ontology/DCM",
        number,
        display,
    )
}

/// A word of our own. `None`: it is no code. <https://hl7.org/fhir/R4/datatypes.html#code>
pub(crate) fn own(word: &str) -> Option<Code> {
    coded(OWN, word)
}

/// An operation by its name, `$everything`.
pub(crate) fn operation(name: &str) -> Option<Code> {
    coded(OPERATION, name)
}

/// An alert by its number, `A24`.
pub(crate) fn alert(number: &str) -> Option<Code> {
    coded(ALERT, number)
}

/// A role in which a person acts.
pub(crate) fn role(name: &str) -> Option<Code> {
    coded(ROLE, name)
}

fn coded(system: &'static str, word: &str) -> Option<Code> {
    let is_code = !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic());
    is_code.then(|| Code {
        system,
        code: Cow::Owned(word.to_owned()),
        display: "",
    })
}

impl Code {
    /// The members of a Coding.
    pub(crate) fn members(&self, j: &mut Json) {
        j.text("system", self.system);
        j.text("code", &self.code);
        j.text("display", self.display);
    }
}

const OWN: &str = "urn:ward:audit";
const OPERATION: &str = "urn:ward:operation";
const ALERT: &str = "urn:ward:audit:alert";
const ROLE: &str = "urn:ward:role";

pub(crate) const REST: Code = code(
    "http://terminology.hl7.org/CodeSystem/audit-event-type",
    "rest",
    "RESTful Operation",
);
pub(crate) const APPLICATION_ACTIVITY: Code = dcm("110100", "Application Activity");
pub(crate) const AUDIT_LOG_USED: Code = dcm("110101", "Audit Log Used");
pub(crate) const EXPORT: Code = dcm("110106", "Export");
pub(crate) const IMPORT: Code = dcm("110107", "Import");
pub(crate) const SECURITY_ALERT: Code = dcm("110113", "Security Alert");
pub(crate) const USER_AUTHENTICATION: Code = dcm("110114", "User Authentication");

pub(crate) const APPLICATION_START: Code = dcm("110120", "Application Start");
pub(crate) const APPLICATION_STOP: Code = dcm("110121", "Application Stop");
pub(crate) const LOGIN: Code = dcm("110122", "Login");
pub(crate) const LOGOUT: Code = dcm("110123", "Logout");
pub(crate) const OVERRIDE_STARTED: Code = dcm("110127", "Emergency Override Started");
pub(crate) const SECURITY_CONFIGURATION: Code = dcm("110129", "Security Configuration");
pub(crate) const SOFTWARE_CONFIGURATION: Code = dcm("110131", "Software Configuration");
pub(crate) const AUDIT_STOPPED: Code = dcm("110133", "Audit Recording Stopped");
pub(crate) const AUDIT_STARTED: Code = dcm("110134", "Audit Recording Started");
pub(crate) const OBJECT_ATTRIBUTES: Code = dcm("110135", "Object Security Attributes Changed");
pub(crate) const SECURITY_ROLES: Code = dcm("110136", "Security Roles Changed");
pub(crate) const USER_ATTRIBUTES: Code = dcm("110137", "User security Attributes Changed");
pub(crate) const OVERRIDE_STOPPED: Code = dcm("110138", "Emergency Override Stopped");
const AUTHORIZATION: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType";
pub(crate) const BY_CONSENT: Code = code(
    AUTHORIZATION,
    "AuthZ-Consent",
    "Authorization Decision using Roles and Consent",
);
pub(crate) const BY_ROLE: Code = code(
    AUTHORIZATION,
    "AuthZ-Role",
    "Authorization Decision using only Roles",
);
/// IUA: Get Access Token.
pub(crate) const ITI_71: Code = code("urn:ihe:event-type-code", "ITI-71", "Get Access Token");
/// Who acts for somebody else: "a party to whom some right or authority is granted by a delegator", one of the codes of
/// <https://hl7.org/fhir/R4/valueset-participation-role-type.html>, to which R4 binds `agent.type`; BALP names none for it.
pub(crate) const DELEGATEE: Code = code(
    "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
    "DELEGATEE",
    "delegatee",
);
pub(crate) const DISCLOSE: Code = code(
    "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle",
    "disclose",
    "Disclose Record Lifecycle Event",
);

pub(crate) const APPLICATION: Code = dcm("110150", "Application");
pub(crate) const LAUNCHER: Code = dcm("110151", "Application Launcher");
pub(crate) const DESTINATION: Code = dcm("110152", "Destination Role ID");
pub(crate) const SOURCE: Code = dcm("110153", "Source Role ID");
pub(crate) const CUSTODIAN: Code = code(
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    "custodian",
    "Custodian",
);
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
pub(crate) const RECIPIENT: Code = code(PARTICIPATION, "IRCP", "information recipient");
pub(crate) const AUTHOR: Code = code(PARTICIPATION, "AUT", "author (originator)");
pub(crate) const INFORMANT: Code = code(PARTICIPATION, "INF", "informant");
pub(crate) const CUSTODIAL: Code = code(PARTICIPATION, "CST", "custodian");
pub(crate) const PROVIDER: Code = code(
    "http://terminology.hl7.org/CodeSystem/v3-RoleClass",
    "PROV",
    "healthcare provider",
);
pub(crate) const AUTHORIZATION_SERVER: Code = code(
    "http://terminology.hl7.org/CodeSystem/extra-security-role-type",
    "authserver",
    "authorization server",
);
const USER_AGENTS: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes";
pub(crate) const OAUTH_USER: Code = code(
    USER_AGENTS,
    "UserOauthAgent",
    "User OAuth Agent participant",
);
pub(crate) const OAUTH_SERVICE: Code = code(
    USER_AGENTS,
    "AuthzOauthService",
    "OAuth Authorization Server",
);
pub(crate) const APPLICATION_SERVER: Code = code(
    "http://terminology.hl7.org/CodeSystem/security-source-type",
    "4",
    "Application Server",
);

const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
pub(crate) const PERSON: Code = code(ENTITY_TYPE, "1", "Person");
pub(crate) const SYSTEM_OBJECT: Code = code(ENTITY_TYPE, "2", "System Object");
pub(crate) const REQUEST_ID: Code = code(
    "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
    "XrequestId",
    "transport specific unique identifier where http X-Request-Id is used",
);
/// Types of resources as types of entities.
pub(crate) const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
pub(crate) const PATIENT: Code = code(OBJECT_ROLE, "1", "Patient");
pub(crate) const DOMAIN_RESOURCE: Code = code(OBJECT_ROLE, "4", "Domain Resource");
pub(crate) const SECURITY_RESOURCE: Code = code(OBJECT_ROLE, "13", "Security Resource");
pub(crate) const QUERY: Code = code(OBJECT_ROLE, "24", "Query");

/// Purposes of use. <https://hl7.org/fhir/R4/v3/PurposeOfUse/vs.html>
pub(crate) const PURPOSES: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
