// @ts-check
// References go into the bin of the project, and come back from there.

/**
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { Link } from "./link.js"
 * @import { Notices } from "./notices.js"
 * @import { ReferenceEntry } from "./scene.js"
 */
import { neighbourOf } from "./scene.js";

/**
 * @typedef {object} Entry  see _about in bin_routes.py
 * @property {string} name
 * @property {"references" | "targets"} kind
 * @property {string} id
 * @property {boolean} replaced
 */

export class ReferenceBin {
  /**
   * @param {Texts} texts
   * @param {Server} server
   * @param {Link<any>} link
   * @param {Notices} notices
   * @param {() => ReferenceEntry[]} references
   */
  constructor(texts, server, link, notices, references) {
    this.texts = texts;
    this.server = server;
    this.link = link;
    this.notices = notices;
    this.references = references;
  }

  /** The reference in hand goes into the bin, with what is annotated on it. */
  async remove() {
    const { image } = this.link;
    if (image === null) return;
    const known = this.references();
    const next = neighbourOf(known, image, 1) ?? neighbourOf(known, image, -1);
    await this.#alone(async () => {
      await this.link.lane; // what was drawn on it is saved first
      await this.server.tell("remove", { kind: "references", id: image });
      if (next === null) this.link.forget();
      else await this.link.open(next);
      await this.link.refreshLists();
      const words = this.texts.text("annotate.bin.removed", { image });
      const undo = { words: this.texts.text("annotate.bin.undo"), work: () => this.putBack() };
      this.notices.show("info", words, undo);
    });
  }

  /** The reference that was removed last. */
  async putBack() {
    await this.#alone(async () => {
      /** @type {{entries: Entry[]}} */
      const { entries } = await this.server.ask("bin");
      const entry = entries.find(({ kind }) => kind === "references");
      if (!entry) {
        this.notices.show("info", this.texts.text("annotate.bin.empty"));
        return;
      }
      await this.server.tell("put-back", { name: entry.name });
      if (entry.replaced) location.reload(); // under its name another picture was shown
      await this.link.refreshLists();
      await this.link.open(entry.id);
    });
  }

  /**
   * Offers to let a picture that was just added take the place of the one of its name.
   * @param {string} image  that was there
   * @param {string} by  under which name the new one was added
   */
  offerToReplace(image, by) {
    const work = () =>
      this.#alone(async () => {
        await this.link.lane;
        await this.server.tell("replace", { kind: "references", id: image, by });
        location.reload();
      });
    const { text } = this.texts;
    const words = text("annotate.bin.taken", { image, by });
    this.notices.show("error", words, { words: text("annotate.bin.replace", { image }), work });
  }

  /** @param {() => Promise<void>} work  whose problems are shown */
  async #alone(work) {
    try {
      await work();
    } catch (error) {
      this.notices.show("error", error instanceof Error ? error.message : String(error));
    }
  }
}
