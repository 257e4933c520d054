// @ts-check
// The Annotate tab: puts its parts together.

/**
 * @import { Tables } from "../shared/texts.js"
 * @import { Controls } from "../shared/controls.js"
 */
import { fillTexts, find, isShown } from "../shared/dom.js";
import { listenToDrops } from "../shared/drops.js";
import { Server } from "../shared/server.js";
import { chooseLanguage, Texts } from "../shared/texts.js";
import { offerTone } from "../shared/tone.js";
import { Inputs, listenToButtons } from "./inputs.js";
import { Labeler } from "./labeler.js";

const LOOK_AROUND = 5000; // milliseconds

/**
 * @typedef {object} Given  what Gradio gives a component
 * @property {HTMLElement} element
 * @property {{texts: Tables, lang: string, project: string, controls: Controls}} props
 */

/** @param {Given} given */
export async function mount({ element, props }) {
  const root = find(element, ".mc");
  const language = chooseLanguage(props.texts, props.lang, [navigator.language]);
  const texts = new Texts(props.texts, language);
  fillTexts(root, texts);
  const server = new Server(texts);
  const labeler = new Labeler(root, texts, props.controls, server, props.project);
  offerTone(find(root, ".tone"), [labeler.stage.under], props.project, texts);
  const inputs = new Inputs(labeler, props.controls.keys);
  inputs.listen();
  listenToButtons(labeler, inputs);
  const drop = find(root, ".mc-drop");
  const showDrop = (/** @type {boolean} */ isOver) => {
    drop.hidden = !isOver;
  };
  listenToDrops(root, showDrop, (files) => labeler.addFiles(files));
  await labeler.begin();
  const lookAround = () => {
    if (isShown(root) && !document.hidden) labeler.link.refresh();
  };
  document.addEventListener("visibilitychange", lookAround);
  setInterval(lookAround, LOOK_AROUND);
}
