//! Readers against a backend that changes under them: whatever the order of posts, edits and deletions, whenever they look,
//! and from wherever they take up again, they end with what the list shows, and miss no publication.

use std::collections::BTreeMap;

use super::*;

/// Numbers that look random and are the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What someone has who heard some of the log.
#[derive(Default)]
struct Reader {
    cursor: u64,
    bodies: BTreeMap<String, String>,
    publications: Vec<u64>,
}

impl Reader {
    /// Takes an entry as the node gives it to a reader who stands here.
    fn take(&mut self, entry: &Entry) {
        assert!(entry.offset() > self.cursor, "{} came after {}", entry.offset(), self.cursor);
        if let Some(event) = entry.seen_from(self.cursor) {
            self.hear(&event);
        }
    }

    fn hear(&mut self, event: &Event) {
        let data: Value = serde_json::from_str(&event.data).unwrap();
        let id = data["id"].as_str().unwrap_or_default().to_owned();
        let body = data["body"].as_str().unwrap_or_default().to_owned();
        match event.kind {
            Kind::Publication => self.publications.push(data.as_u64().unwrap()),
            Kind::CommentCreated => assert!(self.bodies.insert(id, body).is_none(), "made twice"),
            Kind::CommentUpdated => assert!(self.bodies.insert(id, body).is_some(), "changed before it was made"),
            Kind::CommentDeleted => assert!(self.bodies.remove(&id).is_some(), "deleted before it was made"),
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// Comes back and reads on, in pages of `entries_max`, until there is no more.
    async fn catch_up(&mut self, given: &Given, key: &Key, entries_max: usize) {
        let returned_at = self.cursor;
        let mut after = self.cursor;
        loop {
            let range = Range { after, reverse: false, entries_max, bytes_max: 1 << 20 };
            let part = given.backend.log.read(key, range).await.unwrap();
            for entry in &part.entries {
                // The page is the same for all who read it; what it means depends on where one stood.
                if let Some(event) = entry.seen_from(returned_at) {
                    self.hear(&event);
                }
                after = entry.offset();
            }
            if !part.more {
                self.cursor = part.top.offset;
                return;
            }
        }
    }
}

/// One change of a random kind; `made` are the comments that may be alive.
async fn change(given: &Given, key: &Key, dice: &mut Dice, step: u64, made: &mut Vec<String>) {
    let victim = if made.is_empty() { None } else { Some(dice.below(made.len() as u64) as usize) };
    match (dice.below(10), victim) {
        (0..=2, _) => drop(given.publish(key, &step.to_string()).await),
        (3..=4, Some(index)) => drop(given.edit(key, &made[index], &format!("edited at {step}")).await.unwrap()),
        (5..=6, Some(index)) => drop(given.delete(key, &made.swap_remove(index)).await.unwrap()),
        (_, victim) => {
            let id = format!("c{step}");
            let parent = victim.filter(|_| dice.below(2) == 0).map(|index| made[index].clone());
            let state = if dice.below(8) == 0 { State::Pending } else { State::Approved };
            let posted = given.post(key, NewComment { state, ..comment(&id, parent.as_deref()) }).await;
            if posted.state == State::Approved {
                made.push(id);
            }
        }
    }
}

pub async fn readers_who_come_and_go_end_with_what_the_list_shows(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    for seed in 0..8 {
        let key = key(&format!("random-{seed}"));
        given.backend.log.watch(&key).await.unwrap();
        let mut dice = Dice(seed);
        let mut made = Vec::new();
        let mut live = Reader::default();
        let mut returning: Vec<Reader> = (0..4).map(|_| Reader::default()).collect();
        for step in 0..120 {
            change(&given, &key, &mut dice, seed * 1_000 + step, &mut made).await;
            let chosen = dice.below(12) as usize;
            if let Some(reader) = returning.get_mut(chosen) {
                reader.catch_up(&given, &key, 1 + dice.below(5) as usize).await;
            }
        }
        let top = given.backend.log.top(&key).await.unwrap().offset;
        while live.cursor < top {
            let (_, position, entry) = given.entry().await;
            assert_eq!(position.offset, live.cursor + 1);
            live.take(&entry);
            live.cursor = position.offset;
        }
        for reader in &mut returning {
            reader.catch_up(&given, &key, 7).await;
        }
        let mut shown = BTreeMap::new();
        let mut before = None;
        loop {
            let page = given.list(&key, Query { before, ..flat(20) }).await;
            shown.extend(
                page.comments
                    .into_iter()
                    .filter(|comment| comment.state == State::Approved)
                    .map(|comment| (comment.id.to_string(), comment.body)),
            );
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(shown.keys().collect::<HashSet<_>>(), made.iter().collect::<HashSet<_>>());
        for reader in returning.iter().chain([&live]) {
            assert_eq!(reader.bodies, shown);
            assert_eq!(reader.publications, live.publications);
        }
    }
}
