// @ts-check
// The Review tab: one target at a time, accepted, rejected or left undecided, and taken back.

/**
 * @import { Controls } from "../shared/controls.js"
 * @import { Tables } from "../shared/texts.js"
 * @import { ObjectSpec } from "../shared/rows.js"
 * @import { ReviewRow } from "./queue.js"
 */
import { fillTexts, find, isShown, make, repeat } from "../shared/dom.js";
import { objectOf } from "../shared/rows.js";
import { Server } from "../shared/server.js";
import { openTab } from "../shared/tabs.js";
import { chooseLanguage, Texts } from "../shared/texts.js";
import { Fixing } from "./fixing.js";
import { Lane } from "./lane.js";
import { Queue, roughly } from "./queue.js";
import { Sheet } from "./sheet.js";

const LOOK_AGAIN = 2000; // milliseconds
const HOLD_AGAIN = 30_000; // milliseconds
const NAME_KEY = "maskcast-reviewer";

/**
 * @typedef {object} Given  what Gradio gives a component
 * @property {HTMLElement} element
 * @property {{texts: Tables, lang: string, project: string, controls: Controls}} props
 */

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
  #lane = new Lane();
  #asked = 0; // how often the queue was
  #order = ""; // that it is in
  /** @type {string[] | undefined} */
  #audit; // what it states, in that order
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #holding;
  /** @type {ObjectSpec[]} */
  #objects = [];

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   * @param {Given} given
   */
  constructor(root, texts, server, { element, props }) {
    this.root = root;
    this.texts = texts;
    this.server = server;
    this.sheet = new Sheet(root, props.controls.feel);
    this.order = find(root, ".order", HTMLSelectElement);
    this.who = find(root, ".who", HTMLInputElement);
    this.who.value = localStorage.getItem(NAME_KEY) ?? "";
    this.fixing = new Fixing(element, texts, props, {
      save: (image, desk) => this.#saveFix(image, desk),
      cancel: (image) => this.#cancelFix(image),
    });
    this.#listen();
  }

  /** Asks for what waits, while there is nothing in hand or little left. */
  async refresh() {
    if (!this.#lane.isIdle || (this.#queue.current && !this.#queue.isShort)) return;
    try {
      await this.#fetch();
      this.#say("");
    } catch (error) {
      this.#show();
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  async #fetch() {
    this.#asked += 1;
    const asked = this.#asked;
    const order = this.order.value;
    const lang = this.texts.language;
    const parameters = { order, page: this.#page, who: this.who.value, lang };
    const answer = await this.server.ask("review", parameters);
    if (asked !== this.#asked) return; // in another order, it may be
    this.#objects = answer.objects;
    this.#audit = answer.audit;
    // Never under the hands of somebody who is typing a name.
    if (!this.who.value && document.activeElement !== this.who) this.who.value = answer.who;
    const isAnew = order !== this.#order;
    if (isAnew) this.#queue.clear();
    this.#order = order;
    this.#queue.take(answer.rows);
    this.#tell(answer);
    if (isAnew || !this.#inHand || !this.#queue.current) this.#show();
  }

  #inHand = "";

  #show() {
    const row = this.#queue.current;
    find(this.root, ".desk").hidden = !row;
    find(this.root, ".nothing").hidden = Boolean(row);
    find(this.root, ".nothing p").textContent = this.#whyNothing();
    this.#inHand = row?.id ?? "";
    if (!row) return;
    find(this.root, ".name").textContent = row.id;
    const { decision, blind } = row;
    const about = decision ? `review.is_${decision}` : blind ? "review.blind" : "";
    find(this.root, ".decided").textContent = about && this.texts.text(about);
    this.sheet.show(row);
    this.#list(row);
    this.sheet.preload(this.#queue.ahead);
    this.#hold(row);
  }

  #whyNothing() {
    if (this.#order !== "audit") return this.texts.text("review.none_left");
    return this.#audit?.length ? this.#audit.join("\n") : this.texts.text("review.no_audit");
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
      const score = make("b", "", { text: row.blind ? "" : found.score.toFixed(2) });
      return make("li", "", {}, dot, words, score, gone);
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
   * Sends something after all that was sent before.
   * @param {() => Promise<void>} work
   * @param {() => void} [takeBack]  what was shown ahead of the answer
   */
  async #send(work, takeBack) {
    try {
      await this.#lane.put(work);
      this.#say("");
    } catch (error) {
      takeBack?.();
      this.#say(error instanceof Error ? error.message : String(error));
      return;
    }
    await this.refresh();
  }

  /**
   * The next target is shown at once; should the decision fail, its own comes back.
   * @param {string} decision
   * @param {number[]} [objects]  that are rejected; none = all
   */
  decide(decision, objects) {
    const row = this.#queue.current;
    if (!row) return;
    if (!objects) {
      this.#queue.replace({ ...row, decision });
      this.move(1);
    }
    const content = { id: row.id, decision, who: this.who.value, ...(objects && { objects }) };
    return this.#send(
      async () => {
        const answer = await this.server.tell("decide", content);
        this.#tell(answer);
        if (!answer.row) return;
        this.#queue.replace(answer.row);
        if (this.#queue.current?.id === row.id) this.#show();
      },
      () => {
        this.#queue.goTo(row);
        this.#show();
      },
    );
  }

  /** Draws on the target in hand, while nobody else is offered it. */
  fix() {
    return this.#send(
      async () => {
        const row = this.#queue.current;
        if (!row || this.root.hidden) return;
        this.root.hidden = true;
        this.#holding = setInterval(() => this.#hold(row), HOLD_AGAIN);
        await this.fixing.open(row);
      },
      () => this.#leaveFix(),
    );
  }

  #leaveFix() {
    clearInterval(this.#holding);
    this.fixing.close();
    this.root.hidden = false;
  }

  /** @param {ReviewRow} row  that no other page is offered for a while */
  #hold(row) {
    this.server.tell("hold", { id: row.id, page: this.#page }).catch(() => {});
  }

  /** @param {() => Promise<void>} work  after which the target in hand is shown again */
  async #endFix(work) {
    try {
      await work();
    } catch (error) {
      const problem = find(this.fixing.root, ".problem");
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
      return;
    }
    find(this.fixing.root, ".problem").hidden = true;
    this.#leaveFix();
    this.#show();
    await this.refresh();
  }

  /**
   * @param {string} image
   * @param {string} desk
   */
  #saveFix(image, desk) {
    return this.#endFix(async () => {
      const answer = await this.server.tell("correct", { id: image, desk, who: this.who.value });
      if (answer.row) this.#queue.replace(answer.row);
      this.#tell(answer);
      this.#queue.move(1);
    });
  }

  /** @param {string} image */
  #cancelFix(image) {
    return this.#endFix(() => this.server.tell("drop-draft", { id: image }));
  }

  undo() {
    return this.#send(async () => {
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
    return this.#send(async () => {
      await this.server.tell("start", { how: "update" });
      openTab("run");
    });
  }

  #listen() {
    /** @type {[string, string, string[], () => unknown][]} */
    const deeds = [
      ["accept", "A", ["a", "Enter"], () => this.decide("accepted")],
      ["reject", "X", ["x"], () => this.decide("rejected")],
      ["correct", "F", ["f"], () => this.fix()],
      ["unsure", "U", ["u"], () => this.decide("undecided")],
      ["previous", "←", ["ArrowLeft", ","], () => this.move(-1)],
      ["skip", "→", ["ArrowRight", "."], () => this.move(1)],
      ["undo", "Z", ["z"], () => this.undo()],
      ["closer", "", ["+", "="], () => this.sheet.zoom(1)],
      ["farther", "", ["-"], () => this.sheet.zoom(-1)],
      ["fit", "", ["0"], () => this.sheet.fit()],
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
    window.addEventListener("beforeunload", (event) => {
      if (!this.#lane.isIdle) event.preventDefault();
    });
    this.who.addEventListener("change", () => localStorage.setItem(NAME_KEY, this.who.value));
    this.order.addEventListener("change", () => {
      this.sheet.stage.focus({ preventScroll: true }); // keys are for the pictures again
      this.#send(() => this.#fetch());
    });
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Record<string, () => unknown>} keys
   */
  #press(event, keys) {
    const { target } = event;
    const isTyping = target instanceof HTMLInputElement && target.type !== "range";
    // A slider, a list or a button that was used last keeps only the keys that it needs.
    const isOn = (/** @type {string} */ kind) => target instanceof Element && target.matches(kind);
    const isItsOwn =
      (isOn("button, select") && [" ", "Enter"].includes(event.key)) ||
      (isOn("input, select") && event.key.startsWith("Arrow"));
    const isUndo = (event.ctrlKey || event.metaKey) && event.key === "z";
    if (!isShown(this.root) || isTyping || isItsOwn || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && !isUndo) return;
    const work = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!work) return;
    event.preventDefault();
    work();
  }
}

/** @param {Given} given */
export function mount(given) {
  const { element, props } = given;
  const root = find(element, ".review");
  const language = chooseLanguage(props.texts, props.lang, [navigator.language]);
  const texts = new Texts(props.texts, language);
  fillTexts(root, texts);
  const review = new Review(root, texts, new Server(texts), given);
  repeat(
    root,
    () => review.refresh(),
    () => LOOK_AGAIN,
  );
}
