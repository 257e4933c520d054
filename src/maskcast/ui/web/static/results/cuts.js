// @ts-check
// What is chosen of thresholds, smallest parts, holes and edges. Nothing here knows the page.

/** @typedef {{threshold?: number, smallest?: number, holes?: number, smooth?: number}} Cut */

/** @typedef {Record<string, Cut>} Cuts  object id -> cut; only what is chosen */

/**
 * @typedef {object} Graded  an object, see ThresholdRoutes in threshold_routes.py
 * @property {number} id
 * @property {string} name
 * @property {[number, number, number]} color
 * @property {number} level  that is calibrated
 * @property {number[]} counts  pixels of each level over all targets
 */

/**
 * @param {Cuts} cuts
 * @param {number} id
 * @param {Partial<Cut>} change  undefined or 0: not chosen
 * @returns {Cuts}
 */
export function changed(cuts, id, change) {
  const entries = Object.entries({ ...cuts[id], ...change }).filter(([, value]) => value);
  const { [id]: _, ...others } = cuts;
  return entries.length ? { ...others, [id]: Object.fromEntries(entries) } : others;
}

/**
 * @param {Cuts} one
 * @param {Cuts} other
 */
export const isSame = (one, other) => inOrder(one) === inOrder(other);

/** @param {Cuts} cuts */
const inOrder = (cuts) =>
  JSON.stringify(Object.entries(cuts).map(([id, cut]) => [id, Object.entries(cut).sort()]));

/**
 * The level of a threshold: the one whose probability is nearest.
 * @param {number} threshold
 * @param {number[]} probabilities  of the levels, ascending
 */
export function levelOf(threshold, probabilities) {
  const distances = probabilities.map((probability) => Math.abs(probability - threshold));
  return distances.indexOf(Math.min(...distances));
}

/**
 * Heights of a histogram in 0 to 1, on a scale on which few pixels are seen beside many.
 * @param {number[]} counts  of levels; the lowest is hardly possible and left out
 * @param {number} bars
 */
export function heights(counts, bars) {
  const sums = new Array(bars).fill(0);
  for (let level = 1; level < counts.length; level += 1) {
    sums[Math.min(bars - 1, Math.floor((level * bars) / counts.length))] += counts[level];
  }
  const most = Math.log1p(Math.max(1, ...sums));
  return sums.map((sum) => Math.log1p(sum) / most);
}
