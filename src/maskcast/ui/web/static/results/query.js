// @ts-check
// Which results are shown: what the filters ask for, pages, what a card says of its target. Nothing
// here knows the page.

/**
 * @import { FoundObject, ObjectSpec, Row } from "../shared/rows.js"
 * @import { Texts } from "../shared/texts.js"
 */

/** @typedef {{total: number, rows: Row[], objects: ObjectSpec[]}} Answer */

/**
 * @typedef {object} Query
 * @property {string} kind  all, found, empty or failed
 * @property {string} order  name, worst or best
 * @property {number} low  least score
 * @property {number} high
 * @property {string} [object]  an id; none = any
 */

export const PAGE = 60;

/**
 * What the filters say, put right where it makes no sense.
 * @param {{kind: string, order: string, low: string, high: string, object: string}} filters
 * @returns {Query}
 */
export function queryOf({ kind, order, low, high, object }) {
  const least = Math.min(1, Math.max(0, Number(low) || 0));
  const most = Math.min(1, Math.max(least, Number(high || 1)));
  return { kind, order, low: least, high: most, ...(object ? { object } : {}) };
}

/** @param {Query} query */
export const isFiltered = ({ kind, low, high, object }) =>
  kind !== "all" || low > 0 || high < 1 || Boolean(object);

/** What the filters are before anybody touches them. */
export const OPEN_FILTERS = { kind: "all", order: "name", low: "0", high: "1", object: "" };

/**
 * The filters that an address names; what it does not name is open.
 * @param {URLSearchParams} parameters
 */
export function filtersIn(parameters) {
  const named = Object.keys(OPEN_FILTERS).filter((name) => parameters.has(name));
  const given = Object.fromEntries(named.map((name) => [name, parameters.get(name) ?? ""]));
  return { ...OPEN_FILTERS, ...given };
}

/**
 * What an address holds of a state: only what is not as it is before anybody touches it.
 * @param {typeof OPEN_FILTERS} filters
 * @param {number} offset  of the page
 * @param {string} [open]  image id of the picture that is shown large
 */
export function addressOf(filters, offset, open) {
  const before = Object.entries(OPEN_FILTERS);
  const changed = before.filter(([name, value]) => filters[/** @type {"kind"} */ (name)] !== value);
  const given = changed.map(([name]) => [name, filters[/** @type {"kind"} */ (name)]]);
  return { ...Object.fromEntries(given), offset: offset || undefined, open };
}

/**
 * Where the last page begins.
 * @param {number} total
 */
export const lastOffset = (total) => Math.max(0, Math.ceil(total / PAGE) - 1) * PAGE;

/**
 * Where the page begins that a result is on.
 * @param {number} index
 */
export const pageOffset = (index) => Math.floor(index / PAGE) * PAGE;

/**
 * A page number that there is, of what was typed.
 * @param {string} typed
 * @param {number} total
 */
export function pageNumber(typed, total) {
  const last = 1 + lastOffset(total) / PAGE;
  return Math.min(last, Math.max(1, Math.round(Number(typed) || 1)));
}

/**
 * What a card says of its target: the score that the order goes by.
 * @param {Row} row
 * @param {Query} query
 * @param {Texts} texts
 */
export function finding(row, { order, object }, texts) {
  if (row.state === "failed") return texts.text("results.is_failed");
  const counted = row.objects.filter((found) => !object || found.id === Number(object));
  if (!counted.length) return texts.text("results.is_empty");
  const scores = counted.map((found) => found.score);
  return (order === "worst" ? Math.min(...scores) : Math.max(...scores)).toFixed(2);
}

/** Least probability that a mask is right, and what is said of it then; the highest first. */
const JUDGEMENTS = /** @type {const} */ ([
  [0.9, "sure"],
  [0.7, "likely"],
  [0.3, "doubtful"],
  [0, "unlikely"],
]);

/**
 * Words for how likely a mask is right; none where nobody judged it.
 * @param {FoundObject} found
 * @param {Texts} texts
 */
export function judgement({ right }, { text }) {
  if (right === null) return "";
  const [, word] = JUDGEMENTS.find(([least]) => right >= least) ?? JUDGEMENTS[3];
  return text(`results.right_${word}`, { percent: String(Math.round(100 * right)) });
}
