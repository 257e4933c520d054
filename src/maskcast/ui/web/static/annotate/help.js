// @ts-check
// The help: every line of the table of controls, in the language of the page.

/**
 * @import { Texts } from "../shared/texts.js"
 * @import { Controls } from "../shared/controls.js"
 */
import { find, make } from "../shared/dom.js";

export class Help {
  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Controls} controls
   */
  constructor(root, texts, controls) {
    this.dialog = find(root, ".mc-help", HTMLDialogElement);
    const body = find(root, ".mc-help-body");
    for (const group of new Set(controls.help.map((line) => line.group))) {
      const list = make("dl");
      for (const line of controls.help.filter((other) => other.group === group)) {
        const how = line.how.map((words) => texts.text(`annotate.how.${words}`));
        const keys = [...line.keys, ...how].map((key) => make("kbd", "", { text: key }));
        const meaning = texts.text(`annotate.help.${line.name}`);
        const term = make("dt", "", {}, ...keys.flatMap((key) => [key, " "]));
        list.append(term, make("dd", "", { text: meaning }));
      }
      const title = make("h3", "", { text: texts.text(`annotate.group.${group}`) });
      body.append(make("section", "", {}, title, list));
    }
  }

  get isOpen() {
    return this.dialog.open;
  }

  toggle() {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }
}
