use super::*;

const AT: &str = "2026-11-30T10:00:00Z";

const QUERY: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<AuditMessage xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <EventIdentification EventActionCode="E" EventDateTime="2026-11-30T09:59:59.125+01:00" EventOutcomeIndicator="0">
    <EventID csd-code="110112" codeSystemName="DCM" originalText="Query"/>
    <EventTypeCode csd-code="ITI-18" codeSystemName="IHE Transactions" originalText="Registry Stored Query"/>
    <PurposeOfUse csd-code="TREAT" codeSystemName="2.16.840.1.113883.5.8" originalText="treatment"/>
  </EventIdentification>
  <ActiveParticipant UserID="https://consumer.example/reply" AlternativeUserID="4711" UserIsRequestor="true"
      NetworkAccessPointID="10.0.0.7" NetworkAccessPointTypeCode="2">
    <RoleIDCode csd-code="110153" codeSystemName="DCM" originalText="Source Role ID"/>
    <RoleIDCode csd-code="x" codeSystemName="Local" originalText="Nurse"/>
  </ActiveParticipant>
  <ActiveParticipant UserID="https://registry.example/query" UserIsRequestor="false"/>
  <AuditSourceIdentification AuditSourceID="registry" AuditEnterpriseSiteID="north"><AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification>
  <ParticipantObjectIdentification ParticipantObjectID="H1^^^&amp;1.2.3.4&amp;ISO" ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="1">
    <ParticipantObjectIDTypeCode csd-code="2" codeSystemName="RFC-3881" originalText="Patient Number"/>
  </ParticipantObjectIdentification>
  <ParticipantObjectIdentification ParticipantObjectID="Patient/abc" ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="24" ParticipantObjectSensitivity="R">
    <ParticipantObjectIDTypeCode csd-code="ITI-18" codeSystemName="IHE Transactions" originalText="Registry Stored Query"/>
    <ParticipantObjectQuery>
      PEE+PC9BPg==
    </ParticipantObjectQuery>
    <ParticipantObjectDetail type="Repository" value="MS4y"/>
    <ParticipantObjectDescription><Accession Number="12"/></ParticipantObjectDescription>
  </ParticipantObjectIdentification>
</AuditMessage>"#;

#[test]
fn a_query_of_ihe_becomes_an_audit_event() {
    let event = audit_event(QUERY, AT).unwrap();
    let dicom = "http://dicom.nema.org/resources/ontology/DCM";
    let expected = json!({
        "resourceType": "AuditEvent",
        "type": { "system": dicom, "code": "110112", "display": "Query" },
        "subtype": [{ "system": "urn:ihe:event-type-code", "code": "ITI-18", "display": "Registry Stored Query" }],
        "action": "E",
        "recorded": "2026-11-30T09:59:59.125+01:00",
        "outcome": "0",
        "purposeOfEvent": [{
            "coding": [{ "system": "urn:oid:2.16.840.1.113883.5.8", "code": "TREAT", "display": "treatment" }],
            "text": "treatment"
        }],
        "agent": [
            {
                "type": { "coding": [{ "system": dicom, "code": "110153", "display": "Source Role ID" }], "text": "Source Role ID" },
                "role": [{ "coding": [{ "code": "x", "display": "Nurse" }], "text": "Nurse" }],
                "who": { "identifier": { "value": "https://consumer.example/reply" } },
                "altId": "4711",
                "requestor": true,
                "network": { "address": "10.0.0.7", "type": "2" }
            },
            { "who": { "identifier": { "value": "https://registry.example/query" } }, "requestor": false }
        ],
        "source": {
            "site": "north",
            "observer": { "identifier": { "value": "registry" } },
            "type": [{ "system": SOURCE_TYPES, "code": "4" }]
        },
        "entity": [
            {
                "what": { "identifier": {
                    "type": { "coding": [{ "system": "urn:ietf:rfc:3881", "code": "2", "display": "Patient Number" }], "text": "Patient Number" },
                    "system": "urn:oid:1.2.3.4", "value": "H1"
                } },
                "type": { "system": ENTITY_TYPES, "code": "1" },
                "role": { "system": ENTITY_ROLES, "code": "1" }
            },
            {
                "what": { "reference": "Patient/abc" },
                "type": { "system": ENTITY_TYPES, "code": "2" },
                "role": { "system": ENTITY_ROLES, "code": "24" },
                "securityLabel": [{ "display": "R" }],
                "query": "PEE+PC9BPg==",
                "detail": [
                    { "type": "Repository", "valueBase64Binary": "MS4y" },
                    { "type": "Accession", "valueString": "12" }
                ]
            }
        ]
    });
    assert_eq!(event, expected);
}

/// As it was written before DICOM took it over.
#[test]
fn rfc_3881_names_codes_otherwise() {
    let xml = r#"<AuditMessage><EventIdentification EventActionCode="R" EventDateTime="2026-11-30T09:59:59" EventOutcomeIndicator="4">
        <EventID code="110103" codeSystemName="DCM" displayName="DICOM Instances Accessed"/></EventIdentification>
        <ActiveParticipant UserID="u" UserName=" "/><AuditSourceIdentification AuditSourceID="pacs"/></AuditMessage>"#;
    let event = audit_event(xml, AT).unwrap();
    assert_eq!(event["type"]["code"], "110103");
    assert_eq!(event["type"]["display"], "DICOM Instances Accessed");
    assert_eq!(event["recorded"], AT, "its own time says no zone");
    let agent = &event["agent"][0];
    assert_eq!(
        (&agent["requestor"], &agent["name"]),
        (&json!(true), &Value::Null)
    );
}

#[test]
fn what_is_none_is_refused() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><AuditMessage>&b;</AuditMessage>";
    let deep = "<a>".repeat(40);
    for xml in [
        "",
        "<a/>",
        "<AuditMessage/>",
        "text",
        bomb,
        &deep,
        "<AuditMessage><EventIdentification/></AuditMessage>",
    ] {
        assert!(audit_event(xml, AT).is_err(), "{xml}");
    }
}
