use crate::{DEPTH_MAX, EXPRESSION_BYTES_MAX, compile};

fn offset_of_error(text: &str) -> usize {
    compile(text).map(drop).expect_err(text).offset
}

#[test]
fn errors_point_at_the_place() {
    assert_eq!(offset_of_error("name."), 5);
    assert_eq!(offset_of_error("name.given)"), 10);
    assert_eq!(offset_of_error("name.where(use = 'a"), 17);
    assert_eq!(offset_of_error("a # b"), 2);
    assert_eq!(offset_of_error("1 + nothing()"), 4);
    assert_eq!(offset_of_error("exists(1, 2)"), 0);
    assert_eq!(offset_of_error("a as Nothing"), 5);
    assert_eq!(offset_of_error("@2015-13"), 0);
    assert_eq!(offset_of_error(""), 0);
    assert_eq!(offset_of_error("/* a"), 0);
}

#[test]
fn keywords_are_names_where_a_name_is_expected() {
    for text in [
        "expansion.contains",
        "contains",
        "a.as",
        "is",
        "a.div",
        "text.`div`",
        "a.repeat(contains)",
        "in in in",
    ] {
        assert!(compile(text).is_ok(), "{text}");
    }
}

#[test]
fn size_and_nesting_are_bounded() {
    assert!(compile(&" ".repeat(EXPRESSION_BYTES_MAX + 1)).is_err());
    let deep = usize::from(DEPTH_MAX) + 1;
    let nested = |open: &str, inner: &str, close: &str, n: usize| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    for text in [
        nested("(", "1", ")", deep),
        nested("-", "1", "", deep),
        nested("where(", "true", ")", deep),
        nested("", "a", ".a", deep),
        nested("", "1", " + 1", deep),
        nested("", "a", "[0]", deep),
        nested("", "true", ".not()", deep),
        nested("1 is ", "Boolean", "", 1) + &" is Boolean".repeat(deep),
    ] {
        assert!(compile(&text).is_err(), "{text}");
    }
    // Chains of these are flat.
    for word in [" or ", " and ", " | "] {
        assert!(compile(&vec!["true"; 1_000].join(word)).is_ok());
    }
}

/// Whatever the text, there is an answer and no panic; the seed is fixed.
#[test]
fn random_texts_do_not_panic() {
    const PARTS: [&str; 44] = [
        "name",
        ".",
        "(",
        ")",
        "[",
        "]",
        "'a'",
        "'",
        "`",
        "1",
        "1.5",
        "@2015",
        "@2015-02-04T14:34:28.123+10:00",
        "@T14:30",
        "@",
        "$this",
        "$",
        "%resource",
        "%",
        "{",
        "}",
        "|",
        "=",
        "!~",
        "<=",
        "+",
        "-",
        "*",
        "/",
        "div",
        "is",
        "as",
        "Quantity",
        "System.",
        "where(",
        "exists()",
        "in",
        "contains",
        " and ",
        "//",
        "/*",
        "4 days",
        "\u{e4}\u{1f600}",
        "\\",
    ];
    let mut state = 0x5eed_u64;
    let mut next = move |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for _ in 0..20_000 {
        let count = 1 + next(12);
        let text: String = (0..count).map(|_| PARTS[next(PARTS.len())]).collect();
        let _ = compile(&text);
    }
}
