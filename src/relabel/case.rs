//! Lower and upper case, one character for one, as Go's `strings.ToLower` and `ToUpper`.
//!
//! Where Unicode's full mapping gives several characters (ß → SS), the simple one is taken: most such characters
//! then stay as they are.

/// Appends the text in lower case.
pub(super) fn lower(text: &str, out: &mut String) {
    if text.is_ascii() {
        append_ascii(text, out, str::make_ascii_lowercase);
    } else {
        // İ alone has a long lower case, and its simple one is the first character of that
        out.extend(text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)));
    }
}

/// Appends the text in upper case.
pub(super) fn upper(text: &str, out: &mut String) {
    if text.is_ascii() {
        append_ascii(text, out, str::make_ascii_uppercase);
    } else {
        out.extend(text.chars().map(upper_of));
    }
}

fn append_ascii(text: &str, out: &mut String, change: impl FnOnce(&mut str)) {
    let start = out.len();
    out.push_str(text);
    change(&mut out[start..]);
}

fn upper_of(c: char) -> char {
    let mut mapped = c.to_uppercase();
    if mapped.len() == 1 {
        return mapped.next().unwrap_or(c);
    }
    // Greek letters with a small iota below: their simple upper case is the title case, a fixed step away
    let step = match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => 0,
    };
    char::from_u32(c as u32 + step).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_for_one() {
        for (text, low, up) in [
            ("bAr123Foo", "bar123foo", "BAR123FOO"),
            ("straße", "straße", "STRAßE"),
            ("İI", "ii", "İI"),
            ("ĲĳǅǄ", "ĳĳǆǆ", "ĲĲǄǄ"),
            ("ΣΑΣ", "σασ", "ΣΑΣ"),
            ("ﬁ ŉ ᾳ ᾀ", "ﬁ ŉ ᾳ ᾀ", "ﬁ ŉ ᾼ ᾈ"),
            ("한국어", "한국어", "한국어"),
            ("", "", ""),
        ] {
            let (mut lowered, mut raised) = (String::from(">"), String::from(">"));
            lower(text, &mut lowered);
            upper(text, &mut raised);
            assert_eq!((&lowered[1..], &raised[1..]), (low, up));
        }
    }
}
