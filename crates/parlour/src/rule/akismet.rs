//! How a site asks Akismet.

use std::time::Duration;

use super::Secret;

/// A site's account with Akismet.
#[derive(Clone, Debug)]
pub struct AkismetRules {
    /// The site's key.
    pub key: Secret,
    /// The service's address, without a slash at its end.
    pub url: String,
    /// How long a writer may wait for the answer.
    pub wait: Duration,
}
