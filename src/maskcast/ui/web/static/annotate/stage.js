// @ts-check
// What is on the screen where the picture is: the picture on one canvas, its masks on another above
// it, prompts and what is being drawn on a third, so that a move of the mouse redraws only the last.

/**
 * @import { Box, Place } from "../shared/panzoom.js"
 * @import { Feel, Tool } from "../shared/controls.js"
 * @import { Drag, Handle } from "./gestures.js"
 * @import { Mask, MaskStore } from "./masks.js"
 * @import { Prompts, Scene } from "./scene.js"
 * @import { Visible } from "./visible.js"
 */
import { channels } from "../shared/colors.js";
import { drawnUnit, find } from "../shared/dom.js";
import { drawLabels } from "../shared/layers.js";
import { limit, PanZoom } from "../shared/panzoom.js";
import { boxOf, StrokeDrag } from "./gestures.js";
import { drawBox, drawCrosshair, drawPoint, drawRing, drawStroke } from "./marks.js";
import { hatched, tinted } from "./masks.js";
import { drawingOrder, isInside, UNKNOWN } from "./scene.js";

const CONTOUR = 1.5; // drawn units, but at least one pixel of the mask

/**
 * What the stage shows; the labeler is it.
 * @typedef {object} Shown
 * @property {Scene | null} scene
 * @property {HTMLImageElement | null} picture
 * @property {boolean} isWhole  whether everything that is to be seen is here
 * @property {number} chosen
 * @property {boolean} hides  whether masks and prompts are hidden
 * @property {Visible} visible  what is drawn of them
 * @property {Prompts | null} prompts
 * @property {(id: number) => string} colorOf
 * @property {(id: number) => string} nameOf
 * @property {Drag | null} drag
 * @property {Place | null} cursor  of the keyboard, in pixels of the image
 * @property {Place | null} corner  the first one of a box drawn with the keyboard
 * @property {{place: Place, radius: number, color: string} | null} ring  on the screen
 */

export class Stage {
  /** @type {WeakMap<Mask, {key: string, canvas: HTMLCanvasElement}>} */
  #painted = new WeakMap();
  #frame = 0;
  #baseIsOld = false;

  /**
   * @param {HTMLElement} root
   * @param {Feel} feel
   * @param {MaskStore} masks
   * @param {() => Shown} look  what is to be shown
   */
  constructor(root, feel, masks, look) {
    this.element = find(root, ".mc-stage");
    this.spot = find(root, ".mc-spot");
    this.zoom = find(root, ".mc-zoom");
    this.under = find(root, ".mc-under", HTMLCanvasElement);
    this.base = find(root, ".mc-base", HTMLCanvasElement);
    this.top = find(root, ".mc-top", HTMLCanvasElement);
    this.masks = masks;
    this.view = new PanZoom(feel);
    this.look = look;
    /** @type {(context: CanvasRenderingContext2D) => void} */
    this.drawDetail = () => {};
  }

  /** Takes the size that the page gives the stage. */
  measure() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.under, this.base, this.top]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.view.resize(width, height);
    this.draw();
  }

  /** Everything anew, with the next frame. */
  draw() {
    this.#baseIsOld = true;
    this.drawTop();
  }

  /** Prompts and what is being drawn, with the next frame. */
  drawTop() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#drawFrame());
  }

  /** What is on its way is not drawn yet: for those who wait for it. */
  expectNews() {
    this.element.dataset.drawn = "";
  }

  /** @param {boolean} isClean */
  showClean(isClean) {
    this.element.classList.toggle("mc-is-clean", isClean);
  }

  /**
   * What a press would do, as the shape of the mouse.
   * @param {Tool} tool
   * @param {Handle | null} handle
   * @param {boolean} isMoving  whether the picture follows the mouse
   */
  showCursor(tool, handle, isMoving) {
    const cursor = handle ? cursorOf(handle) : tool === "pan" ? "grab" : tool;
    this.element.dataset.cursor = isMoving ? "grabbing" : cursor;
  }

  /**
   * Where the mouse or the cursor is, in pixels of the image, and the size of that.
   * @param {Scene | null} scene
   * @param {Place | null} place
   */
  showSpot(scene, place) {
    const size = scene ? `${scene.width} × ${scene.height}` : "";
    const isOver = scene && place && isInside(scene, place);
    const at = isOver ? `${Math.floor(place.x)}, ${Math.floor(place.y)} · ` : "";
    this.spot.textContent = at + size;
  }

  #drawFrame() {
    this.#frame = 0;
    const shown = this.look();
    if (this.#baseIsOld) this.#drawBase(shown);
    this.#baseIsOld = false;
    this.#drawTop(shown);
    this.#tellWhatIsDrawn(shown);
  }

  /**
   * For those who wait for it, the benchmark and the tests: empty while anything is on its way.
   * @param {Shown} shown
   */
  #tellWhatIsDrawn({ scene, isWhole }) {
    const { dataset } = this.element;
    dataset.drawn = isWhole ? String(scene?.revision) : "";
    dataset.revision = String(scene?.revision ?? "");
    dataset.image = scene?.image ?? "";
    dataset.view = [this.view.scale, this.view.x, this.view.y].join(" ");
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @returns {CanvasRenderingContext2D}
   */
  #cleared(canvas) {
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.view.screen.width, this.view.screen.height);
    return context;
  }

  /** @param {Shown} shown */
  #drawBase(shown) {
    const context = this.#cleared(this.under);
    const above = this.#cleared(this.base);
    const { scene, picture } = shown;
    const { view } = this;
    this.zoom.textContent = scene ? `${Math.round(view.scale * 100)}%` : "–";
    if (!scene || !picture) return;
    const size = scene.step * view.scale;
    context.imageSmoothingEnabled = size < 3;
    context.imageSmoothingQuality = "medium";
    const [width, height] = [picture.naturalWidth * size, picture.naturalHeight * size];
    context.drawImage(picture, view.x, view.y, width, height);
    this.drawDetail(context);
    if (!shown.hides) this.#drawMasks(above, shown, scene);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Shown} shown
   * @param {Scene} scene
   */
  #drawMasks(context, shown, scene) {
    const { view } = this;
    const size = scene.step * view.scale;
    context.imageSmoothingEnabled = size < 3;
    context.imageSmoothingQuality = "medium";
    const masks = this.#seenMasks(shown, scene);
    for (const { id, mask } of masks) {
      context.globalAlpha = id === shown.chosen || id === UNKNOWN ? 1 : 0.75;
      const painted = this.#paint(id, mask, shown, size);
      const [x, y] = [view.x + mask.x * size, view.y + mask.y * size];
      context.drawImage(painted, x, y, mask.w * size, mask.h * size);
    }
    context.globalAlpha = 1;
    if (shown.visible.labels) drawLabels(context, view, namedBoxes(masks, shown, scene.step));
  }

  /**
   * Those that are here and not switched off, in the order that they are drawn in.
   * @param {Shown} shown
   * @param {Scene} scene
   * @returns {{id: number, mask: Mask}[]}
   */
  #seenMasks({ visible, chosen }, scene) {
    return drawingOrder(scene, chosen).flatMap(([key, object]) => {
      const id = Number(key);
      const mask = visible.off.includes(id) ? null : this.masks.shown(scene, key, object);
      return mask && mask.w > 0 ? [{ id, mask }] : [];
    });
  }

  /**
   * A canvas of the mask's box, kept for as long as it looks the same.
   * @param {number} id
   * @param {Mask} mask
   * @param {Shown} shown
   * @param {number} size  screen pixels of one of the mask
   */
  #paint(id, mask, { visible, colorOf }, size) {
    const color = colorOf(id);
    const width = limit(Math.round((CONTOUR * drawnUnit()) / size), 1, 8);
    const contour = visible.outline || id === UNKNOWN ? width : 0;
    const fill = visible.fill ? visible.opacity : 0;
    const key = `${color} ${contour} ${fill}`;
    const known = this.#painted.get(mask);
    if (known?.key === key) return known.canvas;
    const canvas = document.createElement("canvas");
    canvas.width = mask.w;
    canvas.height = mask.h;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const tint = channels(color);
    const pixels =
      id === UNKNOWN ? hatched(mask, tint, contour) : tinted(mask, tint, contour, fill);
    context.putImageData(new ImageData(pixels, mask.w, mask.h), 0, 0);
    this.#painted.set(mask, { key, canvas });
    return canvas;
  }

  /** @param {Shown} shown */
  #drawTop(shown) {
    const context = this.#cleared(this.top);
    const { scene, prompts, drag, cursor, corner, ring } = shown;
    if (!scene || !shown.picture) return;
    const { view } = this;
    const color = shown.colorOf(shown.chosen);
    for (const stroke of prompts?.strokes ?? []) {
      drawStroke(context, view, stroke, shown.colorOf(stroke.object));
    }
    for (const box of prompts?.boxes ?? []) drawBox(context, view, box, color, "other");
    if (prompts?.box) drawBox(context, view, prompts.box, color, "fixed");
    for (const [x, y, positive] of prompts?.points ?? []) {
      drawPoint(context, view.toScreen(x, y), positive);
    }
    if (drag instanceof StrokeDrag) drawStroke(context, view, drag.edit(), color);
    const band = drag?.band() ?? (cursor && corner && boxOf(corner, cursor));
    if (band) drawBox(context, view, band, color, "drawn");
    if (cursor) drawCrosshair(context, view.toScreen(cursor.x, cursor.y));
    if (ring) drawRing(context, ring.place, ring.radius, ring.color);
  }
}

/**
 * What labels stand beside: the objects of an image with their boxes.
 * @param {{id: number, mask: Mask}[]} masks
 * @param {Shown} shown
 * @param {number} step  pixels of the image along each side of one of a mask
 */
function namedBoxes(masks, { colorOf, nameOf }, step) {
  return masks
    .filter(({ id }) => id !== UNKNOWN)
    .map(({ id, mask: { x, y, w, h } }) => ({
      layer: { boxes: [/** @type {Box} */ ([x, y, x + w, y + h].map((at) => at * step))] },
      style: { color: colorOf(id), words: nameOf(id) },
    }));
}

/** @param {Handle} handle */
function cursorOf({ x, y }) {
  if (x === 1) return "ns";
  if (y === 1) return "ew";
  return x === y ? "nwse" : "nesw";
}
