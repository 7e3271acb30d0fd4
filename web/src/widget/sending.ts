/** What sends, loaded when somebody begins to write or something unsent waits: the queue, and what of it is shown. */
import { Queue } from "../client/queue";
import { isUnkept } from "./drafts";
import { storageOf } from "./storage";
import type { Surroundings } from "./surroundings";

export { keepDraft, readDraft } from "./drafts";
export { localsOf, unsentOf } from "./locals";

/** Those of this page. */
const queues = new Set<Queue>();

/** The queue of what is not sent yet, one for all elements that share a server, a site and an identity; made when it is needed. */
export function queueOf(around: Surroundings): Queue {
  if (around.queue) return around.queue;
  const queue = (around.queue = new Queue(around.api, storageOf("sessionStorage"), around.unsentKey));
  around.connection.watch((state) => state === "open" && queue.nudge());
  queues.add(queue);
  return queue;
}

// Whoever closes the tab would lose what is not posted yet; what is only typed is kept, where the browser keeps anything.
addEventListener("beforeunload", (event) => {
  if (isUnkept() || [...queues].some((queue) => queue.size)) event.preventDefault();
});
