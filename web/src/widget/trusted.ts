/**
 * The one place where HTML becomes nodes. It is the server's, which sanitised it; on pages that
 * enforce Trusted Types it passes through the policy `parlour`. Where the page forbids that policy,
 * the comment's source is shown as plain text instead.
 */

interface Policy {
  createHTML(html: string): string;
}

/** One for all copies of this module on a page: a name can be taken only once. */
const POLICY = Symbol.for("parlour.policy");

function policy(): Policy | null {
  const shared = globalThis as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy }; [POLICY]?: Policy | null };
  if (shared[POLICY] === undefined) {
    const rules = { createHTML: (html: string): string => html };
    try {
      shared[POLICY] = shared.trustedTypes?.createPolicy("parlour", rules) ?? rules;
    } catch {
      shared[POLICY] = null;
    }
  }
  return shared[POLICY] ?? null;
}

/** Shows sanitised `html`, or `source` where there is none yet, or the page does not allow it. */
export function setHtml(element: Element, html: string, source: string): void {
  try {
    const trusted = html && policy();
    if (trusted) {
      element.innerHTML = trusted.createHTML(html);
      return;
    }
  } catch {
    // Trusted Types are enforced and this policy is not listed.
  }
  element.textContent = source;
}
