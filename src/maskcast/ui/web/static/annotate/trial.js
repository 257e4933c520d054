// @ts-check
// The strip beside the canvas: what the references, as they are annotated now, find on a few
// targets; asked for by hand, or after each change.

/**
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 */
import { find, label, later, make } from "../shared/dom.js";
import { Kept } from "../shared/kept.js";
import { routeUrl } from "../shared/server.js";

const LOOK_AGAIN = 300; // milliseconds
const AFTER_CHANGE = 250; // milliseconds that nothing must change before it is tried again

/**
 * What the server says: see TrialRoutes in trial_routes.py.
 * @typedef {object} Tried
 * @property {string} id
 * @property {{id: number, score: number, area: number}[]} objects
 * @property {string | null} problem
 */

/**
 * @typedef {object} TrialState
 * @property {number} number
 * @property {string} state
 * @property {number} of
 * @property {boolean} quick
 * @property {string | null} error
 * @property {Tried[]} tried
 */

/** @type {Record<string, string>} */
const WORDS = {
  "no targets": "annotate.try.no_targets",
  choosing: "annotate.try.choosing",
  learning: "annotate.try.learning",
  masking: "annotate.try.masking",
  done: "annotate.try.done",
};

const ENDS = new Set(["no targets", "done", "failed"]);

export class TrialStrip {
  #asked = 0; // how often it was asked for here: an answer to an older one is not shown
  #isStale = false;
  #shown = "";

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   * @param {string} project  under which the browser keeps what is chosen
   * @param {{has: () => boolean, style: (id: number) => {color: string, name: string}}} objects
   *     whether any is annotated, and how one is shown
   */
  constructor(root, texts, server, project, objects) {
    this.root = root;
    this.texts = texts;
    this.server = server;
    this.objects = objects;
    this.kept = new Kept(project, "trial", { live: false, ids: /** @type {string[]} */ ([]) });
    this.strip = find(root, ".mc-trial");
    this.button = find(root, "[data-do='try']");
    this.state = find(root, ".mc-trial-state");
    this.tries = find(root, ".mc-tries");
    this.live = find(root, ".mc-live", HTMLInputElement);
    this.large = find(root, ".mc-tried", HTMLDialogElement);
    this.keep = find(root, ".mc-keep", HTMLInputElement);
    this.tryAfterChange = later(AFTER_CHANGE, () => this.start());
    this.#listen();
  }

  #listen() {
    this.live.checked = this.kept.value.live;
    this.live.addEventListener("change", () => {
      this.kept.change({ live: this.live.checked });
      if (this.live.checked && this.#isStale) this.start();
    });
    find(this.root, ".mc-again").addEventListener("click", () => this.start());
    find(this.root, ".mc-tried-close").addEventListener("click", () => this.large.close());
    this.keep.addEventListener("change", () => this.#keep(this.large.dataset.image ?? ""));
    const choose = find(this.root, ".mc-choose", HTMLFormElement);
    const name = find(choose, "input", HTMLInputElement);
    name.placeholder = this.texts.text("annotate.try.choose");
    choose.addEventListener("submit", (event) => {
      event.preventDefault();
      if (name.value.trim()) this.start(name.value.trim());
      name.value = "";
    });
  }

  get isOpen() {
    return !this.strip.hidden;
  }

  /** Opens the strip and tries, or closes it. */
  toggle() {
    this.strip.hidden = this.isOpen;
    this.root.classList.toggle("mc-has-trial", this.isOpen);
    this.button.setAttribute("aria-expanded", String(this.isOpen));
    if (this.isOpen) this.start();
  }

  /** Something was annotated and saved. */
  changed() {
    if (!this.isOpen) return;
    this.#setStale(true);
    if (this.live.checked) this.tryAfterChange();
  }

  /**
   * Tries what is annotated now, in the place of what is being tried.
   * @param {string} [also]  a target that is tried from now on
   */
  async start(also) {
    if (!this.isOpen) return;
    this.#asked += 1;
    const asked = this.#asked;
    if (!this.objects.has()) {
      this.#say("annotate.try.nothing");
      return;
    }
    this.#setStale(false);
    this.#say("annotate.try.choosing");
    const ids = [...new Set([...(also ? [also] : []), ...this.kept.value.ids])];
    try {
      await this.server.tell("try", { ids });
      this.kept.change({ ids });
      await this.#follow(asked);
    } catch (error) {
      if (asked === this.#asked) this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {number} asked */
  async #follow(asked) {
    for (;;) {
      /** @type {TrialState} */
      const state = await this.server.ask("trial");
      if (asked !== this.#asked || !this.isOpen) return;
      this.#show(state);
      if (ENDS.has(state.state)) return;
      await new Promise((done) => setTimeout(done, LOOK_AGAIN));
    }
  }

  /** @param {TrialState} trial */
  #show({ number, state, of, quick, error, tried }) {
    if (state === "failed") this.#fail(error ?? "");
    else this.#say(WORDS[state], { done: tried.length, of });
    this.strip.dataset.state = state;
    find(this.root, ".mc-rough").hidden = !quick;
    const shown = `${number} ${tried.length}`;
    if (tried.length === 0 || shown === this.#shown) return; // the last ones stay until then
    this.#shown = shown;
    this.tries.replaceChildren(...tried.map((target) => this.#tile(number, target)));
  }

  /**
   * @param {number} number
   * @param {Tried} tried
   */
  #tile(number, { id, objects, problem }) {
    const source = routeUrl("tried", { id, number });
    const picture = make("span", "mc-try-picture");
    if (problem === null) picture.append(make("img", "", { src: source, alt: "" }));
    const found = objects.map((object) => {
      const dot = make("i");
      dot.style.background = this.objects.style(object.id).color;
      return make("span", "", {}, dot, object.score.toFixed(2));
    });
    const words = problem ?? this.texts.text("annotate.try.empty");
    const below = make("span", "mc-try-found", {}, ...(found.length > 0 ? found : [words]));
    const tile = make("button", "mc-try", { type: "button", "data-image": id }, picture, below);
    const names = objects.map((object) => this.objects.style(object.id).name);
    label(tile, `${id}: ${names.join(", ") || words}`);
    if (problem === null) tile.addEventListener("click", () => this.#open(id, source));
    return tile;
  }

  /**
   * @param {string} id
   * @param {string} source
   */
  #open(id, source) {
    find(this.large, "h2").textContent = id;
    this.large.dataset.image = id;
    const image = find(this.large, "img", HTMLImageElement);
    image.src = source;
    image.alt = id;
    this.keep.checked = this.kept.value.ids.includes(id);
    this.large.showModal();
  }

  /** @param {string} id */
  #keep(id) {
    const others = this.kept.value.ids.filter((other) => other !== id);
    this.kept.change({ ids: this.keep.checked ? [id, ...others] : others });
  }

  /** @param {boolean} isStale */
  #setStale(isStale) {
    this.#isStale = isStale;
    this.strip.classList.toggle("mc-stale", isStale);
    if (isStale && ENDS.has(this.strip.dataset.state ?? "")) this.#say("annotate.try.stale");
  }

  /**
   * @param {string} name
   * @param {Record<string, string | number>} [about]
   */
  #say(name, about) {
    this.state.textContent = this.texts.text(name, about);
    this.state.classList.remove("mc-warn");
  }

  /** @param {string} sentence */
  #fail(sentence) {
    this.strip.dataset.state = "failed";
    this.state.textContent = sentence;
    this.state.classList.add("mc-warn");
  }
}
