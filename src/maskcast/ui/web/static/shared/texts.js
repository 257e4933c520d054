// @ts-check
// Words of the page in the language of its reader.

/** @typedef {Record<string, Record<string, string>>} Tables  language -> key -> text */

/**
 * The language that is spoken: the server's if it has one, else the browser's if there is a table.
 * @param {Tables} tables
 * @param {string} fixed
 * @param {readonly string[]} preferred
 */
export function chooseLanguage(tables, fixed, preferred) {
  if (fixed in tables) return fixed;
  const first = (preferred[0] ?? "").toLowerCase().split("-")[0];
  return first in tables ? first : "en";
}

export class Texts {
  /**
   * @param {Tables} tables
   * @param {string} language
   */
  constructor(tables, language) {
    this.language = language;
    this.table = tables[language];
    this.text = this.text.bind(this);
    this.number = this.number.bind(this);
  }

  /**
   * A text with its words in braces filled in; its key, where there is none.
   * @param {string} key
   * @param {Record<string, unknown>} [values]
   */
  text(key, values = {}) {
    const found = this.table[key] ?? key;
    return found.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  }

  /** @param {number} value */
  number(value) {
    return value.toLocaleString(this.language);
  }
}
