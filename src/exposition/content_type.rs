//! Which parser a Content-Type asks for.

use super::Format;

/// What a Content-Type came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentType {
    /// The format to read.
    pub format: Format,
    /// Whether the header named none and text was taken for want of it.
    pub fallback: bool,
}

/// Reads a Content-Type header.
pub fn of(header: &str) -> ContentType {
    let kind = header.split(';').next().unwrap_or("").trim();
    let named = |name: &str| kind.eq_ignore_ascii_case(name);
    let format = if named("application/openmetrics-text") { Format::OpenMetrics } else { Format::Text };
    ContentType { format, fallback: format == Format::Text && !named("text/plain") }
}
