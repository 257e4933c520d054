// @ts-check
// What was found, drawn over a picture in screen pixels: fill, outline, boxes, labels.

/**
 * @import { Bits } from "./bits.js"
 * @import { Box, PanZoom } from "./panzoom.js"
 */
import { eroded, unpackBits } from "./bits.js";
import { inkOn } from "./colors.js";
import { drawnUnit } from "./dom.js";
import { edgesOf } from "./edges.js";
import { placeLabels } from "./labels.js";
import { limit } from "./panzoom.js";

const OUTLINE = 1.5; // drawn units
const LINES_FROM = 2; // screen pixels of a mask's pixel from which its outline is drawn as lines
const CRISP = 3; // and from which its pixels are shown as squares
const HALO = "rgba(0, 0, 0, 0.55)";
const BOX_GAP = 3; // drawn units between a thing and its box

/**
 * Something that was found, as the server sends it: see encode_layers in shown_layers.py.
 * @typedef {object} SentLayer
 * @property {number} id  of the object
 * @property {{x: number, y: number, w: number, h: number, area: number, bits: string}} mask
 *     in sent pixels, its area in those of the image
 * @property {Box[]} boxes  of its parts in pixels of the image, the largest first
 */

/** @typedef {{step: number, layers: SentLayer[]}} SentLayers */

/** @typedef {Bits & {x: number, y: number}} Mask */

/** @typedef {{id: number, mask: Mask, boxes: Box[]}} Layer */

/** @typedef {{key: string, canvas: HTMLCanvasElement}} Painted  key: color and width */

/**
 * How an object is drawn.
 * @typedef {{color: string, words: string}} Style  color: #rrggbb
 */

/**
 * What is drawn of all objects.
 * @typedef {object} Look
 * @property {boolean} outline
 * @property {boolean} fill
 * @property {boolean} boxes
 * @property {boolean} labels
 * @property {number} opacity  of the fill, 0 to 1
 */

/** @type {Look} */
export const FIRST_LOOK = { outline: true, fill: true, boxes: true, labels: true, opacity: 0.35 };

/**
 * @param {SentLayers} sent
 * @returns {Layer[]}
 */
export const layersIn = ({ layers }) =>
  layers.map(({ id, mask, boxes }) => {
    const { x, y, w, h } = mask;
    return { id, boxes, mask: { x, y, w, h, pixels: unpackBits(mask) } };
  });

export class Layers {
  /** @type {WeakMap<Mask, Painted>} */
  #fills = new WeakMap();
  /** @type {WeakMap<Mask, Painted>} */
  #outlines = new WeakMap();
  #step = 1;
  /** @type {Layer[]} */
  #layers = [];

  /** @param {HTMLCanvasElement} canvas  over the picture, as large as the part it is shown on */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /** @param {SentLayers | null} sent  null while there are none */
  take(sent) {
    this.#step = sent?.step ?? 1;
    this.#layers = sent ? layersIn(sent) : [];
  }

  /**
   * Draws anew.
   * @param {PanZoom} view
   * @param {Look} look
   * @param {(id: number) => Style | null} styleOf  null: the object is not shown
   */
  draw(view, look, styleOf) {
    const context = this.#cleared(view);
    /** @type {{layer: Layer, style: Style}[]} */
    const shown = [];
    for (const layer of this.#layers) {
      const style = styleOf(layer.id);
      if (style) shown.push({ layer, style });
    }
    if (look.fill) for (const each of shown) this.#fill(context, view, each, look.opacity);
    if (look.outline) for (const each of shown) this.#outline(context, view, each);
    if (look.boxes) for (const each of shown) drawBoxes(context, view, each);
    if (look.labels) drawLabels(context, view, shown);
  }

  /** @param {PanZoom} view */
  #cleared({ screen }) {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(screen.width * ratio);
    const height = Math.round(screen.height * ratio);
    if (canvas.width !== width || canvas.height !== height)
      Object.assign(canvas, { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, screen.width, screen.height);
    return context;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {PanZoom} view
   * @param {{layer: Layer, style: Style}} each
   * @param {number} opacity
   */
  #fill(context, view, { layer, style }, opacity) {
    context.globalAlpha = opacity;
    this.#put(context, view, layer.mask, this.#paint(layer.mask, style.color, 0));
    context.globalAlpha = 1;
  }

  /**
   * From near as lines, of which only those in sight are made; from afar as pixels of the mask,
   * because a noisy one has more lines than can be drawn while it is moved.
   * @param {CanvasRenderingContext2D} context
   * @param {PanZoom} view
   * @param {{layer: Layer, style: Style}} each
   */
  #outline(context, view, { layer, style }) {
    const size = this.#step * view.scale;
    if (size >= LINES_FROM) this.#drawLines(context, view, layer.mask, style.color);
    else {
      const width = limit(Math.round((OUTLINE * drawnUnit()) / size), 1, 12);
      this.#put(context, view, layer.mask, this.#paint(layer.mask, style.color, width));
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {PanZoom} view
   * @param {Mask} mask
   * @param {string} color
   */
  #drawLines(context, view, mask, color) {
    const size = this.#step * view.scale;
    const [x, y] = [view.x + mask.x * size, view.y + mask.y * size];
    const inSight = (/** @type {number} */ from, /** @type {number} */ most) =>
      limit(from, 0, most);
    const lines = edgesOf(mask, [
      inSight(Math.floor(-x / size), mask.w),
      inSight(Math.floor(-y / size), mask.h),
      inSight(Math.ceil((view.screen.width - x) / size), mask.w),
      inSight(Math.ceil((view.screen.height - y) / size), mask.h),
    ]);
    context.beginPath();
    for (const [x0, y0, x1, y1] of lines) {
      context.moveTo(x + x0 * size, y + y0 * size);
      context.lineTo(x + x1 * size, y + y1 * size);
    }
    context.lineCap = "square";
    strokeTwice(context, OUTLINE, color);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {PanZoom} view
   * @param {Mask} mask
   * @param {HTMLCanvasElement} painted
   */
  #put(context, view, { x, y, w, h }, painted) {
    if (w === 0) return;
    const size = this.#step * view.scale;
    context.imageSmoothingEnabled = size < CRISP;
    context.drawImage(painted, view.x + x * size, view.y + y * size, w * size, h * size);
  }

  /**
   * A canvas of the mask's box in one colour; of each mask the last filled one and the last outline
   * are kept.
   * @param {Mask} mask
   * @param {string} color
   * @param {number} width  of the outline in pixels of the mask; 0: all of the mask
   */
  #paint(mask, color, width) {
    const kept = width > 0 ? this.#outlines : this.#fills;
    const key = `${color} ${width}`;
    const known = kept.get(mask);
    if (known?.key === key) return known.canvas;
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, mask.w);
    canvas.height = Math.max(1, mask.h);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const pixels = painted(mask, color, width);
    if (mask.w > 0) context.putImageData(new ImageData(pixels, mask.w, mask.h), 0, 0);
    kept.set(mask, { key, canvas });
    return canvas;
  }
}

/**
 * A mask, or its outline, in one colour.
 * @param {Bits} mask
 * @param {string} color  #rrggbb
 * @param {number} width  of the outline in pixels of the mask; 0: all of the mask
 * @returns {Uint8ClampedArray<ArrayBuffer>} w x h x 4, RGBA
 */
function painted(mask, color, width) {
  const rgba = new Uint8ClampedArray(4 * mask.w * mask.h);
  const words = new Uint32Array(rgba.buffer);
  const value = Number.parseInt(color.slice(1), 16);
  const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255];
  const word = (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0; // little-endian
  const core = width > 0 ? eroded(mask, width) : null;
  for (let at = 0; at < words.length; at += 1) {
    if (mask.pixels[at] && !core?.[at]) words[at] = word;
  }
  return rgba;
}

/**
 * The line that was begun: a light one on a wider dark one is seen on any picture.
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {string} color
 */
function strokeTwice(context, width, color) {
  const unit = drawnUnit();
  context.lineWidth = (width + 1.5) * unit;
  context.strokeStyle = HALO;
  context.stroke();
  context.lineWidth = width * unit;
  context.strokeStyle = color;
  context.stroke();
}

/**
 * @param {PanZoom} view
 * @param {Box} box  in pixels of the image
 * @param {number} away  screen pixels all round
 * @returns {Box} on the screen
 */
function onScreen(view, [x0, y0, x1, y1], away) {
  const first = view.toScreen(x0, y0);
  const last = view.toScreen(x1, y1);
  return [first.x - away, first.y - away, last.x + away, last.y + away];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {PanZoom} view
 * @param {{layer: Layer, style: Style}} each
 */
function drawBoxes(context, view, { layer, style }) {
  context.beginPath();
  for (const box of layer.boxes) {
    const [x0, y0, x1, y1] = onScreen(view, box, BOX_GAP * drawnUnit());
    context.rect(
      Math.round(x0) + 0.5,
      Math.round(y0) + 0.5,
      Math.round(x1 - x0),
      Math.round(y1 - y0),
    );
  }
  strokeTwice(context, 1, style.color);
}

/**
 * A label for each object, beside its largest part.
 * @param {CanvasRenderingContext2D} context
 * @param {PanZoom} view
 * @param {{layer: {boxes: Box[]}, style: Style}[]} shown  the box of the largest part first
 */
export function drawLabels(context, view, shown) {
  const { fontFamily, fontSize } = getComputedStyle(context.canvas);
  const letters = Number.parseFloat(fontSize);
  context.font = `600 ${fontSize} ${fontFamily}`;
  context.textBaseline = "middle";
  const named = shown.filter(({ layer, style }) => layer.boxes.length > 0 && style.words);
  const labels = named.map(({ layer, style }) => ({
    box: onScreen(view, layer.boxes[0], 2 * BOX_GAP * drawnUnit()),
    size: { width: context.measureText(style.words).width + letters, height: 1.5 * letters },
  }));
  const things = shown.flatMap(({ layer }) => layer.boxes.map((box) => onScreen(view, box, 0)));
  for (const [index, place] of placeLabels(labels, things, view.screen).entries()) {
    if (!place) continue;
    const { color, words } = named[index].style;
    const [x0, y0, x1, y1] = place;
    context.fillStyle = color;
    context.fillRect(x0, y0, x1 - x0, y1 - y0);
    context.fillStyle = inkOn(color);
    context.fillText(words, x0 + letters / 2, (y0 + y1) / 2);
  }
}
