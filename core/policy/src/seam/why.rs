//! Why a continuation cannot be joined. Each goes on from "the answer was not continued: ".

pub(super) const LONG: &str = "the delivered text is too long to compare it";
pub(super) const SHORT: &str = "the delivered text is too short to be recognised";
pub(super) const APART: &str = "the continuation does not repeat the end of the delivered text";
pub(super) const OTHER: &str = "the continuation begins anew and says something else";
pub(super) const AGAIN: &str = "the continuation says again what the delivered text may go on with";
pub(super) const NOTHING: &str =
    "the continuation adds nothing where the delivered text cannot end";
pub(super) const ENDED: &str = "the continuation ends before it meets the delivered text";
pub(super) const TALK: &str = "the continuation speaks about the delivered text";
pub(super) const TWICE: &str = "the continuation repeats the delivered text more than once";
pub(super) const WORD: &str = "a word goes on where the delivered text has white space";
pub(super) const HALF: &str = "half a character was delivered and the other half does not follow";
pub(super) const HELD: &str = "the continuation does not meet the delivered text in time";
pub(super) const ENDLESS: &str = "the continuation has a character that does not end";
