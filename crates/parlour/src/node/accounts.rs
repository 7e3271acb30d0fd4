//! People who sign in at Parlour's own origin: their accounts, the browsers that they signed in with, and the codes for which a
//! page gets a token. What a page does to get there is `signin`'s; here it is decided who gets what.

use std::net::IpAddr;

use parlour_wire::code::Code;
use serde::{Deserialize, Serialize};

use super::{Node, random, told};
use crate::backend::{After, Before, LISTED_MAX, Swap, take};
use crate::channel::{Patterns, SiteName};
use crate::comment::{MemberId, Role};
use crate::identity::{
    ACCOUNT_ID_BYTES, Account, Grant, Member, Person, challenge_of, is_reserved, is_same, is_secret, keyed_hash, likeness,
    member_of_account, secret_text,
};
use crate::render::plain_name;
use crate::rule::{Rules, SiteRules};

/// How long a code is good, in milliseconds.
pub const CODE_MS: i64 = 60_000;
/// How long a token for Parlour's own pages is good at most, in seconds.
const OWN_PAGES_S: i64 = 12 * 60 * 60;
/// The longest name of an account, in characters.
const NAME_CHARS_MAX: usize = 60;

/// How somebody is known to a provider.
#[derive(Clone, Debug)]
pub struct Login {
    /// `github`, `google`, `oidc`, `mail`.
    pub provider: &'static str,
    /// Who they are there, for ever.
    pub subject: String,
    /// Their name there; may be empty.
    pub name: String,
    /// Their address, if it is certainly theirs.
    pub email: Option<String>,
}

/// What a code is good for.
#[derive(Serialize, Deserialize)]
struct CodeRecord {
    site: SiteName,
    /// The only origin that may bring it.
    origin: String,
    account: String,
    /// The SHA-256 of the code.
    code: String,
    /// The address, keyed, that may fetch it with the page's secret alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched_from: Option<String>,
}

/// What a page gets.
pub struct SignedIn {
    /// The token.
    pub token: String,
    /// Whose.
    pub member: Member,
    /// Until when it is good, in Unix seconds.
    pub exp_s: i64,
}

impl Node {
    /// The account of somebody who proved who they are; made at the first time.
    ///
    /// # Errors
    /// The store cannot be used.
    pub async fn account_of(&self, login: &Login) -> Result<Account, Code> {
        let now_ms = self.clock.now_ms();
        let subject_key = keyed_hash(&self.secret, &format!("{} {}", login.provider, login.subject));
        let way = format!("login/{subject_key}");
        let name: String = plain_name(&login.name).chars().take(NAME_CHARS_MAX).collect();
        if let Some(id) = self.backend.shelf.record(&way, now_ms).await.map_err(told)?
            && let Some(before) = self.account(&id).await?
        {
            let after = Account { name, email: login.email.clone().or(before.email.clone()), ..before.clone() };
            if after != before {
                self.put_account(&after).await?;
            }
            return Ok(after);
        }
        let account = Account {
            id: Account::id_from_random(random::<ACCOUNT_ID_BYTES>()),
            provider: login.provider.to_owned(),
            subject_key,
            name,
            email: login.email.clone(),
            since_ms: now_ms,
        };
        let record = serde_json::to_string(&account).map_err(|_| Code::Internal)?;
        let swaps = vec![
            Swap::put(way, After::Kept(account.id.clone())),
            Swap { name: format!("account/{}", account.id), before: Before::Nothing, after: After::Kept(record) },
        ];
        match self.backend.shelf.swap(swaps, now_ms).await.map_err(told)? {
            true => Ok(account),
            false => Err(Code::Internal),
        }
    }

    /// The account of this id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn account(&self, id: &str) -> Result<Option<Account>, Code> {
        let record = self.backend.shelf.record(&format!("account/{id}"), self.clock.now_ms()).await.map_err(told)?;
        Ok(record.and_then(|record| serde_json::from_str(&record).ok()))
    }

    async fn put_account(&self, account: &Account) -> Result<(), Code> {
        let record = serde_json::to_string(account).map_err(|_| Code::Internal)?;
        let swap = Swap::put(format!("account/{}", account.id), After::Kept(record));
        self.backend.shelf.swap(vec![swap], self.clock.now_ms()).await.map_err(told).map(drop)
    }

    /// Who signed in with this browser, known by the hash of its secret.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn account_of_browser(&self, browser: &str) -> Result<Option<Account>, Code> {
        let id = self.backend.shelf.record(&format!("browser/{browser}"), self.clock.now_ms()).await.map_err(told)?;
        match id {
            Some(id) => self.account(&id).await,
            None => Ok(None),
        }
    }

    /// This browser is that account's from now on.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn keep_browser(&self, browser: &str, account: &Account) -> Result<(), Code> {
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms + self.book.now().sign_in.good_s.saturating_mul(1_000);
        let swaps = vec![
            Swap::put(format!("browser/{browser}"), After::Until(account.id.clone(), until_ms)),
            Swap::put(format!("browsers/{}/{browser}", account.id), After::Until(String::new(), until_ms)),
        ];
        self.backend.shelf.swap(swaps, now_ms).await.map_err(told).map(drop)
    }

    /// This browser is nobody's.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn forget_browser(&self, browser: &str) -> Result<(), Code> {
        let now_ms = self.clock.now_ms();
        let name = format!("browser/{browser}");
        if let Some(account) = take(&*self.backend.shelf, &name, now_ms).await.map_err(told)? {
            let swap = Swap::put(format!("browsers/{account}/{browser}"), After::Nothing);
            self.backend.shelf.swap(vec![swap], now_ms).await.map_err(told)?;
        }
        Ok(())
    }

    /// A code for whoever has the secret of this challenge and is at this origin; good once, and for [`CODE_MS`]. With
    /// `fetched_from` the secret alone will do, from that address.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn issue_code(
        &self,
        site: &SiteName,
        origin: &str,
        challenge: &str,
        account: &Account,
        fetched_from: Option<Option<IpAddr>>,
    ) -> Result<String, Code> {
        let code = secret_text(random());
        let record = CodeRecord {
            site: site.clone(),
            origin: origin.to_owned(),
            account: account.id.clone(),
            code: challenge_of(&code),
            fetched_from: fetched_from.map(|address| self.keyed_address(address)),
        };
        let record = serde_json::to_string(&record).map_err(|_| Code::Internal)?;
        let now_ms = self.clock.now_ms();
        let swap = Swap::put(format!("code/{challenge}"), After::Until(record, now_ms + CODE_MS));
        self.backend.shelf.swap(vec![swap], now_ms).await.map_err(told)?;
        Ok(code)
    }

    fn keyed_address(&self, address: Option<IpAddr>) -> String {
        keyed_hash(&self.secret, &address.map(|address| address.to_string()).unwrap_or_default())
    }

    /// A token for a code, or for the secret alone where that will do. `None`: the person has not decided yet, as far as can be told.
    ///
    /// # Errors
    /// [`Code::Expired`] for a code that is used up, over its time, somebody else's or none; [`Code::OriginNotAllowed`].
    pub async fn exchange(
        &self,
        secret: &str,
        code: Option<&str>,
        origin: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Option<SignedIn>, Code> {
        if !is_secret(secret) {
            return Err(Code::Expired);
        }
        let now_ms = self.clock.now_ms();
        let name = format!("code/{}", challenge_of(secret));
        let Some(text) = self.backend.shelf.record(&name, now_ms).await.map_err(told)? else {
            return if code.is_none() { Ok(None) } else { Err(Code::Expired) };
        };
        let record: CodeRecord = serde_json::from_str(&text).map_err(|_| Code::Internal)?;
        if origin != Some(record.origin.as_str()) {
            return Err(Code::OriginNotAllowed);
        }
        let is_good = match code {
            Some(code) => is_same(&challenge_of(code), &record.code),
            None if record.fetched_from.as_ref().is_none_or(|from| !is_same(from, &self.keyed_address(address))) => {
                return Ok(None);
            }
            None => true,
        };
        // Whoever has the secret and not the code guesses; there is no second try.
        let taken = self.backend.shelf.swap(vec![Swap::take(name, text)], now_ms).await.map_err(told)?;
        if !is_good || !taken {
            return Err(Code::Expired);
        }
        let account = self.account(&record.account).await?.ok_or(Code::Expired)?;
        self.signed_in(&account, &record.site, &record.origin).await.map(Some)
    }

    /// A token for an account on a site, to be kept by a page of this origin.
    async fn signed_in(&self, account: &Account, site: &SiteName, origin: &str) -> Result<SignedIn, Code> {
        let rules = self.book.now();
        let site_rules = rules.site(site).ok_or(Code::UnknownSite)?;
        let id = member_of_account(&self.secret, &account.id, site).ok_or(Code::Internal)?;
        let before = self.person(site, &id).await?;
        let name = self.free_name(site_rules, account, &id).await?;
        let since_ms = before.as_ref().map_or(self.clock.now_ms(), |before| before.since_ms);
        let given = before.as_ref().and_then(|before| before.role);
        let guests = before.as_ref().map(|before| before.guests.clone()).unwrap_or_default();
        let after = Person { name: name.clone(), role: given, account: Some(account.id.clone()), guests, since_ms };
        if before.as_ref() != Some(&after) {
            self.put_person(site, &id, before.as_ref(), &after).await?;
            let of_account = Swap::put(format!("members/{}/{site}", account.id), After::Kept(id.to_string()));
            self.backend.shelf.swap(vec![of_account], self.clock.now_ms()).await.map_err(told)?;
        }
        let is_own = rules.is_own_origin(origin);
        let role = role_of(&rules, site_rules, account, given, is_own);
        let now_s = self.clock.now_s();
        let good_s = if is_own { rules.sign_in.good_s.min(OWN_PAGES_S) } else { rules.sign_in.good_s };
        let exp_s = now_s.saturating_add(good_s);
        let grant = Grant {
            member: id.clone(),
            name: Some(name.clone()),
            role: Some(role),
            site: site.clone(),
            channels: Patterns::default(),
            publish: Patterns::default(),
            kept_by_page: !is_own,
            exp_s,
        };
        let made_s = now_s.max(self.revoked.earliest_s(site, &id));
        let token = self.signer.member(&grant, made_s).map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            Code::Internal
        })?;
        Ok(SignedIn { token, member: Member { id, name, role: Some(role), verified: true }, exp_s })
    }

    /// The name of an account, with something after it if it is another member's here, or nobody may have it.
    async fn free_name(&self, rules: &SiteRules, account: &Account, id: &MemberId) -> Result<String, Code> {
        let like = likeness(&account.name);
        let is_free = match like.is_empty() {
            true => true,
            false if is_reserved(&like, &rules.reserved_names) => false,
            false => self.name_owner(&rules.site, &like).await?.is_none_or(|owner| owner == *id),
        };
        if is_free {
            return Ok(account.name.clone());
        }
        let own: String = id.as_str().chars().skip(1).take(4).collect();
        let room = NAME_CHARS_MAX - own.len() - 1;
        Ok(format!("{} {own}", account.name.chars().take(room).collect::<String>().trim_end()))
    }

    /// No token and no browser of whoever asks is signed in any more, here or on any site where the account is the same person.
    ///
    /// # Errors
    /// Who has no token; the store cannot be written.
    pub async fn sign_out_everywhere(&self, site: &SiteName, member: &MemberId) -> Result<(), Code> {
        let account = self.person(site, member).await?.and_then(|person| person.account);
        match account {
            Some(account) => self.sign_out_account(&account).await,
            None => self.revoke(site, member).await,
        }
    }

    /// No token and no browser of this account is signed in any more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn sign_out_account(&self, account: &str) -> Result<(), Code> {
        for (browser, _) in self.listed(&format!("browsers/{account}/")).await? {
            self.forget_browser(browser.rsplit('/').next().unwrap_or_default()).await?;
        }
        for (site, member) in self.memberships(account).await? {
            self.revoke(&site, &member).await?;
        }
        Ok(())
    }

    /// Who an account is on each site where it has been.
    pub(super) async fn memberships(&self, account: &str) -> Result<Vec<(SiteName, MemberId)>, Code> {
        let listed = self.listed(&format!("members/{account}/")).await?;
        let read =
            |(name, id): &(String, String)| Some((SiteName::parse(name.rsplit('/').next()?).ok()?, MemberId::parse(id).ok()?));
        Ok(listed.iter().filter_map(read).collect())
    }

    /// What is on the shelf under a prefix, as far as one look reaches.
    pub(super) async fn listed(&self, prefix: &str) -> Result<Vec<(String, String)>, Code> {
        self.backend.shelf.list(prefix, "", LISTED_MAX, self.clock.now_ms()).await.map_err(told)
    }
}

/// The role of an account on a site: given there, or by its verified address in the configuration. What a page keeps is a member's,
/// unless the site has its moderators work there.
fn role_of(rules: &Rules, site: &SiteRules, account: &Account, given: Option<Role>, is_own: bool) -> Role {
    let is_named =
        |list: &[String]| account.email.as_ref().is_some_and(|email| list.iter().any(|named| named.eq_ignore_ascii_case(email)));
    let named = match () {
        () if is_named(&site.admins) => Role::Admin,
        () if is_named(&site.moderators) => Role::Moderator,
        () => Role::Member,
    };
    let role = given.unwrap_or(Role::Member).max(named);
    match is_own || (site.moderate_on_pages && !rules.demo) {
        true => role,
        false => Role::Member,
    }
}
