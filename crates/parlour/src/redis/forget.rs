//! What names a member beside their comments, which are taken away one by one: reactions, reports, who published what, blocks, what stands
//! in the moderators' book. What Redis has on a disk it writes anew by itself, as it was set up to.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use redis::{Value, cmd};

use super::answer::{strange, text};
use super::log::script;
use super::tag::{PARTITIONS, partition, partition_of};
use super::{Call, Ledger, Script, keys};
use crate::backend::Fault;
use crate::backend::desk::Whom;
use crate::channel::{Key, SiteName};
use crate::comment::MemberId;

static READERS: Script = script!(writing, "forget readers", "forget_readers");
static PUBLISHER: Script = script!(writing, "forget publisher", "name", "stream", "forget_publisher");
static ACTS: Script = script!(writing, "forget acts", "forget_acts");

/// Comments or acts that are looked at in one go.
const CHUNK: i64 = 512;

impl Ledger {
    /// Takes a member out of all that is the site's and no comment.
    pub(super) async fn forget(&self, site: &SiteName, member: &MemberId) -> Result<(), Fault> {
        let everywhere = (0..PARTITIONS).map(|partition| async move {
            self.forget_reader(partition, site, member).await?;
            self.forget_publisher(partition, site, member).await
        });
        try_join_all(everywhere).await?;
        let partition = partition_of(site.as_str());
        let mut unblock = cmd("HDEL");
        unblock.arg(format!("{}desk blocks:{site}", self.at(partition))).arg(Whom::Member(member.clone()).written());
        self.command(partition, &unblock).await?;
        let (whereabouts, at) = self.whereabouts(site, member);
        let mut unnote = cmd("DEL");
        unnote.arg(at);
        self.command(whereabouts, &unnote).await?;
        let mut first = 1;
        loop {
            let call = Call::new(&ACTS).key(self.at(partition)).arg(site.as_str()).arg(member.as_str());
            if self.script(partition, &call.arg(first).arg(first + CHUNK - 1)).await? != Value::Int(1) {
                return Ok(());
            }
            first += CHUNK;
        }
    }

    async fn forget_reader(&self, partition: u16, site: &SiteName, member: &MemberId) -> Result<(), Fault> {
        let mut passed = 0;
        loop {
            let call = Call::new(&READERS).key(self.at(partition)).arg(site.as_str()).arg(member.as_str());
            match self.script(partition, &call.arg(passed).arg(CHUNK)).await? {
                Value::Int(CHUNK) => passed += CHUNK,
                Value::Int(_) => return Ok(()),
                _ => return Err(strange()),
            }
        }
    }

    /// The channels of a site in a partition that may have publications.
    pub(super) async fn publishing(&self, at: u16, site: &SiteName) -> Result<BTreeSet<Key>, Fault> {
        let mut due = cmd("ZRANGE");
        due.arg(format!("{}due", self.at(at))).arg(0).arg(-1);
        let Value::Array(names) = self.command(at, &due).await? else { return Err(strange()) };
        let named = names.into_iter().map(|name| Ok(keys::named(&text(name)?)));
        let mut channels: BTreeSet<Key> = named.collect::<Result<Vec<_>, Fault>>()?.into_iter().flatten().collect();
        // What is kept whole is never due.
        channels.extend(self.keep.whole.iter().map(|channel| Key::new(site.clone(), channel.clone())));
        channels.retain(|key| key.site == *site && partition(key) == at);
        Ok(channels)
    }

    async fn forget_publisher(&self, at: u16, site: &SiteName, member: &MemberId) -> Result<(), Fault> {
        for key in &self.publishing(at, site).await? {
            match self.about(key, &self.call(&PUBLISHER, key).arg(member.as_str())).await {
                // What is another name by now was carried over before, or is as it was: then forgetting is done again.
                Err(Fault::Moved(_)) => {}
                done => drop(done?),
            }
        }
        Ok(())
    }
}
