//! Status pages: what providers say of themselves, read with care.
//!
//! A page is a weak witness: late, moved, or silent about what hurts. So whatever cannot be read is
//! unknown, and neither well nor unwell; and what is well was said to be well in so many words.
//!
//! - `pages`: which provider has which page, in which format, by which ids. A file, with dates.
//! - `read`: one answer, without any network. One file per format.
//! - `sniff`: where to look on a page of which nothing is known.
//! - `reader` and `fetch`: asking, with limits in time, bytes and redirects.
//!
//! **Invariant:** no input yields [`ir::evidence::Level::Operational`] unless a positive reading was
//! parsed (`reading::Positive`). **Absent:** histories and published percentages.

mod address;
mod aws;
mod better_stack;
mod cloudflare;
mod datadog;
mod document;
mod feed;
mod fetch;
mod foreign;
mod format;
mod google;
mod incident_io;
mod instatus;
mod json;
mod moment;
mod pages;
mod prose;
mod read;
mod reader;
mod reading;
mod rootly;
mod sniff;
mod statuspage;
#[cfg(test)]
mod tests;
mod why;
mod xai;

pub use document::{Answer, Body};
pub use fetch::{Get, Got, Trouble, Web};
pub use format::Format;
pub(crate) use pages::other_region;
pub use pages::{Component, Error, Found, Row, Selection, Source, for_host, named, parse, rows};
pub use read::read;
pub use reader::{BODY_MAX, REDIRECTS_MAX, Reader, WITHIN};
pub use sniff::candidates;
