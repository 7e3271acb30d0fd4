//! Who carries letters: takes one after the other out of the bag and hands it to the operator's SMTP server. A letter may arrive
//! twice if the process ends between the server's word and ours; it never is lost by that.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{Letter, Mailbag};
use crate::queue::{Carrier, Outcome};
use crate::rule::MailRules;

/// How long the server may take for one step.
const STEP: Duration = Duration::from_secs(30);

/// Why letters cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum PostmanFault {
    /// `mail-server` or `mail-from` is not what it must be.
    #[error("`mail-server`: {0}")]
    Server(String),
    /// `mail-from` is no address.
    #[error("`mail-from`: {0}")]
    From(String),
}

/// The one who carries.
pub struct Postman {
    bag: Mailbag,
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Postman {
    /// Ready to carry.
    ///
    /// # Errors
    /// [`PostmanFault`].
    pub fn new(bag: Mailbag, rules: &MailRules) -> Result<Postman, PostmanFault> {
        let from = rules.from.parse().map_err(|error: lettre::address::AddressError| PostmanFault::From(error.to_string()))?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&rules.server)
            .map_err(|error| PostmanFault::Server(error.to_string()))?
            .timeout(Some(STEP));
        if let Some(password) = &rules.password {
            builder = builder.credentials(Credentials::new(rules.user.clone(), password.reveal().to_owned()));
        }
        Ok(Postman { bag, from, transport: builder.build() })
    }

    /// Carries until it is dropped.
    pub async fn work(self) {
        self.bag.0.work(&self).await;
    }

    fn message(&self, letter: &Letter) -> Option<Message> {
        let to = letter.to.parse().ok().map(|address| Mailbox::new(None, address))?;
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.clone())
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .ok()
    }
}

#[async_trait]
impl Carrier<Letter> for Postman {
    async fn carry(&self, letter: &Letter, tries: u32) -> Outcome {
        // It was checked before it was taken in; nothing could make it better.
        let Some(message) = self.message(letter) else { return Outcome::Done };
        match self.transport.send(message).await {
            Ok(_) => Outcome::Done,
            Err(error) if error.is_permanent() => {
                tracing::warn!("a letter was refused for good by the mail server");
                Outcome::Done
            }
            Err(error) => {
                // The kind alone: what a server says may repeat the address.
                let kind = if error.is_timeout() {
                    "timeout"
                } else if error.is_client() {
                    "client"
                } else {
                    "connection or server"
                };
                tracing::warn!(kind, tries = tries + 1, "a letter could not be sent; it is tried again");
                Outcome::Later
            }
        }
    }
}
