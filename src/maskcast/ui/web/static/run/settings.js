// @ts-check
// What a run is started with: engine, weights, threshold.

/**
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { Choice } from "./progress.js"
 */
import { find, make } from "../shared/dom.js";

/**
 * @typedef {object} Engine  see EngineListing in engines/catalog.py
 * @property {string} name
 * @property {string} description
 * @property {string} device
 * @property {boolean} ready
 * @property {string} next_step  what makes it ready
 * @property {boolean} is_next  what to try after the engine that works at once
 * @property {{name: string, here: boolean, megabytes: number}[]} weights
 */

/**
 * @typedef {object} Engines
 * @property {Engine[]} engines
 * @property {string} engine  of the project
 * @property {string | null} weights  of the project
 * @property {number | null} threshold  of the project
 */

/**
 * The threshold nearest to what was typed; even odds where that is no number.
 * @param {string} typed
 */
export function usableThreshold(typed) {
  const number = typed.trim() === "" ? Number.NaN : Number(typed);
  return Number.isFinite(number) ? Math.min(0.99, Math.max(0.01, number)) : 0.5;
}

export class Settings {
  /** @type {Engines | null} */
  #known = null;
  #shown = "";

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   */
  constructor(root, texts) {
    this.root = root;
    this.texts = texts;
    this.engine = find(root, ".engine", HTMLSelectElement);
    this.weights = find(root, ".weights", HTMLSelectElement);
    this.automatic = find(root, ".automatic", HTMLInputElement);
    this.threshold = find(root, ".threshold", HTMLInputElement);
    this.range = find(root, ".threshold-range", HTMLInputElement);
    this.engine.addEventListener("change", () => this.#describe());
    this.automatic.addEventListener("change", () => this.#showThreshold());
    this.range.addEventListener("input", () => {
      this.threshold.value = this.range.value;
    });
    this.threshold.addEventListener("input", () => {
      this.range.value = this.threshold.value;
    });
    this.threshold.addEventListener("change", () => {
      this.threshold.value = this.range.value = String(usableThreshold(this.threshold.value));
    });
  }

  /**
   * Reads which engines there are.
   * @param {Server} server
   */
  async read(server) {
    /** @type {Engines} */
    const found = await server.ask("engines");
    for (const engine of found.engines) {
      const words = engine.ready
        ? engine.name
        : `${engine.name} – ${this.texts.text("run.not_ready")}`;
      const option = make("option", "", { text: words, value: engine.name });
      option.disabled = !engine.ready;
      option.selected = engine.name === found.engine;
      this.engine.append(option);
    }
    const { threshold } = found;
    const automatic = threshold === null ? "run.automatic" : "run.as_project";
    find(this.root, ".automatic-text").textContent = this.texts.text(automatic, { threshold });
    this.#known = found;
    this.#offerNext(found.engines);
    this.#explain(found.engines);
    this.#describe();
  }

  /**
   * What better masks take, as long as nobody has it: an option that cannot be chosen says nothing.
   * @param {Engine[]} engines
   */
  #offerNext(engines) {
    const next = engines.find((engine) => engine.is_next && !engine.ready && engine.weights.length);
    const line = find(this.root, ".next-engine");
    line.hidden = !next;
    if (!next) return;
    line.textContent = this.texts.text("run.next_engine", {
      engine: next.name,
      megabytes: next.weights[0].megabytes,
      step: next.next_step,
    });
  }

  /**
   * Why engines cannot be chosen, and what makes them ready, as the command line says it.
   * @param {Engine[]} engines
   */
  #explain(engines) {
    const unready = engines.filter((engine) => !engine.ready);
    const box = find(this.root, ".unready");
    box.hidden = !unready.length;
    const count = this.texts.number(unready.length);
    find(box, "summary").textContent = this.texts.text("run.unready", { count });
    const lines = unready.flatMap(({ name, description, next_step: step }) => [
      make("dt", "", { text: name }),
      ...[description, step].filter(Boolean).map((text) => make("dd", "", { text })),
    ]);
    find(box, "dl").replaceChildren(...lines);
  }

  #describe() {
    const chosen = this.#known?.engines.find((engine) => engine.name === this.engine.value);
    if (!this.#known || !chosen) return;
    const about = chosen.ready ? `${chosen.description} (${chosen.device})` : chosen.next_step;
    find(this.root, ".about-engine").textContent = about;
    this.#showWeights(chosen, chosen.name === this.#known.engine ? this.#known.weights : null);
  }

  /**
   * Of an engine with several weights on this machine, or with some that the project names.
   * @param {Engine} engine
   * @param {string | null} ofProject
   */
  #showWeights(engine, ofProject) {
    const here = engine.weights.filter((weights) => weights.here).map((weights) => weights.name);
    const others = here.filter((name) => name !== ofProject);
    const own = ofProject || this.texts.text("run.own_weights");
    this.weights.replaceChildren(
      make("option", "", { text: own, value: "" }),
      ...others.map((name) => make("option", "", { text: name, value: name })),
    );
    find(this.root, ".weights-line").hidden = !ofProject && here.length < 2;
  }

  #showThreshold() {
    find(this.root, ".threshold-line").hidden = this.automatic.checked;
  }

  /** @returns {Choice} */
  get choice() {
    return {
      engine: this.engine.value || null,
      weights: this.weights.value || null,
      threshold: this.automatic.checked ? null : usableThreshold(this.threshold.value),
    };
  }

  /**
   * What a run was started with, in whichever tab, is what this page offers to go on with.
   * @param {Choice | null} choice
   */
  offer(choice) {
    const content = JSON.stringify(choice);
    if (!this.#known || !choice || content === this.#shown) return;
    this.#shown = content;
    if (offers(this.engine, choice.engine)) {
      this.engine.value = choice.engine;
      this.#describe();
    }
    if (offers(this.weights, choice.weights)) this.weights.value = choice.weights;
    this.automatic.checked = choice.threshold === null;
    this.#showThreshold();
    if (choice.threshold === null) return;
    this.threshold.value = this.range.value = String(choice.threshold);
  }
}

/**
 * @param {HTMLSelectElement} select
 * @param {string | null} value
 * @returns {value is string}
 */
const offers = (select, value) =>
  [...select.options].some((option) => option.value === value && !option.disabled);
