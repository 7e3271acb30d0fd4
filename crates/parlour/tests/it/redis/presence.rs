//! The nodes of one store, below any node of Parlour: who reads elsewhere, who lives, letters from one to another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parlour::backend::{Asked, Delivery, Here, News, NodeId, Presence, Unanswered, lanes};
use parlour::channel::{ChannelName, Key, SiteName};
use parlour::redis::{Carry, Link, Others, Place};
use parlour_wire::push::ClientInfo;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::{Cluster, Keep, Redis, can_run};
use crate::server::PATIENCE;

/// One node's side of it.
struct Side {
    carry: Carry,
    others: Others,
    heard: Receiver<Delivery>,
    questions: Receiver<Asked>,
}

impl Side {
    async fn open(store: &str) -> Side {
        let (sender, mut ends) = lanes(1);
        let (sender, questions) = sender.with_questions();
        let link = Arc::new(Link::open(&Place::parse(store).unwrap(), 0).await.unwrap());
        let carry = Carry::start(link.clone(), sender.clone());
        let others = Others::start(link, &carry, sender).await;
        Side { carry, others, heard: ends.remove(0), questions }
    }

    fn id(&self) -> NodeId {
        self.others.node().clone()
    }

    /// What another node says next, its own words passed over.
    async fn news(&mut self) -> (NodeId, News) {
        loop {
            match timeout(PATIENCE, self.heard.recv()).await.expect("nothing arrives").unwrap() {
                Delivery::Peer { node, news, .. } if node != self.id() => return (node, news),
                _ => {}
            }
        }
    }

    async fn knows(&self, nodes: &[&NodeId]) -> Duration {
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            let others = self.others.others();
            if others.len() == nodes.len() && nodes.iter().all(|node| others.contains(node)) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < PATIENCE, "{others:?} live");
        }
    }
}

fn key(name: &str) -> Key {
    Key::new(SiteName::default(), ChannelName::parse(name).unwrap())
}

fn here(readers: u32, viewers: u32) -> Here {
    Here { readers, viewers }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_hear_who_reads_elsewhere_and_a_node_that_ends_is_gone_within_ten_seconds() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let (mut one, two) = (Side::open(&redis.url()).await, Side::open(&redis.url()).await);
    let three = Side::open(&redis.url()).await;
    one.knows(&[&two.id(), &three.id()]).await;
    one.carry.watch(&key("lobby")).await.unwrap();
    two.others.here(&key("lobby"), here(3, 2));
    assert_eq!(one.news().await, (two.id(), News::Here(here(3, 2))));
    let who = ClientInfo { client: "c".into(), user: "ada".into(), name: "Ada".into(), face: true };
    two.others.came(&key("lobby"), who.clone(), true);
    two.others.came(&key("lobby"), who.clone(), false);
    for joined in [true, false] {
        assert_eq!(one.news().await, (two.id(), News::Presence { who: who.clone(), joined }));
    }
    let channels: Vec<Key> = (0..300).map(|number| key(&format!("c{number}"))).chain([key("lobby")]).collect();
    let mut elsewhere = one.others.elsewhere(&channels).await.unwrap();
    elsewhere.sort_by_key(|(node, _)| *node != two.id());
    assert_eq!(elsewhere.iter().map(|(_, here)| here[300]).collect::<Vec<_>>(), [here(3, 2), here(0, 0)]);
    // A hundred changes within a moment are told at most twice, the last of them surely.
    let before = redis.commands();
    (1..=100).for_each(|number| two.others.here(&key("lobby"), here(number, number)));
    loop {
        if one.news().await.1 == News::Here(here(100, 100)) {
            break;
        }
    }
    assert!(redis.commands() - before < 60, "{} commands", redis.commands() - before);
    // It takes its tasks with it, and beats no longer.
    let id = three.id();
    drop(three);
    two.others.leave().await;
    drop(two);
    assert_eq!(one.others.others().len(), 2, "nobody is gone at once");
    let took = one.knows(&[]).await;
    assert!(took < Duration::from_secs(10) && took > Duration::from_secs(5), "{id:?} after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_noted_is_there_again_after_redis_lost_it_and_nobody_falls_out() {
    if !can_run() {
        return;
    }
    let mut redis = Redis::start();
    let (one, two) = (Side::open(&redis.url()).await, Side::open(&redis.url()).await);
    one.knows(&[&two.id()]).await;
    two.others.here(&key("lobby"), here(3, 2));
    let noted = async || one.others.elsewhere(&[key("lobby")]).await.unwrap_or_default();
    let is_there = async || {
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while noted().await != [(two.id(), vec![here(3, 2)])] {
            assert_eq!(*one.others.others(), [two.id()], "it never stopped living");
            assert!(begun.elapsed() < PATIENCE);
            ticks.tick().await;
        }
    };
    is_there().await;
    redis.kill();
    redis.start_again();
    is_there().await;
}

async fn letters(store: &str) {
    let (one, mut two) = (Side::open(store).await, Side::open(store).await);
    let ask = |text: &'static str, within: f64| {
        one.others.ask(two.others.node(), Bytes::from_static(text.as_bytes()), Duration::from_secs_f64(within))
    };
    let (answer, ()) = tokio::join!(ask("how are you?", 10.0), async {
        let Asked { question, answer } = two.questions.recv().await.unwrap();
        assert_eq!(&question[..], b"how are you?");
        answer.send(Bytes::from_static(b"well\n\xff")).unwrap();
    });
    assert_eq!(answer, Ok(Bytes::from_static(b"well\n\xff")));
    // Whoever asked and stopped waiting is not worked for any longer.
    assert_eq!(ask("are you there?", 0.05).await, Err(Unanswered::Late));
    let mut asked = two.questions.recv().await.unwrap();
    timeout(PATIENCE, asked.answer.closed()).await.expect("it is still waited for");
    // A node that never lived does not answer.
    let nobody = NodeId::new([0; 6]);
    assert_eq!(one.others.ask(&nobody, Bytes::new(), Duration::from_secs(5)).await, Err(Unanswered::Gone));
    // One that ends while it is asked is not waited for to the end.
    one.knows(&[&two.id()]).await;
    let id = two.id();
    let asking = one.others.ask(&id, Bytes::from_static(b"?"), Duration::from_secs(60));
    let (answer, ()) = tokio::join!(asking, async {
        two.questions.recv().await.unwrap();
        drop(two);
    });
    assert_eq!(answer, Err(Unanswered::Gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_answered_given_up_or_told_to_be_undeliverable() {
    if can_run() {
        letters(&Redis::start().url()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_find_their_way_in_a_cluster_too() {
    if can_run() {
        letters(&Cluster::start(Keep::Nothing).url()).await;
    }
}
