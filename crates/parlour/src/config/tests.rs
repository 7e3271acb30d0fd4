//! Tests of the configuration as a whole: what beats what, what is refused, and in which words.

use super::kind::Raw;
use super::layer::{FileLayers, Layer};
use super::*;
use crate::rule::Dialect;

fn sources(flags: &[(&str, &str)], variables: &[(&str, &str)]) -> Sources {
    let get = |name: &str| {
        let values: Vec<String> = flags.iter().filter(|(flag, _)| *flag == name).map(|(_, value)| (*value).to_owned()).collect();
        (!values.is_empty()).then_some(values)
    };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let (variables, unknown_variables) = Layer::from_variables(variables).unwrap();
    Sources { flags: Layer::from_flags(&get).unwrap(), variables, unknown_variables }
}

fn read(flags: &[(&str, &str)], variables: &[(&str, &str)], file: &str) -> Result<Config, ConfigFault> {
    sources(flags, variables).read_with(FileLayers::from_text(file)?, None)
}

fn site(config: &Config, name: &str) -> SiteOptions {
    config.sites[&SiteName::parse(name).unwrap()].clone()
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let file = "subscriptions = 4";
    let all = read(&[("subscriptions", "2")], &[("PARLOUR_SUBSCRIPTIONS", "3")], file).unwrap();
    let two = read(&[], &[("PARLOUR_SUBSCRIPTIONS", "3")], file).unwrap();
    let one = read(&[], &[], file).unwrap();
    let none = read(&[], &[], "").unwrap();
    let seen: Vec<u64> = [all, two, one, none].iter().map(|config| config.process.subscriptions).collect();
    assert_eq!(seen, [2, 3, 4, 128]);
}

#[test]
fn an_unknown_key_is_named_wherever_it_stands() {
    assert_eq!(read(&[], &[], "liste = 1").unwrap_err().to_string(), "unknown key `liste`; did you mean `listen`?");
    assert_eq!(
        read(&[], &[], "[site.shop]\norigin = []").unwrap_err().to_string(),
        "unknown key `site.shop.origin`; did you mean `origins`?"
    );
    assert_eq!(read(&[], &[], "nonsense = 1").unwrap_err().to_string(), "unknown key `nonsense`");
    assert_eq!(read(&[], &[], "[database]\nurl = 1").unwrap_err().to_string(), "unknown key `database`");
    // An option of the process is none of a site, and the file does not name itself.
    assert!(read(&[], &[], "[site.shop]\nlisten = \"1\"").is_err());
    assert!(read(&[], &[], "config = \"other.toml\"").is_err());
}

#[test]
fn a_bad_value_is_named_with_its_option() {
    let fault = read(&[], &[], "linger = \"soon\"").unwrap_err().to_string();
    assert!(fault.starts_with("`linger`: a time is expected"), "{fault}");
    let fault = read(&[], &[], "[site.shop]\ndepth = \"deep\"").unwrap_err().to_string();
    assert!(fault.starts_with("`site.shop.depth`: "), "{fault}");
    assert!(read(&[], &[], "listen = {}").is_err());
    assert!(read(&[], &[], "listen = [\"a\", \"b\"]").is_err());
    assert!(read(&[], &[], "[site.Shop]").is_err());
    assert!(read(&[], &[], "site = 1").is_err());
    assert!(matches!(read(&[], &[], "listen ="), Err(ConfigFault::Toml(_))));
}

#[test]
fn what_stands_outside_tables_is_the_default_sites_and_origins_are_no_others() {
    let config = read(
        &[],
        &[],
        "origins = [\"https://a.example\"]\nchats = \"lobby,team-*\"\n[site.default]\nchats = []\n[site.shop]\ndepth = 3\n",
    )
    .unwrap();
    let default = site(&config, "default");
    assert_eq!(default.origins, ["https://a.example"]);
    assert!(default.chats.is_empty());
    let shop = site(&config, "shop");
    assert!(shop.origins.is_empty());
    assert_eq!((shop.depth, default.depth), (3, 100));
}

#[test]
fn a_site_inherits_limits_and_manners_but_neither_origins_nor_secrets() {
    let file = "edit-for = \"5m\"\nreactions = [\"up\", \"heart\"]\nchats = [\"lobby\"]\norigins = [\"https://a.example\"]\n\
                token-secret = \"correct-horse-battery-staple-0123456789\"\n[site.default]\ndepth = 7\n[site.shop]\nreactions = [\"buy\"]\n";
    let config = read(&[("member-posts", "9/1s")], &[("PARLOUR_BODY_CHARACTERS", "50")], file).unwrap();
    let shop = site(&config, "shop");
    assert_eq!((shop.edit_for.as_secs(), shop.body_characters, shop.member_posts.burst), (300, 50, 9));
    assert_eq!(shop.reactions, ["buy"], "its own table beats what stands outside, and flags too");
    assert_eq!(shop.depth, 100, "what the site `default` says in its table is its own");
    assert!(shop.origins.is_empty() && shop.chats.is_empty() && shop.token_secret.is_none());
    assert_eq!(site(&config, "default").reactions, ["up", "heart"]);
}

#[test]
fn lists_come_repeated_with_commas_or_as_arrays() {
    let config =
        read(&[("chats", "a"), ("chats", "b,c")], &[("PARLOUR_ORIGINS", "https://a.example, https://b.example")], "").unwrap();
    assert_eq!(site(&config, "default").chats, ["a", "b", "c"]);
    assert_eq!(site(&config, "default").origins, ["https://a.example", "https://b.example"]);
}

#[test]
fn a_secret_may_come_out_of_a_file_and_is_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let secret = "correct-horse-battery-staple-0123456789";
    std::fs::write(&path, format!("{secret}\n")).unwrap();
    let path = path.to_str().unwrap();
    let by_variable = read(&[], &[("PARLOUR_TOKEN_SECRET_FILE", path)], "").unwrap();
    let by_flag = read(&[("token-secret-file", path)], &[], "").unwrap();
    let by_key = read(&[], &[], &format!("token-secret-file = \"{path}\"")).unwrap();
    for config in [by_variable, by_flag, by_key] {
        assert_eq!(site(&config, "default").token_secret.unwrap().reveal(), secret);
        assert!(!format!("{config:?}").contains("horse"));
    }
    assert!(read(&[], &[], "token-secret-file = \"/nowhere/at/all\"").unwrap_err().to_string().contains("token-secret-file"));
    assert!(read(&[], &[], "token-secret = \"short\"").unwrap().rules().is_err());
}

#[test]
fn a_variable_that_is_no_options_is_told_of() {
    let config = read(&[], &[("PARLOUR_LISTNE", "x"), ("OTHER", "y"), ("PARLOUR_TOKEN", "z")], "").unwrap();
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("PARLOUR_LISTNE"));
}

#[test]
fn demo_mode_listens_on_this_machine_alone() {
    let demo = |listen: &str| read(&[("demo", "true"), ("listen", listen)], &[], "").unwrap().listen();
    assert!(demo("127.0.0.1:8080").is_ok() && demo("[::1]:0").is_ok() && demo("localhost:1").is_ok());
    assert!(demo("0.0.0.0:8080").is_err() && demo("192.168.0.1:80").is_err());
    assert!(read(&[("listen", "0.0.0.0:8080")], &[], "").unwrap().listen().is_ok());
    assert!(read(&[("listen", "8080")], &[], "").unwrap().listen().is_err());
}

#[test]
fn a_dialect_is_off_until_its_option_says_otherwise() {
    let msgs = |flags: &[(&str, &str)]| read(flags, &[], "").unwrap().rules().unwrap().msgs;
    let channel = |name: &str| Dialect::Channel(crate::channel::ChannelName::parse(name).unwrap());
    assert_eq!(msgs(&[]), Dialect::Off);
    assert_eq!(msgs(&[("demo", "true")]), channel("msgs"));
    assert_eq!(msgs(&[("demo", "true"), ("msgs", "off")]), Dialect::Off);
    assert_eq!(msgs(&[("msgs", "on")]), channel("msgs"));
    assert_eq!(msgs(&[("msgs", "old-chat")]), channel("old-chat"));
    assert!(!read(&[], &[], "").unwrap().rules().unwrap().publish_root);
}

#[test]
fn rules_refuse_what_does_not_fit() {
    for bad in [
        "trusted-proxy = [\"10.0.0.0/99\"]",
        "origins = [\"example.org\"]",
        "chats = [\"a b\"]",
        "reactions = [\"Up!\"]",
        "public-url = \"talk.example.org\"",
        "public-url = \"https://u:p@x.example\"",
        "subscriptions = 0",
        "head-timeout = \"0\"",
        "head-bytes = 100",
        "msgs = \"a b\"",
        "publish-root = \"maybe\"",
        "depth = 99999999999",
    ] {
        assert!(read(&[], &[], bad).and_then(|config| config.rules().map(|_| ())).is_err(), "{bad}");
    }
    let rules = read(&[], &[], "public-url = \"https://talk.example.org/\"").unwrap().rules().unwrap();
    assert_eq!(rules.public_url.as_deref(), Some("https://talk.example.org"));
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let rules = read(&[], &[], "").unwrap().rules().unwrap();
    let site = rules.site(&SiteName::default()).unwrap();
    assert_eq!(site.limits, crate::comment::Limits::default());
    assert_eq!(site.reactions, ["up"]);
    assert!(!rules.allows_origin("http://localhost") && !rules.allows_origin("https://example.org"));
    let raw = Raw::Text("8ms".into());
    assert_eq!(
        <super::kind::Time as super::kind::Kind>::read(&raw).unwrap().as_millis(),
        u128::from(rules.limits.flush_linger_ms)
    );
}

#[test]
fn a_sites_public_keys_come_out_of_their_files_and_a_bad_one_is_named() {
    let keys = format!("{}/src/identity/token/keys", env!("CARGO_MANIFEST_DIR"));
    let with = |line: String| read(&[], &[], &line).unwrap().rules().map_err(|fault| fault.to_string());
    let rules = with(format!("token-keys = [\"ES256:{keys}/ec-public.pem\", \"RS256:{keys}/rsa-public.pem\"]")).unwrap();
    assert_eq!(rules.site(&SiteName::default()).unwrap().tokens.keys.len(), 2);
    for bad in [
        format!("ES256:{keys}/rsa-public.pem"),
        format!("HS256:{keys}/ec-public.pem"),
        format!("none:{keys}/ec-public.pem"),
        format!("{keys}/ec-public.pem"),
        "ES256:/nowhere".to_owned(),
    ] {
        let fault = with(format!("token-keys = [\"{bad}\"]")).unwrap_err();
        assert!(fault.contains("token-keys"), "{fault}");
    }
    assert!(with("token-key-set = \"https://id.example/keys\"".to_owned()).is_ok());
    for bad in ["id.example/keys", "ftp://id.example", "file:///etc/passwd"] {
        assert!(with(format!("token-key-set = \"{bad}\"")).unwrap_err().contains("token-key-set"));
    }
}
