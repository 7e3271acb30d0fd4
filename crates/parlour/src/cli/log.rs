//! Where logs go: the standard error, one line each, from the level that the option says.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;

use crate::config::ConfigFault;

/// Begins to log. Harmless when somebody has begun before.
///
/// # Errors
/// A level that there is not.
pub fn begin(level: &str) -> Result<(), ConfigFault> {
    let filter: LevelFilter = level.parse().map_err(|_| ConfigFault::Value {
        key: "log".to_owned(),
        fault: "error, warn, info, debug or trace is expected".to_owned(),
    })?;
    // Whoever embeds the server may log in a way of their own; theirs stays.
    let colours = std::io::stderr().is_terminal();
    let _ = tracing_subscriber::fmt()
        .with_ansi(colours)
        .with_max_level(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
    Ok(())
}
