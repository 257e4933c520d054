// @ts-check
// The outline of a mask as lines along the edges of its pixels. Nothing here knows the page.

/**
 * @import { Bits } from "./bits.js"
 * @import { Box } from "./panzoom.js"
 */

/** @typedef {[number, number, number, number]} Line  x0, y0, x1, y1 */

/**
 * Lines between pixels of a mask and pixels that are none, the longest there are.
 * @param {Bits} mask
 * @param {Box} part  of the mask that is looked at, in whole pixels
 * @returns {Line[]}
 */
export function edgesOf({ w, h, pixels }, [left, top, right, bottom]) {
  /** @type {Line[]} */
  const lines = [];
  const at = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= 0 && y >= 0 && x < w && y < h ? pixels[y * w + x] : 0;
  for (let y = top; y <= bottom; y += 1) {
    const differs = (/** @type {number} */ x) => at(x, y) !== at(x, y - 1);
    for (const [from, to] of runs(left, right, differs)) lines.push([from, y, to, y]);
  }
  for (let x = left; x <= right; x += 1) {
    const differs = (/** @type {number} */ y) => at(x, y) !== at(x - 1, y);
    for (const [from, to] of runs(top, bottom, differs)) lines.push([x, from, x, to]);
  }
  return lines;
}

/**
 * The longest stretches of whole numbers for which something holds.
 * @param {number} begin
 * @param {number} end  exclusive
 * @param {(place: number) => boolean} holds
 * @returns {[number, number][]} first, and the one after the last
 */
function runs(begin, end, holds) {
  /** @type {[number, number][]} */
  const found = [];
  let from = -1;
  for (let place = begin; place <= end; place += 1) {
    const isIn = place < end && holds(place);
    if (isIn && from < 0) from = place;
    if (isIn || from < 0) continue;
    found.push([from, place]);
    from = -1;
  }
  return found;
}
