//! Uri parameters, and canonicals as references. <https://hl7.org/fhir/R4/search.html#uri>

use super::string::any;
use super::{Ask, Form, token};
use crate::escape::{split_once, unescape};
use crate::extract::Collector;
use crate::plan::{Filter, PhraseTest};
use crate::registry::{Leaf, Owner};
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Node};

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &["above", "below"];

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let Some(text) = node.value() else { return };
    if leaf.form == Form::Canonical {
        canonical(out, text, leaf);
    } else {
        out.url(leaf, text);
    }
}

/// Under its url, and under url and version when it names one; a fragment does not count.
fn canonical(out: &mut Collector<'_>, text: &str, leaf: &Leaf) {
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    let url = text.split_once('|').map_or(text, |(url, _)| url);
    if url.is_empty() {
        return;
    }
    out.url(leaf, url);
    if url.len() != text.len() {
        out.url(leaf, text);
    }
}

/// The exact url; for canonicals `url` or `url|version`. `:below` and `:above` compare from the left.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let url = unescape(value);
    let test = match ask.modifier {
        None => {
            let whole = whole(ask, &url);
            return Ok(match versioned(ask, value)? {
                Some(versioned) => Filter::Or(vec![whole, versioned]),
                None => whole,
            });
        }
        Some("below") => PhraseTest::Below,
        Some("above") => PhraseTest::Above,
        Some(modifier) => return Err(ask.bad_modifier(modifier, &["missing", "above", "below"])),
    };
    if url.starts_with("urn:") {
        return Err(ask.bad("must be a URL with ':above' and ':below', which URNs do not have"));
    }
    if test == PhraseTest::Below && ask.parameter.forms.contains(&Form::Canonical) {
        return Ok(below_canonical(ask, &url));
    }
    Ok(any(&ask.parameter.owners, |owner| Filter::Phrase {
        param: owner.param,
        test,
        value: url.clone().into_owned(),
    }))
}

fn whole(ask: &Ask<'_>, url: &str) -> Filter {
    let term = |o: &Owner| ask.key.url(o.param, url);
    Filter::AnyTerm(ask.parameter.owners.iter().map(term).collect())
}

/// `url=…|1.0` of what has a version: "servers SHOULD be able to detect that this is a canonical".
/// `None`: the value is no versioned canonical, or the parameter is not about what is named by one.
/// <https://hl7.org/fhir/R4/references.html#canonical>
fn versioned(ask: &Ask<'_>, value: &str) -> Result<Option<Filter>, Failure> {
    let Some((url, version)) = split_once(value, b'|').filter(|_| ask.code() == "url") else {
        return Ok(None);
    };
    let parameter = ask.types.find("version");
    let parameter = parameter.filter(|p| p.is_served() && p.ty() == SearchType::Token);
    let Some(parameter) = parameter.filter(|_| !version.is_empty()) else {
        return Ok(None);
    };
    let of_version = Ask { parameter, ..*ask };
    let version = token::ask(&of_version, version)?;
    Ok(Some(Filter::And(vec![whole(ask, &unescape(url)), version])))
}

/// `url|1.2` is above `url|1.2.3` and `url|1.2-draft`, not above `url|1.20`; without a version it is as for any uri.
pub(super) fn below_canonical(ask: &Ask<'_>, url: &str) -> Filter {
    let phrase = |owner: &Owner, value: String| Filter::Phrase {
        param: owner.param,
        test: PhraseTest::Below,
        value,
    };
    any(&ask.parameter.owners, |owner| {
        if !url.contains('|') {
            return phrase(owner, url.to_owned());
        }
        Filter::Or(vec![
            Filter::AnyTerm(vec![ask.key.url(owner.param, url)]),
            phrase(owner, format!("{url}.")),
            phrase(owner, format!("{url}-")),
        ])
    })
}
