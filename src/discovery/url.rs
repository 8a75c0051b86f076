//! The pieces of a scrape URL: which addresses there are, how paths and parameters are written.
//!
//! ```text
//! address = host [ ":" port ]        host = name / IPv4 / "[" IPv6 "]"
//! ```
//! As in Prometheus 3 no port is added: without one the scheme's own is meant.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

/// Checks that a text is an address.
///
/// # Errors
/// What is wrong with it and how to mend it.
pub(super) fn check_address(address: &str) -> Result<(), String> {
    if address.contains("://") {
        return Err("it holds a scheme; give host:port alone, and scheme and path as settings of their own".into());
    }
    if address.contains('/') {
        return Err("it holds a path; give host:port alone, and the path as a setting of its own".into());
    }
    let (host, port) = split(address)?;
    if let Some(port) = port
        && !(port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0))
    {
        return Err(format!("port {port:?} is no number from 1 to 65535"));
    }
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    match host.strip_prefix('[') {
        Some(host) if host.parse::<Ipv6Addr>().is_ok() => Ok(()),
        Some(host) => Err(format!("{host:?} is no IPv6 address")),
        None if host.is_empty() => Err("it has no host; write host:port".into()),
        None if host.bytes().all(is_name) => Ok(()),
        None => Err(format!("{host:?} is no host name; one has letters, digits, '-', '.' and '_'")),
    }
}

/// Host and port; an IPv6 host keeps its opening bracket.
fn split(address: &str) -> Result<(&str, Option<&str>), String> {
    if address.starts_with('[') {
        let (host, rest) = address.split_once(']').ok_or("the bracket of its IPv6 address is not closed")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("only a port can follow the bracket".into()),
        };
    }
    match address.split_once(':') {
        Some((_, port)) if port.contains(':') => Err("an IPv6 address stands in brackets: [2001:db8::1]:9100".into()),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((address, None)),
    }
}

/// Path and query of a URL: the path as given (it may hold a query), then the parameters in order.
pub(super) fn path_and_query(path: &str, params: &[(String, Vec<String>)]) -> String {
    let mut out = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        out.push('/');
    }
    escape_path(path, &mut out);
    let mut separator = match path.split_once('?') {
        None => '?',
        Some(_) => '&',
    };
    for (name, value) in params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))) {
        out.push(separator);
        escape_component(name, &mut out);
        out.push('=');
        escape_component(value, &mut out);
        separator = '&';
    }
    out
}

/// Escapes what a URL cannot hold and leaves what is escaped already.
fn escape_path(path: &str, out: &mut String) {
    for (i, byte) in path.bytes().enumerate() {
        let escaped = || path.get(i + 1..i + 3).is_some_and(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' => escape(byte, out),
            b'%' if !escaped() => escape(byte, out),
            b'!'..=b'~' => out.push(char::from(byte)),
            _ => escape(byte, out),
        }
    }
}

/// Escapes all but the characters that mean nothing anywhere in a URL.
fn escape_component(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => escape(byte, out),
        }
    }
}

fn escape(byte: u8, out: &mut String) {
    let _ = write!(out, "%{byte:02X}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["localhost:9090", "10.0.0.1:1", "[::1]:9100", "[2001:db8::1]", "example.com", "a_b-c.d.:65535"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
        for (bad, what) in [
            ("", "no host"),
            (":9100", "no host"),
            ("http://a:1", "holds a scheme"),
            ("a:1/metrics", "holds a path"),
            ("a:", "port \"\""),
            ("a:0", "port \"0\""),
            ("a:65536", "port \"65536\""),
            ("a:+1", "port \"+1\""),
            ("a:http", "port \"http\""),
            ("::1", "brackets"),
            ("2001:db8::1:9100", "brackets"),
            ("[::1:9100", "not closed"),
            ("[::1]9100", "only a port"),
            ("[10.0.0.1]:1", "no IPv6"),
            ("a b:1", "no host name"),
            ("user@a:1", "no host name"),
            ("a?x:1", "no host name"),
            ("é:1", "no host name"),
        ] {
            let error = check_address(bad).expect_err(bad);
            assert!(error.contains(what), "{bad}: {error}");
        }
    }

    #[test]
    fn paths_and_parameters() {
        let params = |pairs: &[(&str, &[&str])]| -> Vec<(String, Vec<String>)> {
            let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
            pairs.iter().map(|(name, values)| ((*name).to_owned(), owned(values))).collect()
        };
        for (path, pairs, expected) in [
            ("/metrics", params(&[]), "/metrics"),
            ("metrics", params(&[]), "/metrics"),
            ("", params(&[]), "/"),
            ("/a b/%2Fc%/é#x", params(&[]), "/a%20b/%2Fc%25/%C3%A9%23x"),
            (
                "/federate",
                params(&[("match[]", &["{job=\"a b\"}", "up"])]),
                "/federate?match%5B%5D=%7Bjob%3D%22a%20b%22%7D&match%5B%5D=up",
            ),
            (
                "/probe?module=http",
                params(&[("target", &["https://x/?a&b=c"])]),
                "/probe?module=http&target=https%3A%2F%2Fx%2F%3Fa%26b%3Dc",
            ),
            ("/m", params(&[("none", &[]), ("empty", &[""])]), "/m?empty="),
        ] {
            assert_eq!(path_and_query(path, &pairs), expected);
        }
    }
}
