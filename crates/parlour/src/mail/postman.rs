//! Who carries letters: takes one after the other out of the bag and hands it to the operator's SMTP server. A letter may arrive
//! twice if the process ends between the server's word and ours; it never is lost by that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{Carried, Mailbag};
use crate::backend::Fault;
use crate::rule::MailRules;

/// How often the bag is looked into.
const EVERY: Duration = Duration::from_millis(500);
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
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            loop {
                match self.bag.take(&id(), now_ms()).await {
                    Ok(Some(carried)) => self.carry(&carried).await,
                    Ok(None) => break,
                    Err(fault) => {
                        tracing::warn!(%fault, "the mailbag cannot be reached");
                        break;
                    }
                }
            }
        }
    }

    async fn carry(&self, carried: &Carried) {
        let outcome = match self.message(carried) {
            Some(message) => self.transport.send(message).await.map(drop),
            // It was checked before it was taken in; nothing could make it better.
            None => Ok(()),
        };
        let noted: Result<(), Fault> = match outcome {
            Ok(()) => self.bag.delivered(carried, now_ms()).await,
            Err(error) if error.is_permanent() => {
                tracing::warn!("a letter was refused for good by the mail server");
                self.bag.delivered(carried, now_ms()).await
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
                tracing::warn!(kind, tries = carried.letter.tries + 1, "a letter could not be sent; it is tried again");
                self.bag.failed(carried, &id(), now_ms()).await.map(|stays| {
                    if !stays {
                        tracing::warn!("a letter was given up");
                    }
                })
            }
        };
        if let Err(fault) = noted {
            tracing::warn!(%fault, "what became of a letter could not be noted");
        }
    }

    fn message(&self, carried: &Carried) -> Option<Message> {
        let letter = &carried.letter;
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

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn id() -> String {
    let bytes: [u8; 8] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
