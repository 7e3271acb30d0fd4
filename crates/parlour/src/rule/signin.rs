//! How people sign in at Parlour's own origin, as the operator chose: providers, letters, and for how long.

use crate::rule::Secret;

/// What is offered.
#[derive(Clone, Debug, Default)]
pub struct SignInRules {
    /// Where somebody may come from; each once.
    pub providers: Vec<Provider>,
    /// Whether a letter with a link is a way in.
    pub by_mail: bool,
    /// How long a page's token, and a browser that signed in, is good, in seconds.
    pub good_s: i64,
    /// How letters are sent; `None` where they are not.
    pub mail: Option<MailRules>,
}

impl SignInRules {
    /// The provider of this name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// Whether there is any way in.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        self.by_mail || !self.providers.is_empty()
    }
}

/// Somebody who says who people are.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in addresses: `github`, `google`, `oidc`.
    pub name: &'static str,
    /// Its name for people.
    pub title: String,
    /// What it calls this server.
    pub client_id: String,
    /// What this server proves that with.
    pub client_secret: Secret,
    /// How it is asked.
    pub kind: ProviderKind,
}

/// How a provider is asked.
#[derive(Clone, Debug)]
pub enum ProviderKind {
    /// As GitHub documents it: OAuth 2 with an interface of its own for who it is.
    GitHub {
        /// Where people sign in, without a slash at its end.
        url: String,
        /// Where it is asked who they are.
        api: String,
    },
    /// OpenID Connect, found by its issuer.
    OpenId {
        /// The issuer, exactly as it calls itself.
        issuer: String,
    },
}

/// How letters are sent.
#[derive(Clone, Debug)]
pub struct MailRules {
    /// `smtps://HOST`, or `smtp://HOST:587?tls=required`.
    pub server: String,
    /// With whose name, if the server asks.
    pub user: String,
    /// And password.
    pub password: Option<Secret>,
    /// From whom letters are.
    pub from: String,
    /// Letters that wait at most.
    pub letters_max: u64,
}
