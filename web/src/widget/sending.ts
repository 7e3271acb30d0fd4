/** What sends, loaded when somebody begins to write or something unsent waits: the queue, and what of it is shown. */
import { Queue } from "../client/queue";
import { storageOf } from "./storage";
import type { Surroundings } from "./surroundings";

export { keepDraft, readDraft } from "./drafts";
export { localsOf, unsentOf } from "./locals";

/** The queue of what is not sent yet, one for all elements that share a server, a site and an identity; made when it is needed. */
export function queueOf(around: Surroundings): Queue {
  if (around.queue) return around.queue;
  const queue = (around.queue = new Queue(around.api, storageOf("sessionStorage"), around.unsentKey));
  around.connection.watch((state) => state === "open" && queue.nudge());
  return queue;
}
