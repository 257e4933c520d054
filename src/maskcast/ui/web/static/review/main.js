// @ts-check
// The Review tab: one target at a time, accepted, rejected or left undecided, and taken back.

/**
 * @import { Bounds } from "../shared/panzoom.js"
 * @import { Tables } from "../shared/texts.js"
 * @import { ObjectSpec } from "../shared/rows.js"
 * @import { ReviewRow } from "./queue.js"
 */
import { fillTexts, find, isShown, make, repeat } from "../shared/dom.js";
import { objectOf } from "../shared/rows.js";
import { Server } from "../shared/server.js";
import { openTab } from "../shared/tabs.js";
import { chooseLanguage, Texts } from "../shared/texts.js";
import { Queue, roughly } from "./queue.js";
import { Sheet } from "./sheet.js";

const LOOK_AGAIN = 2000; // milliseconds
const NAME_KEY = "maskcast-reviewer";

/** @typedef {Record<string, number>} Counts  decision -> targets, and what is left */

/**
 * @typedef {object} Standing
 * @property {Counts} counts
 * @property {number | null} per_minute
 * @property {number | null} seconds_left
 */

class Review {
  #queue = new Queue();
  #page = crypto.randomUUID?.() ?? String(Math.random());
  #busy = false;
  /** @type {ObjectSpec[]} */
  #objects = [];

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   * @param {Bounds & {zoom_step: number}} feel
   */
  constructor(root, texts, server, feel) {
    this.root = root;
    this.texts = texts;
    this.server = server;
    this.sheet = new Sheet(root, feel);
    this.order = find(root, ".order", HTMLSelectElement);
    this.who = find(root, ".who", HTMLInputElement);
    this.who.value = localStorage.getItem(NAME_KEY) ?? "";
    this.#listen();
  }

  /** Asks for what waits, while there is nothing in hand or little left. */
  async refresh() {
    if (this.#busy || (this.#queue.current && !this.#queue.isShort)) return;
    try {
      const parameters = { order: this.order.value, page: this.#page, who: this.who.value };
      const answer = await this.server.ask("review", parameters);
      this.#objects = answer.objects;
      // Never under the hands of somebody who is typing a name.
      if (!this.who.value && document.activeElement !== this.who) this.who.value = answer.who;
      this.#queue.take(answer.rows);
      this.#tell(answer);
      this.#say("");
      if (!this.#inHand || !this.#queue.current) this.#show();
    } catch (error) {
      this.#show();
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  #inHand = "";

  #show() {
    const row = this.#queue.current;
    find(this.root, ".desk").hidden = !row;
    find(this.root, ".nothing").hidden = Boolean(row);
    find(this.root, ".nothing p").textContent = this.texts.text("review.none_left");
    this.#inHand = row?.id ?? "";
    if (!row) return;
    find(this.root, ".name").textContent = row.id;
    const { decision } = row;
    find(this.root, ".decided").textContent = decision
      ? this.texts.text(`review.is_${decision}`)
      : "";
    this.sheet.show(row);
    this.#list(row);
    this.sheet.preload(this.#queue.ahead);
    this.server.tell("hold", { id: row.id, page: this.#page }).catch(() => {});
  }

  /** @param {ReviewRow} row */
  #list(row) {
    const { text } = this.texts;
    const items = row.objects.map((found) => {
      const { name, color } = objectOf(this.#objects, found.id);
      const dot = make("span", "dot");
      dot.style.background = `rgb(${color.join(" ")})`;
      const gone = make("button", "", { text: text("review.not_there"), type: "button" });
      gone.addEventListener("click", () => this.decide("rejected", [found.id]));
      const words = make("span", "", { text: `${found.id} ${name}` });
      return make("li", "", {}, dot, words, make("b", "", { text: found.score.toFixed(2) }), gone);
    });
    if (!items.length) items.push(make("li", "", { text: text("review.is_empty") }));
    find(this.root, ".found").replaceChildren(...items);
  }

  /** @param {Standing} standing */
  #tell({ counts, per_minute, seconds_left }) {
    const { text, number } = this.texts;
    const done = counts.accepted + counts.corrected + counts.rejected;
    const words = [text("review.left", { left: number(counts.left), done: number(done) })];
    if (per_minute) words.push(text("review.pace", { pace: number(per_minute) }));
    if (seconds_left) {
      const { unit, value } = roughly(seconds_left);
      words.push(text(`review.in_${unit}`, { value: number(value) }));
    }
    find(this.root, ".counts").textContent = words.join(" · ");
    const teach = counts.corrected + counts.rejected;
    find(this.root, ".update", HTMLButtonElement).disabled = !teach;
    find(this.root, ".about-update").textContent = text("review.about_update", {
      teach: number(teach),
      left: number(counts.left + counts.undecided),
    });
  }

  /** @param {string} sentence */
  #say(sentence) {
    const problem = find(this.root, ".problem");
    problem.textContent = sentence;
    problem.hidden = !sentence;
  }

  /**
   * @param {() => Promise<void>} work
   */
  async #alone(work) {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await work();
      this.#say("");
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    } finally {
      this.#busy = false;
    }
    await this.refresh();
  }

  /**
   * @param {string} decision
   * @param {number[]} [objects]  that are rejected; none = all
   */
  decide(decision, objects) {
    const row = this.#queue.current;
    if (!row) return Promise.resolve();
    return this.#alone(async () => {
      const content = { id: row.id, decision, who: this.who.value, ...(objects && { objects }) };
      const answer = await this.server.tell("decide", content);
      if (answer.row) this.#queue.replace(answer.row);
      this.#tell(answer);
      if (!objects) this.#queue.move(1);
      this.#show();
    });
  }

  undo() {
    return this.#alone(async () => {
      const answer = await this.server.tell("undo", { who: this.who.value });
      if (answer.row) this.#queue.goTo(answer.row);
      this.#tell(answer);
      this.#show();
    });
  }

  /** @param {number} step */
  move(step) {
    this.#queue.move(step);
    this.#show();
    this.refresh();
  }

  update() {
    return this.#alone(async () => {
      await this.server.tell("start", { how: "update" });
      openTab("run");
    });
  }

  #listen() {
    /** @type {[string, string, string[], () => unknown][]} */
    const deeds = [
      ["accept", "A", ["a", "Enter"], () => this.decide("accepted")],
      ["reject", "X", ["x"], () => this.decide("rejected")],
      ["unsure", "U", ["u"], () => this.decide("undecided")],
      ["previous", "←", ["ArrowLeft", ","], () => this.move(-1)],
      ["skip", "→", ["ArrowRight", "."], () => this.move(1)],
      ["undo", "Z", ["z"], () => this.undo()],
      ["closer", "", ["+", "="], () => this.sheet.zoom(1)],
      ["farther", "", ["-"], () => this.sheet.zoom(-1)],
      ["fit", "", ["f", "0"], () => this.sheet.fit()],
    ];
    /** @type {Record<string, () => unknown>} */
    const keys = { " ": () => this.sheet.flip(), v: () => this.sheet.flip() };
    for (const [name, caption, pressed, work] of deeds) {
      const button = find(this.root, `button.${name}`, HTMLButtonElement);
      if (caption) button.append(make("kbd", "", { text: caption }));
      button.addEventListener("click", work);
      for (const key of pressed) keys[key] = work;
    }
    document.addEventListener("keydown", (event) => this.#press(event, keys));
    find(this.root, ".to-run").addEventListener("click", () => openTab("run"));
    find(this.root, ".update").addEventListener("click", () => this.update());
    this.who.addEventListener("change", () => localStorage.setItem(NAME_KEY, this.who.value));
    this.order.addEventListener("change", () => {
      this.#queue.clear();
      this.#inHand = "";
      this.refresh();
    });
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Record<string, () => unknown>} keys
   */
  #press(event, keys) {
    const { target } = event;
    const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    const onButton = target instanceof HTMLButtonElement && [" ", "Enter"].includes(event.key);
    const isUndo = (event.ctrlKey || event.metaKey) && event.key === "z";
    if (!isShown(this.root) || isTyping || onButton || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && !isUndo) return;
    const work = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!work) return;
    event.preventDefault();
    work();
  }
}

/**
 * @param {object} given  by Gradio
 * @param {HTMLElement} given.element
 * @param {{texts: Tables, lang: string, feel: Bounds & {zoom_step: number}}} given.props
 */
export function mount({ element, props }) {
  const root = find(element, ".review");
  const language = chooseLanguage(props.texts, props.lang, [navigator.language]);
  const texts = new Texts(props.texts, language);
  fillTexts(root, texts);
  const review = new Review(root, texts, new Server(texts), props.feel);
  repeat(
    root,
    () => review.refresh(),
    () => LOOK_AGAIN,
  );
}
