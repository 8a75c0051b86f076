//! A URL to scrape, as `try --target` and `scrape` take it.

use crate::config::job::{Discover, Scheme, ScrapeJob};
use ureq::http::Uri;

/// Reads a URL; `http://` is put in where the scheme is missing.
///
/// # Errors
/// What is wrong with it and how to write it.
pub fn parse(text: &str) -> Result<Uri, String> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let refuse = |why: &str| format!("{text:?} is no URL to scrape ({why}); write it as http://host:port/path");
    let uri: Uri = whole.parse().map_err(|error| refuse(&format!("{error}")))?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() && (host == authority || uri.port_u16().is_some()) => {
            Ok(uri)
        }
        _ => Err(refuse("http or https, a host and a port that is a number are needed")),
    }
}

/// A job that scrapes the URL with every default; without a path it is `/metrics`.
pub fn job(name: &str, uri: &Uri) -> ScrapeJob {
    let scheme = if uri.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
    let port = uri.port_u16().unwrap_or(if scheme == Scheme::Https { 443 } else { 80 });
    let address = format!("{}:{port}", uri.host().unwrap_or_default());
    let mut job = ScrapeJob::new(name, Discover::Static(vec![address]));
    job.scheme = Some(scheme);
    if let Some(path) = uri.path_and_query().filter(|path| path.as_str() != "/") {
        path.as_str().clone_into(&mut job.path);
    }
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_url_with_or_without_its_scheme() {
        assert_eq!(parse("localhost:9100").unwrap().to_string(), "http://localhost:9100/");
        assert_eq!(parse("https://h/x?y=z").unwrap().path_and_query().unwrap(), "/x?y=z");
        for faulty in ["", "ftp://h/", "http://", "h:port"] {
            let error = parse(faulty).unwrap_err();
            assert!(error.contains("is no URL to scrape"), "{error}");
        }
    }

    #[test]
    fn its_job_has_the_port_of_the_scheme_and_the_path_given() {
        let made = job("x", &parse("https://h/x?y=z").unwrap());
        assert_eq!(made.discover, Discover::Static(vec!["h:443".into()]));
        assert_eq!((made.scheme, made.path.as_str()), (Some(Scheme::Https), "/x?y=z"));
        assert_eq!(job("x", &parse("h:9100").unwrap()).path, "/metrics");
    }
}
