// @ts-check
// What became of the references since the results were made, and what running again changed.

/**
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { Progress } from "./progress.js"
 */
import { writeHash } from "../shared/address.js";
import { find, make } from "../shared/dom.js";
import { pictureUrl } from "../shared/rows.js";

/**
 * @typedef {object} Since  see ReferenceChanges in reference_changes.py
 * @property {string[]} changed  image ids
 * @property {string[]} added
 * @property {string[]} removed
 */

/**
 * @typedef {object} Changed  see EarlierPictures in earlier.py
 * @property {string} id  of a target
 * @property {string} shows
 * @property {number} gained  pixels
 * @property {number} lost
 * @property {boolean} newly_empty
 */

const MOST_NAMED = 5;

/**
 * How many references are others than those of the results.
 * @param {Pick<Progress, "since">} progress
 */
export const countSince = ({ since }) =>
  since ? since.changed.length + since.added.length + since.removed.length : 0;

/**
 * Which references are others, and how.
 * @param {Since} since
 * @param {Texts} texts
 */
export function namesSince({ changed, added, removed }, { text, number }) {
  const names = [
    ...changed,
    ...added.map((name) => text("run.since.added", { name })),
    ...removed.map((name) => text("run.since.removed", { name })),
  ];
  const more = names.length - MOST_NAMED;
  const first = names.slice(0, MOST_NAMED).join(", ");
  return more > 0 ? text("run.since.more", { names: first, count: number(more) }) : first;
}

/**
 * What the page says while the results are not those of the references and settings of today;
 * nothing if they are.
 * @param {Progress} progress
 * @param {Texts} texts
 * @returns {{title: string, names: string, meaning: string} | null}
 */
export function describeSince(progress, texts) {
  const { text, number } = texts;
  const count = countSince(progress);
  if (progress.state !== "idle" || progress.elsewhere) return null;
  const meaning = text(progress.is_halfway ? "run.since.halfway" : "run.since.meaning");
  if (count && progress.since && progress.done + progress.failed) {
    const key = count === 1 ? "run.since.one" : "run.since.several";
    return {
      title: text(key, { count: number(count) }),
      names: namesSince(progress.since, texts),
      meaning,
    };
  }
  if (!progress.differs.length) return null;
  return { title: text("run.since.differs"), names: progress.differs.join("; "), meaning };
}

/**
 * What running again changed; nothing if the results are the first ones.
 * @param {Progress} progress
 * @param {Texts} texts
 */
export function describeRenewed({ renewed, state }, { text, number }) {
  if (!renewed || state !== "idle") return null;
  if (!renewed.targets) return text("run.renewed.nothing");
  const about = { targets: number(renewed.targets), empty: number(renewed.newly_empty) };
  return text(renewed.newly_empty ? "run.renewed.some_empty" : "run.renewed.some", about);
}

export class SincePanel {
  #listed = "";

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   * @param {{again: () => unknown, refresh: () => unknown, tell: (error: unknown) => void}} deeds
   */
  constructor(root, texts, server, deeds) {
    this.texts = texts;
    this.server = server;
    this.deeds = deeds;
    this.panel = find(root, ".since");
    this.renewed = find(root, ".renewed");
    this.list = find(this.renewed, ".changed");
    this.showButton = find(this.renewed, ".show-changed", HTMLButtonElement);
    find(this.panel, ".run-again").addEventListener("click", () => deeds.again());
    find(this.renewed, ".back").addEventListener("click", () => this.#goBack());
    this.showButton.addEventListener("click", () => this.#toggle());
  }

  /**
   * @param {Progress} progress
   * @returns {boolean}  whether a plain start could not go on
   */
  show(progress) {
    const said = describeSince(progress, this.texts);
    this.panel.hidden = !said;
    for (const [name, words] of Object.entries(said ?? {})) {
      find(this.panel, `.${name}`).textContent = words;
    }
    const summary = describeRenewed(progress, this.texts);
    this.renewed.hidden = summary === null;
    find(this.renewed, ".summary").textContent = summary ?? "";
    const content = JSON.stringify(progress.renewed);
    if (content !== this.#listed) this.#close();
    this.#listed = content;
    this.showButton.hidden = !progress.renewed?.targets;
    return said !== null && countSince(progress) > 0;
  }

  async #toggle() {
    if (!this.list.hidden) {
      this.#close();
      return;
    }
    try {
      /** @type {{rows: Changed[]}} */
      const { rows } = await this.server.ask("changes");
      this.list.replaceChildren(...rows.map((row) => this.#item(row)));
      this.list.hidden = false;
      this.showButton.textContent = this.texts.text("run.renewed.hide");
    } catch (error) {
      this.deeds.tell(error);
    }
  }

  #close() {
    this.list.hidden = true;
    this.list.replaceChildren();
    this.showButton.textContent = this.texts.text("run.renewed.show");
  }

  async #goBack() {
    try {
      await this.server.tell("back");
    } catch (error) {
      this.deeds.tell(error);
    }
    await this.deeds.refresh();
  }

  /** @param {Changed} row  old beside new; a click opens it among the results */
  #item(row) {
    const { text, number } = this.texts;
    const picture = (/** @type {"before" | "thumbnail"} */ route) =>
      make("img", "", {
        src: pictureUrl(route, row),
        alt: text(route === "before" ? "run.renewed.was" : "run.renewed.is", { name: row.id }),
        loading: "lazy",
      });
    const words = row.newly_empty
      ? text("run.renewed.empty")
      : text("run.renewed.pixels", { gained: number(row.gained), lost: number(row.lost) });
    const link = make(
      "a",
      "",
      { href: writeHash("results", { open: row.id }) },
      picture("before"),
      make("span", "arrow", { text: "→", "aria-hidden": "true" }),
      picture("thumbnail"),
      make("span", "name", { text: row.id }),
      make("span", row.newly_empty ? "what emptied" : "what", { text: words }),
    );
    return make("li", "", {}, link);
  }
}
