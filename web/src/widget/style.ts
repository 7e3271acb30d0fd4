/**
 * Style sheets as constructed ones, shared by all elements: they need no `style` element, which a
 * strict content security policy forbids. Browsers without them (none that is supported) show
 * unstyled text.
 */

const made = new Map<string, CSSStyleSheet>();

export function sheets(...texts: string[]): CSSStyleSheet[] {
  return texts.map((text) => {
    let sheet = made.get(text);
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(text);
      made.set(text, sheet);
    }
    return sheet;
  });
}
