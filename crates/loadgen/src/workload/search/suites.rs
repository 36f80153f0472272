//! The questions of each suite. A word in braces is drawn from what the server holds (see `pools`), or, for the share of
//! deliberate misses, is a value that no resource has.

/// Searches of one kind, drawn with equal chances.
pub struct Class {
    pub name: &'static str,
    pub questions: &'static [&'static str],
}

const fn class(name: &'static str, questions: &'static [&'static str]) -> Class {
    Class { name, questions }
}

impl Class {
    /// The questions of the classes by which the cost of search is stated, and of W5.
    pub fn all() -> impl Iterator<Item = &'static str> {
        let classes = CLASSES.iter().chain(MOCK_HEALTH);
        let questions = classes.flat_map(|class| class.questions.iter().copied());
        questions.filter(|question| !question.contains("{deep}") && *question != "metadata")
    }
}

/// The classes by which the cost of search is stated, pages of 20.
pub const CLASSES: &[Class] = &[
    class(
        "patient+category by date",
        &["Observation?patient={patient}&category={category}&_sort=-date&_count=20"],
    ),
    class(
        "patient+code by date",
        &["Observation?patient={patient}&code={code}&_sort=-date&_count=20"],
    ),
    class(
        "token",
        &[
            "Observation?code={code}&_count=20",
            "Condition?code={condition}&_count=20",
            "Encounter?class={class}&_count=20",
        ],
    ),
    class(
        "token by date",
        &["Observation?code={code}&_sort=-date&_count=20"],
    ),
    class(
        "date",
        &[
            "Observation?date=ge{date}&_count=20",
            "Encounter?date=lt{date}&_count=20",
            "Observation?code={code}&date=le{date}&_count=20",
        ],
    ),
    class(
        "reference",
        &[
            "Observation?patient={patient}&_count=20",
            "Observation?encounter={encounter}&_count=20",
            "Encounter?patient={patient}&_count=20",
            "Condition?patient={patient}&_count=20",
        ],
    ),
    class(
        "quantity",
        &[
            "Observation?value-quantity=gt{value}&_count=20",
            "Observation?code={code}&value-quantity=lt{value}&_count=20",
        ],
    ),
    class(
        "composite",
        &[
            "Observation?code-value-quantity={code}$gt{value}&_count=20",
            "Observation?component-code-value-quantity=http://loinc.org|8480-6$gt{pressure}&_count=20",
        ],
    ),
    class(
        "string prefix",
        &[
            "Patient?family={family}&_count=20",
            "Patient?name={given}&_count=20",
        ],
    ),
    class(
        "chain",
        &["Observation?patient.family={family}&code={code}&_count=20"],
    ),
    class(
        "_has",
        &[
            "Patient?_has:Observation:patient:code={code}&_count=20",
            "Patient?_has:Condition:patient:code={condition}&_count=20",
        ],
    ),
    class(
        "_include",
        &[
            "Observation?code={code}&_include=Observation:encounter&_count=20",
            "Observation?patient={patient}&category={category}&_include=Observation:subject&_count=20",
        ],
    ),
    class(
        "_revinclude",
        &["Encounter?patient={patient}&_revinclude=Observation:encounter&_count=20"],
    ),
    class(
        "_revinclude=*",
        &["Condition?patient={patient}&_revinclude=*&_count=20"],
    ),
    class("first page", &super::pools::DEEP_STARTS),
    class("page 50", &["{deep}"]),
    class(
        "_total=accurate",
        &["Observation?category={category}&_total=accurate&_count=0"],
    ),
];

/// W3.
pub const HEALTH_SAMURAI: &[Class] = &[
    class(
        "string",
        &[
            "Patient?name={family}&_count=20",
            "Patient?name:contains={family}&_count=20",
            "Patient?address={city}&_count=20",
            "Patient?address:contains={city}&_count=20",
            "Organization?name={organization}&_count=20",
            "Organization?name:contains={organization}&_count=20",
        ],
    ),
    class(
        "date",
        &[
            "Patient?birthdate={prefix}{birthdate}&_count=20",
            "Observation?date={prefix}{date}&_count=20",
            "Encounter?date={prefix}{date}&_count=20",
        ],
    ),
    class(
        "token",
        &[
            "Observation?category={category}&_count=20",
            "Observation?category={category},{category}&_count=20",
            "Observation?category={category},{category},{category}&_count=20",
            "Observation?code={code}&_count=20",
            "Observation?code={bare}&_count=20",
            "Observation?code={code},{code}&_count=20",
            "Encounter?status=finished&_count=20",
            "Encounter?class={class}&_count=20",
        ],
    ),
    class(
        "quantity",
        &[
            "Observation?value-quantity={compare}{value}&_count=20",
            "Observation?component-value-quantity={compare}{pressure}&_count=20",
            "Observation?combo-value-quantity={compare}{value}&_count=20",
        ],
    ),
    class(
        "composite",
        &[
            "Observation?code-value-quantity={code}${compare}{value}&_count=20",
            "Observation?component-code-value-quantity=http://loinc.org|8480-6${compare}{pressure}&_count=20",
            "Observation?combo-code-value-quantity={code}${compare}{value}&_count=20",
        ],
    ),
    class(
        "reference",
        &[
            "Observation?subject=Patient/{patient}&_count=20",
            "Observation?encounter={encounter}&_count=20",
            "Observation?performer=Practitioner/{practitioner}&_count=20",
            "Encounter?subject=Patient/{patient}&_count=20",
            "Encounter?participant=Practitioner/{practitioner}&_count=20",
            "MedicationRequest?subject=Patient/{patient}&_count=20",
            "MedicationRequest?encounter={encounter}&_count=20",
            "MedicationRequest?requester=Practitioner/{practitioner}&_count=20",
        ],
    ),
];

/// W5: thirty questions with equal chances.
pub const MOCK_HEALTH: &[Class] = &[
    class("metadata", &["metadata"]),
    class("page", &["Observation?_count=10"]),
    class("total", &["Observation?_count=1&_total=accurate"]),
    class("code total", &["Observation?code=8480-6&_total=accurate"]),
    class(
        "combo total",
        &["Observation?combo-code=8480-6&_total=accurate"],
    ),
    class(
        "gender total",
        &["Patient?gender=male&_count=5&_total=accurate"],
    ),
    class("family letter", &["Patient?family=S"]),
    class("given letter", &["Patient?given=A"]),
    class("gender+family", &["Patient?gender=female&family=B"]),
    class(
        "code total 5",
        &[
            "Observation?code=8302-2&_count=5&_total=accurate",
            "Observation?code=29463-7&_count=5&_total=accurate",
            "Observation?code=72514-3&_count=5&_total=accurate",
        ],
    ),
    class("date", &["Observation?date=ge2020-01-01"]),
    class("patient by id", &["Patient/{patient}"]),
    class("family", &["Patient?family:exact={family}"]),
    class(
        "by patient",
        &[
            "Observation?patient={patient}&_count=20",
            "Condition?patient={patient}",
            "Encounter?patient={patient}",
            "MedicationRequest?patient={patient}",
        ],
    ),
    class(
        "by code",
        &["Condition?code={condition}", "Procedure?code={procedure}"],
    ),
    class(
        "encounter by",
        &[
            "Encounter?practitioner={practitioner}",
            "Encounter?location={location}",
        ],
    ),
    class(
        "text",
        &[
            "Patient?name:text={family}",
            "Patient?address:text={city}",
            "Condition?code:text=fracture",
        ],
    ),
    class(
        "full text",
        &[
            "Patient?_content={family}&_count=10",
            "Observation?_content=glucose&_count=10",
            "Condition?_content=fracture&_count=10",
            "Patient?_text={family}&_count=10",
        ],
    ),
];

/// W7: counts, and downloads page by page (each answer of a download is one request of its class).
pub const BLAZE: &[Class] = &[
    class("count code", &["Observation?code={code}&_summary=count"]),
    class(
        "count 10 codes",
        &[
            "Observation?code={code},{code},{code},{code},{code},{code},{code},{code},{code},{code}&_summary=count",
        ],
    ),
    class(
        "count category+status+code",
        &["Observation?category={category}&status=final&code={code}&_summary=count"],
    ),
    class(
        "count code+value",
        &["Observation?code={code}&value-quantity=gt{value}&_summary=count"],
    ),
    class(
        "count code+date",
        &["Observation?code={code}&date=ge{date}&_summary=count"],
    ),
    class("count year", &["Observation?date=2024&_summary=count"]),
    class(
        "count birthdate",
        &["Patient?birthdate={prefix}{birthdate}&_summary=count"],
    ),
    class(
        "count chain",
        &["Observation?patient.gender=female&code={code}&_summary=count"],
    ),
    class("page code", &["Observation?code={code}&_count=1000"]),
    class(
        "page code, elements",
        &["Observation?code={code}&_count=1000&_elements=subject"],
    ),
    class(
        "page category+status+code",
        &["Observation?category={category}&status=final&code={code}&_count=1000"],
    ),
    class(
        "page code+value",
        &["Observation?code={code}&value-quantity=gt{value}&_count=1000"],
    ),
    class(
        "page patients+code",
        &[
            "Observation?patient={patient},{patient},{patient},{patient},{patient},{patient},{patient},{patient}&code={code}&_count=1000",
        ],
    ),
];

/// W8: includes beside the same page without. Which scopes is the matter of the token.
pub const MICROSOFT: &[Class] = &[
    class(
        "control",
        &["Observation?patient={patient}&category={category}&_count=20"],
    ),
    class(
        "_include",
        &[
            "Observation?patient={patient}&category={category}&_include=Observation:encounter&_count=20",
        ],
    ),
    class(
        "_include:iterate",
        &[
            "Observation?patient={patient}&category={category}&_include=Observation:encounter&_include:iterate=Encounter:participant&_count=20",
        ],
    ),
    class(
        "_include=*",
        &["Observation?patient={patient}&category={category}&_include=*&_count=20"],
    ),
    class("control patient", &["Patient?_id={patient}"]),
    class(
        "_revinclude",
        &["Patient?_id={patient}&_revinclude=Condition:subject"],
    ),
    class(
        "_revinclude:iterate",
        &[
            "Patient?_id={patient}&_revinclude=Encounter:patient&_revinclude:iterate=Condition:encounter",
        ],
    ),
];
