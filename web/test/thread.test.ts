/** What a thread makes of pages, events and answers in whatever order they come, and their order on the page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChannelEvent, Comment, CommentPage } from "../src/client/event";
import { Thread } from "../src/widget/thread";
import { buildTree } from "../src/widget/tree";
import type { Branch } from "../src/widget/tree";

function comment(id: string, more: Partial<Comment> = {}): Comment {
  return {
    id,
    channel: "page:x",
    offset: 1,
    parent: null,
    root: more.parent ?? id,
    depth: 0,
    author: { id: "m1", name: "Ana", avatar: null, role: null, verified: false },
    body: id,
    format: "markdown",
    html: `<p>${id}</p>`,
    created: `2026-01-01T00:00:0${id.slice(1)}.000Z`,
    edited: null,
    state: "approved",
    pinned: false,
    reactions: {},
    replies: 0,
    ...more,
  };
}

function page(comments: Comment[], offset: number, total = comments.length): CommentPage {
  return { channel: "page:x", page: null, comments, next: null, total, position: `e:${offset}` };
}

function thread(comments: Comment[], offset: number): Thread {
  const made = new Thread();
  made.reset(page(comments, offset));
  return made;
}

const created = (data: Comment, offset: number) => ({ name: "comment.created", data, offset });

/** `a(b c(d))`: the shape of a tree. */
const shape = (branches: Branch[]): string =>
  branches.map(({ comment: { id }, answers }) => id + (answers.length ? `(${shape(answers)})` : "")).join(" ");

test("the_same_event_twice_changes_nothing_the_second_time", () => {
  const known = thread([comment("c1")], 1);
  assert.equal(known.apply(created(comment("c2"), 2)), "added");
  assert.equal(known.total, 2);
  known.apply(created(comment("c2"), 2));
  assert.equal(known.total, 2);
  assert.equal(known.byId.size, 2);
});

test("the_answer_to_a_post_and_the_event_about_it_are_one_comment_in_either_order", () => {
  for (const eventFirst of [true, false]) {
    const known = thread([], 1);
    const posted = comment("c2", { offset: 2 });
    if (eventFirst) known.apply(created(posted, 2));
    known.put({ ...posted, mine: { reactions: [], editable_until: null, deletable: true } });
    if (!eventFirst) known.apply(created(posted, 2));
    assert.equal(known.total, 1);
    assert.equal(known.byId.get("c2")?.mine?.deletable, true, "what is told of one's own stays");
  }
});

test("a_page_that_was_read_before_an_edit_was_heard_does_not_undo_it", () => {
  const known = thread([comment("c1")], 1);
  known.apply({ name: "comment.updated", data: comment("c1", { body: "new" }), offset: 5 });
  known.extend(page([comment("c1", { body: "old" })], 4));
  assert.equal(known.byId.get("c1")?.body, "new");
  known.extend(page([comment("c1", { body: "newest" })], 6));
  assert.equal(known.byId.get("c1")?.body, "newest");
});

test("what_was_deleted_does_not_come_back_with_a_page_read_earlier", () => {
  const known = thread([comment("c1"), comment("c2")], 2);
  known.apply({ name: "comment.deleted", data: { id: "c1", root: "c1", parent: null, tombstone: false }, offset: 3 });
  assert.equal(known.total, 1);
  known.extend(page([comment("c1")], 2, 1));
  assert.equal(known.byId.has("c1"), false);
});

test("a_tombstone_keeps_its_place_and_loses_text_and_author", () => {
  const known = thread([comment("c1"), comment("c2", { parent: "c1" })], 2);
  known.apply({ name: "comment.deleted", data: { id: "c1", root: "c1", parent: null, tombstone: true }, offset: 3 });
  const gone = known.byId.get("c1")!;
  assert.deepEqual([gone.state, gone.author, gone.body, gone.html], ["deleted", null, "", ""]);
  assert.equal(shape(buildTree(known.byId.values(), "newest")), "c1(c2)");
});

test("one_s_own_deletion_and_the_event_about_it_count_once", () => {
  for (const replies of [0, 1]) {
    const known = thread([comment("c1", { replies }), comment("c2")], 2);
    known.remove("c1");
    known.apply({ name: "comment.deleted", data: { id: "c1", root: "c1", parent: null, tombstone: replies > 0 }, offset: 3 });
    assert.equal(known.total, 1);
  }
});

test("one_s_own_held_comment_counts_when_it_is_approved", () => {
  const known = thread([], 1);
  known.put(comment("c2", { state: "pending", offset: null }));
  assert.equal(known.total, 0);
  known.apply(created(comment("c2", { offset: 2 }), 2));
  assert.equal(known.total, 1);
});

test("reactions_change_in_place", () => {
  const known = thread([comment("c1")], 1);
  assert.equal(known.apply({ name: "reaction", data: { id: "c1", reactions: { up: 3 } }, offset: 2 }), "changed");
  assert.deepEqual(known.byId.get("c1")?.reactions, { up: 3 });
});

test("what_is_changed_without_having_been_read_is_taken_unless_its_page_is_still_to_come", () => {
  const read = (next: string | null): Thread => {
    const known = new Thread("newest");
    known.reset({ channel: "page:x", page: null, comments: [comment("c5")], next, total: 9, position: "e:1" });
    return known;
  };
  const updated = (id: string): ChannelEvent => ({ name: "comment.updated", data: comment(id, { offset: 7 }), offset: 7 });
  assert.equal(read(null).apply(updated("c2")), "added");
  const known = read("cursor");
  assert.equal(known.apply(updated("c2")), "changed");
  assert.ok(!known.byId.has("c2"));
  assert.equal(known.apply(updated("c6")), "added");
  assert.equal(known.total, 9, "it was counted when it was made");
});

test("a_branch_that_was_cut_goes_on_where_it_was_cut", () => {
  const known = new Thread("newest");
  const page = (comments: Comment[], more: Record<string, string>): CommentPage => ({ channel: "page:x", page: null, comments, next: "roots", more, total: 5, position: "e:1" });
  known.reset(page([comment("c1"), comment("c2", { parent: "c1" })], { c1: "x" }));
  assert.equal(known.more.get("c1"), "x");
  known.extend({ ...page([comment("c3", { parent: "c1" })], {}), next: "y" }, "c1");
  assert.deepEqual([known.more.get("c1"), known.next], ["y", "roots"]);
  known.extend({ ...page([comment("c4", { parent: "c1" })], {}), next: null }, "c1");
  assert.ok(!known.more.has("c1"));
});

test("roots_come_newest_first_and_answers_oldest_first", () => {
  const lot = [comment("c1"), comment("c5"), comment("c4", { parent: "c1" }), comment("c2", { parent: "c1" }), comment("c3", { parent: "c2", root: "c1" })];
  assert.equal(shape(buildTree(lot, "newest")), "c5 c1(c2(c3) c4)");
  assert.equal(shape(buildTree(lot, "oldest")), "c1(c2(c3) c4) c5");
});

test("pinned_roots_come_first_however_it_is_sorted", () => {
  const lot = [comment("c1", { pinned: true }), comment("c2"), comment("c3")];
  assert.equal(shape(buildTree(lot, "newest")), "c1 c3 c2");
  assert.equal(shape(buildTree(lot, "best")), "c1 c2 c3");
});

test("an_answer_whose_parent_is_not_loaded_hangs_on_its_root_or_stands_alone_and_says_so", () => {
  const lot = [comment("c1"), comment("c5", { parent: "c4", root: "c1" }), comment("c7", { parent: "c6", root: "c0" })];
  const roots = buildTree(lot, "newest");
  assert.equal(shape(roots), "c7 c1(c5)");
  assert.deepEqual([roots[0]?.detached, roots[1]?.detached, roots[1]?.answers[0]?.detached], [true, false, true]);
  assert.equal(roots[1]?.answers[0]?.depth, 1);
});
