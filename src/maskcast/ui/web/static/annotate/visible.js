// @ts-check
// What is drawn of masks and prompts, and of which objects: switches in a box that opens. Only
// looks: nothing that is annotated changes.

/**
 * @import { Texts } from "../shared/texts.js"
 */
import { label, make } from "../shared/dom.js";
import { Kept } from "../shared/kept.js";

const PARTS = /** @type {const} */ (["outline", "fill", "prompts", "labels"]);

/** @typedef {typeof PARTS[number]} Part */

/** All that can be chosen; off: ids of objects that are not shown. */
const FIRST = {
  outline: true,
  fill: true,
  prompts: true,
  labels: false,
  opacity: 0.38,
  off: /** @type {number[]} */ ([]),
};

/** @typedef {typeof FIRST} Visible */

/** @typedef {{id: number, name: string, color: string}} Listed */

export class Visibility {
  #listed = "";

  /**
   * @param {HTMLElement} box  a details element, to be filled
   * @param {string} project  under which the browser keeps what is chosen
   * @param {Texts} texts
   * @param {() => void} draw
   */
  constructor(box, project, texts, draw) {
    this.kept = new Kept(project, "annotate layers", FIRST);
    this.box = box;
    this.draw = draw;
    const { text } = texts;
    const summary = make("summary", "", { text: "◫" });
    label(summary, text("annotate.layers"));
    this.switches = PARTS.map((part) => this.#switch(part, text(`annotate.layers.${part}`)));
    const words = text("annotate.layers.opacity");
    const range = { type: "range", min: "0", max: "100", step: "1", "aria-label": words };
    this.opacity = make("input", "", range);
    this.opacity.addEventListener("input", () => {
      this.#change({ opacity: Number(this.opacity.value) / 100, fill: true });
    });
    const line = make("label", "layer-line", {}, make("span", "", { text: words }), this.opacity);
    this.objects = make("div", "layer-objects", { role: "group" });
    label(this.objects, text("annotate.objects"));
    const switches = this.switches.map(({ line }) => line);
    const panel = make("div", "tone-panel", {}, ...switches, line, this.objects);
    box.replaceChildren(summary, panel);
    box.addEventListener("keydown", (event) => event.stopPropagation()); // keys of the switches
    this.#show();
  }

  /** @returns {Visible} */
  get value() {
    return this.kept.value;
  }

  /** @param {number} id */
  shows(id) {
    return !this.value.off.includes(id);
  }

  /**
   * @param {number} id
   * @param {boolean} isShown
   */
  turn(id, isShown) {
    if (this.shows(id) === isShown) return;
    const others = this.value.off.filter((other) => other !== id);
    this.#change({ off: isShown ? others : [...others, id] });
  }

  /**
   * A switch for each object of the image.
   * @param {Listed[]} objects
   */
  list(objects) {
    const listed = JSON.stringify(objects);
    if (listed === this.#listed) return; // whoever is at a switch stays there
    this.#listed = listed;
    const lines = objects.map(({ id, name, color }) => {
      const input = make("input", "", { type: "checkbox", "data-object": String(id) });
      input.checked = this.shows(id);
      input.addEventListener("change", () => this.turn(id, input.checked));
      const dot = make("i", "layer-dot");
      dot.style.background = color;
      return make("label", "", {}, input, dot, make("span", "", { text: name }));
    });
    this.objects.replaceChildren(...lines);
    this.objects.hidden = lines.length === 0;
  }

  /**
   * @param {Part} part
   * @param {string} words
   */
  #switch(part, words) {
    const input = make("input", "", { type: "checkbox", "data-layer": part });
    input.addEventListener("change", () => this.#change({ [part]: input.checked }));
    return { part, input, line: make("label", "", {}, input, make("span", "", { text: words })) };
  }

  /** @param {Partial<Visible>} change */
  #change(change) {
    this.kept.change(change);
    this.#show();
    this.draw();
  }

  #show() {
    const { value } = this;
    for (const { part, input } of this.switches) input.checked = value[part];
    this.opacity.value = String(Math.round(100 * value.opacity));
    for (const input of this.objects.querySelectorAll("input"))
      input.checked = this.shows(Number(input.dataset.object));
    const isPlain = PARTS.every((part) => value[part] === FIRST[part]) && value.off.length === 0;
    this.box.classList.toggle("is-toned", !isPlain || value.opacity !== FIRST.opacity);
  }
}
