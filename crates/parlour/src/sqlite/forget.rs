//! What names a member beside their comments, which are taken away one by one: reactions, who published what, who reported what,
//! what stands in the moderators' book. And that nothing of it is left in what SQLite keeps for later.

use rusqlite::Connection;

use crate::channel::SiteName;
use crate::comment::MemberId;

/// Takes a member out of every row of the site. Counts of reactions stay as they are: a number names nobody.
pub(super) fn forget(connection: &Connection, site: &SiteName, member: &MemberId) -> rusqlite::Result<()> {
    let (site, id) = (site.as_str(), member.as_str());
    let of_site = "(SELECT id FROM channel WHERE site = ?1)";
    for sql in [
        format!("UPDATE publication SET user = NULL, client = NULL, nonce = NULL WHERE channel IN {of_site} AND user = ?2"),
        format!("DELETE FROM reaction WHERE member = ?2 AND comment IN (SELECT number FROM comment WHERE channel IN {of_site})"),
        format!("DELETE FROM report WHERE reporter = ?2 AND comment IN (SELECT id FROM comment WHERE channel IN {of_site})"),
        "DELETE FROM block WHERE site = ?1 AND whom = 'member:' || ?2".to_owned(),
        "UPDATE record SET actor = '' WHERE site = ?1 AND actor = ?2".to_owned(),
        "UPDATE record SET target = '', undo = '' WHERE site = ?1 AND instr(target || undo, ?2) > 0".to_owned(),
    ] {
        connection.execute(&sql, (site, id))?;
    }
    Ok(())
}

/// Writes the log back into the file and empties it: what was overwritten is not in it either. Whether that could be done now.
pub(super) fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map(|busy| busy == 0)
}
