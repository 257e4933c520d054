// @ts-check
// The keyboard's cursor on the picture: a place in pixels of the image, always in the middle of one.

/** @import { PanZoom, Place } from "../shared/panzoom.js" */
import { limit } from "../shared/panzoom.js";

const STRIDE = 10; // screen pixels of a step
const EDGE = 24; // screen pixels that the cursor keeps from the edge of the screen

/**
 * In the middle of what is seen.
 * @param {PanZoom} view
 * @returns {Place}
 */
export function startCursor(view) {
  const middle = view.toPicture(view.screen.width / 2, view.screen.height / 2);
  const { width, height } = view.picture;
  return {
    x: limit(Math.floor(middle.x), 0, width - 1) + 0.5,
    y: limit(Math.floor(middle.y), 0, height - 1) + 0.5,
  };
}

/**
 * A step further; the view follows where it would leave the screen.
 * @param {Place} cursor
 * @param {readonly [number, number]} direction
 * @param {boolean} isFine  by one pixel of the image
 * @param {PanZoom} view
 * @returns {Place}
 */
export function moveCursor(cursor, [dx, dy], isFine, view) {
  const by = isFine ? 1 : Math.max(1, Math.round(STRIDE / view.scale));
  const { picture, screen } = view;
  const moved = {
    x: limit(cursor.x + dx * by, 0.5, picture.width - 0.5),
    y: limit(cursor.y + dy * by, 0.5, picture.height - 0.5),
  };
  const { x, y } = view.toScreen(moved.x, moved.y);
  const seen = { x: limit(x, EDGE, screen.width - EDGE), y: limit(y, EDGE, screen.height - EDGE) };
  if (seen.x !== x || seen.y !== y) view.moveBy(seen.x - x, seen.y - y);
  return moved;
}
