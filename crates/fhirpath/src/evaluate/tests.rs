use ward_fhir::tree::{Document, Limits, Node};

use crate::{Coded, Context, EvaluationError, Host, Item, compile, compile_for, compile_on};

const NOW_US: i64 = 1_795_356_187_123_000;

const PATIENT: &str = r##"{"resourceType":"Patient","id":"p","active":true,"birthDate":"1974-12-25",
"contained":[{"resourceType":"Organization","id":"o","name":"Org","partOf":{"reference":"#"}}],
"name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]}],
"_gender":{"extension":[{"url":"http://x/why","valueCode":"unknown"}]},
"generalPractitioner":[{"reference":"#o"},{"reference":"http://a/fhir/Practitioner/1/_history/2"},{"display":"x"}]}"##;

fn read(json: &str) -> Document {
    ward_fhir::json::read(json.as_bytes(), None, &Limits::default()).expect("document")
}

fn texts(node: Node<'_>, text: &str) -> Vec<String> {
    let expression = compile(text).expect(text);
    let items = expression.evaluate(node, &Context::at(NOW_US)).expect(text);
    items
        .iter()
        .map(|i| {
            i.to_text()
                .map_or_else(|| "-".to_owned(), |t| t.into_owned())
        })
        .collect()
}

fn error(node: Node<'_>, text: &str) -> EvaluationError {
    compile(text)
        .expect(text)
        .evaluate(node, &Context::at(NOW_US))
        .map(|_| ())
        .expect_err(text)
}

#[test]
fn a_primitive_without_value_is_there_but_has_no_value() {
    let doc = read(PATIENT);
    let root = doc.root();
    assert_eq!(texts(root, "gender.exists()"), ["true"]);
    assert_eq!(texts(root, "gender.hasValue()"), ["false"]);
    assert_eq!(texts(root, "gender = 'male'"), [""; 0]);
    assert_eq!(
        texts(root, "gender.extension('http://x/why').value"),
        ["unknown"]
    );
    assert_eq!(texts(root, "gender.getValue()"), [""; 0]);
    assert_eq!(texts(root, "gender.startsWith('m')"), [""; 0]);
}

#[test]
fn references_resolve_within_the_document() {
    let doc = read(PATIENT);
    let root = doc.root();
    assert_eq!(texts(root, "generalPractitioner.resolve().name"), ["Org"]);
    assert_eq!(texts(root, "contained.partOf.resolve().id"), ["p"]);
    assert_eq!(
        texts(
            root,
            "generalPractitioner.where(resolve() is Organization).reference"
        ),
        ["#o"]
    );
    assert_eq!(
        texts(
            root,
            "generalPractitioner.where(resolve() is Practitioner).reference"
        )
        .len(),
        1
    );
    assert_eq!(
        texts(root, "contained.select(%resource.id | %rootResource.id)"),
        ["p"]
    );
}

#[test]
fn resource_and_root_resource_of_a_contained_focus() {
    let doc = read(PATIENT);
    let contained = doc.root().get("contained").expect("contained");
    assert_eq!(texts(contained, "%resource.id"), ["o"]);
    assert_eq!(texts(contained, "%rootResource.id"), ["p"]);
    assert_eq!(texts(contained, "%context.id"), ["o"]);
}

#[test]
fn bundle_entries_resolve() {
    let doc = read(
        r#"{"resourceType":"Bundle","type":"collection","entry":[
        {"fullUrl":"http://a/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1"}},
        {"fullUrl":"urn:uuid:7e1c1b3e-2c1b-4d1e-9d3b-0d9d0a3f5f5a","resource":{"resourceType":"Organization","name":"U"}},
        {"fullUrl":"http://a/fhir/Observation/2","resource":{"resourceType":"Observation","id":"2","status":"final","code":{"text":"x"},
         "subject":{"reference":"Patient/1"},"performer":[{"reference":"urn:uuid:7e1c1b3e-2c1b-4d1e-9d3b-0d9d0a3f5f5a"}]}}]}"#,
    );
    assert_eq!(
        texts(
            doc.root(),
            "entry.resource.ofType(Observation).subject.resolve().id"
        ),
        ["1"]
    );
    assert_eq!(
        texts(doc.root(), "entry.resource.performer.resolve().name"),
        ["U"]
    );
    assert_eq!(
        texts(
            doc.root(),
            "entry.resource.performer.where(resolve() is Organization).count()"
        ),
        ["1"]
    );
}

#[test]
fn empties_and_index() {
    let doc = read(PATIENT);
    let root = doc.root();
    assert_eq!(texts(root, "name.where($index = 1).given"), ["Jim"]);
    assert_eq!(texts(root, "name[5]"), [""; 0]);
    assert_eq!(texts(root, "name[-1]"), [""; 0]);
    assert_eq!(texts(root, "link.iif(empty(), 'none', 'some')"), ["none"]);
    assert_eq!(texts(root, "2147483647 + 1"), [""; 0]);
    assert_eq!(texts(root, "0.power(-1)"), [""; 0]);
    assert_eq!(
        texts(root, "0.power(0.5) | (-8).power(0.5) | 4.power(0.5)"),
        ["0", "2"]
    );
    assert_eq!(texts(root, "'äöü'.substring(1, 1)"), ["ö"]);
    assert_eq!(
        texts(root, "now() | today() | timeOfDay()"),
        ["2026-11-22T14:03:07.123Z", "2026-11-22", "14:03:07.123"]
    );
}

#[test]
fn descendants_are_sorted_and_distinct_by_hash_too() {
    let given: Vec<String> = (0..100).map(|i| format!("\"n{}\"", i % 40)).collect();
    let doc = read(&format!(
        r#"{{"resourceType":"Patient","name":[{{"given":[{}]}}]}}"#,
        given.join(",")
    ));
    let root = doc.root();
    assert_eq!(texts(root, "name.given.distinct().count()"), ["40"]);
    assert_eq!(texts(root, "(name.given | name.given).count()"), ["40"]);
    assert_eq!(texts(root, "name.given.isDistinct()"), ["false"]);
    assert_eq!(
        texts(root, "name.given.intersect(name.given.skip(90)).count()"),
        ["10"]
    );
    assert_eq!(
        texts(root, "name.given.exclude(name.given.take(39)).distinct()"),
        ["n39"]
    );
    assert_eq!(texts(root, "name.given.sort(-$this).first()"), ["n9"]);
}

#[test]
fn budgets_hold() {
    let doc = read(PATIENT);
    let cx = Context {
        steps_max: 10_000,
        ..Context::at(NOW_US)
    };
    for text in [
        "repeat($this.toString() & 'a')",
        "name.given.repeat($this & 'a')",
        "(1|2|3|4|5|6|7|8|9).select((1|2|3|4|5|6|7|8|9).select((1|2|3|4|5|6|7|8|9).select((1|2|3|4|5|6|7|8|9).select(1|2|3))))",
        "(1|2|3|4|5|6|7|8|9).aggregate($total.combine($total).combine($total).combine($total), 1|2|3).count()",
    ] {
        let result = compile(text)
            .expect(text)
            .evaluate(doc.root(), &cx)
            .map(|_| ());
        assert_eq!(result, Err(EvaluationError::StepsExceeded), "{text}");
    }
    let doubling = format!(
        "'{}'{}",
        "a".repeat(1_000),
        ".select($this & $this)".repeat(12)
    );
    assert_eq!(error(doc.root(), &doubling), EvaluationError::StringTooLong);
    assert_eq!(
        error(doc.root(), "'a'.matches('(')"),
        EvaluationError::Regex
    );
    assert_eq!(
        error(doc.root(), "'a'.matches('((a{1000}){1000}){1000}')"),
        EvaluationError::Regex
    );
}

/// The deepest expressions run on the stack of an ordinary thread.
#[test]
fn deepest_nesting_runs() {
    let doc = read(PATIENT);
    let cx = Context::at(NOW_US);
    for (open, inner, close, count) in [
        ("where(", "true", ")", 60),
        ("select(", "$this", ")", 60),
        ("iif(true, ", "1", ")", 60),
        ("exists(", "true", ")", 60),
        ("-", "1", "", 120),
        ("", "true", ".not()", 120),
        ("", "name", ".where(true).select($this)", 60),
        ("", "name", ".combine(name)[0]", 60),
        ("1 + (", "1", ")", 60),
        ("true implies (", "true", ")", 60),
        ("repeat(", "name", ")", 40),
    ] {
        let text = format!("{}{inner}{}", open.repeat(count), close.repeat(count));
        let expression = compile(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert!(expression.evaluate(doc.root(), &cx).is_ok(), "{text}");
    }
}

#[test]
fn types_of_errors() {
    let doc = read(PATIENT);
    let root = doc.root();
    assert_eq!(error(root, "%nothing"), EvaluationError::UnknownConstant);
    assert_eq!(
        error(root, "conformsTo('http://x')"),
        EvaluationError::UnknownProfile
    );
    assert_eq!(
        error(root, "name < 1"),
        EvaluationError::SingletonExpected("comparison")
    );
    assert_eq!(
        error(root, "active + 1"),
        EvaluationError::Type("arithmetic")
    );
    assert_eq!(
        error(root, "elementDefinition()"),
        EvaluationError::Unsupported("elementDefinition")
    );
    assert_eq!(
        error(root, "1.round(-1)"),
        EvaluationError::Argument("round")
    );
}

#[test]
fn expressions_are_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<crate::Expression>();
}

struct Codes;
impl Host for Codes {
    fn member_of(&self, coded: Coded<'_>, value_set: &str) -> Option<bool> {
        (value_set == "http://x/vs").then_some(coded.code == "a")
    }
    fn subsumes(&self, general: Coded<'_>, special: Coded<'_>) -> Option<bool> {
        Some(special.code.starts_with(general.code))
    }
}

#[test]
fn the_host_answers() {
    let doc = read(
        r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"s","code":"b"},{"system":"s","code":"a"}]}}"#,
    );
    let two = [Item::Integer(2)];
    let cx = Context {
        host: &Codes,
        constants: &[("two", &two)],
        ..Context::at(NOW_US)
    };
    let test = |text: &str| {
        compile(text)
            .expect(text)
            .test(doc.root(), &cx)
            .expect(text)
    };
    assert_eq!(test("code.memberOf('http://x/vs')"), Some(true));
    assert_eq!(
        test("code.coding.first().memberOf('http://x/vs')"),
        Some(false)
    );
    assert_eq!(test("code.memberOf('http://y/vs')"), None);
    assert_eq!(test("code.coding[1].subsumes(code)"), Some(true));
    assert_eq!(test("code.coding.count() = %two"), Some(true));
    assert_eq!(
        test("status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')"),
        None
    );
    let offline = Context::at(NOW_US);
    let status = compile("status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')")
        .expect("text");
    assert_eq!(status.test(doc.root(), &offline), Ok(Some(true)));
}

#[test]
fn loose_and_strict() {
    let doc = read(PATIENT);
    let patient = doc.root().ty();
    assert_eq!(texts(doc.root(), "active is Boolean"), ["true"]);
    assert_eq!(texts(doc.root(), "name.as(HumanName).count()"), ["2"]);
    let cx = Context::at(NOW_US);
    let strict = |text: &str| {
        compile_for(text, patient)
            .expect(text)
            .evaluate(doc.root(), &cx)
            .map(|i| i.len())
    };
    assert_eq!(
        strict("name.as(HumanName)"),
        Err(EvaluationError::SingletonExpected("as"))
    );
    for wrong in [
        "nam",
        "name.give",
        "Observation.code",
        "name.upper()",
        "active.length()",
        "children().first()",
        "birthDate + 7",
        "iif('a', 1)",
    ] {
        assert!(compile_for(wrong, patient).is_err(), "{wrong}");
    }
    for right in [
        "contained.name",
        "name.given",
        "Resource.id",
        "extension.value.code",
        "deceased as boolean",
        "descendants().where(id = 'a')",
        "birthDate.startsWith('19')",
    ] {
        assert!(compile_for(right, patient).is_ok(), "{right}");
    }
}

#[test]
fn foreign_branches_are_dropped() {
    let doc = read(PATIENT);
    let text = "Practitioner.name | Patient.name.where(use = 'usual') | (Observation.value as Quantity) | Person.link[0]";
    let expression = compile_on(text, doc.root().ty()).expect(text);
    let mut seen = Vec::new();
    expression
        .for_each_node(doc.root(), &Context::at(NOW_US), |n| {
            seen.push(n.expression())
        })
        .expect(text);
    assert_eq!(seen, ["Patient.name[1]"]);
}

#[test]
fn patterns_of_the_invariants_fit_the_limits() {
    let doc = read(PATIENT);
    for invariant in ward_fhir::schema::r4()
        .invariants
        .iter()
        .filter(|i| i.expression.contains("matches('"))
    {
        let at = invariant.expression.find("matches('").expect("found") + "matches(".len();
        let literal = &invariant.expression[at..];
        let end = literal.find("')").expect("end") + 1;
        let text = format!("'a'.matches({}).exists()", &literal[..end]);
        if compile(&text).is_ok() {
            assert_eq!(texts(doc.root(), &text), ["true"], "{}", invariant.key);
        }
    }
}
