/**
 * The order of comments on the page: a flat lot becomes roots with answers. Roots as sorted,
 * pinned first; answers oldest first. An answer whose parent is not loaded hangs on the root it
 * belongs to, or stands as a root of its own, and is marked so. Pure.
 */
import type { Comment } from "../client/event";
import { byTime } from "./thread";
import type { Sort } from "./thread";

export interface Branch {
  comment: Comment;
  answers: Branch[];
  /** 0 for roots; as shown, not as stored. */
  depth: number;
  /** What it answers is not on the page, or not right above it. */
  detached: boolean;
}

/** `best` keeps the order in which the server listed them, what is new on top; the others sort by time. */
function sortRoots(roots: Branch[], sort: Sort, listed: ReadonlySet<string> | undefined): void {
  const direction = sort === "oldest" ? 1 : -1;
  const isListed = ({ comment }: Branch): boolean => sort === "best" && (!listed || listed.has(comment.id));
  roots.sort((a, b) => {
    if (a.comment.pinned !== b.comment.pinned) return a.comment.pinned ? -1 : 1;
    if (isListed(a) !== isListed(b)) return isListed(a) ? 1 : -1;
    return isListed(a) ? 0 : direction * byTime(a.comment, b.comment);
  });
}

function deepen(branch: Branch, depth: number): void {
  branch.depth = depth;
  branch.answers.sort((a, b) => byTime(a.comment, b.comment));
  for (const answer of branch.answers) deepen(answer, depth + 1);
}

/** Roots with their answers; every comment comes exactly once. `listed` came in pages, the others live. */
export function buildTree(comments: Iterable<Comment>, sort: Sort, listed?: ReadonlySet<string>): Branch[] {
  const branches = new Map<string, Branch>();
  for (const comment of comments) branches.set(comment.id, { comment, answers: [], depth: 0, detached: false });
  const roots: Branch[] = [];
  for (const branch of branches.values()) {
    const { parent, root, id } = branch.comment;
    if (!parent) {
      roots.push(branch);
      continue;
    }
    const above = branches.get(parent);
    const nearest = above ?? (root !== id ? branches.get(root) : undefined);
    branch.detached = above === undefined;
    if (nearest) nearest.answers.push(branch);
    else roots.push(branch);
  }
  sortRoots(roots, sort, listed);
  for (const root of roots) deepen(root, 0);
  return roots;
}
