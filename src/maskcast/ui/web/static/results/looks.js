// @ts-check
// The switches of the large view: what is drawn of what was found, and of which objects.

/**
 * @import { Look } from "../shared/layers.js"
 */
import { find, findAll } from "../shared/dom.js";
import { Kept } from "../shared/kept.js";
import { FIRST_LOOK } from "../shared/layers.js";

/** @typedef {"outline" | "fill" | "boxes" | "labels"} Part */

/** @type {Look & {off: number[]}}  off: ids of objects that are not shown */
const FIRST = { ...FIRST_LOOK, off: [] };

const HELD = 300; // milliseconds from which a key is held rather than pressed

export class Looks {
  #hides = false;
  #hiddenSince = 0;

  /**
   * @param {HTMLElement} dialog
   * @param {string} project  under which it is kept
   * @param {() => void} draw
   */
  constructor(dialog, project, draw) {
    this.kept = new Kept(project, "layers", FIRST);
    this.draw = draw;
    this.buttons = findAll(dialog, "[data-look]");
    this.opacity = find(dialog, ".opacity", HTMLInputElement);
    for (const button of this.buttons) {
      const part = /** @type {Part} */ (button.dataset.look);
      button.addEventListener("click", () => this.#change({ [part]: !this.kept.value[part] }));
    }
    this.opacity.addEventListener("input", () => {
      this.#change({ opacity: Number(this.opacity.value) / 100, fill: true });
    });
    this.#show();
  }

  /** What is drawn now. */
  get look() {
    return this.kept.value;
  }

  get hides() {
    return this.#hides;
  }

  /** @param {number} id */
  shows(id) {
    return !this.#hides && !this.kept.value.off.includes(id);
  }

  /**
   * @param {number} id
   * @param {boolean} isShown
   */
  turn(id, isShown) {
    const others = this.kept.value.off.filter((other) => other !== id);
    this.#change({ off: isShown ? others : [...others, id] });
  }

  /**
   * The key that hides: for as long as it is held; pressed shortly, until it is pressed again.
   * @param {KeyboardEvent} event
   */
  onKey({ type, repeat, timeStamp }) {
    if (type === "keydown" && repeat) return;
    if (type === "keydown") {
      this.#hiddenSince = timeStamp;
      this.#hide(!this.#hides);
    } else if (timeStamp - this.#hiddenSince > HELD) this.#hide(false);
  }

  /** Another picture is shown whole. */
  unhide() {
    this.#hide(false);
  }

  /** @param {boolean} hides */
  #hide(hides) {
    if (this.#hides === hides) return;
    this.#hides = hides;
    this.draw();
  }

  /** @param {Partial<typeof FIRST>} change */
  #change(change) {
    this.kept.change(change);
    this.#show();
    this.draw();
  }

  #show() {
    const { value } = this.kept;
    for (const button of this.buttons) {
      const part = /** @type {Part} */ (button.dataset.look);
      button.setAttribute("aria-pressed", String(value[part]));
    }
    this.opacity.value = String(Math.round(100 * value.opacity));
  }
}
