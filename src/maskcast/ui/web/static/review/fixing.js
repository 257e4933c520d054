// @ts-check
// Fix: the canvas of the Annotate tab on the target in hand, with what was found as the start.

/**
 * @import { Controls } from "../shared/controls.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { ReviewRow } from "./queue.js"
 */
import { Inputs, listenToButtons } from "../annotate/inputs.js";
import { Labeler } from "../annotate/labeler.js";
import { fillTexts, find, isShown, make } from "../shared/dom.js";
import { Server } from "../shared/server.js";
import { offerTone } from "../shared/tone.js";

/** Commands of the labeler that are about references: on a target they must do nothing. */
const OF_REFERENCES = [
  "add",
  "next_image",
  "previous_image",
  "put_back",
  "remove",
  "suggest",
  "try",
];

/**
 * @typedef {object} Ends
 * @property {(image: string, desk: string) => unknown} save
 * @property {(image: string) => unknown} cancel
 */

export class Fixing {
  /** @type {Labeler | null}  made when it is first used */
  #labeler = null;

  /**
   * @param {HTMLElement} element  of the tab
   * @param {Texts} texts
   * @param {{controls: Controls, project: string}} props
   * @param {Ends} ends
   */
  constructor(element, texts, props, ends) {
    this.root = find(element, ".fixing");
    this.template = find(element, "template", HTMLTemplateElement);
    this.texts = texts;
    this.props = props;
    this.ends = ends;
    fillTexts(this.root, texts);
    const save = find(this.root, ".save");
    save.append(make("kbd", "", { text: "Ctrl+S" }));
    save.addEventListener("click", () => this.#save());
    find(this.root, ".cancel").addEventListener("click", () => ends.cancel(this.image));
    document.addEventListener("keydown", (event) => {
      if (!isShown(this.root) || !(event.ctrlKey || event.metaKey) || event.key !== "s") return;
      event.preventDefault();
      this.#save();
    });
  }

  get image() {
    return this.#labeler?.link.image ?? "";
  }

  /**
   * Shows a target with what was found on it.
   * @param {ReviewRow} row
   */
  async open(row) {
    this.root.hidden = false;
    find(this.root, ".fixed").textContent = row.id;
    this.#labeler ??= await this.#make();
    const labeler = this.#labeler;
    labeler.notices.clear();
    labeler.choose(row.objects[0]?.id ?? 1);
    await labeler.link.open(row.id);
    labeler.stage.element.focus({ preventScroll: true });
  }

  /** Nothing is in hand here any more. */
  close() {
    this.root.hidden = true;
    this.#labeler?.link.forget();
  }

  async #save() {
    const { link } = /** @type {Labeler} */ (this.#labeler);
    if (link.image === null || link.scene === null) return;
    await link.lane; // what was drawn is there first
    await this.ends.save(link.image, link.desk ?? "");
  }

  async #make() {
    const { texts, props, root } = this;
    find(root, ".canvas").append(this.template.content.cloneNode(true));
    const canvas = find(root, ".mc");
    fillTexts(canvas, texts);
    const server = new Server(texts, undefined, "fix");
    const labeler = new Labeler(canvas, texts, props.controls, server, props.project);
    for (const command of OF_REFERENCES) delete labeler.commands[command];
    offerTone(find(canvas, ".tone"), [labeler.stage.under], props.project, texts);
    const inputs = new Inputs(labeler, props.controls.keys);
    inputs.listen();
    listenToButtons(labeler, inputs);
    labeler.showTool();
    await labeler.link.start();
    return labeler;
  }
}
