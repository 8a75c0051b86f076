//! Parity with Go: what its `regexp` makes of these patterns, inside `^(?s:…)$` and bare.

use super::*;
use crate::relabel::matcher::{Matcher, Wants};
use crate::relabel::slots::Slots;

/// The groups of the first match, those that took no part as `~`.
fn groups(pattern: &str, anchoring: Anchoring, text: &str) -> Option<Vec<String>> {
    let parsed = Pattern::parse(pattern, anchoring).unwrap_or_else(|error| panic!("{pattern}: {error:?}"));
    let matcher = Matcher::compile(&parsed, Wants::Groups).unwrap_or_else(|error| panic!("{pattern}: {error:?}"));
    let verdict = Matcher::compile(&parsed, Wants::Verdict).unwrap_or_else(|error| panic!("{pattern}: {error:?}"));
    let mut slots = Slots::default();
    let matched = matcher.captures(text, &mut slots);
    assert_eq!(verdict.is_match(text), matched, "{pattern} on {text:?}: verdict and groups differ");
    let shown = |group| slots.group(group).map_or("~".to_owned(), |range| text[range].to_owned());
    matched.then(|| (0..parsed.groups.len()).map(shown).collect())
}

/// (pattern, text, groups from the whole match on, joined by `/`; `None` for no match)
type Case = (&'static str, &'static str, Option<&'static str>);

const ANCHORED_CASES: &[Case] = &[
    // the whole text or nothing
    ("foo", "foo", Some("foo")),
    ("foo", "foobar", None),
    ("foo", "xfoo", None),
    ("f|o", "foo", None),
    ("foo|bar", "bar", Some("bar")),
    ("(foo|bar)", "foo", Some("foo/foo")),
    ("^foo$", "foo", Some("foo")),
    ("", "", Some("")),
    ("", "x", None),
    ("a|", "", Some("")),
    ("|a", "a", Some("a")),
    ("()", "", Some("/")),
    ("(?:)", "", Some("")),
    ("foo\n", "foo\n", Some("foo\n")),
    ("foo", "foo\n", None),
    // the anchors are put around the text, so this one holds each of them on one side only
    ("a)|(b", "ax", Some("a/~")),
    ("a)|(b", "xb", Some("b/b")),
    ("a)|(b", "xbx", None),
    // dot, newline
    (".*", "", Some("")),
    (".*", "a\nb", Some("a\nb")),
    (".+", "", None),
    (".+", "\n", Some("\n")),
    ("(.*)", "x", Some("x/x")),
    ("(?-s:a.b)", "a\nb", None),
    ("(?-s:a.b)", "axb", Some("axb")),
    ("a[^x]b", "a\nb", Some("a\nb")),
    (".", "é", Some("é")),
    (".", "한", Some("한")),
    // Perl classes are ASCII
    (r"\w+", "straße", None),
    (r"\w+", "az_AZ09", Some("az_AZ09")),
    (r"\W", "ß", Some("ß")),
    (r"\d+", "٣", None),
    (r"\D", "٣", Some("٣")),
    (r"\s", "\u{a0}", None),
    (r"\s", "\x0b", None),
    (r"\s+", " \t\n\r\x0c", Some(" \t\n\r\x0c")),
    (r"\S", "\u{2003}", Some("\u{2003}")),
    (r"[[:space:]]", "\x0b", Some("\x0b")),
    (r"[\w-]+", "a-b", Some("a-b")),
    (r"[\d-z]+", "1-z", Some("1-z")),
    (r"[^\d]", "é", Some("é")),
    (r"[\D]", "5", None),
    (r"[[:alpha:]_]+", "ab_", Some("ab_")),
    (r"[[:^alpha:]]", "é", Some("é")),
    (r"[[:word:]]+", "a_1", Some("a_1")),
    (r"[^[:digit:]]", "1", None),
    // words begin and end at ASCII letters
    (r".*\bfoo\b.*", "a foo b", Some("a foo b")),
    (r"(é*)\b(a+)", "éa", Some("éa/é/a")),
    (r"é\bé", "éé", None),
    (r"é\Bé", "éé", Some("éé")),
    (r"(.*)\Bb", "ab", Some("ab/a")),
    // classes hold plain characters where the Rust dialect sees operators
    (r"[[]", "[", Some("[")),
    (r"[]a]+", "a]", Some("a]")),
    (r"[^]a]", "b", Some("b")),
    (r"[^]a]", "]", None),
    (r"[a&&b]+", "a&b", Some("a&b")),
    (r"[a-z&&[^b]]", "b", None),
    (r"[a-z&&[^b]]", "b]", Some("b]")),
    (r"[!--a]+", "+a", Some("+a")),
    (r"[+--]+", "+,-", Some("+,-")),
    (r"[~~a]+", "~a", Some("~a")),
    (r"[a-]+", "a-", Some("a-")),
    (r"[-a]+", "-a", Some("-a")),
    (r"[a\-z]+", "a-z", Some("a-z")),
    (r"[a\-z]+", "b", None),
    (r"[[a-c]", "[", Some("[")),
    (r"[\]]", "]", Some("]")),
    (r"[\[\]]+", "[]", Some("[]")),
    (r"[.*+?]+", "*.?+", Some("*.?+")),
    (r"[#\x20]+", "# #", Some("# #")),
    (r"[[:foo]+", ":[of", Some(":[of")),
    // braces
    ("{", "{", Some("{")),
    ("a{", "a{", Some("a{")),
    ("{foo}", "{foo}", Some("{foo}")),
    ("x{,3}", "x{,3}", Some("x{,3}")),
    ("x{,3}", "xxx", None),
    ("x{a}", "x{a}", Some("x{a}")),
    ("x{02}", "x{02}", Some("x{02}")),
    ("x{2", "x{2", Some("x{2")),
    ("x{ 2}", "x{ 2}", Some("x{ 2}")),
    ("x}", "x}", Some("x}")),
    ("x{2}", "xx", Some("xx")),
    ("x{2,}", "xxxx", Some("xxxx")),
    ("x{1,2}", "xxx", None),
    ("x{0}", "", Some("")),
    ("(x){0}(y)", "y", Some("y/~/y")),
    ("(?:x{2}){3}", "xxxxxx", Some("xxxxxx")),
    ("x{1000}", "x", None),
    // escapes
    (r"a\.b", "a.b", Some("a.b")),
    (r"a\.b", "axb", None),
    (r"\/\-\_\:", "/-_:", Some("/-_:")),
    (r"\101\0\x41\x{1F600}", "A\0A😀", Some("A\0A😀")),
    (r"\08", "\08", Some("\08")),
    (r"\1234", "S4", Some("S4")),
    (r"\a\f\t\n\r\v", "\x07\x0c\t\n\r\x0b", Some("\x07\x0c\t\n\r\x0b")),
    (r"[\x00-\x1f]", "\n", Some("\n")),
    (r"[\101-\103]+", "ABC", Some("ABC")),
    (r"\Qa.b\E", "a.b", Some("a.b")),
    (r"\Qa.b\E", "axb", None),
    (r"\Q[(\E+", "[(((", Some("[(((")),
    (r"a\Q\Eb", "ab", Some("ab")),
    (r"\Qa\Eb\Qc*\E", "abc*", Some("abc*")),
    (r"\Aa\z", "a", Some("a")),
    // groups
    ("(?P<n>a)(?P<m>b)", "ab", Some("ab/a/b")),
    ("(?<n>a)", "a", Some("a/a")),
    ("(?P<n>a)|(?P<n>b)", "b", Some("b/~/b")),
    ("(?P<1st>a)", "a", Some("a/a")),
    ("(?:a)(b)", "ab", Some("ab/b")),
    ("((a)|b)+", "ab", Some("ab/b/a")),
    ("(a|ab)(c|bcd)(d*)", "abcd", Some("abcd/a/bcd/")),
    ("(a*)*", "aa", Some("aa/aa")),
    ("(a+?)(a*)", "aaa", Some("aaa/a/aa")),
    ("(a??)(a*)", "aa", Some("aa//aa")),
    ("(?U)(a+)(a*)", "aaa", Some("aaa/a/aa")),
    ("(?U:(a+?))(a*)", "aaa", Some("aaa/aaa/")),
    ("(.*)_(.*)", "a_b_c", Some("a_b_c/a_b/c")),
    ("(.*?)_(.*)", "a_b_c", Some("a_b_c/a/b_c")),
    ("__meta_(.+)", "__meta_x", Some("__meta_x/x")),
    ("__meta_(.+)", "__meta_", None),
    ("(f)oo(.*)r", "foobar", Some("foobar/f/ba")),
    ("((fo)o.*(r))", "foobar", Some("foobar/foobar/fo/r")),
    ("a(.*)a", "a", None),
    ("a(.*)a", "aa", Some("aa/")),
    ("(a)(.*)(a)", "aba", Some("aba/a/b/a")),
    // flags
    ("(?i)foo", "FoO", Some("FoO")),
    ("(?i:f)oo", "FOO", None),
    ("(?i:f)oo", "Foo", Some("Foo")),
    ("f(?i)o|B", "fO", Some("fO")),
    ("f(?i)o|B", "b", Some("b")),
    ("(f(?i)o)B", "fOb", None),
    ("(?i)f(?-i)o", "Fo", Some("Fo")),
    ("(?i)f(?-i)o", "FO", None),
    ("(?i)ſ", "S", Some("S")),
    ("(?i)k", "\u{212a}", Some("\u{212a}")),
    (r"(?i)\w", "\u{212a}", Some("\u{212a}")),
    ("(?i)[^k]", "\u{212a}", None),
    ("(?i)straße", "STRAẞE", Some("STRAẞE")),
    ("(?i)σας", "ΣΑΣ", Some("ΣΑΣ")),
    ("(?i)ǆ", "ǅ", Some("ǅ")),
    ("(?i)ı", "I", None),
    ("(?i)[à-ö]+", "ÀÖ", Some("ÀÖ")),
    ("(?is-mU:a)", "A", Some("A")),
    ("(?)a", "a", Some("a")),
    ("(?m)a$\n^b", "a\nb", Some("a\nb")),
    ("a$\n^b", "a\nb", None),
    ("^*a", "a", Some("a")),
    // what people write
    ("some-([^-]+)-([^,]+)", "some-name-value", Some("some-name-value/name/value")),
    ("(?:.+,|^)job:([^,]+).*", "path:/x,job:j,l:y", Some("path:/x,job:j,l:y/j")),
    ("([^:]+)(?::\\d+)?;(\\d+)", "10.0.0.1:80;9100", Some("10.0.0.1:80;9100/10.0.0.1/9100")),
    ("(.+)(?::\\d+);(\\d+)", "h:1;2", Some("h:1;2/h/2")),
    ("go_.*|process_.*", "go_gc", Some("go_gc")),
    ("go_.*|process_.*", "xgo_gc", None),
    (".*foo.*", "a foo b", Some("a foo b")),
    (".*(foo|bar).*", "a bar b", Some("a bar b/bar")),
    ("http_(requests|errors)_total", "http_errors_total", Some("http_errors_total/errors")),
    ("a.*|b", "b", Some("b")),
    ("a?b?", "b", Some("b")),
];

const BARE_CASES: &[Case] = &[
    ("foo", "xfoox", Some("foo")),
    ("o+", "foo", Some("oo")),
    ("a.b", "a\nb", None),
    ("^b", "a\nb", None),
    ("(?m)^b", "a\nb", Some("b")),
    ("a$", "a\n", None),
    ("(.*)", "a\nb", Some("a/a")),
    (r"\Qab", "xab", Some("ab")),
    (r"(\d+)", "a12b3", Some("12/12")),
    (r"\bb", "ab b", Some("b")),
    ("", "x", Some("")),
    ("a*?", "aa", Some("")),
];

#[test]
fn matches_what_go_matches() {
    let tables = [(Anchoring::Full, ANCHORED_CASES), (Anchoring::None, BARE_CASES)];
    for (anchoring, cases) in tables {
        for (pattern, text, expected) in cases {
            let found = groups(pattern, anchoring, text).map(|groups| groups.join("/"));
            // a "/" in a pattern's own text would be ambiguous, so those cases hold none
            assert_eq!(found.as_deref(), *expected, "{anchoring:?} {pattern:?} on {text:?}");
        }
    }
}

#[test]
fn refuses_what_go_refuses_and_says_where() {
    for (pattern, column, what) in [
        ("a(", 2, "missing closing )"),
        ("a)", 2, "unexpected )"),
        ("(a", 1, "missing closing )"),
        ("[a", 1, "missing closing ]"),
        ("[]", 1, "missing closing ]"),
        ("x[b-a]", 3, "invalid character class range: b-a"),
        ("[a--z]", 2, "invalid character class range: a--"),
        ("[[:foo:]]", 2, "invalid character class range: [:foo:]"),
        ("[a-\\d]", 4, "invalid escape sequence: \\d"),
        ("[\\b]", 2, "invalid escape sequence: \\b"),
        ("*a", 1, "missing argument to repetition operator: *"),
        ("a|*", 3, "missing argument to repetition operator: *"),
        ("(+)", 2, "missing argument to repetition operator: +"),
        ("(?i)*", 5, "missing argument to repetition operator: *"),
        ("{2}", 1, "missing argument to repetition operator: {2}"),
        ("a**", 3, "invalid nested repetition operator: *"),
        ("a*+", 3, "invalid nested repetition operator: +"),
        ("a{2}{3}", 5, "invalid nested repetition operator: {3}"),
        ("a???", 4, "invalid nested repetition operator: ?"),
        ("x{1001}", 2, "invalid repeat count: {1001}"),
        ("x{2,1}", 2, "invalid repeat count: {2,1}"),
        ("x{99999999999}", 2, "invalid repeat count: {99999999999}"),
        ("(x{100}){100}", 1, "invalid repeat count: nested counts multiply to more than 1000"),
        (r"\1", 1, r"invalid escape sequence: \1; RE2 has no back references"),
        (r"a\8", 2, r"invalid escape sequence: \8"),
        (r"\C", 1, r"invalid escape sequence: \C; a single byte"),
        (r"\Z", 1, r"invalid escape sequence: \Z; write \z"),
        (r"\E", 1, r"invalid escape sequence: \E"),
        (r"\y", 1, r"invalid escape sequence: \y"),
        (r"\é", 1, r"invalid escape sequence: \é"),
        (r"\x", 1, r"invalid escape sequence: \x"),
        (r"\xg0", 1, r"invalid escape sequence: \x"),
        (r"\x{}", 1, r"invalid escape sequence: \x"),
        (r"\x{110000}", 1, r"invalid escape sequence: \x"),
        (r"\x{d800}", 1, r"invalid escape sequence: \x"),
        (r"\pL", 1, r"invalid escape sequence: \p; Unicode classes are not supported"),
        (r"a[\p{Greek}]", 3, r"invalid escape sequence: \p; Unicode classes are not supported"),
        ("(?P<n", 1, "invalid named capture"),
        ("(?P<>a)", 1, "invalid named capture"),
        ("(?P<a b>a)", 1, "invalid named capture"),
        ("(?P=n)", 1, "invalid or unsupported Perl syntax"),
        ("(?=a)", 1, "invalid or unsupported Perl syntax"),
        ("(?!a)", 1, "invalid or unsupported Perl syntax"),
        ("(?x)a", 1, "invalid or unsupported Perl syntax"),
        ("(?-)", 1, "invalid or unsupported Perl syntax"),
        ("(?i-)", 1, "invalid or unsupported Perl syntax"),
        ("(?", 1, "invalid or unsupported Perl syntax"),
        ("a\\", 2, "trailing backslash at end of expression"),
        // swallows the bracket that closes the anchored form
        ("\\Qa", 1, "missing closing )"),
    ] {
        let error = Pattern::parse(pattern, Anchoring::Full).map(|_| ()).expect_err(pattern);
        assert!(error.what.starts_with(what), "{pattern}: {error:?}");
        assert_eq!(error.column, column, "{pattern}: {error:?}");
    }
}

#[test]
fn depth_is_bounded_and_the_deepest_fits_a_small_stack() {
    let nested = |depth: usize| "(a|".repeat(depth) + "b" + &")*".repeat(depth);
    let deepest = nested(parser::MAX_DEPTH - 1);
    let search = move || groups(&deepest, Anchoring::Full, "ab").is_some();
    let small =
        std::thread::Builder::new().stack_size(if cfg!(debug_assertions) { 1 << 20 } else { 128 << 10 }).spawn(search);
    assert!(small.unwrap().join().unwrap());
    let error = Pattern::parse(&nested(parser::MAX_DEPTH), Anchoring::Full).map(|_| ()).expect_err("too deep");
    assert!(error.what.contains("nest deeper"), "{error:?}");
}

#[test]
fn too_large_a_pattern_is_refused_by_name() {
    let huge = Pattern::parse(&r"([^a]{1000}|[^b]{1000}|[^c]{1000})".repeat(40), Anchoring::Full).unwrap();
    let error = Matcher::compile(&huge, Wants::Verdict).map(|_| ()).expect_err("too large");
    assert!(error.what.contains("more than 8 MiB"), "{error:?}");
}
