/**
 * What the elements say: flat keys looked up in a table per language, `{name}` filled in, numbers
 * written as the language does. A key that counts has a form per plural category
 * (`key.one`, `key.other`). English is built in; the others are files that are loaded by language.
 */
import english from "../locales/en.json";

/** Language → file, given by the build. */
declare const LANGUAGES: Record<string, string>;

export type Table = Record<string, string>;
export type Values = Record<string, string | number>;

export class Words {
  /** BCP 47; also what dates and numbers are written in. */
  readonly lang: string;
  readonly #table: Table;
  readonly #numbers: Intl.NumberFormat;
  readonly #plurals: Intl.PluralRules;

  constructor(lang: string, table: Table = english) {
    this.lang = lang;
    this.#table = table;
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
  count(key: string, n: number): string {
    const form = `${key}.${this.#plurals.select(n)}`;
    return this.say(form in this.#table ? form : `${key}.other`, { n });
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
  const isSame = (code: string): boolean => code.slice(0, 2) === lang.slice(0, 2).toLowerCase() && /^..(-|$)/.test(lang);
  const code = Object.keys(LANGUAGES).find(isSame);
  try {
    if (code) return new Words(lang, ((await import(new URL(LANGUAGES[code]!, import.meta.url).href)) as { default: Table }).default);
    if (isSame("en")) return new Words(lang);
  } catch {
    // Not loaded, or no language tag.
  }
  return new Words("en");
}
