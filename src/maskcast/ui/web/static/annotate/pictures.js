// @ts-check
// Pictures of the references as the server sends them.

/**
 * @import { Box, PanZoom } from "../shared/panzoom.js"
 * @import { Problem, Scene } from "./scene.js"
 */
import { later } from "../shared/dom.js";
import { limit } from "../shared/panzoom.js";

const PICTURES_KEPT = 4;
const DETAIL_WAIT = 250; // milliseconds that the view must rest
const MOST_DETAIL = 6e6; // pixels of the image
const NEEDS_DETAIL = 1.2; // screen pixels that a pixel of the reduced picture takes

/** @typedef {(message: object) => Promise<any>} Ask */

/** @typedef {{picture: HTMLImageElement | null, problem?: Problem}} Loaded */

export class Pictures {
  /** @type {Map<string, Promise<Loaded>>} */
  #loading = new Map();

  /**
   * @param {Ask} ask
   * @param {(problem: Problem) => void} showProblem
   */
  constructor(ask, showProblem) {
    this.ask = ask;
    this.showProblem = showProblem;
  }

  /**
   * A decoded picture; null if it cannot be had, which is told.
   * @param {string} image
   */
  load(image) {
    return this.#tell(this.#get(image));
  }

  /**
   * Loads what may be opened next; nobody asked for it, and nothing is told.
   * @param {string} image
   */
  foresee(image) {
    this.#get(image);
  }

  /**
   * A decoded part of a picture.
   * @param {string} image
   * @param {Box} part
   */
  loadPart(image, part) {
    return this.#tell(this.#fetch({ do: "picture", image, part }));
  }

  /** @param {string} image */
  #get(image) {
    const known = this.#loading.get(image);
    if (known) return known;
    const loading = this.#fetch({ do: "picture", image });
    this.#loading.set(image, loading);
    for (const key of this.#loading.keys()) {
      if (this.#loading.size <= PICTURES_KEPT) break;
      this.#loading.delete(key);
    }
    loading.then(({ picture }) => picture === null && this.#loading.delete(image));
    return loading;
  }

  /** @param {Promise<Loaded>} loading */
  async #tell(loading) {
    const { picture, problem } = await loading;
    if (problem) this.showProblem(problem);
    return picture;
  }

  /**
   * @param {object} message
   * @returns {Promise<Loaded>}
   */
  async #fetch(message) {
    const reply = await this.ask(message);
    if (reply.problem) return { picture: null, problem: reply.problem };
    const picture = new Image();
    picture.src = reply.picture;
    try {
      await picture.decode();
    } catch (error) {
      return { picture: null, problem: { kind: "error", text: String(error) } };
    }
    return { picture };
  }
}

/** Very large images are sent reduced; what is looked at closely follows in full. */
export class Detail {
  /** @type {{image: string, part: Box, picture: HTMLImageElement} | null} */
  #shown = null;
  #asked = "";

  /**
   * @param {Pictures} pictures
   * @param {PanZoom} view
   * @param {() => Scene | null} scene  the one in hand
   * @param {() => void} draw  there is more to be seen
   */
  constructor(pictures, view, scene, draw) {
    this.pictures = pictures;
    this.view = view;
    this.scene = scene;
    this.redraw = draw;
    this.fetchSoon = later(DETAIL_WAIT, () => this.#fetch());
  }

  /**
   * Draws what is there over the reduced picture, and fetches what is missing.
   * @param {CanvasRenderingContext2D} context
   */
  draw(context) {
    const { view } = this;
    const scene = this.scene();
    if (!scene || scene.step === 1) return;
    if (this.#shown?.image === scene.image) {
      const [x0, y0, x1, y1] = this.#shown.part;
      const { x, y } = view.toScreen(x0, y0);
      context.imageSmoothingEnabled = view.scale < 3;
      context.drawImage(this.#shown.picture, x, y, (x1 - x0) * view.scale, (y1 - y0) * view.scale);
    }
    if (view.scale * scene.step > NEEDS_DETAIL) this.fetchSoon();
  }

  async #fetch() {
    const scene = this.scene();
    if (!scene || scene.step === 1) return;
    const { image } = scene;
    const part = this.#seenPart(scene);
    const pixels = (part[2] - part[0]) * (part[3] - part[1]);
    const isKnown = this.#shown?.image === image && String(part) === String(this.#shown.part);
    if (isKnown || pixels === 0 || pixels > MOST_DETAIL) return;
    this.#asked = String(part);
    const picture = await this.pictures.loadPart(image, part);
    if (picture === null || this.#asked !== String(part)) return;
    this.#shown = { image, part, picture };
    this.redraw();
  }

  /**
   * @param {Scene} scene
   * @returns {Box}
   */
  #seenPart({ width, height }) {
    const { screen } = this.view;
    const low = this.view.toPicture(0, 0);
    const high = this.view.toPicture(screen.width, screen.height);
    return [
      Math.floor(limit(low.x, 0, width)),
      Math.floor(limit(low.y, 0, height)),
      Math.ceil(limit(high.x, 0, width)),
      Math.ceil(limit(high.y, 0, height)),
    ];
  }
}
