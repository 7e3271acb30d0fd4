/** The queue of what is not sent yet, one for all elements that share a server, a site and an identity; made when it is needed. */
import { Queue } from "../client/queue";
import { storageOf } from "./storage";
import type { Surroundings } from "./surroundings";

export function queueOf(around: Surroundings): Queue {
  if (around.queue) return around.queue;
  const queue = (around.queue = new Queue(around.api, storageOf("sessionStorage"), around.unsentKey));
  around.connection.watch((state) => state === "open" && queue.nudge());
  return queue;
}
