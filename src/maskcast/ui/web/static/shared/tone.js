// @ts-check
// Brightness, contrast and gamma of pictures on the screen. Only looks: no pixel of a picture, and
// nothing that is made of it, changes.

/**
 * @import { Texts } from "./texts.js"
 */
import { label, make } from "./dom.js";
import { Kept } from "./kept.js";

/** @typedef {{brightness: number, contrast: number, gamma: number}} ToneValues */

/** Pictures as they are. */
const PLAIN = { brightness: 0, contrast: 1, gamma: 1 };

const LEVELS = 64; // of the curve, between which the browser draws straight lines
const OCTAVES = 2.5; // up and down from 1 that the sliders of factors reach
const SVG = "http://www.w3.org/2000/svg";

/**
 * What becomes of the levels of a picture: first gamma, then contrast about the middle, then
 * brightness.
 * @param {ToneValues} values  brightness is added, -1 to 1; contrast and gamma are factors
 * @returns {number[]} LEVELS + 1 values in 0 to 1, for levels from black to white
 */
export function toneCurve({ brightness, contrast, gamma }) {
  const levels = Array.from({ length: LEVELS + 1 }, (_, place) => place / LEVELS);
  return levels.map((level) => {
    const toned = (level ** (1 / gamma) - 0.5) * contrast + 0.5 + brightness;
    return Math.min(1, Math.max(0, toned));
  });
}

/** How all pictures of a project are shown on this page. */
class Tone {
  /** @param {string} project */
  constructor(project) {
    this.kept = new Kept(project, "tone", PLAIN);
    this.filter = `maskcast-tone-${project}`;
    const functions = ["R", "G", "B"].map((channel) => {
      const made = document.createElementNS(SVG, `feFunc${channel}`);
      made.setAttribute("type", "table");
      return made;
    });
    this.functions = functions;
    const transfer = document.createElementNS(SVG, "feComponentTransfer");
    transfer.append(...functions);
    const filter = document.createElementNS(SVG, "filter");
    filter.id = this.filter;
    filter.setAttribute("color-interpolation-filters", "sRGB");
    filter.append(transfer);
    const holder = document.createElementNS(SVG, "svg");
    holder.setAttribute("aria-hidden", "true");
    holder.setAttribute("width", "0");
    holder.setAttribute("height", "0");
    holder.style.position = "absolute";
    holder.append(filter);
    document.body.append(holder);
    /** @type {(() => void)[]} */
    this.listeners = [];
    this.#show();
  }

  get isPlain() {
    const { value } = this.kept;
    return Object.entries(PLAIN).every(
      ([name, plain]) => value[/** @type {keyof ToneValues} */ (name)] === plain,
    );
  }

  /** @param {Partial<ToneValues>} change */
  change(change) {
    this.kept.change(change);
    this.#show();
  }

  #show() {
    const curve = toneCurve(this.kept.value).map((level) => level.toFixed(4));
    for (const made of this.functions) made.setAttribute("tableValues", curve.join(" "));
    for (const listener of this.listeners) listener();
  }

  /** @param {() => void} listener  called now and after every change */
  follow(listener) {
    this.listeners.push(listener);
    listener();
  }
}

/** @type {Map<string, Tone>} */
const tones = new Map();

/** @param {string} project */
function toneOf(project) {
  const known = tones.get(project) ?? new Tone(project);
  tones.set(project, known);
  return known;
}

/**
 * Sliders in a box that opens, and pictures that follow them.
 * @param {HTMLElement} box  a details element, to be filled
 * @param {HTMLElement[]} pictures
 * @param {string} project  under which the browser keeps them
 * @param {Texts} texts
 */
export function offerTone(box, pictures, project, texts) {
  const tone = toneOf(project);
  const { text } = texts;
  const summary = make("summary", "", { text: "◐" });
  label(summary, text("shared.tone"));
  const sliders = /** @type {(keyof ToneValues)[]} */ (["brightness", "contrast", "gamma"]).map(
    (name) => new ToneSlider(name, tone, text(`shared.tone.${name}`)),
  );
  const plain = make("button", "", { type: "button", text: text("shared.tone.plain") });
  plain.addEventListener("click", () => tone.change(PLAIN));
  const panel = make("div", "tone-panel", {}, ...sliders.map((slider) => slider.line), plain);
  box.replaceChildren(summary, panel);
  box.addEventListener("keydown", (event) => event.stopPropagation()); // keys of the sliders
  tone.follow(() => {
    for (const slider of sliders) slider.show();
    plain.disabled = tone.isPlain;
    box.classList.toggle("is-toned", !tone.isPlain);
    for (const picture of pictures) {
      picture.style.filter = tone.isPlain ? "" : `url(#${tone.filter})`;
    }
  });
}

class ToneSlider {
  /**
   * @param {keyof ToneValues} name
   * @param {Tone} tone
   * @param {string} words
   */
  constructor(name, tone, words) {
    this.name = name;
    this.tone = tone;
    const about = { type: "range", min: "-100", max: "100", step: "1", "aria-label": words };
    this.input = make("input", "", about);
    this.shown = make("output");
    this.line = make(
      "div",
      "tone-line",
      {},
      make("span", "", { text: words }),
      this.input,
      this.shown,
    );
    this.input.addEventListener("input", () => {
      const share = Number(this.input.value) / 100;
      const value = name === "brightness" ? share : 2 ** (share * OCTAVES);
      tone.change({ [name]: value });
    });
  }

  show() {
    const value = this.tone.kept.value[this.name];
    const share = this.name === "brightness" ? value : Math.log2(value) / OCTAVES;
    this.input.value = String(Math.round(100 * share));
    this.shown.textContent = value.toFixed(2);
  }
}
