//! placeholder, replaced by the branch `watched`
use crate::TokenField;
/// x
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repair {
    /// x
    Plain,
    /// x
    Without(&'static str),
    /// x
    TokenField(TokenField),
    /// x
    MaxTokens(u64),
    /// x
    SystemAsUser,
}
