// @ts-check
// The bar above the picture: which tool is in hand, the size of the brush, what can be undone.

import { nearestStep } from "../shared/controls.js";
/**
 * @import { Texts } from "../shared/texts.js"
 * @import { Controls, Tool } from "../shared/controls.js"
 * @import { Link } from "./link.js"
 * @import { Scene } from "./scene.js"
 */
import { find, findAll, label } from "../shared/dom.js";
import { UNKNOWN, withUnknown } from "./scene.js";

/** @type {Record<Tool, string>} */
const HINTS = {
  box: "annotate.hint.box",
  minus: "annotate.hint.minus",
  brush: "annotate.hint.brush",
  eraser: "annotate.hint.eraser",
  delete: "annotate.hint.delete",
  pan: "annotate.hint.pan",
  zoom: "annotate.hint.zoom",
};

export class Toolbar {
  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Controls} controls
   */
  constructor(root, texts, controls) {
    this.root = root;
    this.texts = texts;
    this.feel = controls.feel;
    this.slider = find(root, ".mc-radius", HTMLInputElement);
    this.slider.max = String(controls.feel.radii.length - 1);
    this.status = find(root, ".mc-status");
    this.#showKeys(controls.captions);
  }

  /** @param {Record<string, string>} captions */
  #showKeys(captions) {
    for (const button of findAll(this.root, "[data-do], [data-tool]")) {
      const { tool, do: command, label: words = "" } = button.dataset;
      // The tool that deletes is not what D does, and boxes have the brush's key.
      const caption =
        tool === "delete" ? "" : captions[command ?? (tool === "box" ? "brush" : tool) ?? ""];
      if (words) label(button, this.texts.text(words), caption ?? "");
    }
    const size = this.texts.text("annotate.size");
    label(this.slider, size, `${captions.thinner} ${captions.thicker}`);
  }

  /** @param {string} command */
  button(command) {
    return find(this.root, `button[data-do="${command}"]`, HTMLButtonElement);
  }

  /**
   * @param {Tool} tool
   * @param {number} radius  of the brush, in pixels of the image
   * @param {number} chosen
   */
  showTool(tool, radius, chosen) {
    for (const button of findAll(this.root, "[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
    const isBrush = tool === "brush" || tool === "eraser";
    const hint = isBrush && chosen === UNKNOWN ? "annotate.hint.unknown" : HINTS[tool];
    find(this.root, ".mc-hint").textContent = this.texts.text(hint);
    find(this.root, ".mc-size").classList.toggle("mc-dim", !isBrush);
    this.slider.value = String(nearestStep(this.feel, radius));
    const width = `${Math.max(1, Math.round(2 * radius))} px`;
    find(this.root, ".mc-radius-value").textContent = width;
    this.slider.setAttribute("aria-valuetext", width);
  }

  /** The radius that the slider is at. */
  get sliderRadius() {
    return this.feel.radii[Number(this.slider.value)];
  }

  /**
   * @param {Scene} scene
   * @param {number} chosen
   */
  showScene(scene, chosen) {
    this.button("undo").disabled = !scene.undo;
    this.button("redo").disabled = !scene.redo;
    this.button("clear").disabled = !(chosen in withUnknown(scene));
    this.button("unknown").disabled = false;
    this.button("unknown").setAttribute("aria-pressed", String(chosen === UNKNOWN));
    this.button("clean").disabled = false;
    this.button("clean").setAttribute("aria-pressed", String(scene.clean));
  }

  /** @param {Link<unknown>} link */
  showStatus(link) {
    const words = link.offline ? "offline" : link.isBusy ? "working" : "saved";
    const isSilent = words === "saved" && !link.scene;
    this.root.dataset.busy = String(link.isBusy);
    this.say(isSilent ? "" : this.texts.text(STATUS[words]), link.offline);
  }

  /**
   * @param {string} words
   * @param {boolean} [isWarning]
   */
  say(words, isWarning = false) {
    this.status.textContent = words;
    this.status.classList.toggle("mc-warn", isWarning);
  }
}

const STATUS = {
  offline: "annotate.offline",
  working: "annotate.working",
  saved: "annotate.saved",
};
