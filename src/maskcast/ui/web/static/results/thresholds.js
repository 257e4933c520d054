// @ts-check
// Thresholds of the large view: sliders that act on the open picture at once, and then on all.

/**
 * @import { SentLayers } from "../shared/layers.js"
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { Cut, Cuts, Graded } from "./cuts.js"
 */
import { hexOf } from "../shared/colors.js";
import { label, make } from "../shared/dom.js";
import { changed, heights, isSame, levelOf } from "./cuts.js";

const BARS = 64;
const MOST = { smallest: 1_000_000, holes: 1_000_000, smooth: 20 };

/** @typedef {{objects: Graded[], kept: number, cuts: Cuts, probabilities: number[]}} State */

export class Thresholds {
  /** @type {Cuts} as the results are */
  #applied = {};
  /** @type {Cuts} as the sliders are */
  #chosen = {};
  /** @type {ObjectRow[]} */
  #rows = [];

  /**
   * @param {HTMLElement} box  a details element, to be filled
   * @param {Texts} texts
   * @param {Server} server
   * @param {() => void} preview  shows the open picture as it is chosen
   * @param {() => void} leave  for the tab that shows how far it is
   */
  constructor(box, texts, server, preview, leave) {
    this.box = box;
    this.texts = texts;
    this.server = server;
    this.preview = preview;
    this.leave = leave;
    const { text } = texts;
    const summary = make("summary", "", { text: text("results.thresholds") });
    this.list = make("div", "cut-rows");
    this.note = make("p", "cut-note");
    this.problem = make("p", "cut-problem", { role: "alert" });
    this.apply = make("button", "cut-apply", { type: "button", text: text("results.cut.apply") });
    this.back = make("button", "", { type: "button", text: text("results.cut.back") });
    this.apply.addEventListener("click", () => this.#applyToAll(this.#chosen));
    this.back.addEventListener("click", () => this.#calibrate());
    const buttons = make("div", "cut-buttons", {}, this.back, this.apply);
    const parts = [this.list, this.note, this.problem, buttons];
    box.replaceChildren(summary, make("div", "cut-panel", {}, ...parts));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") event.stopPropagation(); // keys of the sliders
    });
    box.hidden = true;
  }

  /** What the open picture is to be shown with; null: as the results are. */
  get cuts() {
    return isSame(this.#chosen, this.#applied) ? null : this.#chosen;
  }

  /** Asks what there is to be chosen; what was chosen and not applied is forgotten. */
  async load() {
    const state = /** @type {State} */ (await this.server.ask("thresholds"));
    this.box.hidden = state.objects.length === 0;
    if (this.box.hidden) return;
    this.#applied = state.cuts;
    this.#chosen = state.cuts;
    const change = (/** @type {number} */ id, /** @type {Partial<Cut>} */ cut) => {
      this.#chosen = changed(this.#chosen, id, cut);
      this.#show();
      this.preview();
    };
    const { texts } = this;
    this.#rows = state.objects.map(
      (object) => new ObjectRow(object, state.probabilities, texts, change),
    );
    this.list.replaceChildren(...this.#rows.map((row) => row.element));
    const kept = texts.number(state.kept);
    this.note.textContent = texts.text("results.cut.note", { kept });
    this.#show();
  }

  /**
   * What is found on the open picture with what is chosen.
   * @param {SentLayers} layers
   */
  showFound({ layers }) {
    for (const row of this.#rows) {
      const layer = layers.find(({ id }) => id === row.object.id);
      row.showFound(layer?.mask.area ?? 0, layer?.boxes.length ?? 0);
    }
  }

  #show() {
    for (const row of this.#rows) row.show(this.#chosen[row.object.id] ?? {});
    this.apply.disabled = this.cuts === null;
    this.back.disabled = isSame(this.#chosen, {}) && isSame(this.#applied, {});
    this.box.classList.toggle("is-chosen", this.cuts !== null);
    this.#say("");
  }

  /** The sliders, and with them the results, as the engine made them. */
  #calibrate() {
    if (!isSame(this.#applied, {})) this.#applyToAll({});
    else {
      this.#chosen = {};
      this.#show();
      this.preview();
    }
  }

  /** @param {Cuts} cuts */
  async #applyToAll(cuts) {
    try {
      const { started } = await this.server.tell("rethreshold", { cuts });
      if (started) this.leave();
      else this.#say(this.texts.text("results.cut.busy"));
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} words */
  #say(words) {
    this.problem.textContent = words;
    this.problem.hidden = !words;
  }
}

/** The sliders of one object. */
class ObjectRow {
  /**
   * @param {Graded} object
   * @param {number[]} probabilities  of the levels
   * @param {Texts} texts
   * @param {(id: number, change: Partial<Cut>) => void} change
   */
  constructor(object, probabilities, texts, change) {
    this.object = object;
    this.probabilities = probabilities;
    this.texts = texts;
    const { text } = texts;
    const words = `${object.id} ${object.name}`;
    this.color = hexOf(object.color);
    this.canvas = make("canvas", "cut-counts", { "aria-hidden": "true" });
    this.slider = make("input", "cut-level", { type: "range", min: "0", step: "1" });
    this.slider.max = String(probabilities.length - 1);
    label(this.slider, text("results.cut.threshold", { name: words }));
    this.value = make("output");
    this.found = make("span", "cut-found");
    this.slider.addEventListener("input", () => {
      const level = Number(this.slider.value);
      const threshold = level === object.level ? undefined : probabilities[level];
      change(object.id, { threshold });
    });
    const dot = make("span", "dot");
    dot.style.background = this.color;
    this.fields = /** @type {(keyof typeof MOST)[]} */ (["smallest", "holes", "smooth"]).map(
      (name) => {
        const about = { type: "number", min: "0", max: String(MOST[name]), step: "1" };
        const field = make("input", "", about);
        label(field, `${words}: ${text(`results.cut.${name}.long`)}`);
        field.addEventListener("change", () => {
          const value = Math.min(MOST[name], Math.max(0, Math.round(Number(field.value) || 0)));
          change(object.id, { [name]: value });
        });
        return { name, field };
      },
    );
    const head = make("div", "cut-head", {}, dot, make("b", "", { text: words }), this.value);
    head.append(this.found);
    const numbers = this.fields.map(({ name, field }) =>
      make("label", "", {}, make("span", "", { text: text(`results.cut.${name}`) }), field),
    );
    const chart = make("div", "cut-chart", {}, this.canvas, this.slider);
    this.element = make("div", "cut-row", {}, head, chart);
    this.element.append(make("div", "cut-numbers", {}, ...numbers));
  }

  /** @param {Cut} cut */
  show(cut) {
    const { object, probabilities, texts } = this;
    const level =
      cut.threshold === undefined ? object.level : levelOf(cut.threshold, probabilities);
    this.slider.value = String(level);
    const shown = probabilities[level].toFixed(level < 40 ? 3 : 2);
    const isOwn = cut.threshold === undefined;
    this.value.textContent = isOwn ? texts.text("results.cut.calibrated", { value: shown }) : shown;
    for (const { name, field } of this.fields) {
      if (document.activeElement !== field) field.value = String(cut[name] ?? 0);
    }
    this.#draw(level);
  }

  /**
   * @param {number} area
   * @param {number} parts
   */
  showFound(area, parts) {
    const { text, number } = this.texts;
    const words = { area: number(area), parts: number(parts) };
    this.found.textContent = text("results.cut.here", words);
  }

  /** @param {number} level */
  #draw(level) {
    const { canvas, object } = this;
    const [width, height] = [4 * BARS, 48];
    canvas.width = width;
    canvas.height = height;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const place = (/** @type {number} */ at) => ((at + 0.5) * width) / object.counts.length;
    for (const [bar, share] of heights(object.counts, BARS).entries()) {
      context.fillStyle = (bar + 1) * 4 > place(level) ? this.color : "#64748b";
      context.fillRect(bar * 4, height - share * height, 3, share * height);
    }
    context.fillStyle = "#ffffff"; // what is calibrated
    context.fillRect(place(object.level) - 1, 0, 2, height);
  }
}
