//! Who runs this server, for apps that let people choose where their records are.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html> (S112, S118)

use crate::dates;
use crate::settings::Settings;
use crate::state::{self, Brands, Changes, Refused, digest};
use serde_json::{Value, json};
use ward_seal::hash::sha256;
use ward_seal::random::uuid_text;
use ward_storage::{Store, StoreError};

/// How often it is tried again when another node says something else at the same moment.
const ATTEMPTS_MAX: u32 = 4;

/// Since when what is said here is as it is: seconds since 1970, the same on every node that says the same, and after every start.
/// Once at each start: a statement, and two more when something else was said before.
pub(crate) async fn since(
    store: &Store,
    settings: &Settings,
    now_s: i64,
) -> Result<i64, StoreError> {
    let now = Brands {
        said: digest(&bundle(settings, 0).to_string()),
        since_s: now_s,
    };
    for _ in 0..ATTEMPTS_MAX {
        let changes = match state::get::<Brands>(store, Brands::KEY, now_s).await? {
            Some(known) if known.said == now.said => return Ok(known.since_s),
            Some(mut known) => {
                known.row = now.clone();
                Changes::new().replace(&known)
            }
            None => Changes::new().insert(&now),
        };
        match state::commit(store, changes, now_s).await {
            Ok(()) => return Ok(now_s),
            Err(Refused::Conflict(_)) => {}
            Err(Refused::Unavailable) => break,
        }
    }
    Err(StoreError::Unavailable)
}

/// A Bundle of the organization and the one endpoint of this server, as it is since then.
pub(crate) fn bundle(settings: &Settings, since_s: i64) -> Value {
    let since = dates::instant(since_s);
    let organization = id("organization", settings);
    let endpoint = id("endpoint", settings);
    json!({
        "resourceType": "Bundle",
        "id": id("bundle", settings),
        "meta": {
            "lastUpdated": since,
            "profile": ["http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brands-bundle"]
        },
        "type": "collection",
        "timestamp": since,
        "entry": [
            { "fullUrl": format!("urn:uuid:{organization}"), "resource": organization_resource(settings, &organization, &endpoint) },
            { "fullUrl": format!("urn:uuid:{endpoint}"), "resource": endpoint_resource(settings, &endpoint) }
        ]
    })
}

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
        let bundle = bundle(&settings, 951_782_400);
        assert_eq!(bundle["timestamp"], "2000-02-29T00:00:00Z");
        assert_eq!(bundle["meta"]["lastUpdated"], bundle["timestamp"]);
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
