//! Who runs this server, for apps that let people choose where their records are.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html> (S112, S118)

use crate::settings::Settings;
use serde_json::{Value, json};
use ward_seal::hash::sha256;
use ward_seal::random::uuid_text;

/// A Bundle of the organization and the one endpoint of this server.
pub(crate) fn bundle(settings: &Settings) -> Value {
    let organization = id("organization", settings);
    let endpoint = id("endpoint", settings);
    json!({
        "resourceType": "Bundle",
        "id": id("bundle", settings),
        "meta": {
            "lastUpdated": CHANGED,
            "profile": ["http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brands-bundle"]
        },
        "type": "collection",
        "timestamp": CHANGED,
        "entry": [
            { "fullUrl": format!("urn:uuid:{organization}"), "resource": organization_resource(settings, &organization, &endpoint) },
            { "fullUrl": format!("urn:uuid:{endpoint}"), "resource": endpoint_resource(settings, &endpoint) }
        ]
    })
}

/// When what is said here was last changed; what the settings add is told apart by the entity tag.
const CHANGED: &str = "2026-11-29T00:00:00Z";

/// Value of `user_access_brand_identifier`: the identifier of the one organization in the bundle.
pub(crate) fn identifier(settings: &Settings) -> Value {
    json!({ "system": "urn:ietf:rfc:3986", "value": settings.issuer })
}

fn organization_resource(settings: &Settings, id: &str, endpoint: &str) -> Value {
    let of = &settings.organization;
    let portal = if of.portal.is_empty() {
        &of.website
    } else {
        &of.portal
    };
    json!({
        "resourceType": "Organization",
        "id": id,
        "meta": { "profile": ["http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brand"] },
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/organization-portal",
                "extension": [
                    { "url": "portalName", "valueString": of.name },
                    { "url": "portalUrl", "valueUrl": portal },
                    { "url": "portalEndpoint", "valueReference": { "reference": format!("urn:uuid:{endpoint}") } }
                ]
            }
        ],
        "identifier": [identifier(settings)],
        "active": true,
        "name": of.name,
        "telecom": [{ "system": "url", "value": of.website }],
        "endpoint": [{ "reference": format!("urn:uuid:{endpoint}") }]
    })
}

fn endpoint_resource(settings: &Settings, id: &str) -> Value {
    json!({
        "resourceType": "Endpoint",
        "id": id,
        "meta": { "profile": ["http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-endpoint"] },
        "extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version",
            "valueCode": "4.0.1"
        }],
        "status": "active",
        "connectionType": {
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
            "code": "hl7-fhir-rest"
        },
        "name": settings.organization.name,
        "contact": [{ "system": "url", "value": settings.organization.website }],
        "payloadType": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type",
            "code": "none"
        }] }],
        "address": settings.base
    })
}

/// The same on every node and after every start.
fn id(of: &str, settings: &Settings) -> String {
    let digest = sha256(format!("{of} {}", settings.base).as_bytes());
    digest
        .first_chunk()
        .map_or_else(String::new, |bytes| uuid_text(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s112_one_organization_has_the_identifier_and_every_endpoint_is_listed() {
        let settings = Settings::for_base("https://ward.example/fhir");
        let bundle = bundle(&settings);
        assert!(bundle["timestamp"].is_string());
        let entries = bundle["entry"].as_array().unwrap();
        let identified = entries
            .iter()
            .flat_map(|entry| {
                entry["resource"]["identifier"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default()
            })
            .filter(|of| *of == identifier(&settings));
        assert_eq!(identified.count(), 1);
        let endpoint = &entries[1];
        assert_eq!(endpoint["resource"]["address"], settings.base);
        assert_eq!(
            entries[0]["resource"]["endpoint"][0]["reference"],
            endpoint["fullUrl"]
        );
    }
}
