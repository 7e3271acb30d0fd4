/**
 * Acting as somebody: posting and reacting need a member, and a reader without a token becomes a guest
 * for it. A nonce is remembered only for a member, so the guest's token is stored before the act: a
 * repetition is the same member's whatever happens.
 */
import type { Api, Draft } from "./api";
import type { Comment } from "./event";
import { claimsOf } from "./claims";

async function asMember<T>(api: Api, act: () => Promise<T>): Promise<T> {
  const { identity } = api;
  for (let isSecond = false; ; isSecond = true) {
    let token = await identity.token();
    if (!token) {
      ({ token } = await api.act<{ token: string }>("POST", "v1/guests", {}));
      identity.guest(token);
    }
    // A guest's token names the member: what comes under that name is one's own, even before the answer.
    if (!identity.signedIn) identity.own(String(claimsOf(token)["sub"]));
    identity.remember();
    try {
      return await act();
    } catch (error) {
      // A guest whose token the server no longer knows becomes a new one.
      if (isSecond || (error as { status?: number }).status !== 401 || identity.signedIn) throw error;
      identity.forgetGuest();
    }
  }
}

/** Posts once; where the server asks for a proof of work first, with one. */
export const post = (api: Api, channel: string, draft: Draft): Promise<Comment> =>
  asMember(api, async () => {
    const path = `v1/channels/${encodeURIComponent(channel)}/`;
    const send = (more: object): Promise<{ comment: Comment }> => api.act("POST", `${path}comments`, { ...draft, ...more });
    try {
      return (await send({})).comment;
    } catch (error) {
      if ((error as { type?: string }).type !== "proof-required") throw error;
      const { challenge } = await api.act<{ challenge: string }>("POST", `${path}challenge`, {});
      const { solve } = await import("./proof");
      return (await send({ proof: await solve(challenge) })).comment;
    }
  });

/** Reacts, or takes it back. */
export const react = (api: Api, id: string, name: string, isOn: boolean): Promise<unknown> =>
  asMember(api, () => api.act(isOn ? "PUT" : "DELETE", `v1/comments/${encodeURIComponent(id)}/reactions/${encodeURIComponent(name)}`));
