//! Media types: `:below=text/xml` finds `text/xml;charset=UTF-8` too, `:below=image` each of its subtypes.
//! <https://hl7.org/fhir/R4/search.html#token>

use crate::check::fresh;
use crate::edition::Edition;
use crate::escape::unescape;
use crate::normal::lower_case;
use crate::param::Ask;
use crate::param::string::any;
use crate::plan::{Filter, PhraseTest};
use crate::program::Atom;
use crate::registry::Parameter;
use ward_fhir::Failure;
use ward_fhir::schema::Schema;

const MEDIA_TYPES: &str = "http://hl7.org/fhir/ValueSet/mimetypes";

/// Whether the elements at the end of a path are media types.
pub(crate) fn is_media_type(schema: &Schema, atom: &Atom) -> bool {
    let element = |member| schema.element(schema.member(member).element);
    let last = atom.hops.last().map(|hop| element(hop.member));
    let binding = last.and_then(|element| element.binding.as_ref());
    binding.is_some_and(|binding| binding.value_set == MEDIA_TYPES)
}

pub(super) fn is_asked(schema: &Schema, parameter: &Parameter) -> bool {
    let mut atoms = parameter.atoms.iter();
    atoms.any(|atom| is_media_type(schema, atom))
}

/// What a media type is found by: `text/xml;charset=utf-8;`, each of its parts ended.
pub(super) fn phrase(value: &str) -> String {
    let mut phrase = without_space(value);
    phrase.push(';');
    phrase
}

/// The type itself, and those that it is the beginning of, up to `/` or `;`.
pub(super) fn below(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let value = without_space(&unescape(value));
    let value = value.trim_end_matches([';', '/']);
    if value.is_empty() || value.contains('|') {
        return Err(ask.bad("must be a media type with ':below', like 'text/xml' or 'image'"));
    }
    let end = if value.contains('/') { ';' } else { '/' };
    let phrase = any(&ask.parameter.owners, |owner| Filter::Phrase {
        param: owner.param,
        test: PhraseTest::Below,
        value: format!("{value}{end}"),
    });
    if ask.oldest < Edition::Second {
        // Rows that have no such phrase are looked at.
        let name = format!("{}:below", ask.code());
        return Ok(fresh(ask.extractor, name, phrase));
    }
    Ok(phrase)
}

/// Case and spaces do not count in media types (RFC 6838, RFC 9110).
fn without_space(value: &str) -> String {
    let lower = lower_case(value);
    lower.chars().filter(|c| !c.is_whitespace()).collect()
}
