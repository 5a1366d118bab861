//! What a real answer may cost, before it is asked for.

use crate::cli::DoctorArgs;
use config::Provider;
use probe::Completion;

/// The dearest price of the usual lists, US dollars for a million tokens (o1-pro; 2026-11-20,
/// <https://platform.openai.com/docs/pricing>): what is not known costs no more than this.
const DEAREST_IN: f64 = 150.0;
const DEAREST_OUT: f64 = 600.0;
/// So many tokens are asked with and for: a model that is asked for fewer may refuse.
const TOKENS_IN: f64 = 64.0;
const TOKENS_OUT: u32 = 16;
/// One answer whole, and one as a stream.
const ANSWERS: f64 = 2.0;

/// A real answer, if it surely costs no more than was allowed.
pub(super) fn allowed(
    args: &DoctorArgs,
    provider: &Provider,
    model: &str,
) -> Result<Completion, String> {
    let million = 1e6;
    let once = TOKENS_IN * DEAREST_IN / million + f64::from(TOKENS_OUT) * DEAREST_OUT / million;
    let most = ANSWERS * once;
    // What is no number allows nothing.
    if args.spend_max.is_nan() || args.spend_max < most {
        return Err(format!(
            "two short answers cost up to ${most:.3} at the dearest price there is, and --spend-max \
         allows ${}; raise it or leave out --complete",
            args.spend_max
        ));
    }
    Ok(Completion { model: model.to_owned(), field: provider.quirks.tokens, tokens: TOKENS_OUT })
}
