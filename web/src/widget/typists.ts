/** In the form of an answer: who else is answering the same comment, and telling them of oneself. Loaded with the tools of such a form. */
import type { Composer } from "./composer";
import type { ThreadView } from "./comments";
import { h, say } from "./h";
import { toldName, Typing, typingLine } from "./typing";

export async function listen({ element, body }: Composer, { around, channel, signal, words }: ThreadView, parent: string): Promise<void> {
  if (!channel) return;
  const { api, connection, identity } = around;
  const own = await toldName(identity);
  const line = h("p.typing");
  const path = `v1/channels/${encodeURIComponent(channel)}/typing`;
  const typing = new Typing(
    (names) => say(line, typingLine(words, names)),
    // A signal that does not arrive is no loss.
    () => void api.act("POST", path, { name: identity.name, parent }, signal).catch(() => {}),
    signal,
  );
  element.lastChild!.before(line);
  body.addEventListener("input", () => body.value.trim() && typing.typed());
  const leave = connection.subscribe(channel, null, ["typing"], {
    event: ({ name, data }) => {
      // The form is closed.
      if (!element.isConnected) return leave();
      const told = data as { name: string; parent?: string | null };
      if (name === "typing" && told.parent === parent) typing.heard(told.name, identity.name || own);
    },
  });
  signal.addEventListener("abort", leave);
}
