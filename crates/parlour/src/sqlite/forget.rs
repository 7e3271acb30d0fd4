//! What names a member beside their comments, which are taken away one by one: reactions, who published what, who reported what,
//! what stands in the moderators' book. And that nothing of it is left in what SQLite keeps for later.

use rusqlite::Connection;

use crate::channel::SiteName;
use crate::comment::{CommentId, MemberId};

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

/// What a member reacted with, to which comments of the site.
pub(super) fn reactions_of(
    connection: &Connection,
    site: &SiteName,
    member: &MemberId,
    limit: usize,
) -> rusqlite::Result<Vec<(CommentId, String)>> {
    let sql = "SELECT comment.id, reaction.name FROM channel JOIN comment ON comment.channel = channel.id \
               JOIN reaction ON reaction.comment = comment.number AND reaction.member = ?2 WHERE channel.site = ?1 LIMIT ?3";
    let mut found = Vec::new();
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((site.as_str(), member.as_str(), limit))?;
    while let Some(row) = rows.next()? {
        // No id was written that is none.
        found.extend(CommentId::parse(&row.get::<_, String>(0)?).ok().zip(row.get(1).ok()));
    }
    Ok(found)
}

/// Writes the log back into the file and empties it: what was overwritten is not in it either. Whether that could be done now.
pub(super) fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map(|busy| busy == 0)
}
