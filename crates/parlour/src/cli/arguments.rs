//! What the command line looks like: commands, and a flag for each option of the configuration's table.

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::layer::{Layer, TOKEN_VARIABLE};
use crate::config::table::{self, Opt};
use crate::config::{ConfigFault, Sources};
use crate::rule::Secret;

/// The whole command line.
pub fn command() -> Command {
    with_options(Command::new("parlour"), |_| true)
        .version(env!("CARGO_PKG_VERSION"))
        .about("Comments, chat and presence for any web page")
        .after_help(
            "Without a command, parlour serves. Options may also stand in parlour.toml or in variables: docs/configuration.md.",
        )
        .subcommand(with_options(Command::new("serve").about("Serves until it is told to end"), |_| true))
        .subcommand(with_store(token()))
        .subcommand(with_store_below(key()))
        .subcommand(with_options(
            Command::new("check").about("Reads the configuration, opens the store, and says a line of each"),
            |_| true,
        ))
        .subcommand(tail())
        .subcommand(pages())
        .subcommand(
            Command::new("docs")
                .hide(true)
                .about("Writes what is generated from the tables")
                .arg(Arg::new("directory").required(true)),
        )
}

fn token() -> Command {
    let text = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help);
    Command::new("token")
        .about("Prints a token of a member, signed with this installation's secret")
        .arg(text("user", "The member's id").required(true))
        .arg(text("name", "The member's name").default_value(""))
        .arg(text("role", "What the member may").value_parser(["member", "moderator", "admin"].map(PossibleValue::new)))
        .arg(text("site", "The site").default_value("default"))
        .arg(text("channel", "A channel that the token names, or a beginning and *").action(ArgAction::Append))
        .arg(text("publish", "A channel that it may publish to, or a beginning and *").action(ArgAction::Append))
        .arg(text("expires", "How long it is good").default_value("1h"))
}

fn key() -> Command {
    let site = || Arg::new("site").long("site").help("The site").default_value("default");
    Command::new("key")
        .about("Keys of applications: each may what an admin may")
        .subcommand_required(true)
        .subcommand(
            Command::new("new")
                .about("Makes a key and prints it, once")
                .arg(site())
                .arg(Arg::new("label").long("label").help("What it is for").default_value("")),
        )
        .subcommand(Command::new("list").about("Lists the keys by id; the keys themselves are kept nowhere"))
        .subcommand(
            Command::new("revoke")
                .about("Makes a key worthless")
                .arg(Arg::new("id").required(true).help("Its id, from the list")),
        )
}

fn tail() -> Command {
    Command::new("tail")
        .about("Prints a channel's events as they happen")
        .arg(Arg::new("channel").required(true).help("The channel's name"))
        .arg(Arg::new("server").long("server").help("The server's address").default_value("http://127.0.0.1:8080"))
        .arg(Arg::new("since").long("since").help("The position to begin at, EPOCH:OFFSET; else from now on"))
        .arg(Arg::new("site").long("site").help("The site"))
        .arg(
            Arg::new("token")
                .long("token")
                .help("A token or key; better as the variable PARLOUR_TOKEN, which other users of the machine do not see"),
        )
}

fn pages() -> Command {
    let named = "An address, a path of the site, id:ID, or all below with /* at the end";
    let action = |name: &'static str, about: &'static str, has_target: bool| {
        let command = Command::new(name)
            .about(about)
            .arg(Arg::new("from").required(true).help(named))
            .arg(Arg::new("dry-run").long("dry-run").action(ArgAction::SetTrue).help("Says what would be done, and does nothing"))
            .arg(Arg::new("server").long("server").help("The server's address").default_value("http://127.0.0.1:8080"))
            .arg(Arg::new("site").long("site").help("The site"))
            .arg(
                Arg::new("token")
                    .long("token")
                    .help("A key; better as the variable PARLOUR_TOKEN, which other users of the machine do not see"),
            );
        if has_target { command.arg(Arg::new("to").required(true).help("Where to, in the same words")) } else { command }
    };
    Command::new("pages")
        .about("Moves, merges, names and closes the threads of pages, by a running server")
        .subcommand_required(true)
        .subcommand(action("move", "Threads are at another address from now on; the old one goes on working", true))
        .subcommand(action("merge", "One thread goes into another", true))
        .subcommand(action("alias", "An address without a thread is another name of a page", true))
        .subcommand(action("close", "No posts and no reactions any more", false))
        .subcommand(action("open", "Posts and reactions again", false))
}

/// The flags of the options that find the store.
fn with_store(command: Command) -> Command {
    with_options(command, |row| matches!(row.field, "config" | "store"))
}

fn with_store_below(mut command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, with_store);
    }
    command
}

fn with_options(mut command: Command, wanted: impl Fn(&Opt) -> bool) -> Command {
    for row in table::all().filter(|row| wanted(row)) {
        command = command.arg(flag(row));
        if row.is_secret() {
            let name = format!("{}-file", row.name());
            command = command.arg(
                Arg::new(name.clone())
                    .long(name)
                    .value_name("PATH")
                    .help_heading(row.group.title())
                    .help("A file that holds it."),
            );
        }
    }
    command
}

fn flag(row: &Opt) -> Arg {
    let default = if row.default.is_empty() { String::new() } else { format!(" [default: {}]", row.default) };
    let name = row.name();
    let arg = Arg::new(name.clone())
        .long(name)
        .value_name(row.hint)
        .help_heading(row.group.title())
        .help(format!("{}{default}", row.text));
    if row.is_switch() {
        // `--demo` and `--demo=false`, but not `--demo false`, where `false` might as well be a command.
        arg.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else if row.is_list() {
        arg.action(ArgAction::Append)
    } else {
        arg
    }
}

/// Where the configuration of this run comes from; `matches` are those of the command and of what stands above it.
///
/// # Errors
/// A secret's file that cannot be read.
pub fn sources(matches: &[&ArgMatches]) -> Result<Sources, ConfigFault> {
    let get = |name: &str| {
        // What stands nearer to the command wins.
        matches.iter().rev().find_map(|matches| {
            let values = matches.try_get_many::<String>(name).ok().flatten()?;
            Some(values.cloned().collect())
        })
    };
    let flags = Layer::from_flags(&get)?;
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (variables, unknown_variables) = Layer::from_variables(variables)?;
    Ok(Sources { flags, variables, unknown_variables })
}

/// The token of `tail`: its flag, else its variable.
pub fn tail_token(matches: &ArgMatches) -> Option<Secret> {
    let flag = matches.get_one::<String>("token").cloned();
    flag.or_else(|| std::env::var(TOKEN_VARIABLE).ok()).map(|text| Secret::new(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> ArgMatches {
        command().try_get_matches_from(std::iter::once(&"parlour").chain(arguments)).unwrap()
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn help_shows_every_option_with_its_default() {
        let help = command().render_long_help().to_string();
        for row in table::all() {
            assert!(help.contains(&format!("--{}", row.name())), "{}", row.name());
            assert!(help.contains(&format!("[default: {}]", row.default)) || row.default.is_empty(), "{}", row.name());
        }
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        let matches = parsed(&["--demo", "serve", "--listen", "127.0.0.1:1"]);
        let (_, below) = matches.subcommand().unwrap();
        let layer = sources(&[&matches, below]).unwrap().flags;
        let given = |name: &str| layer.get(table::find(name).unwrap());
        assert_eq!(given("demo"), Some(crate::config::kind::Raw::Text("true".into())));
        assert_eq!(given("listen"), Some(crate::config::kind::Raw::Text("127.0.0.1:1".into())));
        assert_eq!(given("store"), None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [&["--nonsense"][..], &["token"], &["key"], &["tail"], &["serve", "--demo", "x"]] {
            assert!(command().try_get_matches_from(std::iter::once(&"parlour").chain(bad)).is_err(), "{bad:?}");
        }
    }
}
