//! A store with a long thread in it, made in this process as fast as the backend takes it and opened by a server afterwards. The
//! same number always makes the same thread.

use std::path::Path;

use futures_util::future::join_all;
use parlour::backend::{Append, Backend, NewComment, lanes};
use parlour::channel::{ChannelName, Key, SiteName};
use parlour::comment::{Author, CommentId, MemberId, State};
use parlour::render;
use parlour::sqlite::{self, Options};

/// How deep answers go.
pub const DEPTH: usize = 12;
/// How deep the one lies that is asked for by its permalink.
pub const FAR_DEPTH: usize = 9;
/// Comments that are on their way into the store at once.
const AT_ONCE: usize = 500;

/// Where the thread is.
pub const CHANNEL: &str = "forest";

/// Of `count` comments the one at 7/10, in the order in which they were made: at the end of a chain of answers of its own.
pub fn far(count: usize) -> usize {
    count * 7 / 10
}

/// What number `number` answers: nothing, or one of the last few that may still be answered.
fn parent(number: usize, count: usize, depths: &[u8]) -> Option<usize> {
    let chain = far(count) - FAR_DEPTH;
    if (chain..=far(count)).contains(&number) {
        return (number > chain).then(|| number - 1);
    }
    let back = 1 + if number.is_multiple_of(2) { number * 7_919 % 5 } else { number * 7_919 % 37 };
    let is_root = number.is_multiple_of(9) || back > number || usize::from(depths[number - back]) >= DEPTH;
    (!is_root).then(|| number - back)
}

pub fn id(number: usize) -> String {
    format!("c{number}")
}

pub fn key(channel: &str) -> Key {
    Key { site: SiteName::default(), channel: ChannelName::parse(channel).unwrap() }
}

pub fn comment(number: usize, parent: Option<usize>, created_ms: i64) -> NewComment {
    let body = format!("Comment {number}: *words* enough to look like one, https://example.org/{number} and a bit more of it.");
    NewComment {
        id: CommentId::parse(&id(number)).unwrap(),
        parent: parent.map(|parent| CommentId::parse(&id(parent)).unwrap()),
        author: Author {
            id: MemberId::parse(&format!("member{}", number % 50)).unwrap(),
            name: format!("Member {}", number % 50),
            avatar: None,
            role: None,
            verified: true,
        },
        email_key: None,
        html: format!("<p>{body}</p>"),
        body,
        rendered_by: render::VERSION,
        state: State::Approved,
        reason: None,
        address: None,
        created_ms,
        nonce: None,
        page: None,
        may_make_page: true,
        depth_max: 100,
    }
}

/// Opens a store for this process; nothing is synced, since nobody pulls the plug, and deliveries go nowhere.
pub fn open(path: &Path, sync: bool) -> Backend {
    let mut options = Options::new(path);
    options.sync = sync;
    let (lanes, _) = lanes(1);
    sqlite::open(options, lanes).unwrap()
}

/// Posts `count` comments into [`CHANNEL`], nearly in their order: of those that are on their way at once, answers wait for what
/// they answer.
pub async fn plant(backend: &Backend, count: usize) {
    let key = key(CHANNEL);
    let mut depths: Vec<u8> = Vec::with_capacity(count);
    let mut next = 0;
    while next < count {
        let group = next..count.min(next + AT_ONCE);
        let mut waves: Vec<Vec<(usize, Option<usize>)>> = Vec::new();
        let mut wave_of: Vec<usize> = Vec::with_capacity(group.len());
        for number in group.clone() {
            let parent = parent(number, count, &depths);
            depths.push(parent.map_or(0, |parent| depths[parent] + 1));
            let wave = parent.filter(|parent| group.contains(parent)).map_or(0, |parent| wave_of[parent - group.start] + 1);
            wave_of.push(wave);
            waves.resize_with(waves.len().max(wave + 1), Vec::new);
            waves[wave].push((number, parent));
        }
        for wave in waves {
            let posts = wave.into_iter().map(|(number, parent)| {
                let append = Append::Comment(Box::new(comment(number, parent, 1_600_000_000_000 + number as i64)));
                backend.log.append(&key, append)
            });
            for posted in join_all(posts).await {
                posted.unwrap();
            }
        }
        next = group.end;
    }
    assert!(depths.iter().any(|depth| usize::from(*depth) == DEPTH));
}
