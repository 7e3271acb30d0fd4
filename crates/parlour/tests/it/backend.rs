//! What every backend keeps to, as functions over an opened one. A backend's own module runs them all (`contract!`) and adds
//! what is true of it alone. Relies on nothing above `backend`.

use std::collections::HashSet;
use std::sync::Arc;

use parlour::backend::{
    Append, Appended, Backend, CommentPage, Delivery, Entry, Fault, KeyRow, NewComment, PageNote, Part, Query, Range, Reaction,
    Signal, Sort, View,
};
use parlour::channel::{ChannelName, Key, SiteName};
use parlour::comment::{Author, Comment, CommentId, MemberId, State};
use parlour_wire::position::Position;
use parlour_wire::push::{Event, Kind, Publisher};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

use crate::server::PATIENCE;

mod comments;
mod desk;
pub mod folds;
mod kept;
mod log;
mod pages;
mod purge;
mod reactions;
mod readers;
mod redis;
mod shelf;
mod sqlite;
mod threads;

/// What a test asks of the backend that it is given.
pub struct Rules {
    pub keep_events: u64,
    pub keep_for_ms: i64,
    pub keep_whole: Option<ChannelName>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { keep_events: 10_000, keep_for_ms: 7 * 86_400_000, keep_whole: None }
    }
}

/// An opened backend and the one lane of its deliveries.
pub struct Given {
    pub backend: Backend,
    pub deliveries: Receiver<Delivery>,
    /// What has to live as long.
    pub _held: Box<dyn std::any::Any>,
}

impl Given {
    pub async fn append(&self, key: &Key, append: Append) -> Result<Appended, Fault> {
        self.backend.log.append(key, append).await
    }

    pub async fn publish(&self, key: &Key, data: &str) -> Position {
        self.append(key, publication(data)).await.unwrap().position.unwrap()
    }

    pub async fn post(&self, key: &Key, new: NewComment) -> Comment {
        self.append(key, Append::Comment(Box::new(new))).await.unwrap().comment.unwrap()
    }

    pub async fn edit(&self, key: &Key, id: &str, body: &str) -> Result<Appended, Fault> {
        let append =
            Append::Edit { id: id_of(id), body: body.into(), html: format!("<p>{body}</p>"), rendered_by: 1, edited_ms: 9_000 };
        self.append(key, append).await
    }

    pub async fn delete(&self, key: &Key, id: &str) -> Result<Appended, Fault> {
        self.append(key, Append::Delete { id: id_of(id), time_ms: 9_500 }).await
    }

    pub async fn read(&self, key: &Key, after: u64) -> Part {
        let range = Range { after, reverse: false, entries_max: 1_000, bytes_max: 1 << 20 };
        self.backend.log.read(key, range).await.unwrap()
    }

    /// What a reader gets who stood at `after` and comes back now: kinds with the texts of the comments.
    pub async fn recovered(&self, key: &Key, after: u64) -> Vec<(u64, Kind, Value)> {
        let part = self.read(key, after).await;
        let events = part.entries.iter().filter_map(|entry| entry.seen_from(after));
        events.map(|event| (event.offset.unwrap(), event.kind, serde_json::from_str(&event.data).unwrap())).collect()
    }

    pub async fn list(&self, key: &Key, query: Query) -> CommentPage {
        self.backend.store.comments(key, query).await.unwrap()
    }

    /// The next delivery, which is to be an entry.
    pub async fn entry(&mut self) -> (Key, Position, Arc<Entry>) {
        match self.delivery().await {
            Delivery::Entry { key, epoch, entry } => (key, Position { epoch, offset: entry.offset() }, entry),
            other => panic!("not an entry: {other:?}"),
        }
    }

    pub async fn delivery(&mut self) -> Delivery {
        tokio::time::timeout(PATIENCE, self.deliveries.recv()).await.expect("no delivery").expect("the backend is gone")
    }
}

pub fn key(channel: &str) -> Key {
    Key { site: SiteName::default(), channel: ChannelName::parse(channel).unwrap() }
}

pub fn id_of(text: &str) -> CommentId {
    CommentId::parse(text).unwrap()
}

pub fn publication(data: &str) -> Append {
    Append::Publication { data: data.into(), publisher: None, nonce: None, time_ms: now_ms() }
}

pub fn now_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64
}

/// An approved comment by Ada.
pub fn comment(id: &str, parent: Option<&str>) -> NewComment {
    NewComment {
        id: id_of(id),
        parent: parent.map(id_of),
        author: author("ada"),
        email_key: Some("secret-address".into()),
        body: format!("body of {id}"),
        html: format!("<p>body of {id}</p>"),
        rendered_by: 1,
        state: State::Approved,
        reason: None,
        address: None,
        created_ms: 1_000,
        nonce: None,
        page: None,
        may_make_page: true,
        depth_max: 100,
    }
}

pub fn author(id: &str) -> Author {
    Author { id: MemberId::parse(id).unwrap(), name: format!("{id}'s name"), avatar: None, role: None, verified: false }
}

/// A thumb up at a time that is far from any other.
pub fn reaction(id: &str, member: &str) -> Reaction {
    let member = MemberId::parse(member).unwrap();
    Reaction { id: id_of(id), member, name: "up".into(), there: true, address_key: None, address_max: 3, time_ms: 20_000 }
}

pub fn flat(limit: usize) -> Query {
    Query { limit, ..Query::default() }
}

pub fn ids(comments: &[Comment]) -> Vec<&str> {
    comments.iter().map(|comment| comment.id.as_str()).collect()
}

/// What a backend needs that is always there.
pub fn always() -> bool {
    true
}

/// Runs every rule of the contract against what `$open` opens, where `$can_run` finds what it needs.
macro_rules! contract {
    ($open:path) => {
        crate::backend::contract!($open, crate::backend::always);
    };
    ($open:path, $can_run:path) => {
        crate::backend::contract! { $open, $can_run;
            kept {
                 what_stands_under_a_name_comes_out_whole_and_goes_whole
            }
            log {
                 offsets_grow_by_one_and_arrive_in_order
                 channels_nobody_watches_are_not_delivered
                 signals_reach_only_watched_channels_and_have_no_offset
                 a_publication_is_read_as_it_was_published
                 the_same_nonce_publishes_once
                 the_log_is_read_in_parts_both_ways
                 what_is_trimmed_is_told_by_whole_from
                 old_publications_are_swept_away
                 keeping_none_keeps_none_and_says_so
                 a_channel_kept_whole_is_never_trimmed
                 a_channel_nobody_appended_to_stands_at_zero
                 sites_do_not_see_each_other
                 a_thread_is_closed_and_named_and_readers_hear_of_it
                 keys_are_kept_found_and_revoked
                 the_secret_stays_the_same
                 after_closing_nothing_is_accepted
            }
            comments {
                 a_comment_is_announced_stored_and_listed
                 a_comment_is_claimed_by_another_author_where_it_is_of_the_one_before
                 changes_are_announced_with_what_came_before
                 late_readers_get_each_comment_once_as_it_is_now
                 withdrawn_text_leaves_by_no_door
                 a_held_comment_is_nobodys_news
                 a_members_nonce_makes_one_comment
                 a_parent_must_be_here_and_seen
                 deeper_than_the_limit_is_refused
                 replies_and_counts_follow_posts_and_deletions
                 a_page_is_named_by_its_first_comment
                 a_closed_thread_takes_no_comments_but_edits_and_deletions
                 five_hundred_comments_are_paged_once_each
                 cursors_that_nobody_gave_are_refused
                 a_page_is_of_one_snapshot_while_others_write
            }
            threads {
                 every_view_and_sort_pages_through_each_comment_once
                 a_tree_gives_each_root_with_ten_below_and_names_what_it_cut
                 pinned_roots_stand_first_in_every_sort
                 around_a_comment_is_its_page_with_its_ancestors
                 around_what_is_not_to_be_seen_is_nothing
                 the_best_are_those_that_many_agree_on
                 a_cursor_goes_on_in_its_own_list_alone
                 approval_shows_a_comment_as_if_it_had_just_been_made
                 what_is_taken_back_is_gone_and_leaves_a_tombstone_where_answers_hang
                 a_decision_that_was_made_already_changes_nothing
                 a_comment_is_pinned_and_readers_hear_of_it
            }
            reactions {
                 a_reaction_counts_once_and_its_member_is_told_which_are_theirs
                 a_thousand_guests_of_one_address_count_three
                 reactions_are_told_once_a_second_and_the_last_counts_are_told
                 nobody_reacts_to_what_is_not_shown_or_closed
                 reactions_leave_with_their_comment
                 late_readers_get_the_comment_with_its_counts
            }
            desk {
                 who_has_an_approved_comment_is_known_on_this_site_alone
                 a_block_holds_until_it_ends_or_is_lifted
                 comments_are_found_by_state_author_page_and_words
                 a_search_is_paged_without_loss
                 an_edit_is_found_by_its_new_words_alone
                 a_reader_reports_once
                 an_act_is_kept_and_undone_once
                 what_is_set_is_there_and_what_is_spent_is_gone
                 hours_count_what_came_and_what_was_held
                 who_answers_their_own_shadow_talks_to_themselves
            }
            pages {
                 a_moved_thread_is_whole_at_its_new_name
                 two_threads_become_one_and_none_is_lost
                 another_name_leads_home_in_one_step
                 a_fold_done_twice_is_done_once
                 a_page_is_named_by_what_was_read_there
                 threads_move_where_no_publications_are_kept
            }
            readers {
                 readers_who_come_and_go_end_with_what_the_list_shows
            }
            shelf {
                 a_record_is_what_was_put_last_and_gone_when_it_was_taken
                 a_change_happens_whole_or_not_at_all
                 a_record_is_gone_at_its_time
                 records_are_listed_by_their_beginning_in_order_and_page_by_page
                 of_many_who_take_a_record_one_gets_it
            }
        }
    };
    ($open:path, $can_run:path; $($module:ident { $($name:ident)* })*) => {
        mod contract {
            $(mod $module { $(
                #[tokio::test]
                async fn $name() {
                    if !$can_run() {
                        return;
                    }
                    crate::backend::$module::$name($open).await
                }
            )* })*
        }
    };
}
pub(crate) use contract;
