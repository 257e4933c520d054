// @ts-check
// Presses, drags and releases become edits, as in the window's gestures.py: the same cases test
// both (tests/unit/ui/feel.json). All places are pixels of the image; `scale` says how many screen
// pixels one of them takes, so that what is near is judged by the eye and the hand.

/**
 * @import { Box, Place } from "../shared/panzoom.js"
 * @import { Feel, Tool } from "../shared/controls.js"
 */

/**
 * An edit of the chosen object, as the server takes it, but for the object's id.
 * @typedef {{kind: "box", x0: number, y0: number, x1: number, y1: number}
 *     | {kind: "point", x: number, y: number, positive: boolean}
 *     | {kind: "stroke", path: [number, number][], radius: number, erase: boolean}
 *     | {kind: "delete", x: number, y: number, reach: number}} Edit
 */

/**
 * What a press meets.
 * @typedef {object} Situation
 * @property {Tool} tool
 * @property {number} scale  screen pixels per image pixel
 * @property {number} radius  of the brush, in image pixels
 * @property {Box | null} box  of the chosen object
 */

/**
 * A corner or the middle of a side: 0 for the low side, 2 for the high one, 1 if it does not move.
 * @typedef {{x: 0 | 1 | 2, y: 0 | 1 | 2}} Handle
 */

const SIDES = /** @type {const} */ ([0, 1, 2]);

/** @type {Handle[]} */
export const HANDLES = SIDES.flatMap((y) => SIDES.map((x) => ({ x, y }))).filter(
  ({ x, y }) => x !== 1 || y !== 1,
);

/**
 * @param {Handle} handle
 * @param {Box} box
 * @returns {Place}
 */
export function handlePlace(handle, [xmin, ymin, xmax, ymax]) {
  return {
    x: [xmin, (xmin + xmax) / 2, xmax][handle.x],
    y: [ymin, (ymin + ymax) / 2, ymax][handle.y],
  };
}

/**
 * @param {Place} from
 * @param {Place} to
 */
const distance = (from, to) => Math.hypot(from.x - to.x, from.y - to.y);

/** @param {Handle} handle */
const isSide = (handle) => handle.x === 1 || handle.y === 1;

/**
 * The handle of a box that a press would catch; corners before sides.
 * @param {Feel} feel
 * @param {Box | null} box
 * @param {Place} place
 * @param {number} scale
 * @returns {Handle | null}
 */
export function handleAt(feel, box, place, scale) {
  if (box === null) return null;
  const side = Math.min(box[2] - box[0], box[3] - box[1]) * scale;
  const most = Math.max(feel.handle_least, side * feel.handle_share);
  const reach = Math.min(feel.handle_reach, most) / scale;
  const far = (/** @type {Handle} */ handle) => distance(handlePlace(handle, box), place);
  const near = HANDLES.filter((handle) => far(handle) <= reach);
  near.sort(
    (left, right) => Number(isSide(left)) - Number(isSide(right)) || far(left) - far(right),
  );
  return near[0] ?? null;
}

/**
 * @param {Feel} feel
 * @param {Place} place
 * @param {number} scale
 * @returns {Edit}
 */
export const deleteAt = (feel, { x, y }, scale) => ({
  kind: "delete",
  x,
  y,
  reach: feel.delete_reach / scale,
});

/**
 * The box between two corners.
 * @param {Place} from
 * @param {Place} to
 * @returns {Box}
 */
export const boxOf = (from, to) => [
  Math.min(from.x, to.x),
  Math.min(from.y, to.y),
  Math.max(from.x, to.x),
  Math.max(from.y, to.y),
];

/**
 * @param {Box} box
 * @returns {Edit}
 */
export const boxEdit = ([x0, y0, x1, y1]) => ({ kind: "box", x0, y0, x1, y1 });

/** One press until its release. */
export class Drag {
  /**
   * @param {Feel} feel
   * @param {number} button  as browsers number them
   * @param {Place} place
   * @param {Situation} situation
   */
  constructor(feel, button, place, situation) {
    this.feel = feel;
    this.button = button;
    this.pressed = place;
    this.last = place;
    this.situation = situation;
    this.moved = false;
  }

  /**
   * Follows the mouse; once it left the place of the press, it is a drag for good.
   * @param {Place} place
   */
  move(place) {
    const far = distance(place, this.pressed) * this.situation.scale;
    this.moved = this.moved || far > this.feel.click_slop;
    this.last = place;
  }

  /** @returns {Edit | null} */
  edit() {
    return null;
  }

  /** Whether the picture follows the mouse. */
  follows() {
    return false;
  }

  /** @returns {Box | null} a box to be shown meanwhile */
  band() {
    return null;
  }
}

/** A negative point: what counts is where the button was pressed. */
class BesideDrag extends Drag {
  /** @returns {Edit} */
  edit() {
    return { kind: "point", ...this.pressed, positive: false };
  }
}

/** Deletes what is near where it was pressed. */
class DeleteDrag extends Drag {
  edit() {
    return deleteAt(this.feel, this.pressed, this.situation.scale);
  }
}

/** The picture follows the mouse; what was pressed is always under it. */
class MoveDrag extends Drag {
  follows() {
    return true;
  }
}

/** Deletes the nearest prompt, or moves the picture. */
class MiddleDrag extends Drag {
  follows() {
    return this.moved;
  }

  edit() {
    const { tool, scale } = this.situation;
    if (this.moved || tool === "pan" || tool === "zoom") return null;
    return deleteAt(this.feel, this.pressed, scale);
  }
}

/** A rectangle to look at. */
export class LookDrag extends Drag {
  band() {
    return this.moved ? boxOf(this.pressed, this.last) : null;
  }
}

/** A box from corner to corner, or a positive point. */
class BoxDrag extends LookDrag {
  /** @returns {Edit} */
  edit() {
    const band = this.band();
    return band ? boxEdit(band) : { kind: "point", ...this.pressed, positive: true };
  }
}

/** A handle of the box. */
class HandleDrag extends Drag {
  /**
   * @param {Feel} feel
   * @param {number} button
   * @param {Place} place
   * @param {Situation} situation
   * @param {Box} box
   * @param {Handle} handle
   */
  constructor(feel, button, place, situation, box, handle) {
    super(feel, button, place, situation);
    this.box = box;
    this.handle = handle;
  }

  band() {
    if (!this.moved) return null;
    const { box, handle, pressed, last } = this;
    const [dx, dy] = [last.x - pressed.x, last.y - pressed.y];
    const low = {
      x: box[0] + (handle.x === 0 ? dx : 0),
      y: box[1] + (handle.y === 0 ? dy : 0),
    };
    const high = {
      x: box[2] + (handle.x === 2 ? dx : 0),
      y: box[3] + (handle.y === 2 ? dy : 0),
    };
    return boxOf(low, high);
  }

  edit() {
    const band = this.band();
    return band && boxEdit(band);
  }
}

/** A stroke of the brush, from the press on. */
export class StrokeDrag extends Drag {
  /**
   * @param {Feel} feel
   * @param {number} button
   * @param {Place} place
   * @param {Situation} situation
   * @param {boolean} erase
   */
  constructor(feel, button, place, situation, erase) {
    super(feel, button, place, situation);
    this.erase = erase;
    /** @type {[number, number][]} */
    this.path = [[place.x, place.y]];
    this.moved = true;
  }

  /** @param {Place} place */
  move(place) {
    if (place.x === this.last.x && place.y === this.last.y) return;
    this.path.push([place.x, place.y]);
    super.move(place);
  }

  /** @returns {Edit & {kind: "stroke"}} */
  edit() {
    return { kind: "stroke", path: this.path, radius: this.situation.radius, erase: this.erase };
  }
}

const LEFT = 0;
const MIDDLE = 1;
const RIGHT = 2;

/**
 * The gesture that a press begins.
 * @param {Feel} feel
 * @param {Place} place
 * @param {number} button  as browsers number them: 0 left, 1 middle, 2 right
 * @param {Situation} situation
 * @returns {Drag}
 */
export function begin(feel, place, button, situation) {
  const { tool, scale, box } = situation;
  if (button === MIDDLE) return new MiddleDrag(feel, button, place, situation);
  if (tool === "pan" || tool === "zoom") {
    const Kind = button !== LEFT ? Drag : tool === "pan" ? MoveDrag : LookDrag;
    return new Kind(feel, button, place, situation);
  }
  if (tool === "brush" || tool === "eraser") {
    const erase = (tool === "eraser") !== (button === RIGHT);
    return new StrokeDrag(feel, button, place, situation, erase);
  }
  if (tool === "delete") return new DeleteDrag(feel, button, place, situation);
  if (tool === "minus" || button === RIGHT) return new BesideDrag(feel, button, place, situation);
  const handle = handleAt(feel, box, place, scale);
  if (box && handle) return new HandleDrag(feel, button, place, situation, box, handle);
  return new BoxDrag(feel, button, place, situation);
}
