//! Channels do not leak: whatever several clients of two sites subscribe to, publish, leave and drop, in whatever order, each
//! subscription hears exactly what was published in its channel of its site while it stood, in order, and nothing else.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::http::Http;
use crate::server::Server;
use crate::socket::Socket;

const CLIENTS: usize = 5;
/// The same on both sites, so that a site that is forgotten shows; and one is the beginning of another.
const CHANNELS: [&str; 3] = ["a", "ab", "b"];
const SITES: [&str; 2] = ["default", "other"];

#[derive(Clone, Debug)]
enum Step {
    Subscribe {
        client: usize,
        channel: usize,
    },
    Unsubscribe {
        client: usize,
        channel: usize,
    },
    /// By a client, or over HTTP to either site.
    Publish {
        by: usize,
        channel: usize,
    },
    /// A batch over all channels of a site.
    PublishMany {
        site: usize,
    },
    /// Away and back, with a goodbye or without.
    Drop {
        client: usize,
        politely: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (client, channel) = (0..CLIENTS, 0..CHANNELS.len());
    prop_oneof![
        5 => (client.clone(), channel.clone()).prop_map(|(client, channel)| Step::Subscribe { client, channel }),
        2 => (client.clone(), channel.clone()).prop_map(|(client, channel)| Step::Unsubscribe { client, channel }),
        8 => (0..CLIENTS + SITES.len(), channel).prop_map(|(by, channel)| Step::Publish { by, channel }),
        2 => (0..SITES.len()).prop_map(|site| Step::PublishMany { site }),
        1 => (client, any::<bool>()).prop_map(|(client, politely)| Step::Drop { client, politely }),
    ]
}

/// A client and how far it has heard.
struct Reader {
    socket: Socket,
    site: usize,
    /// For each channel that it is subscribed to the offset of what it heard last, at first that of the reply.
    heard: BTreeMap<usize, usize>,
}

/// One case: channels of its own on a server that all share.
struct Case<'a> {
    server: &'a Server,
    http: &'a Http,
    name: String,
    readers: Vec<Reader>,
    /// What was published, by site and channel: the first has offset 1.
    logs: BTreeMap<(usize, usize), Vec<Value>>,
    published: u64,
}

impl<'a> Case<'a> {
    async fn new(server: &'a Server, http: &'a Http, number: usize) -> Case<'a> {
        let mut readers = Vec::new();
        for client in 0..CLIENTS {
            let site = client % SITES.len();
            readers.push(Reader { socket: connect(server, site).await, site, heard: BTreeMap::new() });
        }
        Case { server, http, name: format!("case{number}-"), readers, logs: BTreeMap::new(), published: 0 }
    }

    fn channel(&self, channel: usize) -> String {
        format!("{}{}", self.name, CHANNELS[channel])
    }

    /// What is published next; it says where, so that a failure can be read.
    fn data(&mut self, site: usize, channel: usize) -> Value {
        self.published += 1;
        let data = json!({ "number": self.published, "site": SITES[site], "channel": self.channel(channel) });
        self.logs.entry((site, channel)).or_default().push(data.clone());
        data
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Subscribe { client, channel } => {
                let name = self.channel(channel);
                let reader = &mut self.readers[client];
                let reply = reader.socket.ask(json!({ "subscribe": { "channel": name } })).await;
                match reader.heard.entry(channel) {
                    Entry::Occupied(_) => assert_eq!(reply["error"]["code"], 105, "{reply}"),
                    Entry::Vacant(vacant) => {
                        assert!(reply["subscribe"].is_object(), "{reply}");
                        // What was published just before may come after the reply; the offset says so.
                        let offset = reply["subscribe"]["offset"].as_u64().unwrap_or(0);
                        vacant.insert(usize::try_from(offset).unwrap());
                    }
                }
            }
            Step::Unsubscribe { client, channel } => {
                let name = self.channel(channel);
                self.readers[client].socket.ask(json!({ "unsubscribe": { "channel": name } })).await;
                // What was on its way may be lost to one who leaves; what came must have been due.
                self.hear(client).await;
                self.readers[client].heard.remove(&channel);
            }
            Step::Publish { by, channel } => {
                let name = self.channel(channel);
                let site = if by < CLIENTS { self.readers[by].site } else { by - CLIENTS };
                let data = self.data(site, channel);
                if by < CLIENTS {
                    let reply = self.readers[by].socket.ask(json!({ "publish": { "channel": name, "data": data } })).await;
                    assert!(reply["publish"].is_object(), "{reply}");
                } else {
                    let path = format!("/v1/channels/{name}/publications?site={}", SITES[site]);
                    assert_eq!(self.http.post(&path, &json!({ "data": data })).await.status, 200);
                }
            }
            Step::PublishMany { site } => {
                let publications: Vec<Value> = [2, 0, 1, 0]
                    .map(|channel| json!({ "channel": self.channel(channel), "data": self.data(site, channel) }))
                    .into();
                let answer =
                    self.http.post(&format!("/v1/batch?site={}", SITES[site]), &json!({ "publications": publications })).await;
                assert!(answer.status == 200 && !answer.text.contains("error"), "{answer:?}");
            }
            Step::Drop { client, politely } => {
                self.hear(client).await;
                let fresh = connect(self.server, self.readers[client].site).await;
                let old = std::mem::replace(&mut self.readers[client].socket, fresh);
                self.readers[client].heard.clear();
                if politely { old.goodbye().await } else { old.drop_line() }
            }
        }
    }

    /// Takes what came to a client: of each channel the next that is due, and of no other.
    async fn hear(&mut self, client: usize) {
        for push in self.readers[client].socket.heard().await {
            self.check(client, &push);
        }
    }

    fn check(&mut self, client: usize, push: &Value) {
        let channel = (0..CHANNELS.len()).find(|channel| push["channel"] == self.channel(*channel).as_str());
        let reader = &mut self.readers[client];
        let heard = channel.and_then(|channel| reader.heard.get_mut(&channel));
        let (Some(channel), Some(heard)) = (channel, heard) else {
            panic!("client {client} hears of a channel that it is not subscribed to: {push}");
        };
        let log = self.logs.get(&(reader.site, channel)).map_or(&[][..], Vec::as_slice);
        let due = log.get(*heard).unwrap_or_else(|| panic!("client {client} hears more than was published: {push}"));
        *heard += 1;
        assert_eq!(
            (&push["pub"]["data"], &push["pub"]["offset"]),
            (due, &json!(*heard)),
            "client {client} hears what is not its next"
        );
    }

    /// Whether a client has heard everything of its channels.
    fn is_done(&self, client: usize) -> bool {
        let reader = &self.readers[client];
        let length = |channel| self.logs.get(&(reader.site, channel)).map_or(0, Vec::len);
        reader.heard.iter().all(|(channel, heard)| *heard == length(*channel))
    }

    /// Everyone who is subscribed still hears everything that was published since.
    async fn finish(mut self) {
        for client in 0..CLIENTS {
            self.hear(client).await;
            while !self.is_done(client) {
                let push = self.readers[client].socket.push().await;
                self.check(client, &push);
            }
        }
        for client in 0..CLIENTS {
            self.hear(client).await;
        }
        for reader in self.readers {
            reader.socket.goodbye().await;
        }
    }
}

async fn connect(server: &Server, site: usize) -> Socket {
    Socket::connect(server, json!({ "data": { "site": SITES[site] } })).await
}

#[test]
fn each_subscription_hears_exactly_its_channels_events_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::start(&["--demo"], "[site.other]\n");
    let http = Http::of(&server);
    let number = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, max_shrink_iters: 50, ..Config::default() });
    runner
        .run(&prop::collection::vec(step(), 1..60), |steps| {
            number.set(number.get() + 1);
            runtime.block_on(async {
                let mut case = Case::new(&server, &http, number.get()).await;
                for step in &steps {
                    case.take(step).await;
                }
                case.finish().await;
            });
            Ok(())
        })
        .unwrap();
}
