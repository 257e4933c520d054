// @ts-check
// The references below the picture: thumbnails, and what is annotated on each.

/**
 * @import { Texts } from "../shared/texts.js"
 * @import { ReferenceEntry } from "./scene.js"
 * @import { Slots } from "./slots.js"
 */
import { find, label, make } from "../shared/dom.js";

const AT_ONCE = 6; // thumbnails in one question
const MOST_DOTS = 8;
const LONGEST_NAME = 13;

/**
 * Names differ at their ends: the middle is what is left out.
 * @param {string} name
 * @param {number} most  letters
 */
export function shortened(name, most) {
  const last = name.split("/").at(-1) ?? "";
  if (last.length <= most) return last;
  return `${last.slice(0, most - 10)}…${last.slice(-9)}`;
}

export class Filmstrip {
  /** @type {Map<string, string | null>} image id -> data URL, null if it cannot be read */
  #thumbnails = new Map();
  /** @type {Set<string>} */
  #wanted = new Set();
  #isFetching = false;
  /** @type {() => void} */
  #showAgain = () => {};

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Slots} slots
   * @param {(image: string) => unknown} open
   * @param {(message: object) => Promise<any>} ask
   */
  constructor(root, texts, slots, open, ask) {
    this.list = find(root, ".mc-frames");
    this.texts = texts;
    this.slots = slots;
    this.open = open;
    this.ask = ask;
    this.watcher = new IntersectionObserver((entries) => this.#want(entries), {
      rootMargin: "200px",
    });
  }

  /**
   * Thumbnails of those that come into sight.
   * @param {IntersectionObserverEntry[]} entries
   */
  async #want(entries) {
    for (const { target, isIntersecting } of entries) {
      const image = /** @type {HTMLElement} */ (target).dataset.image ?? "";
      if (isIntersecting && !this.#thumbnails.has(image)) this.#wanted.add(image);
    }
    if (this.#isFetching) return;
    this.#isFetching = true;
    while (this.#wanted.size > 0) {
      const images = [...this.#wanted].slice(0, AT_ONCE);
      for (const image of images) this.#wanted.delete(image);
      const { thumbnails = {} } = await this.ask({ do: "thumbnails", images });
      for (const [image, source] of Object.entries(thumbnails)) this.#thumbnails.set(image, source);
      this.#showAgain();
    }
    this.#isFetching = false;
  }

  /**
   * @param {ReferenceEntry[]} references
   * @param {string | null} current  the image in hand
   */
  show(references, current) {
    this.#showAgain = () => this.show(references, current);
    const frames = /** @type {HTMLElement[]} */ ([...this.list.children]);
    const known = new Map(frames.map((frame) => [frame.dataset.image, frame]));
    references.forEach((reference, index) => {
      const frame = known.get(reference.image) ?? this.#makeFrame(reference.image);
      known.delete(reference.image);
      const there = this.list.children[index] ?? null;
      if (there !== frame) this.list.insertBefore(frame, there);
      this.#fillFrame(frame, reference, reference.image === current);
    });
    for (const gone of known.values()) gone.remove();
  }

  /** @param {string} image */
  #makeFrame(image) {
    const picture = make(
      "span",
      "mc-frame-picture",
      {},
      make("img", "", { alt: "", draggable: "false" }),
      make("span", "mc-dots"),
    );
    const name = make("span", "mc-frame-name", { text: shortened(image, LONGEST_NAME) });
    const about = { type: "button", "data-image": image };
    const frame = make("button", "mc-frame", about, picture, name);
    frame.addEventListener("click", () => this.open(image));
    this.watcher.observe(frame);
    return frame;
  }

  /**
   * @param {HTMLElement} frame
   * @param {ReferenceEntry} reference
   * @param {boolean} isCurrent
   */
  #fillFrame(frame, { image, clean, objects }, isCurrent) {
    if (isCurrent && frame.getAttribute("aria-current") !== "true") {
      frame.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    frame.setAttribute("aria-current", String(isCurrent));
    const names = objects.map((id) => this.slots.nameOf(id)).join(", ");
    const marks = clean ? "annotate.frame.clean" : "annotate.frame.none";
    label(frame, `${image}: ${(!clean && names) || this.texts.text(marks)}`);
    frame.classList.toggle("mc-done", clean || objects.length > 0);
    const source = this.#thumbnails.get(image);
    const thumbnail = find(frame, "img", HTMLImageElement);
    thumbnail.hidden = !source;
    find(frame, ".mc-frame-picture").classList.toggle("mc-broken", source === null);
    if (source && thumbnail.getAttribute("src") !== source) thumbnail.src = source;
    const dots = objects.slice(0, MOST_DOTS).map((id) => this.#dot(id));
    find(frame, ".mc-dots").replaceChildren(...(clean ? [make("i", "mc-clean-mark")] : dots));
  }

  /** @param {number} id */
  #dot(id) {
    const dot = make("i", "mc-dot");
    dot.style.background = this.slots.colorOf(id);
    return dot;
  }
}
