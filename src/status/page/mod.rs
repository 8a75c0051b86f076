//! The pages for people: `/targets` and `/samples`, rendered here, complete without JavaScript.
//!
//! # Invariants
//! - Every text goes through [`html::Text`]; nothing in a page is script or style, both are files under `/assets/`.
//! - Pages are written target by target into the connection.

mod age;
mod filter;
mod frame;
mod html;
mod labels;
mod list;
mod notices;
mod row;
mod samples;
mod sparkline;
mod words;

use super::Sources;
use super::http::{Request, Response};
use crate::discovery::Target;
use crate::discovery::target::TargetId;
use crate::labels::Labels;

const HTML: &str = "text/html; charset=utf-8";

/// `GET /targets`.
pub(super) fn targets(sources: &Sources, request: &Request) -> Response {
    let page = list::Page::of(sources, request);
    Response::stream(HTML, move |out| page.write(out))
}

/// `GET /samples?target=ID`.
pub(super) fn samples(sources: &Sources, request: &Request) -> Response {
    samples::answer(sources, request)
}

/// The files that pages load.
pub(super) fn asset(path: &str) -> Option<Response> {
    let (content_type, text) = match path {
        "/assets/style.css" => ("text/css; charset=utf-8", include_str!("assets/style.css")),
        "/assets/script.js" => ("text/javascript; charset=utf-8", include_str!("assets/script.js")),
        "/assets/icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return None,
    };
    Some(Response::asset(content_type, text))
}

/// A target's labels before relabelling.
pub(super) fn discovered(target: &Target) -> Labels {
    target.discovered.unpack()
}

/// A target's id as pages and the API write it.
pub(super) fn id_text(id: TargetId) -> String {
    format!("{:016x}", id.0)
}
