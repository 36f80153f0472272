//! The table of routes: what the grammar answers, for the CapabilityStatement and the OpenAPI document. A test walks the
//! grammar and holds both to each other.

/// Path, and its methods with their interaction codes.
pub type Route = (&'static str, &'static [(&'static str, &'static str)]);

/// Paths of the RESTful API below the base with their methods and interaction codes; `{type}` becomes each resource type,
/// `{owner}` each type that has a compartment. Operations are in `operations::SERVED`. HEAD is answered wherever GET is.
pub const ROUTES: &[Route] = &[
    ("/", &[("get", "search-system"), ("post", "batch")]),
    ("/metadata", &[("get", "capabilities")]),
    ("/openapi.json", &[("get", "capabilities")]),
    ("/_history", &[("get", "history-system")]),
    ("/_search", &[("post", "search-system")]),
    (
        "/{type}",
        &[
            ("get", "search-type"),
            ("post", "create"),
            ("put", "update"),
            ("patch", "patch"),
            ("delete", "delete"),
        ],
    ),
    ("/{type}/_history", &[("get", "history-type")]),
    ("/{type}/_search", &[("post", "search-type")]),
    (
        "/{type}/{id}",
        &[
            ("get", "read"),
            ("put", "update"),
            ("patch", "patch"),
            ("delete", "delete"),
        ],
    ),
    ("/{type}/{id}/_history", &[("get", "history-instance")]),
    ("/{type}/{id}/_history/{vid}", &[("get", "vread")]),
    ("/{owner}/{id}/{member}", &[("get", "search-type")]),
    ("/{owner}/{id}/{member}/_search", &[("post", "search-type")]),
];

/// Codes of `CapabilityStatement.rest.resource.interaction`, in the order of the table, each once.
pub fn codes_on_type() -> Vec<&'static str> {
    codes(|path| path.starts_with("/{type}"))
}

/// Codes of `CapabilityStatement.rest.interaction`. What is POSTed to the base is a batch or a transaction.
pub fn codes_on_system() -> Vec<&'static str> {
    let mut codes = codes(|path| !path.contains('{'));
    // The statement itself is no interaction that it could state.
    codes.retain(|code| *code != "capabilities");
    if let Some(at) = codes.iter().position(|code| *code == "batch") {
        codes.insert(at, "transaction");
    }
    codes
}

fn codes(is_of_level: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let routes = ROUTES.iter().filter(|(path, _)| is_of_level(path));
    let mut codes = Vec::new();
    for (_, code) in routes.flat_map(|(_, methods)| *methods) {
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Interaction;
    use crate::route::{Method, route};
    use ward_fhir::reference::is_id;
    use ward_fhir::schema::r4;

    const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

    /// What the grammar could read at any place of a path.
    const SEGMENTS: [&str; 9] = [
        "Basic",
        "Patient",
        "1",
        "_history",
        "_search",
        "metadata",
        "openapi.json",
        "*",
        "DomainResource",
    ];

    /// Longer than any path of the table.
    const SEGMENTS_MAX: u32 = 5;

    /// Every path of the segments with every method: what is routed is in the table, and what is in the table is routed.
    #[test]
    fn the_table_and_the_grammar_agree() {
        let mut found = 0;
        for path in paths() {
            for name in METHODS {
                let stated = stated(&path, name);
                let routed = route(Method::parse(name).unwrap(), &path.join("/"));
                let routed = routed.ok().map(|interaction| interaction.code());
                assert_eq!(routed, stated, "{name} /{}", path.join("/"));
                found += usize::from(routed.is_some());
            }
        }
        assert!(found > 100, "{found}");
    }

    #[test]
    fn both_levels_have_the_codes_of_r4() {
        assert_eq!(
            codes_on_system(),
            ["search-system", "transaction", "batch", "history-system"]
        );
        let mut codes = codes_on_type();
        codes.sort_unstable();
        let expected = [
            "create",
            "delete",
            "history-instance",
            "history-type",
            "patch",
            "read",
            "search-type",
            "update",
            "vread",
        ];
        assert_eq!(codes, expected);
    }

    /// No interaction of a Call is left out: one of a new kind does not compile here.
    #[test]
    fn every_interaction_is_stated() {
        let codes: Vec<&str> = codes(|_| true);
        let basic = r4().resource_type("Basic").unwrap();
        let mut at = Some(Interaction::Read {
            ty: basic,
            id: "1".into(),
        });
        while let Some(interaction) = at {
            assert!(codes.contains(&interaction.code()), "{interaction:?}");
            at = next(interaction);
        }
    }

    fn next(interaction: Interaction) -> Option<Interaction> {
        use Interaction::*;
        let id = String::new();
        Some(match interaction {
            Read { ty, id } => Vread {
                ty,
                id,
                version: "1".into(),
            },
            Vread { ty, .. } => Create { ty },
            Create { ty } => Update { ty, id },
            Update { ty, .. } => ConditionalUpdate { ty },
            ConditionalUpdate { ty } => Patch { ty, id },
            Patch { ty, .. } => ConditionalPatch { ty },
            ConditionalPatch { ty } => Delete { ty, id },
            Delete { ty, .. } => ConditionalDelete { ty },
            ConditionalDelete { ty } => HistoryInstance { ty, id },
            HistoryInstance { ty, .. } => HistoryType { ty },
            HistoryType { ty } => SearchType { ty },
            SearchType { ty } => SearchCompartment {
                compartment: ty,
                id,
                ty: None,
            },
            SearchCompartment { .. } => HistorySystem,
            HistorySystem => SearchSystem,
            SearchSystem => Capabilities,
            Capabilities => OpenApi,
            OpenApi => Bundle,
            // Operations are stated by their own table, and what is not understood is no interaction.
            Bundle | Operation { .. } | Unknown => return None,
        })
    }

    fn paths() -> Vec<Vec<&'static str>> {
        let mut all = vec![Vec::new()];
        let mut longest = all.clone();
        for _ in 0..SEGMENTS_MAX {
            let longer = longest.iter().flat_map(|path: &Vec<&'static str>| {
                SEGMENTS.map(|segment| [path.as_slice(), &[segment]].concat())
            });
            longest = longer.collect();
            all.extend(longest.iter().cloned());
        }
        all
    }

    /// The code in the table. `_search` takes GET beside POST, which R4 does not name.
    fn stated(path: &[&str], method: &str) -> Option<&'static str> {
        let mut routes = ROUTES.iter().filter(|(template, _)| fits(template, path));
        let (template, methods) = routes.next()?;
        assert!(routes.next().is_none(), "{path:?} is two routes");
        let method = match method {
            "GET" | "HEAD" if template.ends_with("/_search") => "post".to_owned(),
            "HEAD" => "get".to_owned(),
            other => other.to_lowercase(),
        };
        let mut codes = methods.iter().filter(|(m, _)| *m == method);
        codes.next().map(|(_, code)| *code)
    }

    fn fits(template: &str, path: &[&str]) -> bool {
        let parts: Vec<&str> = template.split('/').filter(|p| !p.is_empty()).collect();
        let is_type = |name: &str| r4().resource_type(name).is_some();
        let fits = |(part, segment): (&&str, &&str)| match *part {
            "{type}" => is_type(segment),
            "{owner}" => r4().compartments.iter().any(|c| c.code == *segment),
            "{member}" => *segment == "*" || is_type(segment),
            "{id}" => is_id(segment),
            // Whatever it is, it is looked for; but a last `_search` asks for a search.
            "{vid}" => *segment != "_search",
            literal => literal == *segment,
        };
        parts.len() == path.len() && parts.iter().zip(path).all(fits)
    }
}
