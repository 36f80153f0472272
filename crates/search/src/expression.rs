//! The shapes of SearchParameter.expression that run as direct walks. <https://hl7.org/fhir/R4/searchparameter.html>
//!
//! Every expression of the R4 package but the composites' has one of them; anything else is left to `fhirpath`.

/// What an expression yields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape<'a> {
    /// The elements at the end of any of the paths.
    Paths(Vec<Path<'a>>),
    /// `P.exists() and P != false`: one boolean, always.
    Truth(Path<'a>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Path<'a> {
    /// `None`: a bare element name, for every base of the parameter.
    pub root: Option<&'a str>,
    pub steps: Vec<Step<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step<'a> {
    Child(&'a str),
    /// `as`, `as()` and `ofType()`.
    As(&'a str),
    Index(u32),
    /// `.where(resolve() is T)`
    ResolvesTo(&'a str),
    /// `.where(name = 'text')`
    ChildEquals(&'a str, &'a str),
    /// `.where(hasExtension('url'))`
    HasExtension(&'a str),
    /// `.extension('url')`
    Extension(&'a str),
}

impl<'a> Step<'a> {
    /// The name that it is about: of an element, a type, an extension.
    pub fn word(&self) -> &'a str {
        match self {
            Step::Child(name) | Step::As(name) | Step::ResolvesTo(name) => name,
            Step::ChildEquals(name, _) | Step::HasExtension(name) | Step::Extension(name) => name,
            Step::Index(_) => "[]",
        }
    }
}

/// `None`: not one of the shapes.
pub(crate) fn parse(text: &str) -> Option<Shape<'_>> {
    if let Some((path, rest)) = text.split_once(".exists() and ") {
        let again = rest.strip_suffix("!= false")?.trim_end();
        return (again == path)
            .then(|| parse_path(path).map(Shape::Truth))
            .flatten();
    }
    let paths = split_top(text, b'|')
        .into_iter()
        .map(parse_alternative)
        .collect::<Option<Vec<_>>>()?;
    Some(Shape::Paths(paths))
}

/// Where the first part begins that is of no shape, and the part. `None`: the expression is read.
pub(crate) fn unread(text: &str) -> Option<(usize, &str)> {
    if parse(text).is_some() {
        return None;
    }
    let mut at = 0;
    for alternative in split_top(text, b'|') {
        if parse_alternative(alternative).is_none() {
            let (within, part) = unread_step(alternative);
            return Some((at + within, part));
        }
        at += alternative.len() + 1;
    }
    Some((0, text))
}

/// The step of a plain path that is not read; the whole of anything else.
fn unread_step(alternative: &str) -> (usize, &str) {
    let trimmed = alternative.trim();
    let from = alternative.len() - alternative.trim_start().len();
    let mut at = from;
    if !trimmed.starts_with('(') && !trimmed.contains(" as ") {
        for step in split_top(trimmed, b'.') {
            if parse_step(step, &mut Vec::new()).is_none() {
                return (at, step);
            }
            at += step.len() + 1;
        }
    }
    (from, trimmed)
}

/// Number of paths, and of steps of the longest; `None` where it is not read.
pub(crate) fn size(text: &str) -> Option<(usize, usize)> {
    Some(match parse(text)? {
        Shape::Truth(path) => (1, path.steps.len()),
        Shape::Paths(paths) => (
            paths.len(),
            paths.iter().map(|p| p.steps.len()).max().unwrap_or(0),
        ),
    })
}

/// `path`, `path as T` or `(path as T).rest`.
fn parse_alternative(text: &str) -> Option<Path<'_>> {
    let text = text.trim();
    let Some(inside) = text.strip_prefix('(') else {
        return parse_cast(text);
    };
    let close = closing(inside)?;
    let mut path = parse_cast(inside[..close].trim())?;
    let rest = &inside[close + 1..];
    if !rest.is_empty() {
        for step in split_top(rest.strip_prefix('.')?, b'.') {
            parse_step(step, &mut path.steps)?;
        }
    }
    Some(path)
}

fn parse_cast(text: &str) -> Option<Path<'_>> {
    match text.split_once(" as ") {
        Some((path, ty)) => {
            let mut path = parse_path(path.trim())?;
            path.steps.push(Step::As(name(ty.trim())?));
            Some(path)
        }
        None => parse_path(text),
    }
}

fn parse_path(text: &str) -> Option<Path<'_>> {
    let mut path = Path::default();
    for (at, step) in split_top(text, b'.').into_iter().enumerate() {
        if at == 0 && step.starts_with(|c: char| c.is_ascii_uppercase()) {
            path.root = Some(name(step)?);
        } else {
            parse_step(step, &mut path.steps)?;
        }
    }
    Some(path)
}

fn parse_step<'a>(text: &'a str, steps: &mut Vec<Step<'a>>) -> Option<()> {
    if let Some(argument) = call(text, "as").or_else(|| call(text, "ofType")) {
        steps.push(Step::As(name(argument)?));
    } else if let Some(argument) = call(text, "extension") {
        steps.push(Step::Extension(literal(argument)?));
    } else if let Some(argument) = call(text, "where") {
        steps.push(parse_where(argument)?);
    } else if let Some((child, index)) = text.strip_suffix(']').and_then(|t| t.split_once('[')) {
        steps.push(Step::Child(name(child)?));
        steps.push(Step::Index(index.parse().ok()?));
    } else {
        steps.push(Step::Child(name(text)?));
    }
    Some(())
}

fn parse_where(text: &str) -> Option<Step<'_>> {
    if let Some(ty) = text.strip_prefix("resolve() is ") {
        return Some(Step::ResolvesTo(name(ty.trim())?));
    }
    if let Some(url) = call(text, "hasExtension") {
        return Some(Step::HasExtension(literal(url)?));
    }
    let (child, value) = text.split_once('=')?;
    Some(Step::ChildEquals(
        name(child.trim())?,
        literal(value.trim())?,
    ))
}

fn call<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    text.strip_prefix(function)?
        .strip_prefix('(')?
        .strip_suffix(')')
}

fn literal(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?
        .strip_suffix('\'')
        .filter(|t| !t.contains(['\'', '\\']))
}

fn name(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(text)
}

/// Where the bracket opened just before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1usize;
    text.bytes().position(|b| {
        match b {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// Splits outside of brackets and quotes.
fn split_top(text: &str, separator: u8) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut quoted) = (Vec::new(), 0, 0i32, false);
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ if b == separator && depth == 0 && !quoted => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::Step::*;
    use super::*;

    fn steps(text: &str) -> Vec<Step<'_>> {
        match parse(text) {
            Some(Shape::Paths(mut p)) if p.len() == 1 => p.remove(0).steps,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn shapes_of_the_package() {
        assert_eq!(steps("Patient.name.given"), [Child("name"), Child("given")]);
        assert_eq!(
            steps("(Observation.value as CodeableConcept).text"),
            [Child("value"), As("CodeableConcept"), Child("text")]
        );
        assert_eq!(
            steps("Condition.onset.as(Age)"),
            [Child("onset"), As("Age")]
        );
        assert_eq!(
            steps("Flag.subject.where(resolve() is Patient)"),
            [Child("subject"), ResolvesTo("Patient")]
        );
        assert_eq!(
            steps("Person.telecom.where(system='email')"),
            [Child("telecom"), ChildEquals("system", "email")]
        );
        assert_eq!(
            steps("Bundle.entry[0].resource"),
            [Child("entry"), Index(0), Child("resource")]
        );
        assert_eq!(
            steps("Device.extension('http://a.b/c.d')"),
            [Extension("http://a.b/c.d")]
        );
        assert_eq!(
            steps(
                "QuestionnaireResponse.item.where(hasExtension('http://x/y')).answer.value.ofType(Reference)"
            ),
            [
                Child("item"),
                HasExtension("http://x/y"),
                Child("answer"),
                Child("value"),
                As("Reference")
            ]
        );
        assert!(
            matches!(parse("A.b | C.d.e as Period | f"), Some(Shape::Paths(p)) if p.len() == 3 && p[2].root.is_none())
        );
        assert!(matches!(
            parse("Patient.deceased.exists() and Patient.deceased != false"),
            Some(Shape::Truth(_))
        ));
    }

    #[test]
    fn everything_else_is_left_alone() {
        for text in [
            "Patient.name.first()",
            "Patient.where(active)",
            "A.b + A.c",
            "",
            "A.b.exists() and A.c != false",
            "(A.b as",
            "A..b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
