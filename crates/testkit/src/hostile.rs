//! Strings that attack whoever reads them: quotes, SQL, FHIRPath, patterns, escapes, control characters, look-alikes, sizes.
//! One corpus for every door.

use crate::Random;

/// In every string, with a number: what a value that is echoed, or becomes part of a statement, is known by.
pub const MARK: &str = "zqxhostile";

/// Characters of the longest.
pub const CHARS_MAX: usize = 20_000;

/// Pieces put together at random around `MARK` and the number. No two numbers give one string.
pub fn hostile(random: &mut Random, number: usize) -> String {
    let mut text = String::new();
    for _ in 0..=random.below(4) {
        let family = FAMILIES[random.below(FAMILIES.len())];
        text.push_str(family[random.below(family.len())]);
        text.push_str(JOINS[random.below(JOINS.len())]);
    }
    if random.once_in(60) {
        let wanted = 1_000 + random.below(CHARS_MAX - 1_000);
        let times = wanted / text.chars().count().max(1);
        text = text.repeat(times.max(1));
    }
    let places = text.chars().count();
    let at = [0, places, random.below(places + 1)][random.below(3)];
    let (before, after): (String, String) = (
        text.chars().take(at).collect(),
        text.chars().skip(at).collect(),
    );
    format!("{before}{MARK}{number}{after}")
}

const JOINS: &[&str] = &["", "", "", " ", ",", "|", "$", ":", ".", "/", "\\", "\n"];

const FAMILIES: &[&[&str]] = &[
    QUOTES, SQL, SQL, FHIRPATH, CONTROLS, PATTERNS, ESCAPES, LOOKALIKES, NUMBERS, PLAUSIBLE,
];

const QUOTES: &[&str] = &[
    "'", "''", "'''", "\"", "\"\"", "`", "´", "\\'", "'\"", "')", "'))", "';", "\";", "$$", "$x$",
    "[", "]]", "{", "}}", "(", ")", "<", ">", "&", "#", ";", "--", "/*", "*/", "?", "?1", "$1",
    ":a", "@a", "%s", "%n", "${a}", "{{7*7}}",
];

const SQL: &[&str] = &[
    "' OR '1'='1",
    "' OR 1=1 --",
    "\" OR \"\"=\"",
    "') OR ('a'='a",
    "' OR TRUE; --",
    "1 OR 1=1",
    "'; DROP TABLE resource; --",
    "'; DELETE FROM term_count WHERE '1'='1",
    "' UNION SELECT 1,2,3 --",
    "' UNION ALL SELECT NULL, NULL, version() --",
    "' UNION SELECT sql FROM sqlite_master --",
    "'; ATTACH DATABASE '/tmp/x' AS x; --",
    "'; PRAGMA writable_schema=1; --",
    "' AND (SELECT load_extension('x')) --",
    "' || randomblob(1000000000) || '",
    "' || (SELECT pg_sleep(20)) || '",
    "'; SELECT pg_sleep(20); --",
    "'; COPY x TO PROGRAM 'id'; --",
    "' AND 1=CAST((SELECT current_user) AS int) --",
    "' LIKE '%",
    "' ESCAPE '\\",
    "' IN (SELECT rid FROM term) --",
    "x' COLLATE NOCASE --",
    "E'\\\\x27'",
    "U&'\\0027'",
    "chr(39)",
    "char(39)",
    "0x27",
    "X'27'",
    "'::text",
    "::regclass",
    "1;SET ROLE postgres",
    "/**/OR/**/1=1",
    "' /*!50000OR*/ 1=1",
    "LIMIT 1 OFFSET 0",
    "ORDER BY 1 DESC",
    "null",
    "NULL) OR (1=1",
];

const FHIRPATH: &[&str] = &[
    "Patient.name",
    "%resource",
    "%context.id",
    "$this",
    "').exists() or ('a' = 'a",
    "where(true)",
    "resolve().id",
    "descendants()",
    "repeat($this)",
    "iif(true, 1, 2)",
    "matches('(a+)+$')",
    "replaceMatches('.*', '')",
    "{}",
    "@2020-01-01T00:00:00",
    "1 'mg'",
    "name eq x or name pr true",
    "] or [id pr true",
];

const CONTROLS: &[&str] = &[
    "\0",
    "\0'",
    "a\0b",
    "\u{1}",
    "\u{7}",
    "\u{8}",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\u{b}",
    "\u{1b}[31m",
    "\u{1f}",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "\u{a0}",
    "\u{ad}",
    "\u{200b}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "\u{ffff}",
    "\u{10ffff}",
];

const PATTERNS: &[&str] = &[
    "%",
    "_",
    "%%",
    "%_%",
    "*",
    "**",
    "?",
    "[a-z]",
    "[^a]",
    ".*",
    "^",
    "$",
    "(a+)+$",
    "a{1,99999}",
    "\\d",
    "~",
    "~*",
    "%27",
    "%00",
    "%2527",
    "%c0%a7",
    "%u0027",
    "&#39;",
    "\\x27",
    "\\u0027",
    "+",
    "a=b",
    "&_id=x",
    "#fragment",
];

const ESCAPES: &[&str] = &[
    "\\", "\\\\", "\\\\\\", "\\,", "\\|", "\\$", "\\%", "\\_", "\\0", "\\n", "\\\\'", "\\\"",
    "\\u", "\\u12", "\\ud800",
];

const LOOKALIKES: &[&str] = &[
    "\u{ff07}",
    "\u{ff02}",
    "\u{2bc}",
    "\u{2032}",
    "\u{2019}",
    "\u{201c}",
    "\u{ff1b}",
    "\u{ff0d}\u{ff0d}",
    "\u{ff05}",
    "\u{ff3f}",
    "\u{ff5c}",
    "\u{ff04}",
    "\u{ff0c}",
    "\u{37e}",
    "\u{212a}",
    "\u{17f}",
    "\u{130}",
    "\u{131}",
    "\u{df}",
    "\u{1e9e}",
    "\u{fb00}",
    "e\u{301}",
    "\u{e9}",
    "a\u{30a}\u{327}",
    "\u{1f469}\u{200d}\u{2695}\u{fe0f}",
    "\u{430}\u{435}",
    "\u{3a9}",
    "\u{2126}",
    "\u{1d5d4}",
];

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1e999",
    "-1e999",
    "1e-999",
    "NaN",
    "inf",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "00000000000000000000000001",
    "0.00000000000000000000000000000001",
    "1.",
    ".1",
    "0x10",
    "1_000",
    "9999-99-99",
    "0000-01-01",
    "2020-02-30",
    "2020-01-01T24:00:00Z",
    "2020-01-01T00:00:00+99:99",
    "gt",
    "ge2020",
    "ap1",
    "sa-1",
];

const PLAUSIBLE: &[&str] = &[
    "Smith",
    "O'Neil",
    "http://loinc.org|8480-6",
    "Patient/patient-0",
    "http://example.org/vs/a",
    "urn:uuid:",
    "#",
    "true",
    "../../etc/passwd",
    "..\\..\\",
    "//evil.example.org/",
    "javascript:alert(1)",
    "<script>alert(1)</script>",
    "mm[Hg]",
    "5.4|http://unitsofmeasure.org|mg",
    "identifier",
    "_id",
    "_has:Observation:subject:code",
    "Observation:subject",
    "*",
];
