//! Heads and what hangs below them: each head is followed by a few of its descendants, depth first, and every branch that was
//! cut is named with a cursor from which it is read on. Reads within one walk; which heads is decided in `list`.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::rows::StoredComment;
use super::walk::{Lane, Walk, after};
use crate::backend::{BRANCH_COMMENTS_MAX, BRANCH_DEPTH_MAX, Cursor, List};
use crate::comment::CommentId;

/// Heads with their branches, as they are gathered.
pub(super) struct Tree<'w, 'a> {
    walk: &'w Walk<'a>,
    /// Each head before its descendants.
    pub(super) comments: Vec<StoredComment>,
    /// Where each branch that was cut goes on.
    pub(super) more: BTreeMap<CommentId, Cursor>,
}

impl<'w, 'a> Tree<'w, 'a> {
    /// Nothing yet.
    pub(super) fn new(walk: &'w Walk<'a>) -> Tree<'w, 'a> {
        Tree { walk, comments: Vec::new(), more: BTreeMap::new() }
    }

    /// A head and its branch.
    pub(super) fn add(&mut self, head: StoredComment) -> rusqlite::Result<()> {
        self.comments.push(head);
        self.descend(self.comments.len() - 1, 0, &mut BRANCH_COMMENTS_MAX.clone())
    }

    /// A head, its branch, and the way from it to one comment far below, with what hangs below that. `way` begins with the head.
    pub(super) fn add_with(&mut self, way: Vec<StoredComment>) -> rusqlite::Result<()> {
        let Some(target) = way.last().map(|stored| stored.comment.id.clone()) else { return Ok(()) };
        let begin = self.comments.len();
        let mut way = way.into_iter();
        if let Some(head) = way.next() {
            self.add(head)?;
        }
        let there: HashSet<CommentId> = self.comments[begin..].iter().map(|stored| stored.comment.id.clone()).collect();
        let mut parent = self.comments[begin].comment.id.clone();
        for step in way.filter(|step| !there.contains(&step.comment.id)) {
            // Its older siblings may be missing as well: that branch is read from where it was cut, else from its beginning.
            if let Some(above) = &step.comment.parent {
                parent.clone_from(above);
            }
            self.more.entry(parent.clone()).or_insert_with(Cursor::start);
            self.comments.push(step);
        }
        if !there.contains(&target) {
            self.descend(self.comments.len() - 1, 0, &mut BRANCH_COMMENTS_MAX.clone())?;
        }
        let branch = self.comments.split_off(begin);
        self.comments.extend(depth_first(branch));
        Ok(())
    }

    /// What hangs below the comment at `index`, which is `depth` below its head, while `room` is left.
    fn descend(&mut self, index: usize, depth: u32, room: &mut usize) -> rusqlite::Result<()> {
        let above = &self.comments[index].comment;
        // Visible answers are counted; held ones, which only some see, are not.
        if above.replies == 0 && !self.walk.sees_held {
            return Ok(());
        }
        let id = above.id.clone();
        if depth >= BRANCH_DEPTH_MAX || *room == 0 {
            let has_answers = !self.walk.sees_held || !self.walk.next(Lane::Answers(&id), None, 1, false)?.is_empty();
            if has_answers {
                self.more.insert(id, Cursor::start());
            }
            return Ok(());
        }
        let mut cursor = Cursor::start();
        for answer in self.walk.next(Lane::Answers(&id), None, *room + 1, false)? {
            if *room == 0 {
                self.more.insert(id, cursor);
                return Ok(());
            }
            *room -= 1;
            cursor = after(&answer, List::Answers);
            self.comments.push(answer);
            self.descend(self.comments.len() - 1, depth + 1, room)?;
        }
        Ok(())
    }
}

/// One head's branch in the order in which it is read: what was added besides stands where it belongs.
fn depth_first(branch: Vec<StoredComment>) -> Vec<StoredComment> {
    let mut below: HashMap<Option<CommentId>, Vec<StoredComment>> = HashMap::new();
    let head = branch.first().and_then(|head| head.comment.parent.clone());
    for stored in branch {
        below.entry(stored.comment.parent.clone()).or_default().push(stored);
    }
    for siblings in below.values_mut() {
        // Taken from the end.
        siblings.sort_by(|left, right| (right.comment.created, &right.comment.id).cmp(&(left.comment.created, &left.comment.id)));
    }
    let mut ordered = Vec::new();
    let mut open = below.remove(&head).unwrap_or_default();
    while let Some(next) = open.pop() {
        open.extend(below.remove(&Some(next.comment.id.clone())).unwrap_or_default());
        ordered.push(next);
    }
    ordered
}
