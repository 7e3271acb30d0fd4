/**
 * What the elements say: flat keys looked up in a table per language, `{name}` filled in, numbers
 * written as the language does. A key that counts has a form per plural category
 * (`key.one`, `key.other`). English is built in, each part with what it says itself; the others are
 * files that are loaded by language.
 */
import english from "../locales/en.json";

/** The first parts of the other languages, `ar|de|…`, and what is in the names of their files; given by the build. */
declare const LANGUAGES: string;
declare const LANGUAGE_HASH: string;

export type Table = Record<string, string>;
export type Values = Record<string, string | number>;

export class Words {
  /** BCP 47; also what dates and numbers are written in. */
  readonly lang: string;
  /** How long ago something was. */
  readonly ago: Intl.RelativeTimeFormat;
  readonly #table: Table;
  readonly #numbers: Intl.NumberFormat;
  readonly #plurals: Intl.PluralRules;

  constructor(lang: string, table: Table = english) {
    this.lang = lang;
    this.#table = table;
    this.ago = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
    this.#numbers = new Intl.NumberFormat(lang);
    this.#plurals = new Intl.PluralRules(lang);
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
  count(key: string, n: number, values?: Values): string {
    const form = `${key}.${this.#plurals.select(n)}`;
    return this.say(form in this.#table ? form : `${key}.other`, { ...values, n });
  }

  /** What a part says in English that was loaded later. */
  learn(more: Table): this {
    Object.assign(english, more);
    return this;
  }

  /** Right to left, or left to right. */
  get dir(): string {
    return /^ar/.test(this.lang) ? "rtl" : "ltr";
  }
}

/**
 * The words for `lang`, in its own variant of numbers and dates; English for a language that nobody
 * translated, or that is none: an author may have typed anything.
 */
export async function wordsFor(lang: string): Promise<Words> {
  const [code] = new RegExp(`^(${LANGUAGES}|en)(?=-|$)`, "i").exec(lang) ?? [];
  try {
    if (code === "en") return new Words(lang);
    if (code) return new Words(lang, ((await import(new URL(`lang-${code.toLowerCase()}-${LANGUAGE_HASH}.js`, import.meta.url).href)) as { default: Table }).default);
  } catch {
    // Not loaded, or no language tag.
  }
  return new Words("en");
}
