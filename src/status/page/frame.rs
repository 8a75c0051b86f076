//! What stands around every page: head, navigation, end.

use super::html::Text;
use super::words::Words;
use crate::telemetry::build::VERSION;
use std::io::{self, Write};

/// Writes the beginning of a page.
pub(super) fn open(out: &mut dyn Write, words: &Words, title: &str) -> io::Result<()> {
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} – OpenAgent</title>\n\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"/assets/icon.svg?{VERSION}\">\n\
         <link rel=\"stylesheet\" href=\"/assets/style.css?{VERSION}\">\n\
         <script src=\"/assets/script.js?{VERSION}\" defer></script>\n</head>\n<body>\n\
         <header class=\"bar\"><a class=\"brand\" href=\"/targets\">OpenAgent</a> <span class=\"version\">{VERSION}</span>\n\
         <nav><a href=\"/targets\">{targets}</a> <a href=\"/metrics\">{metrics}</a> \
         <a href=\"/api/v1/status/config\">{configuration}</a> <a href=\"/api/v1/targets\">API</a></nav></header>\n<main>",
        lang = words.lang,
        title = Text(title),
        targets = words.targets,
        metrics = words.metrics,
        configuration = words.configuration,
    )
}

/// Writes the end of a page.
pub(super) fn close(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"</main>\n</body>\n</html>\n")
}
