//! A whole list, over all its pages.
//!
//! # Invariants
//! A list that ends in an error gave nothing: `Step::Begin` told its reader to forget what came before. An expired
//! continue token begins the list again; a busy server is waited for as long as it asks, up to a bound.

use super::api::Client;
use super::error::{ApiError, Fault};
use super::resource::{Call, ListQuery};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Items of a page, where the server pages.
pub const PAGE: u32 = 500;
/// How often a list is begun again after 410.
const RESTARTS: u32 = 2;
/// How often a busy server is asked again in one round.
const BUSY_RETRIES: u32 = 3;
/// The longest that is waited for a busy server within a round.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// Pages of one list at most: five million objects are beyond any cluster, a token that comes again and again is not.
const PAGES: u32 = 10_000;

/// What a reader of a list is told.
pub enum Step<T> {
    /// The list begins, or begins again: what came before counts for nothing.
    Begin,
    /// One object.
    Item(T),
}

/// Reads all pages of a list.
///
/// # Errors
/// The call that gave up; the reader must forget what it was given.
pub fn whole<T: DeserializeOwned>(
    client: &Client,
    call: &Call,
    query: &ListQuery,
    each: &mut dyn FnMut(Step<T>),
) -> Result<(), ApiError> {
    let (mut restarts, mut busy) = (0, 0);
    loop {
        each(Step::Begin);
        match pages(client, call, query, &mut busy, each) {
            Err(error) if error.fault == Fault::Expired && restarts < RESTARTS => restarts += 1,
            result => return result,
        }
    }
}

fn pages<T: DeserializeOwned>(
    client: &Client,
    call: &Call,
    query: &ListQuery,
    busy: &mut u32,
    each: &mut dyn FnMut(Step<T>),
) -> Result<(), ApiError> {
    let mut query = query.clone();
    for _ in 0..PAGES {
        let page = match client.list(call, &query, &mut |item| each(Step::Item(item))) {
            Ok(page) => page,
            Err(error) => {
                wait(client, error, busy)?;
                continue;
            }
        };
        match page.next {
            Some(next) => query.next = Some(next),
            None => return Ok(()),
        }
    }
    Err(ApiError { call: call.clone(), fault: Fault::Unreadable(format!("the list did not end after {PAGES} pages")) })
}

/// Waits out a busy server; any other error, and one time too many, is passed on.
fn wait(client: &Client, error: ApiError, busy: &mut u32) -> Result<(), ApiError> {
    let Fault::Busy(after) = error.fault else { return Err(error) };
    *busy += 1;
    if *busy > BUSY_RETRIES || after > BUSY_WAIT {
        return Err(error);
    }
    if client.pause(after) { Ok(()) } else { Err(ApiError { call: error.call, fault: Fault::Interrupted }) }
}
