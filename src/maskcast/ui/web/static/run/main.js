// @ts-check
// The Run tab: targets by upload, what a run is started with, start, stop, progress.

/**
 * @import { Tables } from "../shared/texts.js"
 * @import { Progress } from "./progress.js"
 */
import { fillTexts, find, make, repeat } from "../shared/dom.js";
import { Server } from "../shared/server.js";
import { openTab } from "../shared/tabs.js";
import { chooseLanguage, Texts } from "../shared/texts.js";
import { describe, isBusy, isWatched, missing, shares, wayOn } from "./progress.js";
import { Settings } from "./settings.js";
import { SincePanel } from "./since.js";
import { Uploads } from "./uploads.js";

const WHILE_BUSY = 400; // milliseconds between two looks
const WHILE_IDLE = 1500;
const WAYS_ON = { annotate: "run.to_annotate", results: "run.to_results" };

class RunPage {
  #isAsking = false;
  isBusy = false;

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   */
  constructor(root, texts, server) {
    this.root = root;
    this.texts = texts;
    this.server = server;
    this.settings = new Settings(root, texts);
    this.uploads = new Uploads(root, texts, server, () => this.refresh());
    this.since = new SincePanel(root, texts, server, {
      again: () => this.start("again"),
      refresh: () => this.refresh(),
      tell: (error) => this.#showProblem(sentence(error), false),
    });
    this.startButton = this.#button(".start");
    this.stopButton = this.#button(".stop");
    this.startButton.addEventListener("click", () => this.start("go on"));
    this.stopButton.addEventListener("click", () => this.stop());
    this.#button(".afresh").addEventListener("click", () => this.start("fresh"));
  }

  /** @param {string} selector */
  #button(selector) {
    return find(this.root, selector, HTMLButtonElement);
  }

  async readEngines() {
    try {
      await this.settings.read(this.server);
      await this.refresh();
    } catch (error) {
      find(this.root, ".about-engine").textContent = sentence(error);
    }
  }

  /** @param {"go on" | "again" | "fresh"} how */
  async start(how) {
    this.startButton.disabled = true;
    find(this.root, ".problem").hidden = true;
    try {
      await this.server.tell("start", { ...this.settings.choice, how });
    } catch (error) {
      this.#showProblem(sentence(error), false);
      this.startButton.disabled = false;
      return;
    }
    await this.refresh();
  }

  async stop() {
    this.stopButton.disabled = true;
    await this.server.tell("stop").catch(() => {}); // the next look tells what became of it
    await this.refresh();
  }

  async refresh() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      this.#show(await this.server.ask("run"));
    } catch (error) {
      find(this.root, ".state").textContent = sentence(error);
    } finally {
      this.#isAsking = false;
    }
  }

  /** @param {Progress} progress */
  #show(progress) {
    const { root } = this;
    const words = describe(progress, this.texts);
    for (const [name, text] of Object.entries(words)) find(root, `.${name}`).textContent = text;
    this.startButton.disabled = isBusy(progress) || missing(progress) !== null;
    this.stopButton.disabled = !isBusy(progress) || progress.state === "stopping";
    this.isBusy = isWatched(progress);
    this.#showBar(progress);
    this.#showWayOn(wayOn(progress));
    this.startButton.hidden = this.since.show(progress);
    const error = progress.differs.length ? null : progress.error; // which the panel tells
    this.#showProblem(error, progress.can_start_afresh);
    this.settings.offer(progress.choice);
    find(root, ".checking").hidden = progress.checking === 0;
    find(root, ".figures").classList.toggle("some-failed", progress.failed > 0);
    this.#list(".notes", ".notes", progress.notes);
    this.#list(".selftest", ".selftest ul", progress.selftest[this.texts.language] ?? []);
  }

  /**
   * Sentences as a list; without any, what holds it is hidden.
   * @param {string} holder
   * @param {string} list
   * @param {string[]} sentences
   */
  #list(holder, list, sentences) {
    find(this.root, holder).hidden = !sentences.length;
    const items = sentences.map((text) => make("li", "", { text }));
    find(this.root, list).replaceChildren(...items);
  }

  /** @param {Progress} progress */
  #showBar(progress) {
    const { done, failed, finished } = shares(progress);
    find(this.root, ".bar-done").style.width = `${done}%`;
    find(this.root, ".bar-failed").style.width = `${failed}%`;
    const bar = find(this.root, ".bar");
    bar.setAttribute("aria-valuenow", String(Math.round(finished)));
    bar.classList.toggle("busy", this.isBusy);
  }

  /** @param {"annotate" | "results" | null} tab */
  #showWayOn(tab) {
    const button = this.#button(".way-on");
    button.hidden = tab === null;
    button.textContent = tab === null ? "" : this.texts.text(WAYS_ON[tab]);
    button.onclick = () => tab !== null && openTab(tab);
  }

  /**
   * @param {string | null} words
   * @param {boolean} canStartAfresh
   */
  #showProblem(words, canStartAfresh) {
    find(this.root, ".problem").hidden = !words;
    find(this.root, ".problem .sentence").textContent = words ?? "";
    this.#button(".afresh").hidden = !canStartAfresh;
  }
}

/** @param {unknown} error */
const sentence = (error) => (error instanceof Error ? error.message : String(error));

/** @param {{element: HTMLElement, props: {texts: Tables, lang: string}}} given  by Gradio */
export function mount({ element, props }) {
  const root = find(element, ".run");
  const language = chooseLanguage(props.texts, props.lang, [navigator.language]);
  const texts = new Texts(props.texts, language);
  fillTexts(root, texts);
  const page = new RunPage(root, texts, new Server(texts));
  page.readEngines();
  repeat(
    root,
    () => page.refresh(),
    () => (page.isBusy ? WHILE_BUSY : WHILE_IDLE),
  );
}
