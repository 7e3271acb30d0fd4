/**
 * What the elements say: flat keys looked up in a table per language, `{name}` filled in, numbers
 * written as the language does. A key that counts has a form per plural category
 * (`key.one`, `key.other`). English is built in; other tables are to be loaded by language.
 */
import english from "../locales/en.json";

export type Table = Record<string, string>;
export type Values = Record<string, string | number>;

export class Words {
  /** BCP 47; also what dates and numbers are written in. */
  readonly lang: string;
  readonly #table: Table;
  readonly #numbers: Intl.NumberFormat;
  readonly #plurals: Intl.PluralRules;

  constructor(lang: string, table: Table = english) {
    this.lang = supported(lang);
    this.#table = table;
    this.#numbers = new Intl.NumberFormat(this.lang);
    this.#plurals = new Intl.PluralRules(this.lang);
  }

  /** The text at `key`; the key itself where there is none, so that a gap is seen. */
  say(key: string, values: Values = {}): string {
    const text = this.#table[key] ?? (english as Table)[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return typeof value === "number" ? this.#numbers.format(value) : (value ?? whole);
    });
  }

  /** The text at `key` in the plural form for `n`. */
  count(key: string, n: number): string {
    const form = `${key}.${this.#plurals.select(n)}`;
    return this.say(form in this.#table ? form : `${key}.other`, { n });
  }
}

/** A language that the browser knows how to write in, else English: an author may have typed anything. */
function supported(lang: string): string {
  try {
    return Intl.NumberFormat.supportedLocalesOf(lang)[0] ?? "en";
  } catch {
    return "en";
  }
}
