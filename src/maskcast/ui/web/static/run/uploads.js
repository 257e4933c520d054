// @ts-check
// Targets by upload: a few at a time, with a tally and what was refused.

/**
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 */
import { find, make } from "../shared/dom.js";
import { listenToDrops } from "../shared/drops.js";
import { uploadName } from "../shared/server.js";

const AT_ONCE = 3;
const MOST_REFUSALS = 20;

/**
 * What became of the files so far; what did not happen is not named.
 * @param {{done: number, renamed: number, known: number, refused: number}} tally
 * @param {number} total
 * @param {Texts} texts
 */
export function tallied({ done, renamed, known, refused }, total, { text, number }) {
  const added = text("run.uploading", { done: number(done + renamed), total: number(total) });
  const others = Object.entries({ renamed, known, refused }).filter(([, count]) => count > 0);
  const named = others.map(([name, count]) =>
    text(`run.uploading.${name}`, { count: number(count) }),
  );
  return [added, ...named].join("; ");
}

export class Uploads {
  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   * @param {() => unknown} tell  there are more targets
   */
  constructor(root, texts, server, tell) {
    this.texts = texts;
    this.server = server;
    this.tell = tell;
    this.line = find(root, ".uploading");
    this.refused = find(root, ".refused");
    const drop = find(root, ".drop");
    const showDrop = (/** @type {boolean} */ isOver) => drop.classList.toggle("over", isOver);
    listenToDrops(root, showDrop, (files) => this.send(files));
    for (const kind of ["files", "folder"]) {
      const input = find(root, `input.${kind}`, HTMLInputElement);
      find(root, `.choose-${kind}`).addEventListener("click", () => input.click());
      input.addEventListener("change", async () => {
        await this.send([...(input.files ?? [])]);
        input.value = "";
      });
    }
  }

  /** @param {File[]} files */
  async send(files) {
    if (!files.length) return;
    const waiting = [...files];
    const tally = { done: 0, renamed: 0, known: 0, refused: 0 };
    this.refused.replaceChildren();
    this.refused.hidden = true;
    const sendSome = async () => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        tally[await this.#sendFile(file, tally.refused)] += 1;
        this.#show(tally, files.length);
      }
    };
    this.#show(tally, files.length);
    await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
    await this.tell();
  }

  /**
   * @param {File} file
   * @param {number} refusals  so far
   * @returns {Promise<"done" | "renamed" | "known" | "refused">} what became of it
   */
  async #sendFile(file, refusals) {
    try {
      const answer = await this.server.upload("targets", file);
      if (!answer.new) return "known";
      if (answer.image_id !== answer.wanted) this.#offerToReplace(answer);
      return answer.image_id === uploadName(file) ? "done" : "renamed";
    } catch (error) {
      if (refusals < MOST_REFUSALS) {
        const reason = error instanceof Error ? error.message : error;
        this.refused.append(make("li", "", { text: `${file.name}: ${reason}` }));
        this.refused.hidden = false;
      }
      return "refused";
    }
  }

  /**
   * The picture that was there goes into the bin, and the new one gets its name.
   * @param {{image_id: string, wanted: string}} answer
   */
  #offerToReplace({ image_id: by, wanted: image }) {
    const { text } = this.texts;
    const words = make("span", "", { text: text("run.taken", { image, by }) });
    const button = make("button", "", { type: "button", text: text("run.replace", { image }) });
    const item = make("li", "", {}, words, " ", button);
    button.addEventListener("click", async () => {
      try {
        await this.server.tell("replace", { kind: "targets", id: image, by });
        item.replaceChildren(text("run.replaced", { image }));
      } catch (error) {
        item.append(" ", error instanceof Error ? error.message : String(error));
      }
      await this.tell();
    });
    this.refused.append(item);
    this.refused.hidden = false;
  }

  /**
   * @param {{done: number, renamed: number, known: number, refused: number}} tally
   * @param {number} total
   */
  #show(tally, total) {
    this.line.hidden = false;
    this.line.textContent = tallied(tally, total, this.texts);
  }
}
