// @ts-check
// Sentences over the picture: what went wrong stays until it is closed, the rest goes by itself.

/** @import { Texts } from "../shared/texts.js" */
import { find, make } from "../shared/dom.js";

const MOST = 4;
const READING_TIME = 5000; // milliseconds
const OFFER_TIME = 20000;

export class Notices {
  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   */
  constructor(root, texts) {
    this.list = find(root, ".mc-notices");
    this.texts = texts;
  }

  /**
   * @param {"info" | "error" | "conflict"} kind
   * @param {string} words
   * @param {{words: string, work: () => unknown}} [offer]  what a button in it does
   */
  show(kind, words, offer) {
    for (const old of [...this.list.children]) {
      if (old.firstChild?.textContent === words) old.remove();
    }
    const closes = this.texts.text("annotate.close");
    const close = make("button", "mc-close", { type: "button", "aria-label": closes, text: "×" });
    const notice = make("div", `mc-notice mc-${kind}`, {}, make("p", "", { text: words }));
    if (offer) {
      const button = make("button", "mc-offer", { type: "button", text: offer.words });
      button.addEventListener("click", () => {
        notice.remove();
        offer.work();
      });
      notice.append(button);
    }
    notice.append(close);
    close.addEventListener("click", () => notice.remove());
    this.list.append(notice);
    while (this.list.children.length > MOST) this.list.firstElementChild?.remove();
    if (kind === "info") setTimeout(() => notice.remove(), offer ? OFFER_TIME : READING_TIME);
  }

  clear() {
    this.list.replaceChildren();
  }
}
