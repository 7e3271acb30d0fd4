//! Which tokens are good. The keys in `keys/` were made for these tests and open nothing.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::identity::KeyAlgorithm;

const NOW_S: i64 = 1_700_000_000;
const HOME_SECRET: &[u8] = b"a secret of the site named home.";
const OTHER_SECRET: &[u8] = b"a secret of the site named other";

fn site(text: &str) -> SiteName {
    SiteName::parse(text).unwrap()
}

fn secret() -> InstallSecret {
    InstallSecret::from_bytes([9; 32])
}

fn shared(secret: &[u8]) -> SiteKey {
    SiteKey::parse(KeyAlgorithm::Hs256, secret).unwrap()
}

/// Knows the sites `home` and `other`, each by a shared secret.
fn verifier() -> Verifier {
    Verifier::new(&secret()).with_site_key(site("home"), shared(HOME_SECRET)).with_site_key(site("other"), shared(OTHER_SECRET))
}

fn signed(algorithm: Algorithm, kid: Option<&str>, claims: &Value, key: &EncodingKey) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(str::to_owned);
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

fn by_home(claims: &Value) -> String {
    signed(Algorithm::HS256, None, claims, &EncodingKey::from_secret(HOME_SECRET))
}

fn verify(text: &str) -> Result<Token, TokenFault> {
    match verifier().verify(text, Some(&site("home")), NOW_S)? {
        Who::Token(token) => Ok(*token),
        other => panic!("a token is nobody else's: {other:?}"),
    }
}

/// Claims that are good, changed by `change`; a null takes one away.
fn claims(change: &Value) -> Value {
    let mut claims = json!({"sub": "alice", "exp": NOW_S + 60});
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

#[test]
fn a_sites_token_tells_of_a_member() {
    let token = verify(&by_home(&json!({
        "sub": "alice", "exp": NOW_S + 60, "iat": NOW_S, "name": " Al\u{202e}ice ", "role": "moderator",
        "email": "alice@example.org", "email_verified": true, "channels": ["news", "$team-*"],
        "publish": ["news"], "site": "home", "aud": "elsewhere", "unknown": {"a": 1},
    })));
    let token = token.unwrap();
    assert_eq!(token.member.id.as_str(), "alice");
    assert_eq!((token.member.name.as_str(), token.member.role), ("Alice", Some(Role::Moderator)));
    assert!(token.member.verified && !token.guest);
    assert_eq!(token.email.as_deref(), Some("alice@example.org"));
    let named = token.named.as_ref().unwrap();
    assert_eq!(named.channels.texts().collect::<Vec<_>>(), ["news", "$team-*"]);
    assert_eq!(named.publish.texts().collect::<Vec<_>>(), ["news"]);
    assert_eq!((token.site.clone(), token.exp_s), (site("home"), NOW_S + 60));
    assert!(!format!("{token:?}").contains("example.org"));
}

#[test]
fn two_claims_suffice_and_no_role_is_a_members() {
    let token = verify(&by_home(&claims(&json!({})))).unwrap();
    assert_eq!((token.member.role, token.email), (Some(Role::Member), None));
    assert_eq!(token.named, None);
}

#[test]
fn an_address_that_nobody_verified_is_not_taken() {
    for verified in [json!(null), json!(false)] {
        let change = json!({"email": "a@example.org", "email_verified": verified});
        assert_eq!(verify(&by_home(&claims(&change))).unwrap().email, None);
    }
}

#[test]
fn claims_that_are_missing_or_wrong_make_a_token_forged() {
    let changes = [
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": "x".repeat(201)}),
        json!({"sub": "a\nb"}),
        json!({"exp": null}),
        json!({"exp": "1800000000"}),
        json!({"role": "king"}),
        json!({"channels": "news"}),
        json!({"channels": ["a b"]}),
        json!({"publish": ["a*b"]}),
        json!({"site": "Home"}),
        json!({"site": 7}),
        json!({"site": "unknown"}),
        json!({"channel": "$den"}),
    ];
    for change in changes {
        assert_eq!(verify(&by_home(&claims(&change))), Err(TokenFault::Forged), "{change}");
    }
}

#[test]
fn a_token_ends_at_the_second_that_it_says() {
    let at = |exp: Value| verify(&by_home(&claims(&json!({"exp": exp})))).map(|token| token.exp_s);
    assert_eq!(at(json!(NOW_S + 1)), Ok(NOW_S + 1));
    assert_eq!(at(json!(NOW_S)), Err(TokenFault::Expired));
    assert_eq!(at(json!(-1)), Err(TokenFault::Expired));
    assert_eq!(at(json!(1_700_000_001.5)), Ok(NOW_S + 1));
    assert_eq!(at(json!(1e300)), Ok(i64::MAX));
    assert_eq!(at(json!(u64::MAX)), Ok(i64::MAX));
}

#[test]
fn a_changed_token_is_forged() {
    let good = by_home(&claims(&json!({})));
    let parts: Vec<&str> = good.split('.').collect();
    let other = by_home(&claims(&json!({"role": "admin"})));
    let payload = other.split('.').nth(1).unwrap();
    let long = "x".repeat(TOKEN_BYTES_MAX + 1);
    let bad = [
        format!("{}.{payload}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}A"),
        format!(" {good}"),
        String::new(),
        "..".into(),
        long,
    ];
    for bad in bad {
        assert_eq!(verify(&bad), Err(TokenFault::Forged), "{bad}");
    }
}

fn encoded(value: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn a_token_without_a_signature_is_forged() {
    for algorithm in ["none", "None", "NONE", "nOnE", "HS256"] {
        let header = encoded(&json!({"alg": algorithm, "typ": "JWT"}));
        let text = format!("{header}.{}.", encoded(&claims(&json!({}))));
        assert_eq!(verify(&text), Err(TokenFault::Forged), "{algorithm}");
    }
}

#[test]
fn a_token_that_marks_something_as_critical_is_forged() {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".into()]);
    let key = EncodingKey::from_secret(HOME_SECRET);
    let text = jsonwebtoken::encode(&header, &claims(&json!({})), &key).unwrap();
    assert_eq!(verify(&text), Err(TokenFault::Forged));
}

/// Each public-key algorithm with the key that signs and the text of the key that checks.
fn pairs() -> [(KeyAlgorithm, Algorithm, EncodingKey, &'static [u8]); 3] {
    let rsa = EncodingKey::from_rsa_pem(include_bytes!("keys/rsa-private.pem")).unwrap();
    let ec = EncodingKey::from_ec_pem(include_bytes!("keys/ec-private.pem")).unwrap();
    let ed = EncodingKey::from_ed_pem(include_bytes!("keys/ed-private.pem")).unwrap();
    [
        (KeyAlgorithm::Rs256, Algorithm::RS256, rsa, include_bytes!("keys/rsa-public.pem")),
        (KeyAlgorithm::Es256, Algorithm::ES256, ec, include_bytes!("keys/ec-public.pem")),
        (KeyAlgorithm::EdDsa, Algorithm::EdDSA, ed, include_bytes!("keys/ed-public.pem")),
    ]
}

#[test]
fn every_algorithm_is_read_with_its_own_key_alone() {
    for (configured, _, _, public) in pairs() {
        let key = SiteKey::parse(configured, public).unwrap();
        let verifier = Verifier::new(&secret()).with_site_key(site("home"), key);
        for (signing, algorithm, private, _) in pairs() {
            let text = signed(algorithm, None, &claims(&json!({})), &private);
            let found = verifier.verify(&text, None, NOW_S);
            assert_eq!(found.is_ok(), signing == configured, "{signing:?} by {configured:?}: {found:?}");
        }
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    for (configured, _, _, public) in pairs() {
        let key = SiteKey::parse(configured, public).unwrap();
        let verifier = Verifier::new(&secret()).with_site_key(site("home"), key);
        let text = signed(Algorithm::HS256, None, &claims(&json!({})), &EncodingKey::from_secret(public));
        assert_eq!(verifier.verify(&text, None, NOW_S), Err(TokenFault::Forged), "{configured:?}");
    }
}

#[test]
fn the_header_does_not_choose_a_stronger_algorithm_either() {
    let text = signed(Algorithm::HS512, None, &claims(&json!({})), &EncodingKey::from_secret(HOME_SECRET));
    assert_eq!(verify(&text), Err(TokenFault::Forged));
}

#[test]
fn a_site_may_have_two_keys_while_it_changes_them() {
    let verifier = verifier().with_site_key(site("home"), shared(b"the next secret"));
    let next = EncodingKey::from_secret(b"the next secret");
    for text in [by_home(&claims(&json!({}))), signed(Algorithm::HS256, Some("2"), &claims(&json!({})), &next)] {
        assert!(verifier.verify(&text, None, NOW_S).is_ok());
    }
}

#[test]
fn a_good_token_of_another_site_is_told_from_a_forged_one() {
    let text = by_home(&claims(&json!({})));
    let asked = |name: &str| verifier().verify(&text, Some(&site(name)), NOW_S).map(|_| ());
    assert_eq!(asked("home"), Ok(()));
    assert_eq!(asked("other"), Err(TokenFault::WrongSite));
    assert_eq!(asked("unknown"), Err(TokenFault::WrongSite));
    assert_eq!(verifier().verify(&text, None, NOW_S).unwrap().site(), Some(&site("home")));
}

#[test]
fn a_sites_key_does_not_sign_for_another_site() {
    let text = by_home(&claims(&json!({"site": "other"})));
    assert_eq!(verifier().verify(&text, Some(&site("other")), NOW_S), Err(TokenFault::Forged));
    assert_eq!(verifier().verify(&text, None, NOW_S), Err(TokenFault::Forged));
}

#[test]
fn a_guest_is_good_for_180_days_on_one_site() {
    let (text, made) = Signer::new(&secret()).guest(&site("home"), [3; GUEST_ID_BYTES], NOW_S).unwrap();
    let read = verify(&text).unwrap();
    assert_eq!(read, made);
    assert!(read.guest && !read.member.verified && read.member.role.is_none());
    assert_eq!(read.member.id.as_str().len(), 22);
    assert_eq!(read.exp_s, NOW_S + 180 * 86_400);
    assert!(claims_to_be_a_guest(&text));
    let later = verifier().verify(&text, None, read.exp_s);
    assert_eq!(later, Err(TokenFault::Expired));
    assert_eq!(verifier().verify(&text, Some(&site("other")), NOW_S), Err(TokenFault::WrongSite));
    let elsewhere = Verifier::new(&InstallSecret::from_bytes([8; 32]));
    assert_eq!(elsewhere.verify(&text, None, NOW_S), Err(TokenFault::Forged));
}

fn grant() -> Grant {
    Grant {
        member: MemberId::parse("mod").unwrap(),
        name: Some("Mo".into()),
        role: Some(Role::Admin),
        site: site("home"),
        channels: Patterns::parse(&["$*"]).unwrap(),
        publish: Patterns::parse(&["news"]).unwrap(),
        kept_by_page: false,
        exp_s: NOW_S + 60,
    }
}

#[test]
fn a_token_of_the_command_line_says_what_was_granted() {
    let text = Signer::new(&secret()).member(&grant(), NOW_S).unwrap();
    let token = verify(&text).unwrap();
    assert_eq!((token.member.name.as_str(), token.member.role), ("Mo", Some(Role::Admin)));
    assert!(!token.guest && token.member.verified && !claims_to_be_a_guest(&text));
    let named = token.named.unwrap();
    assert_eq!((named.channels, named.publish), (grant().channels, grant().publish));
}

#[test]
fn a_sites_key_makes_no_guest_and_nothing_of_parlours_own() {
    let key = EncodingKey::from_secret(HOME_SECRET);
    let (_, guest) = Signer::new(&secret()).guest(&site("home"), [3; GUEST_ID_BYTES], NOW_S).unwrap();
    // With Parlour's own kid only the installation's secret counts.
    let own = claims(&json!({"site": "home", "parlour": "guest"}));
    assert_eq!(verify(&signed(Algorithm::HS256, Some(OWN_KID), &own, &key)), Err(TokenFault::Forged));
    // Without it the claim means nothing.
    assert!(!verify(&by_home(&own)).unwrap().guest);
    // And no site names a member like a guest.
    let posing = claims(&json!({"sub": guest.member.id.as_str()}));
    assert_eq!(verify(&by_home(&posing)), Err(TokenFault::Forged));
}

#[test]
fn the_installations_secret_counts_only_with_its_kid_its_kind_and_a_site() {
    let key = EncodingKey::from_secret(&own_key(&secret()));
    let own = |kid, change| verify(&signed(Algorithm::HS256, kid, &claims(&change), &key));
    assert!(own(Some(OWN_KID), json!({"site": "home", "parlour": "member"})).is_ok());
    let bad = [
        (None, json!({"site": "home", "parlour": "member"})),
        (Some(OWN_KID), json!({"parlour": "member"})),
        (Some(OWN_KID), json!({"site": "home"})),
        (Some(OWN_KID), json!({"site": "home", "parlour": "king"})),
        (Some(OWN_KID), json!({"site": "home", "parlour": "guest"})),
    ];
    for (kid, change) in bad {
        assert_eq!(own(kid, change.clone()), Err(TokenFault::Forged), "{kid:?} {change}");
    }
    let raw = EncodingKey::from_secret(secret().bytes());
    let text = signed(Algorithm::HS256, Some(OWN_KID), &claims(&json!({"site": "home", "parlour": "member"})), &raw);
    assert_eq!(verify(&text), Err(TokenFault::Forged));
}

#[test]
fn a_subscribe_token_opens_one_channel_of_its_site() {
    let subscribe = |change: Value, on: &str| verifier().verify_subscribe(&by_home(&claims(&change)), &site(on), NOW_S);
    let good = subscribe(json!({"channel": "$den"}), "home").unwrap();
    assert_eq!(good.key, Key::new(site("home"), ChannelName::parse("$den").unwrap()));
    assert_eq!((good.member.as_str(), good.exp_s), ("alice", NOW_S + 60));
    assert_eq!(subscribe(json!({"channel": "$den"}), "other"), Err(TokenFault::WrongSite));
    assert_eq!(subscribe(json!({"channel": "$den", "exp": NOW_S}), "home"), Err(TokenFault::Expired));
    for change in [json!({}), json!({"channel": "a b"}), json!({"channel": "$den", "sub": ""})] {
        assert_eq!(subscribe(change.clone(), "home"), Err(TokenFault::Forged), "{change}");
    }
    let own = Signer::new(&secret()).member(&grant(), NOW_S).unwrap();
    assert_eq!(verifier().verify_subscribe(&own, &site("home"), NOW_S), Err(TokenFault::Forged));
}

proptest! {
    #[test]
    fn nothing_that_is_brought_makes_it_panic(text in "[A-Za-z0-9_.-]{0,80}|\\PC{0,40}") {
        prop_assert_eq!(verify(&text), Err(TokenFault::Forged));
        prop_assert!(!claims_to_be_a_guest(&text));
    }

    #[test]
    fn no_bit_of_a_token_may_change(at in 0_usize..120, letter in proptest::char::range('A', 'Z')) {
        let mut text = by_home(&claims(&json!({})));
        // The last letter of the signature has bits that mean nothing; a strict decoder refuses other values for them.
        let at = at % text.len();
        if text.as_bytes()[at] != letter as u8 {
            text.replace_range(at..=at, &letter.to_string());
            prop_assert_eq!(verify(&text), Err(TokenFault::Forged));
        }
    }
}

#[test]
fn a_token_is_not_good_before_it_begins() {
    let at = |nbf: Value| verify(&by_home(&claims(&json!({"nbf": nbf})))).map(|_| ());
    assert_eq!(at(json!(NOW_S)), Ok(()));
    assert_eq!(at(json!(NOW_S + 60)), Ok(()), "clocks differ");
    assert_eq!(at(json!(NOW_S + 61)), Err(TokenFault::Forged));
    assert_eq!(at(json!("soon")), Err(TokenFault::Forged));
}

fn verify_with(tokens: SiteTokens, change: &Value) -> Result<(), TokenFault> {
    let tokens = SiteTokens { keys: vec![shared(HOME_SECRET)], ..tokens };
    let verifier = Verifier::new(&secret()).with_site(site("home"), tokens);
    verifier.verify(&by_home(&claims(change)), None, NOW_S).map(|_| ())
}

#[test]
fn a_token_for_somebody_else_is_forged_where_the_site_says_who_it_is() {
    let ours = || SiteTokens { audience: Some("parlour".into()), ..SiteTokens::default() };
    for good in [json!("parlour"), json!(["shop", "parlour"])] {
        assert_eq!(verify_with(ours(), &json!({ "aud": good })), Ok(()));
    }
    for bad in [json!(null), json!("shop"), json!([]), json!(["shop"]), json!({"a": "parlour"}), json!("parlour2")] {
        assert_eq!(verify_with(ours(), &json!({ "aud": bad })), Err(TokenFault::Forged), "{bad}");
    }
    let by = || SiteTokens { issuer: Some("https://id.example".into()), ..SiteTokens::default() };
    assert_eq!(verify_with(by(), &json!({ "iss": "https://id.example" })), Ok(()));
    for bad in [json!(null), json!("https://id.example/"), json!(["https://id.example"])] {
        assert_eq!(verify_with(by(), &json!({ "iss": bad })), Err(TokenFault::Forged), "{bad}");
    }
}

#[test]
fn a_key_with_a_name_is_for_tokens_that_say_it_or_none() {
    let (_, algorithm, private, public) = pairs().into_iter().nth(1).unwrap();
    let key = SiteKey { kid: Some("one".into()), ..SiteKey::parse(KeyAlgorithm::Es256, public).unwrap() };
    let tokens = SiteTokens { keys: vec![key], key_set_url: Some("https://id.example/keys".into()), ..SiteTokens::default() };
    let verifier = Verifier::new(&secret()).with_site(site("home"), tokens);
    let asked = site("home");
    for (kid, is_good, is_asked) in [(Some("one"), true, false), (None, true, true), (Some("two"), false, true)] {
        let text = signed(algorithm, kid, &claims(&json!({})), &private);
        assert_eq!(verifier.verify(&text, Some(&asked), NOW_S).is_ok(), is_good, "{kid:?}");
        assert_eq!(!verifier.key_sets_to_ask(&text, Some(&asked)).is_empty(), is_asked, "{kid:?}");
    }
    for text in ["", "a.b.c", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
        assert!(verifier.key_sets_to_ask(text, Some(&asked)).is_empty());
    }
    let (guest, _) = Signer::new(&secret()).guest(&asked, [1; GUEST_ID_BYTES], NOW_S).unwrap();
    assert!(verifier.key_sets_to_ask(&guest, Some(&asked)).is_empty());
}
