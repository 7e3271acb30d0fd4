//! Where the partitions are, as the members of a cluster say it. A few of those known are asked side by side; while they settle a
//! failover they differ, and the latest epoch counts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use redis::{Pipeline, Value, from_redis_value_ref};
use tokio::time::timeout;

use super::chart::Survey;
use super::dial::Dial;
use super::line::{said, said_of};
use super::place::Address;
use super::tag::{PARTITIONS, slot};

/// Members asked at once.
const ASKED_MAX: usize = 4;
/// A member that says nothing for so long is passed over.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);
/// Members remembered.
const KNOWN_MAX: usize = 1_000;

/// Those who are or were of the cluster.
pub(super) struct Members {
    named: Vec<Address>,
    known: BTreeSet<Address>,
    next: AtomicUsize,
}

/// What one of them says.
struct View {
    epoch: u64,
    survey: Survey,
    members: BTreeSet<Address>,
}

impl Members {
    /// Those that the store's address names.
    pub(super) fn new(named: &[Address]) -> Members {
        Members { named: named.to_vec(), known: named.iter().cloned().collect(), next: AtomicUsize::new(0) }
    }

    /// Asks some; each time others, until all had their turn.
    pub(super) async fn survey(&mut self, dial: &Dial) -> Result<Survey, String> {
        let start = self.next.fetch_add(ASKED_MAX, Ordering::Relaxed) % self.known.len().max(1);
        let asked: Vec<&Address> = self.known.iter().cycle().skip(start).take(ASKED_MAX.min(self.known.len())).collect();
        let answers = join_all(asked.into_iter().map(|member| timeout(ANSWER_WITHIN, ask(dial, member)))).await;
        let mut why = None;
        let views = answers.into_iter().flatten().filter_map(|answer| answer.map_err(|reason| why = Some(reason)).ok());
        let Some(view) = views.max_by_key(|view| view.epoch) else {
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            return Err(format!("no member of the cluster says where its slots are{why}"));
        };
        if view.members.len() <= KNOWN_MAX {
            self.known = view.members;
            self.known.extend(self.named.iter().cloned());
        }
        Ok(view.survey)
    }
}

async fn ask(dial: &Dial, member: &Address) -> Result<View, Arc<str>> {
    let mut connection = dial.server(member, |_| {}).await.map_err(|error| said_of(member, &error))?;
    let mut questions = Pipeline::new();
    questions.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
    let answers = said(&mut connection, &questions).await;
    answers.and_then(|answers| view(&answers, member)).ok_or_else(|| format!("Redis at {member} is in no cluster").into())
}

fn view(answers: &[Value], member: &Address) -> Option<View> {
    let [info, Value::Array(ranges)] = answers else { return None };
    let info: String = from_redis_value_ref(info).ok()?;
    let epoch = info.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:"))?.trim().parse().ok()?;
    let (survey, members) = read(ranges, member)?;
    Some(View { epoch, survey, members })
}

/// The masters with their partitions, and everyone. A member without an address is the one that was asked.
fn read(ranges: &[Value], asked: &Address) -> Option<(Survey, BTreeSet<Address>)> {
    let (mut survey, mut members) = (Survey::new(), BTreeSet::new());
    for range in ranges {
        let Value::Array(fields) = range else { return None };
        let [Value::Int(first), Value::Int(last), servers @ ..] = fields.as_slice() else { return None };
        let servers: Vec<Address> = servers.iter().filter_map(|server| address(server, asked)).collect();
        let partitions = (0..PARTITIONS).filter(|partition| (*first..=*last).contains(&i64::from(slot(*partition))));
        survey.entry(servers.first()?.clone()).or_default().extend(partitions);
        members.extend(servers);
    }
    survey.values_mut().for_each(|partitions| partitions.sort_unstable());
    survey.retain(|_, partitions| !partitions.is_empty());
    (!survey.is_empty()).then_some((survey, members))
}

fn address(server: &Value, asked: &Address) -> Option<Address> {
    let Value::Array(fields) = server else { return None };
    let [host, Value::Int(port), ..] = fields.as_slice() else { return None };
    let host: Option<String> = from_redis_value_ref(host).ok()?;
    // `?` stands for a host name that the member was not given.
    let host = host.filter(|host| !host.is_empty() && host != "?").unwrap_or_else(|| asked.host.clone());
    Some(Address { host, port: u16::try_from(*port).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec()), Value::Array(Vec::new())])
    }

    #[test]
    fn every_partition_has_the_master_of_its_slot() {
        let named = |name: &str| Value::BulkString(name.as_bytes().to_vec());
        let range = |first, last, servers: Vec<Value>| {
            Value::Array([Value::Int(first), Value::Int(last)].into_iter().chain(servers).collect())
        };
        let ranges = [
            range(0, 8191, vec![member(named("a"), 1), member(named("b"), 2)]),
            range(8192, 8300, vec![member(Value::Nil, 3)]),
            range(8301, 16383, vec![member(named("a"), 1)]),
        ];
        let asked = Address { host: "c".to_owned(), port: 9 };
        let (survey, members) = read(&ranges, &asked).expect("a survey");
        let of = |host: &str, port| Address { host: host.to_owned(), port };
        assert_eq!(survey.get(&of("c", 3)), Some(&vec![64]));
        assert_eq!(survey.get(&of("a", 1)).map(Vec::len), Some(127));
        assert_eq!(members, BTreeSet::from([of("a", 1), of("b", 2), of("c", 3)]));
        assert!(read(&[Value::Nil], &asked).is_none() && read(&[], &asked).is_none());
    }
}
