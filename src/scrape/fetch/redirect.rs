//! Where a redirect leads: RFC 3986's reference resolution, as far as a `Location` needs it.

use crate::net::FetchError;
use ureq::http::Uri;

/// Whether the status sends the client elsewhere.
pub(super) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The URL that `location` means, seen from `base`.
///
/// # Errors
/// When there is no `Location`, it is no URL, or leads out of http.
pub(super) fn follow(base: &Uri, location: Option<&str>) -> Result<Uri, FetchError> {
    let fail = |what: &str| FetchError::Redirect { what: what.to_owned() };
    let location = location.ok_or_else(|| fail("it has no readable Location"))?.trim();
    let location = location.split('#').next().unwrap_or_default();
    let next: Uri = absolute(base, location).parse().map_err(|_| fail("its Location is no URL"))?;
    let to_http = matches!(next.scheme_str(), Some("http" | "https"));
    if !to_http || next.host().is_none_or(str::is_empty) {
        return Err(fail("its Location is no http or https URL"));
    }
    if next.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(fail("its Location holds a user name"));
    }
    Ok(next)
}

fn absolute(base: &Uri, location: &str) -> String {
    let scheme = base.scheme_str().unwrap_or("http");
    let authority = base.authority().map_or("", |authority| authority.as_str());
    if has_scheme(location) {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{}", without_dots(location))
    } else if location.starts_with('?') || location.is_empty() {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{}", without_dots(&format!("{folder}/{location}")))
    }
}

fn has_scheme(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// Removes `.` and `..` from a path; a query stays as it is.
fn without_dots(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.find('?') {
        Some(at) => path_and_query.split_at(at),
        None => (path_and_query, ""),
    };
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let folder = path.ends_with("/.") || path.ends_with("/..");
    format!("/{}{}{query}", segments.join("/"), if folder && !segments.is_empty() { "/" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_seen_from_where_it_was_found() {
        let base: Uri = "http://h:9100/a/b?x=1".parse().unwrap();
        for (location, url) in [
            ("https://other/m", "https://other/m"),
            ("//other:1/m", "http://other:1/m"),
            ("/m?y=2#part", "http://h:9100/m?y=2"),
            ("m", "http://h:9100/a/m"),
            ("./m", "http://h:9100/a/m"),
            ("../m/../n", "http://h:9100/n"),
            ("../../../m", "http://h:9100/m"),
            ("c/..", "http://h:9100/a/"),
            ("?y=2", "http://h:9100/a/b?y=2"),
            ("", "http://h:9100/a/b"),
        ] {
            assert_eq!(follow(&base, Some(location)).map(|uri| uri.to_string()), Ok(url.to_owned()), "{location}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let base: Uri = "http://h/".parse().unwrap();
        let bad = [
            None,
            Some("ftp://h/"),
            Some("file:///etc/passwd"),
            Some("http://"),
            Some("http://u:p@h/"),
            Some("/\u{1}"),
        ];
        for location in bad {
            assert!(matches!(follow(&base, location), Err(FetchError::Redirect { .. })), "{location:?}");
        }
    }
}
