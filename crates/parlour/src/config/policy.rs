//! What options say of moderation.

use super::{ConfigFault, SiteOptions};
use crate::moderation::{Hold, PolicyOptions, Words};

/// More would keep a telephone busy for minutes.
const PROOF_BITS_MAX: u64 = 20;

/// Reads a site's policy; `prefix` stands before the names of its options.
///
/// # Errors
/// The first option whose value does not fit.
pub(super) fn policy(prefix: &str, options: &SiteOptions) -> Result<PolicyOptions, ConfigFault> {
    let fault = |name: &str, fault: &str| ConfigFault::Value { key: format!("{prefix}{name}"), fault: fault.to_owned() };
    let hold = match options.hold.as_str() {
        "" => None,
        word => Some(Hold::parse(word).ok_or_else(|| fault("hold", "nothing, first or all is expected"))?),
    };
    let words = (!options.hold_words.is_empty()).then(|| options.hold_words.clone());
    if let Some(words) = &words {
        Words::new(words).map_err(|error| fault("hold-words", &error.to_string()))?;
    }
    if options.proof_bits > PROOF_BITS_MAX {
        return Err(fault("proof-bits", "at most 20"));
    }
    Ok(PolicyOptions {
        hold,
        links_max: options.hold_links.map(|links| u32::try_from(links).unwrap_or(u32::MAX)),
        words,
        slow_seconds: options.slow_seconds.map(|seconds| seconds.min(3_600)),
        proof_bits: options.proof_bits as u8,
    })
}
