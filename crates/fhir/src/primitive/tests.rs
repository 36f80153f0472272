use super::*;
use Primitive::*;

#[test]
fn lexical_forms() {
    let good = [
        (String, " a "),
        (String, "\u{a0}"),
        (String, "a\tb\r\nc"),
        (Code, "a b c"),
        (Code, "ä"),
        (Uri, "urn:x|1#é"),
        (Decimal, "1.10"),
        (Decimal, "-0"),
        (Decimal, "1e2"),
        (Decimal, "12345678901234567890.123"),
        (Decimal, "-0.0E-5"),
        (Integer, "-2147483648"),
        (Integer, "2147483647"),
        (Integer, "0"),
        (UnsignedInt, "0"),
        (PositiveInt, "1"),
        (Date, "2024-02-29"),
        (DateTime, "2024"),
        (DateTime, "2024-02-29T23:59:60.123456789012-14:00"),
        (Instant, "2024-02-29T23:59:00Z"),
        (Time, "23:59:60"),
        (Oid, "urn:oid:1.2.840"),
        (Oid, "urn:oid:2.0"),
        (Uuid, "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
        (Base64Binary, "AAAA"),
        (Base64Binary, " AA==\n"),
        (Base64Binary, "AAAA\r\nAAA="),
        (Boolean, "true"),
        (Id, "A-z.0"),
    ];
    for (primitive, text) in good {
        assert_eq!(check(primitive, text), None, "{primitive:?} {text:?}");
    }
    let bad = [
        (String, ""),
        (String, " \t\n"),
        (String, "a\u{0}b"),
        (String, "12345678\u{1}"),
        (Code, ""),
        (Code, " a"),
        (Code, "a "),
        (Code, "a  b"),
        (Code, "a \tb"),
        (Code, "a\u{1}b"),
        (Code, "abcdefghijkl  m"),
        (Uri, "a b"),
        (Uri, "12345678\t"),
        (Decimal, "1."),
        (Decimal, ".5"),
        (Decimal, "01"),
        (Decimal, "+1"),
        (Decimal, "1e"),
        (Decimal, "NaN"),
        (Decimal, ""),
        (Decimal, "--1"),
        (Integer, "1.0"),
        (Integer, "1e2"),
        (Integer, "-0"),
        (Integer, "+1"),
        (Integer, "01"),
        (Integer, "2147483648"),
        (Integer, "-2147483649"),
        (Integer, "-"),
        (UnsignedInt, "-1"),
        (UnsignedInt, "2147483648"),
        (PositiveInt, "0"),
        (Date, "2023-02-29"),
        (Date, "2023-01-01T10:00:00Z"),
        (DateTime, "2023-01-01T10:00:00"),
        (DateTime, "2023-01-01T10:00Z"),
        (Instant, "2023-01-01"),
        (Oid, "urn:oid:3.1"),
        (Oid, "urn:oid:1"),
        (Oid, "urn:oid:1.01"),
        (Oid, "1.2"),
        (Oid, "urn:oid:1."),
        (Uuid, "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"),
        (Base64Binary, "AAA"),
        (Base64Binary, "A AAA"),
        (Base64Binary, "AA=A"),
        (Base64Binary, "===="),
        (Base64Binary, ""),
        (Boolean, "True"),
        (Id, ""),
        (Id, "a_b"),
        (Id, "ä"),
    ];
    for (primitive, text) in bad {
        assert!(check(primitive, text).is_some(), "{primitive:?} {text:?}");
    }
}

#[test]
fn the_longest_string() {
    let longest = "é".repeat(STRING_CHARS_MAX);
    assert_eq!(check(String, &longest), None);
    assert_eq!(check(Markdown, &format!("{longest}a")), Some(TOO_LONG));
    assert_eq!(check(Code, &format!("{longest}a")), Some(TOO_LONG));
    assert_eq!(check(Uri, &format!("{longest}a")), Some(TOO_LONG));
}
