//! Literal references and resource identities. <https://hl7.org/fhir/R4/references.html#literal>

use crate::schema::{TypeId, r4};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// `#id`, and `#` alone for the container itself.
    Contained(&'a str),
    /// `Patient/1`, `Patient/1/_history/2`, or an absolute URL under our own base.
    Local {
        ty: TypeId,
        id: &'a str,
        version: Option<&'a str>,
    },
    /// `Patient?identifier=x|y`
    Conditional { ty: TypeId, query: &'a str },
    /// `urn:uuid:...`, `urn:oid:...`
    Urn(&'a str),
    /// An absolute URL elsewhere; type and id when it has the form of a RESTful one.
    Absolute {
        url: &'a str,
        target: Option<(TypeId, &'a str)>,
    },
}

/// Parses `Reference.reference`; `base` (without trailing slash) makes absolute URLs under it local. `None`: not a
/// valid reference. Under our base only a reference to a resource is valid.
pub fn parse<'a>(text: &'a str, base: Option<&str>) -> Option<Reference<'a>> {
    if text.is_empty() || text.bytes().any(|b| b <= b' ') {
        return None;
    }
    if let Some(id) = text.strip_prefix('#') {
        return (id.is_empty() || is_id(id)).then_some(Reference::Contained(id));
    }
    if let Some(rest) = base.and_then(|base| text.strip_prefix(base)?.strip_prefix('/')) {
        return relative(rest);
    }
    match scheme(text) {
        None => relative(text),
        Some("urn") => Some(Reference::Urn(text)),
        Some(_) => Some(Reference::Absolute {
            url: text,
            target: target(text),
        }),
    }
}

/// The texts that stand between `before`, such as `"reference":"`, and the next quotation mark, in JSON as `json::write` makes it: a look
/// for what a resource may name without reading it. One that is escaped ends early; no reference to a resource is.
/// Cost: one pass over the bytes.
pub fn texts<'a>(json: &'a [u8], before: &'static str) -> impl Iterator<Item = &'a str> {
    occurrences(json, before).filter_map(move |at| {
        let rest = &json[at + before.len()..];
        let end = memchr::memchr(b'"', rest)?;
        std::str::from_utf8(&rest[..end]).ok()
    })
}

/// Where the text stands in bytes.
pub fn occurrences(json: &[u8], text: &'static str) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(json, text)
}

/// `[A-Za-z0-9\-\.]{1,64}`
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

fn relative(text: &str) -> Option<Reference<'_>> {
    if let Some((ty, query)) = text.split_once('?') {
        let ty = r4().resource_type(ty)?;
        return (!query.is_empty()).then_some(Reference::Conditional { ty, query });
    }
    let (ty, id, version) = versioned(text)?;
    Some(Reference::Local { ty, id, version })
}

/// `Type/id` or `Type/id/_history/version`.
fn versioned(text: &str) -> Option<(TypeId, &str, Option<&str>)> {
    let mut parts = text.split('/');
    let ty = r4().resource_type(parts.next()?)?;
    let id = parts.next().filter(|id| is_id(id))?;
    let version = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => None,
        (Some("_history"), Some(version), None) if is_id(version) => Some(version),
        _ => return None,
    };
    Some((ty, id, version))
}

/// Type and id at the end of an http(s) URL.
fn target(url: &str) -> Option<(TypeId, &str)> {
    let path = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    let bare = match path.rfind("/_history/") {
        Some(at) if is_id(&path[at + "/_history/".len()..]) => &path[..at],
        _ => path,
    };
    let (rest, id) = bare.rsplit_once('/')?;
    // There must be a server in front of the type.
    let (_, ty) = rest.rsplit_once('/')?;
    Some((r4().resource_type(ty)?, id)).filter(|_| is_id(id))
}

/// The scheme of an absolute URI. <https://www.rfc-editor.org/rfc/rfc3986#section-3.1>
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let good = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    good.then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(name: &str) -> TypeId {
        r4().resource_type(name).unwrap()
    }

    #[test]
    fn local_forms() {
        let local = |id, version| {
            Some(Reference::Local {
                ty: ty("Patient"),
                id,
                version,
            })
        };
        let base = Some("https://ward.example/fhir");
        assert_eq!(parse("Patient/1", None), local("1", None));
        assert_eq!(
            parse("Patient/a.b-C/_history/2", None),
            local("a.b-C", Some("2"))
        );
        assert_eq!(
            parse("https://ward.example/fhir/Patient/1", base),
            local("1", None)
        );
        assert_eq!(
            parse("https://ward.example/fhir/Patient/1/_history/3", base),
            local("1", Some("3"))
        );
        let query = "identifier=http://a.example|b";
        let conditional = Some(Reference::Conditional {
            ty: ty("Patient"),
            query,
        });
        assert_eq!(
            parse("Patient?identifier=http://a.example|b", None),
            conditional
        );
    }

    #[test]
    fn forms_that_lead_elsewhere() {
        assert_eq!(parse("#p1", None), Some(Reference::Contained("p1")));
        assert_eq!(parse("#", None), Some(Reference::Contained("")));
        let urn = "urn:uuid:49a86246-4004-42eb-9bdc-f542f93f9228";
        assert_eq!(parse(urn, None), Some(Reference::Urn(urn)));
        let absolute = |url, target| Some(Reference::Absolute { url, target });
        let url = "https://other.example/r4/Observation/x/_history/1";
        assert_eq!(
            parse(url, None),
            absolute(url, Some((ty("Observation"), "x")))
        );
        // Not under the base: another host that begins with the same text.
        let url = "https://ward.example/fhir2/Patient/1";
        let found = parse(url, Some("https://ward.example/fhir"));
        assert_eq!(found, absolute(url, Some((ty("Patient"), "1"))));
        assert_eq!(
            parse("http://a.example/x", None),
            absolute("http://a.example/x", None)
        );
        assert_eq!(
            parse("http://Patient/1", None),
            absolute("http://Patient/1", None)
        );
    }

    #[test]
    fn refused() {
        for text in [
            "",
            " ",
            "Patient",
            "Patient/",
            "Patient/a b",
            "patient/1",
            "Nothing/1",
            "Patient/1/2",
            "Patient?",
            "Patient/1/_history",
            "Patient/1/_history/",
            "#a b",
            "#a/b",
            "Resource/1",
            "DomainResource/1",
            "/Patient/1",
        ] {
            assert_eq!(parse(text, None), None, "{text}");
        }
        assert_eq!(
            parse(
                "https://ward.example/fhir/metadata",
                Some("https://ward.example/fhir")
            ),
            None
        );
    }
}
