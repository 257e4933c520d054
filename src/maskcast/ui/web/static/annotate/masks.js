// @ts-check
// Masks as the server sends them (bits of a bounding box), and as they are painted.

/** @import { Scene, SceneObject, SentMask } from "./scene.js" */
import { eroded, unpackBits } from "../shared/bits.js";
import { withUnknown } from "./scene.js";

/**
 * @typedef {Omit<SentMask, "bits"> & {pixels: Uint8Array}} Mask  pixels: w x h, 1 where it is
 */

const MOST_MASKS = 64;
const UNKNOWN_FILL = 0.38; // which stripes cover
const BETWEEN = [0, 0, 0, 130]; // stripes of a hatched mask
const STRIPES = 6; // from one stripe of a hatched mask to the next, in widths of its contour

/**
 * A mask's box as it is shown: translucent inside, full colour along the contour.
 * @param {Mask} mask
 * @param {[number, number, number]} color
 * @param {number} contour  its width in pixels of the mask; 0: none
 * @param {number} fill  opacity of the inside, 0 to 1
 * @returns {Uint8ClampedArray<ArrayBuffer>} w x h x 4, RGBA
 */
export function tinted(mask, [red, green, blue], contour, fill) {
  const rgba = new Uint8ClampedArray(4 * mask.w * mask.h);
  const words = new Uint32Array(rgba.buffer);
  const base = (blue << 16) | (green << 8) | red; // all browsers run on little-endian machines
  const inside = (base | (Math.round(fill * 255) << 24)) >>> 0;
  const edge = (base | (255 << 24)) >>> 0;
  const core = contour > 0 ? eroded(mask, contour) : mask.pixels;
  for (let at = 0; at < words.length; at += 1) {
    if (mask.pixels[at]) words[at] = core[at] ? inside : edge;
  }
  return rgba;
}

/**
 * The same with stripes over the inside, and darkened between them, which no image hides.
 * @param {Mask} mask
 * @param {[number, number, number]} color
 * @param {number} contour
 * @returns {Uint8ClampedArray<ArrayBuffer>} w x h x 4, RGBA
 */
export function hatched(mask, color, contour) {
  const rgba = tinted(mask, color, contour, UNKNOWN_FILL);
  const { x: left, y: top, w, h } = mask;
  for (let y = 0, at = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1, at += 1) {
      if (!mask.pixels[at] || rgba[4 * at + 3] === 255) continue;
      const isStripe = (left + x + top + y) % (STRIPES * contour) < 2 * contour;
      if (isStripe) rgba[4 * at + 3] = 255;
      else rgba.set(BETWEEN, 4 * at);
    }
  }
  return rgba;
}

/** The masks that the page has, by the keys that the server gave them. */
export class MaskStore {
  /** @type {Map<number, Mask>} */
  #masks = new Map();
  /** @type {Map<string, {image: string, mask: Mask}>} */
  #last = new Map();

  /** The keys that the server need not send again. */
  known() {
    return [...this.#masks.keys()];
  }

  clear() {
    this.#masks.clear();
  }

  /**
   * Takes the masks out of a scene.
   * @param {Scene} scene
   */
  keep(scene) {
    const shown = Object.values(withUnknown(scene));
    for (const object of shown) {
      if (!object.mask) continue;
      const { x, y, w, h, area } = object.mask;
      this.#masks.set(object.key, { x, y, w, h, area, pixels: unpackBits(object.mask) });
      delete object.mask;
    }
    const used = new Set(shown.map((object) => object.key));
    for (const key of this.#masks.keys()) {
      if (this.#masks.size <= MOST_MASKS) break;
      if (!used.has(key)) this.#masks.delete(key);
    }
  }

  /**
   * Keeps the masks that are shown for as long as the next ones are on their way.
   * @param {Scene} scene
   */
  remember(scene) {
    const shown = withUnknown(scene);
    for (const id of this.#last.keys()) if (!(id in shown)) this.#last.delete(id);
    for (const [id, object] of Object.entries(shown)) {
      const mask = this.#masks.get(object.key);
      if (mask) this.#last.set(id, { image: scene.image, mask });
    }
  }

  /**
   * The mask of an object, or the one before while it is on its way.
   * @param {Scene} scene
   * @param {string} id
   * @param {SceneObject} object
   * @returns {Mask | undefined}
   */
  shown(scene, id, object) {
    const last = this.#last.get(id);
    return this.#masks.get(object.key) ?? (last?.image === scene.image ? last.mask : undefined);
  }
}
