//! The table of refusals: input, status, issue code, expression. `docs/` shows the same file.

use ward_fhir::json::read;
use ward_fhir::tree::Limits;

/// Tab-separated: name, status, issue code, expression, input.
const TABLE: &str = include_str!("../bad-input.tsv");

#[test]
fn every_row_is_refused_as_it_says() {
    let mut wrong = Vec::new();
    for line in TABLE.lines().filter(|l| !l.starts_with('#')).skip(1) {
        let [name, status, code, expression, input] = line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("a row has five columns: {line}");
        };
        let found = match read(&bytes(input), None, &Limits::default()) {
            Ok(_) => "accepted".into(),
            Err(failure) => {
                let issue = &failure.issues[0];
                let place = issue.expression.as_deref().unwrap_or_default();
                format!("{}\t{}\t{place}", failure.status(), issue.kind.row().1)
            }
        };
        if found != format!("{status}\t{code}\t{expression}") {
            wrong.push(format!("{name}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `<xx>` is a byte in hexadecimal, `<n*text>` repeats text, `<tab>` is a tab.
fn bytes(input: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = input;
    while let Some((before, after)) = rest.split_once('<') {
        out.extend_from_slice(before.as_bytes());
        let (form, after) = after.split_once('>').unwrap();
        match form.split_once('*') {
            Some((times, text)) => out.extend(text.repeat(times.parse().unwrap()).bytes()),
            None if form == "tab" => out.push(b'\t'),
            None => out.push(u8::from_str_radix(form, 16).unwrap()),
        }
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

fn issues(json: &str, limits: Limits) -> Vec<(String, String)> {
    let failure = read(json.as_bytes(), None, &limits).unwrap_err();
    failure
        .issues
        .into_iter()
        .map(|i| (i.expression.unwrap_or_default(), i.diagnostics))
        .collect()
}

#[test]
fn several_issues_are_reported_at_once_up_to_a_limit() {
    let json = r#"{"resourceType":"Patient","colour":1,"name":"a","active":"x","contact":[{},{"gender":""}],"birthDate":"x"}"#;
    let places = |max| {
        let limits = Limits {
            issues_max: max,
            ..Limits::default()
        };
        issues(json, limits)
            .into_iter()
            .map(|(place, _)| place)
            .collect::<Vec<_>>()
    };
    let all = [
        "Patient.colour",
        "Patient.name",
        "Patient.active",
        "Patient.contact[0]",
        "Patient.contact[1].gender",
        "Patient.birthDate",
    ];
    assert_eq!(places(20), all);
    assert_eq!(places(2), all[..2]);
    assert_eq!(places(0), all[..1]);
}

#[test]
fn diagnostics_help_and_repeat_no_value() {
    let said = |json: &str| issues(json, Limits::default())[0].1.clone();
    assert_eq!(
        said(r#"{"resourceType":"Patient","brithDate":"1970"}"#),
        "Patient has no element `brithDate`; did you mean `birthDate`?"
    );
    assert_eq!(
        said(r#"{"resourceType":"Patient","Active":true}"#),
        "Patient has no element `Active`; did you mean `active`?"
    );
    assert_eq!(
        said(r#"{"resourceType":"Pateint"}"#),
        "there is no resource type `Pateint`; did you mean `Patient`?"
    );
    assert_eq!(
        said(r#"{"resourceType":"Patient","a\nb":1}"#),
        "Patient has no element of that name"
    );
    assert_eq!(
        said(r#"{"resourceType":"Patient","fhir_comments":["x"]}"#),
        "`fhir_comments` is not part of R4"
    );
    assert_eq!(
        said(r#"{"resourceType":"Patient","gender":1}"#),
        "expected a string, found a number"
    );
    assert_eq!(
        said("{\"resourceType\":\"Patient\",\n \"gender\" 1}"),
        "line 2, byte 11: a colon was expected"
    );
    let secret = said(r#"{"resourceType":"Patient","birthDate":"secret"}"#);
    assert!(
        secret.starts_with("date: ") && !secret.contains("secret"),
        "{secret}"
    );
}

#[test]
fn limits_of_depth_and_size() {
    let nested = |depth: usize| {
        let open = r#","extension":[{"url":"u""#.repeat(depth - 1);
        format!(
            r#"{{"resourceType":"Patient"{open}{}"#,
            "}]".repeat(depth - 1) + "}"
        )
    };
    assert!(read(nested(64).as_bytes(), None, &Limits::default()).is_ok());
    assert_eq!(
        issues(&nested(65), Limits::default())[0].1,
        "elements may be nested 64 deep"
    );
    let few = Limits {
        nodes_max: 3,
        ..Limits::default()
    };
    assert!(
        read(
            br#"{"resourceType":"Patient","active":true,"id":"a"}"#,
            None,
            &few
        )
        .is_ok()
    );
    let failure = read(
        br#"{"resourceType":"Patient","active":true,"id":"a","gender":"male"}"#,
        None,
        &few,
    )
    .unwrap_err();
    assert_eq!(failure.status(), 413);
}

#[test]
fn another_type_than_expected() {
    let patient = ward_fhir::schema::r4().resource_type("Patient");
    let failure = read(
        br#"{"resourceType":"Observation"}"#,
        patient,
        &Limits::default(),
    )
    .unwrap_err();
    assert_eq!(
        (failure.status(), failure.issues[0].kind.row().1),
        (400, "invalid")
    );
    assert_eq!(
        failure.issues[0].diagnostics,
        "expected a resource of type Patient, found Observation"
    );
    assert!(
        read(
            br#"{"resourceType":"Patient"}"#,
            patient,
            &Limits::default()
        )
        .is_ok()
    );
}
