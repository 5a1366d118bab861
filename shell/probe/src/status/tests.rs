//! Tests of status pages: every format in every trap, through the same reader as in earnest.

mod fetching;
mod formats;
mod property;
mod registry;
mod scenes;
mod table;
