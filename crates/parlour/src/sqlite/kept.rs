//! What stands under a member's name beside their comments, read to be given out; `forget` takes it away.

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension};

use super::desk::{block_of, records_of};
use crate::backend::kept::{Kept, Published};
use crate::channel::{ChannelName, SiteName};
use crate::comment::{CommentId, MemberId};

/// All of it, at most so many of each.
pub(super) fn kept_of(connection: &Connection, site: &SiteName, member: &MemberId, limit: usize) -> rusqlite::Result<Kept> {
    // In the order of what has an index: a site's channels, their comments, what is one member's of each.
    let of_comments = "FROM channel JOIN comment ON comment.channel = channel.id";
    let reactions = format!(
        "SELECT comment.id, reaction.name {of_comments} JOIN reaction ON reaction.comment = comment.number AND reaction.member = ?2 \
         WHERE channel.site = ?1 LIMIT ?3"
    );
    let reports = format!(
        "SELECT comment.id, '' {of_comments} JOIN report ON report.comment = comment.id AND report.reporter = ?2 \
         WHERE channel.site = ?1 LIMIT ?3"
    );
    let asked = (site.as_str(), member.as_str(), limit);
    Ok(Kept {
        reactions: pairs(connection, &reactions, asked)?,
        reports: pairs::<String>(connection, &reports, asked)?.into_iter().map(|(id, _)| id).collect(),
        publications: publications(connection, asked)?,
        block: block_of(connection, site, member).optional()?,
        acts: records_of(connection, site, member, limit)?,
    })
}

/// Comments, each with something.
fn pairs<T: FromSql>(
    connection: &Connection,
    sql: &str,
    (site, member, limit): (&str, &str, usize),
) -> rusqlite::Result<Vec<(CommentId, T)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map((site, member, limit as i64), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    // No id was written that is none.
    let read = |(id, with): (String, T)| CommentId::parse(&id).ok().map(|id| (id, with));
    found.filter_map(|pair| pair.map(read).transpose()).collect()
}

fn publications(connection: &Connection, (site, member, limit): (&str, &str, usize)) -> rusqlite::Result<Vec<Published>> {
    let sql = "SELECT channel.name, publication.offset, publication.time_ms, publication.data FROM channel \
               JOIN publication ON publication.channel = channel.id WHERE channel.site = ?1 AND publication.user = ?2 LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map((site, member, limit as i64), |row| {
        let name: String = row.get(0)?;
        let channel = ChannelName::parse(&name).ok();
        let (offset, time_ms, data) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(channel.map(|channel| Published { channel, offset, time_ms, data }))
    })?;
    found.filter_map(Result::transpose).collect()
}
