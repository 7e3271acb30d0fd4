/**
 * The way to the server that nearly everyone takes, a WebSocket; where it fails or stays silent for a
 * moment before it ever worked, `race.ts` is loaded, which finds the one that gets through, and has
 * the word from then on.
 */
import { openWebSocket } from "./websocket";
import { LOST, Standin } from "./transport";
import type { OpenTransport } from "./transport";

/** How long the WebSocket may stay silent. */
const HURRY_MS = 2500;
/** A way that has worked is trusted for so many failures in a row: they are the server's, not its. */
const TRUSTED_FAILURES = 3;

/** Opens transports to one server; what it learns, it keeps. */
export function ways(): OpenTransport {
  let others: OpenTransport | undefined;
  let trust = 0;
  return (options, host) => {
    if (others) return others(options, host);
    const standin = new Standin(() => clearTimeout(timer));
    let isOpen = false;
    const race = (): void => {
      clearTimeout(timer);
      if (standin.isOver || isOpen || !standin.inner) return;
      standin.inner.close();
      standin.inner = undefined;
      import("./race").then(
        ({ racing }) => {
          others = racing();
          if (!standin.isOver) standin.inner = others(options, host);
        },
        () => standin.isOver || host.closed(LOST),
      );
    };
    const isTrusted = --trust > 0;
    const timer = setTimeout(() => isTrusted || race(), HURRY_MS);
    standin.inner = openWebSocket(options, {
      ...host,
      opened: (token) => {
        isOpen = true;
        trust = TRUSTED_FAILURES;
        host.opened(token);
      },
      closed: (how) => {
        clearTimeout(timer);
        if (isOpen || isTrusted || how.expired || (how.final && how.code)) host.closed(how);
        else race();
      },
    });
    return standin;
  };
}
