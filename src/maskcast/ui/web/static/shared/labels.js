// @ts-check
// Where labels stand beside the things that they name. Nothing here knows the page.

/**
 * @import { Box, Size } from "./panzoom.js"
 */

const GAP = 3; // screen pixels between a thing and its label
const MOST_COVERED = 0.1; // of the box of a thing that a label may cover

/**
 * @param {Box} one
 * @param {Box} other
 */
function overlap(one, other) {
  const wide = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const high = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  return Math.max(0, wide) * Math.max(0, high);
}

/** @param {Box} box */
const areaOf = ([x0, y0, x1, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);

/**
 * Places round a box, and in its corners, the most usual first.
 * @param {Box} box
 * @param {Size} size  of the label
 * @returns {[number, number][]}
 */
const placesRound = ([x0, y0, x1, y1], { width, height }) => [
  [x0, y0 - GAP - height],
  [x0, y1 + GAP],
  [x1 + GAP, y0],
  [x0 - GAP - width, y0],
  [x1 - width, y0 - GAP - height],
  [x1 - width, y1 + GAP],
  [x0 + GAP, y0 + GAP],
  [x1 - GAP - width, y1 - GAP - height],
];

/**
 * Places for labels, each beside its thing: inside the screen, not on another label, and over no
 * more than a small part of any thing, so that a small one is never hidden. One that finds no such
 * place has none.
 * @param {{box: Box, size: Size}[]} labels  the box of the thing; all in screen pixels
 * @param {Box[]} things  the boxes of all that must be seen
 * @param {Size} screen
 * @returns {(Box | null)[]}
 */
export function placeLabels(labels, things, screen) {
  /** @type {Box[]} */
  const taken = [];
  const covers = (/** @type {Box} */ place) =>
    things.some((thing) => overlap(place, thing) > MOST_COVERED * areaOf(thing));
  return labels.map(({ box, size }) => {
    /** @type {Box} */
    const seen = [
      Math.max(0, box[0]),
      Math.max(0, box[1]),
      Math.min(screen.width, box[2]),
      Math.min(screen.height, box[3]),
    ];
    if (areaOf(seen) === 0) return null;
    for (const [x, y] of placesRound(seen, size)) {
      /** @type {Box} */
      const place = [x, y, x + size.width, y + size.height];
      const fits = x >= 0 && y >= 0 && place[2] <= screen.width && place[3] <= screen.height;
      if (!fits || covers(place) || taken.some((other) => overlap(place, other) > 0)) continue;
      taken.push(place);
      return place;
    }
    return null;
  });
}
