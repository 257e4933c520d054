// @ts-check
// The picture in hand: original and overlay on top of each other, faded, zoomed and moved.

/**
 * @import { Bounds } from "../shared/panzoom.js"
 * @import { ReviewRow } from "./queue.js"
 */
import { find, placeOn } from "../shared/dom.js";
import { Fingers, PanZoom, wheelFactor } from "../shared/panzoom.js";
import { pictureUrl } from "../shared/rows.js";

const CRISP = 3; // screen pixels from which a picture's pixels are shown as squares

/** @param {ReviewRow} row */
const overlayOf = (row) => (row.blind ? "blind" : "overlay");

export class Sheet {
  #fingers = new Fingers();
  #view;
  #shown = "";
  /** @type {Map<string, HTMLImageElement>} held, since the browser may forget what nobody holds */
  #ahead = new Map();

  /**
   * @param {HTMLElement} root
   * @param {Bounds & {zoom_step: number}} feel
   */
  constructor(root, feel) {
    this.#view = new PanZoom({ ...feel, fit_margin: 0 });
    this.step = feel.zoom_step;
    this.stage = find(root, ".stage");
    this.sheet = find(root, ".sheet");
    this.original = find(root, ".original", HTMLImageElement);
    this.overlay = find(root, ".overlay", HTMLImageElement);
    this.fade = find(root, ".fade", HTMLInputElement);
    this.fade.addEventListener("input", () => this.#applyFade());
    this.#listen();
  }

  /**
   * Shows a target; the zoom is kept from one picture to the next of its size.
   * @param {ReviewRow} row
   */
  show(row) {
    const { original, overlay } = this;
    original.src = pictureUrl("original", row);
    overlay.src = pictureUrl(overlayOf(row), row);
    original.alt = row.id;
    const [height, width] = row.size ?? [1, 1];
    const size = `${width} x ${height}`;
    this.#view.resize(this.stage.clientWidth, this.stage.clientHeight);
    if (size !== this.#shown) this.#view.open({ width, height });
    this.#shown = size;
    this.#place();
    this.#applyFade();
  }

  /** @param {ReviewRow[]} rows  to be shown soon; what was held for others is let go */
  preload(rows) {
    const wanted = rows.flatMap((row) => [
      pictureUrl("original", row),
      pictureUrl(overlayOf(row), row),
    ]);
    this.#ahead = new Map(wanted.map((url) => [url, this.#ahead.get(url) ?? decoded(url)]));
  }

  flip() {
    this.fade.value = Number(this.fade.value) > 0 ? "0" : "100";
    this.#applyFade();
  }

  fit() {
    this.#view.fit();
    this.#place();
  }

  /** @param {number} direction  1 = closer, -1 = farther */
  zoom(direction) {
    this.#view.zoomMiddle(direction > 0 ? this.step : 1 / this.step);
    this.#place();
  }

  #applyFade() {
    this.overlay.style.opacity = String(Number(this.fade.value) / 100);
  }

  #place() {
    const { picture, x, y, scale } = this.#view;
    const { style, classList } = this.sheet;
    style.width = `${picture.width}px`;
    style.height = `${picture.height}px`;
    style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    classList.toggle("pixels", scale >= CRISP);
  }

  #listen() {
    const { stage } = this;
    const onWheel = (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      const { x, y } = placeOn(stage, event);
      this.#view.zoomAt(x, y, wheelFactor(event, this.step));
      this.#place();
    };
    stage.addEventListener("wheel", onWheel, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      if (this.#fingers.count === 2) return;
      stage.setPointerCapture(event.pointerId);
      this.#fingers.press(event.pointerId, placeOn(stage, event));
    });
    stage.addEventListener("pointermove", (event) => {
      if (this.#fingers.count === 0) return;
      this.#fingers.move(event.pointerId, placeOn(stage, event), this.#view);
      this.#place();
    });
    stage.addEventListener("lostpointercapture", (event) => this.#fingers.lift(event.pointerId));
    stage.addEventListener("dblclick", () => this.fit());
    new ResizeObserver(() => {
      this.#view.resize(stage.clientWidth, stage.clientHeight);
      this.#place();
    }).observe(stage);
  }
}

/** @param {string} url  of a picture that is shown without delay later on */
function decoded(url) {
  const image = new Image();
  image.src = url;
  image.decode().catch(() => {}); // what is wrong with it is seen when it is shown
  return image;
}
