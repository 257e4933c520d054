// @ts-check
// A picture on the screen: where it is, how large, and how wheel and fingers move it. As the
// window's view.py does it, with the same margins and bounds. Nothing here knows the page.

/**
 * @typedef {{x: number, y: number}} Place
 * @typedef {{width: number, height: number}} Size
 * @typedef {[number, number, number, number]} Box  xmin, ymin, xmax, ymax
 */

/**
 * How the picture may be seen.
 * @typedef {object} Bounds
 * @property {number} fit_margin  room beside a picture that is shown whole, as a share of it
 * @property {number} largest_scale  screen pixels per picture pixel, at most
 * @property {number} smallest_share  of the scale that shows all of it: the least
 */

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const limit = (value, low, high) => Math.min(Math.max(value, low), high);

/** Places of the picture on a part of the screen: `screen = picture * scale + (x, y)`. */
export class PanZoom {
  /** @param {Bounds} bounds */
  constructor(bounds) {
    this.bounds = bounds;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    /** Whether the whole picture is shown, and shall be when the screen changes. */
    this.fitted = true;
    /** @type {Size} */
    this.screen = { width: 0, height: 0 };
    /** @type {Size} */
    this.picture = { width: 1, height: 1 };
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {Place} of the picture
   */
  toPicture(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {Place} of the screen
   */
  toScreen(x, y) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  /**
   * Another picture, all of it.
   * @param {Size} picture
   */
  open(picture) {
    this.picture = { width: picture.width, height: picture.height };
    this.fit();
  }

  /** All of the picture in the middle. */
  fit() {
    this.#center([0, 0, this.picture.width, this.picture.height], this.bounds.fit_margin);
    this.fitted = true;
  }

  /**
   * A part as large as possible in the middle.
   * @param {Box} part
   */
  show(part) {
    this.#center(part, 0);
    this.fitted = false;
  }

  /**
   * Closer by a factor; what is at a place of the screen stays there.
   * @param {number} x
   * @param {number} y
   * @param {number} factor
   */
  zoomAt(x, y, factor) {
    const scale = this.#bounded(this.scale * factor);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.#keepInSight();
  }

  /** @param {number} factor */
  zoomMiddle(factor) {
    this.zoomAt(this.screen.width / 2, this.screen.height / 2, factor);
  }

  /**
   * The picture is moved by screen pixels.
   * @param {number} dx
   * @param {number} dy
   */
  moveBy(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.#keepInSight();
  }

  /**
   * Another size of the screen; the same place stays in the middle.
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.x += (width - this.screen.width) / 2;
    this.y += (height - this.screen.height) / 2;
    this.screen = { width, height };
    if (this.fitted) this.fit();
  }

  #fitting() {
    const { screen, picture } = this;
    return Math.min(screen.width / picture.width, screen.height / picture.height);
  }

  /** @param {number} scale */
  #bounded(scale) {
    const { largest_scale: largest, smallest_share: share } = this.bounds;
    const fitting = this.#fitting();
    return limit(scale, Math.min(share * fitting, 1), Math.max(largest, fitting));
  }

  /**
   * @param {Box} part
   * @param {number} margin
   */
  #center([xmin, ymin, xmax, ymax], margin) {
    const { width, height } = this.screen;
    if (width === 0 || height === 0) return; // on a tab that is not open
    const wide = Math.max(xmax - xmin, 1e-6);
    const high = Math.max(ymax - ymin, 1e-6);
    this.scale = this.#bounded(Math.min(width / wide, height / high) / (1 + 2 * margin));
    this.x = width / 2 - ((xmin + xmax) / 2) * this.scale;
    this.y = height / 2 - ((ymin + ymax) / 2) * this.scale;
  }

  /** The middle of the screen stays on the picture, so that nobody gets lost. */
  #keepInSight() {
    const { screen, picture, scale } = this;
    this.x = limit(this.x, screen.width / 2 - picture.width * scale, screen.width / 2);
    this.y = limit(this.y, screen.height / 2 - picture.height * scale, screen.height / 2);
  }
}

const NOTCH = 100; // pixels that browsers report for a step of a mouse's wheel, about
const MOST_NOTCHES = 4; // in one event: a fast wheel comes in few of them
const PINCH_GAIN = 0.01; // of a touchpad, whose pinch comes as Ctrl and a wheel of small steps

/**
 * @typedef {{deltaX: number, deltaY: number, deltaMode: number, ctrlKey?: boolean, metaKey?: boolean}} Wheel
 */

/**
 * How far a wheel was turned, in pixels, whatever unit the browser counts in.
 * @param {Wheel} event
 * @returns {Place}
 */
export function wheelPixels({ deltaX, deltaY, deltaMode }) {
  const unit = deltaMode === 1 ? 100 / 3 : deltaMode === 2 ? 400 : 1;
  return { x: deltaX * unit, y: deltaY * unit };
}

/**
 * How much closer a turn of the wheel goes: `step` for each notch.
 * @param {Wheel} event
 * @param {number} step
 */
export function wheelFactor(event, step) {
  const { y } = wheelPixels(event);
  if (event.ctrlKey || event.metaKey) return limit(Math.exp(-y * PINCH_GAIN), 1 / step, step);
  return step ** limit(-y / NOTCH, -MOST_NOTCHES, MOST_NOTCHES);
}

/** Turns of a wheel that act in whole steps: a notch of a mouse is one, a touchpad's add up. */
export class WheelSteps {
  #sum = 0;

  /**
   * @param {Wheel} event
   * @returns {-1 | 0 | 1} 1 away from the person
   */
  turn(event) {
    const { y } = wheelPixels(event);
    if (y * this.#sum < 0) this.#sum = 0;
    this.#sum += y;
    if (Math.abs(this.#sum) < NOTCH / 2) return 0;
    const step = this.#sum < 0 ? 1 : -1;
    this.#sum = 0;
    return step;
  }
}

const LEAST_SPREAD = 10; // screen pixels between two fingers: nearer ones tremble too much

/** Fingers, or a mouse, that hold the picture: one moves it, two zoom it too. */
export class Fingers {
  /** @type {Map<number, Place>} */
  #places = new Map();

  get count() {
    return this.#places.size;
  }

  /**
   * @param {number} id
   * @param {Place} place  of the screen
   */
  press(id, place) {
    this.#places.set(id, place);
  }

  /** @param {number} id */
  lift(id) {
    this.#places.delete(id);
  }

  /**
   * A finger moves; one that was never pressed moves nothing.
   * @param {number} id
   * @param {Place} place
   * @param {PanZoom} view
   */
  move(id, place, view) {
    const before = this.#places.get(id);
    if (!before) return;
    this.#places.set(id, place);
    view.moveBy((place.x - before.x) / this.count, (place.y - before.y) / this.count);
    const other = [...this.#places].find(([key]) => key !== id)?.[1];
    if (!other) return;
    /** @param {Place} from */
    const spread = (from) => Math.max(LEAST_SPREAD, Math.hypot(from.x - other.x, from.y - other.y));
    const factor = spread(place) / spread(before);
    view.zoomAt((place.x + other.x) / 2, (place.y + other.y) / 2, factor);
  }
}
