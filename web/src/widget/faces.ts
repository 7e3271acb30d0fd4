/**
 * Who is there, as small round pictures beside the number, for pages that ask for it with `faces`; loaded for them. The server tells
 * names only to those who may see them: everyone in chats, moderators under pages. Pictures are drawn here; nobody is asked for one.
 */
import { avatar } from "./avatar";
import { h, place } from "./h";
import type { Surroundings } from "./surroundings";

const FACES_MAX = 5;

/** Puts the faces of `channel` in front of `line`, or takes them away where there is nobody to be seen. */
export async function showFaces(line: HTMLElement, { api, server }: Surroundings, channel: string, signal: AbortSignal): Promise<void> {
  const { members = [] } = await api.act<{ members?: { user: string; name: string }[] }>("GET", `v1/channels/${encodeURIComponent(channel)}/presence`, undefined, signal);
  const people = [...new Map(members.filter(({ name }) => name).map(({ user, name }) => [user, name]))];
  const before = line.previousElementSibling;
  const stack = before?.className === "faces" ? before : h("span.faces", { "aria-hidden": "true" });
  if (stack !== before) line.before(stack);
  const rest = people.length - FACES_MAX;
  place(stack, [
    ...people.slice(0, FACES_MAX).map(([user, name]) => Object.assign(avatar(user, name, null, server), { title: name })),
    ...(rest > 0 ? [h("span.hint", {}, `+${rest}`)] : []),
  ]);
}
