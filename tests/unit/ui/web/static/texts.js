// @ts-check
// Texts that tell which of them was asked for, and with what.

/** @import { Texts } from "#static/shared/texts.js" */

/** @type {Texts} */
export const TEXTS = {
  language: "en",
  table: {},
  text: (key, values = {}) => [key, ...Object.values(values)].join(" "),
  number: String,
};
