//! How comments are asked for as lists, and what is answered: views, sorts, cursors and pages, in the words of CONTRACT §3.
//! Cursors are written and read here, so that every backend gives the same and refuses the same.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_wire::position::Position;

use super::{Fault, Thread};
use crate::comment::{Comment, CommentId};

/// A page's heads at most: comments of a flat page, roots of a tree, answers of a branch that is read on.
pub const HEADS_MAX: usize = 100;
/// How many of a head's descendants come with it.
pub const BRANCH_COMMENTS_MAX: usize = 10;
/// How far below its head the deepest of them is.
pub const BRANCH_DEPTH_MAX: u32 = 6;

/// How a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By `created`, then `id`, descending.
    #[default]
    Newest,
    /// The same, ascending.
    Oldest,
    /// By [`crate::comment::score`], then `created`, then `id`, descending.
    Best,
}

/// What stands beside what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// All comments, whatever their depth.
    #[default]
    Flat,
    /// Roots, pinned ones first, each followed by some of its descendants.
    Tree,
}

/// A question for a page of comments: visible ones, and tombstones with visible answers.
///
/// With `parent` it is about the answers of one comment, whatever the view: its children are the heads, oldest first. With
/// `around` it is the page that holds this comment; what leads to it comes too. Never both, and `around` without `before`.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Flat or tree.
    pub view: View,
    /// Which way; answers below a head are always oldest first.
    pub sort: Sort,
    /// Heads at most, 1–[`HEADS_MAX`].
    pub limit: usize,
    /// A cursor that an earlier page of the same list gave, in `next` or `more`.
    pub before: Option<String>,
    /// Reads the answers of this comment.
    pub parent: Option<CommentId>,
    /// The page that holds this comment.
    pub around: Option<CommentId>,
    /// The member who asks: sees their own pending ones, and `mine.reactions` of each.
    pub member: Option<String>,
    /// Sees pending ones and spam.
    pub moderator: bool,
}

/// A page of comments, all of one snapshot.
#[derive(Clone, Debug)]
pub struct CommentPage {
    /// The comments: flat, as sorted; in a tree each head before its descendants, depth first, siblings oldest first. Around a
    /// comment in a flat list its ancestors that the page does not hold stand before the others, the root first.
    pub comments: Vec<Comment>,
    /// What goes into `before` for the next page of this list; `None` on the last.
    pub next: Option<String>,
    /// Every branch that was cut: the comment whose answers are missing, and what goes into `before` beside `parent`.
    pub more: BTreeMap<CommentId, String>,
    /// Visible comments of the channel, tombstones not counted.
    pub total: u64,
    /// The top of the channel's log in the same snapshot.
    pub position: Position,
    /// The page that the channel belongs to, if the store knows it.
    pub thread: Option<Thread>,
}

/// Which list a cursor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// All comments.
    Flat(Sort),
    /// The roots of a tree.
    Roots(Sort),
    /// The children of one comment, oldest first.
    Answers,
}

impl List {
    /// The list that a query reads.
    #[must_use]
    pub fn of(query: &Query) -> List {
        match (&query.parent, query.view) {
            (Some(_), _) => List::Answers,
            (None, View::Flat) => List::Flat(query.sort),
            (None, View::Tree) => List::Roots(query.sort),
        }
    }

    fn letter(self) -> u8 {
        match self {
            List::Flat(Sort::Newest) => b'n',
            List::Flat(Sort::Oldest) => b'o',
            List::Flat(Sort::Best) => b'b',
            List::Roots(Sort::Newest) => b'N',
            List::Roots(Sort::Oldest) => b'O',
            List::Roots(Sort::Best) => b'B',
            List::Answers => b'a',
        }
    }
}

/// Where a list goes on: after the comment with these keys, as the list is sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Among pinned roots, which stand before all others; `false` in other lists.
    pub pinned: bool,
    /// What `best` sorts by; 0 in other lists.
    pub score: i64,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Its id; empty before the first.
    pub id: String,
}

impl Cursor {
    /// Before the first of an ascending list.
    #[must_use]
    pub fn start() -> Cursor {
        Cursor { pinned: false, score: i64::MIN, created_ms: i64::MIN, id: String::new() }
    }

    /// Reads what [`Cursor::written`] wrote for the same list, and nothing else.
    ///
    /// # Errors
    /// [`Fault::CursorInvalid`].
    pub fn parse(text: &str, list: List) -> Result<Cursor, Fault> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (head, rest) = bytes.split_first_chunk::<2>()?;
            let (score, rest) = rest.split_first_chunk::<8>()?;
            let (created_ms, id) = rest.split_first_chunk::<8>()?;
            let id = std::str::from_utf8(id).ok().filter(|id| id.is_empty() || CommentId::parse(id).is_ok())?;
            let is_of_list = head[0] == list.letter() && (head[1] == 0 || head[1] == 1);
            is_of_list.then(|| Cursor {
                pinned: head[1] == 1,
                score: i64::from_be_bytes(*score),
                created_ms: i64::from_be_bytes(*created_ms),
                id: id.to_owned(),
            })
        };
        read().ok_or(Fault::CursorInvalid)
    }

    /// As text for clients: letters, digits, `-` and `_`.
    #[must_use]
    pub fn written(&self, list: List) -> String {
        let head = [list.letter(), u8::from(self.pinned)];
        URL_SAFE_NO_PAD
            .encode([&head[..], &self.score.to_be_bytes(), &self.created_ms.to_be_bytes(), self.id.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_own_list_alone() {
        let cursor = Cursor { pinned: true, score: 7, created_ms: -1, id: "c1".to_owned() };
        let lists = [Sort::Newest, Sort::Oldest, Sort::Best].into_iter().flat_map(|sort| [List::Flat(sort), List::Roots(sort)]);
        let lists: Vec<List> = lists.chain([List::Answers]).collect();
        for written in &lists {
            for read in &lists {
                let answer = Cursor::parse(&cursor.written(*written), *read);
                assert_eq!(answer.is_ok(), read == written, "{written:?} as {read:?}");
            }
        }
        assert_eq!(Cursor::parse(&Cursor::start().written(List::Answers), List::Answers), Ok(Cursor::start()));
        for bad in ["", "x", "!!!!", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAABBQkM", "é"] {
            assert_eq!(Cursor::parse(bad, List::Answers), Err(Fault::CursorInvalid), "{bad}");
        }
    }
}
