// @ts-check
// Prompts, the ring of the brush and what is being drawn, over the picture, in screen pixels.

/**
 * @import { Box, Place, PanZoom } from "../shared/panzoom.js"
 * @import { Edit } from "./gestures.js"
 */
import { drawnUnit } from "../shared/dom.js";
import { HANDLES, handlePlace } from "./gestures.js";

const POSITIVE = "#0f9d58";
const NEGATIVE = "#d93025";
const ERASING = "#202124";
const HANDLE_SIDE = 7;

/** @typedef {CanvasRenderingContext2D} Context */

/**
 * The outline that was begun: a light one on a wider dark one is seen on any picture.
 * @param {Context} context
 * @param {number} width
 * @param {string} color
 */
function strokeTwice(context, width, color) {
  const unit = drawnUnit();
  context.lineWidth = (width + 2) * unit;
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.stroke();
  context.lineWidth = width * unit;
  context.strokeStyle = color;
  context.stroke();
}

/**
 * @param {Context} context
 * @param {PanZoom} view
 * @param {Box} box
 * @param {string} color
 * @param {"fixed" | "drawn" | "other"} state  a fixed one has handles, one that is being drawn is
 *     dashed
 */
export function drawBox(context, view, box, color, state) {
  const low = view.toScreen(box[0], box[1]);
  const high = view.toScreen(box[2], box[3]);
  context.setLineDash(state === "drawn" ? [6, 4] : []);
  context.beginPath();
  context.rect(low.x, low.y, high.x - low.x, high.y - low.y);
  strokeTwice(context, 2, color);
  context.setLineDash([]);
  if (state === "fixed") for (const handle of HANDLES) drawHandle(context, view, box, handle);
}

/**
 * @param {Context} context
 * @param {PanZoom} view
 * @param {Box} box
 * @param {import("./gestures.js").Handle} handle
 */
function drawHandle(context, view, box, handle) {
  const place = handlePlace(handle, box);
  const { x, y } = view.toScreen(place.x, place.y);
  context.beginPath();
  const side = HANDLE_SIDE * drawnUnit();
  context.rect(x - side / 2, y - side / 2, side, side);
  context.fillStyle = "#ffffff";
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = "#000000";
  context.stroke();
}

/**
 * @param {Context} context
 * @param {Place} place
 * @param {boolean} positive
 */
export function drawPoint(context, { x, y }, positive) {
  const unit = drawnUnit();
  context.beginPath();
  context.arc(x, y, 6 * unit, 0, 2 * Math.PI);
  context.fillStyle = positive ? POSITIVE : NEGATIVE;
  context.fill();
  context.lineWidth = 1.5 * unit;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.beginPath();
  context.moveTo(x - 3 * unit, y);
  context.lineTo(x + 3 * unit, y);
  if (positive) {
    context.moveTo(x, y - 3 * unit);
    context.lineTo(x, y + 3 * unit);
  }
  context.stroke();
}

/**
 * @param {Context} context
 * @param {PanZoom} view
 * @param {Edit & {kind: "stroke"}} stroke
 * @param {string} color
 */
export function drawStroke(context, view, { path, radius, erase }, color) {
  context.beginPath();
  const first = view.toScreen(...path[0]);
  context.moveTo(first.x, first.y);
  for (const place of path) {
    const { x, y } = view.toScreen(...place);
    context.lineTo(x, y);
  }
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = Math.max(1, 2 * radius * view.scale);
  context.globalAlpha = 0.5;
  context.strokeStyle = erase ? ERASING : color;
  context.stroke();
  context.globalAlpha = 1;
}

/**
 * What the brush would touch.
 * @param {Context} context
 * @param {Place} place
 * @param {number} radius
 * @param {string} color
 */
export function drawRing(context, { x, y }, radius, color) {
  context.beginPath();
  context.arc(x, y, Math.max(1.5, radius), 0, 2 * Math.PI);
  strokeTwice(context, 1.5, color);
}

/**
 * The cursor of the keyboard.
 * @param {Context} context
 * @param {Place} place
 */
export function drawCrosshair(context, { x, y }) {
  const unit = drawnUnit();
  context.beginPath();
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
    context.moveTo(x + 4 * unit * dx, y + 4 * unit * dy);
    context.lineTo(x + 14 * unit * dx, y + 14 * unit * dy);
  }
  strokeTwice(context, 2, "#ffffff");
}
