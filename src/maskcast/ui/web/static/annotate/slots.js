// @ts-check
// The objects beside the picture: which one is chosen, names, colours, thumbnails, counts.

/**
 * @import { Texts } from "../shared/texts.js"
 * @import { ObjectEntry, Scene } from "./scene.js"
 */
import { inkOn } from "../shared/colors.js";
import { find, label, make } from "../shared/dom.js";
import { limit } from "../shared/panzoom.js";
import { UNKNOWN } from "./scene.js";

export const MOST_OBJECTS = 255;
const PAGE = 16;
const NO_COLOR = "#888888"; // of an object that the server did not tell of yet
const UNKNOWN_COLOR = "#d8d8d8"; // of what is unknown

/** @param {number} id */
const pageOf = (id) => Math.floor((id - 1) / PAGE) * PAGE + 1;

/**
 * The ids that are shown: of objects that there are, and of those that somebody asked for.
 * @param {ObjectEntry[]} objects  that the server knows
 * @param {Iterable<number>} others  chosen, added or on the image
 * @returns {Set<number>}
 */
export function shownIds(objects, others) {
  const known = objects.filter(
    ({ id, name, fixed, count }) => count > 0 || fixed || (name && name !== `object ${id}`),
  );
  return new Set([...known.map(({ id }) => id), ...others].filter((id) => id !== UNKNOWN));
}

/**
 * The lowest id that is not shown; null if there is none left.
 * @param {Set<number>} shown
 */
export function freeId(shown) {
  for (let id = 1; id <= MOST_OBJECTS; id += 1) if (!shown.has(id)) return id;
  return null;
}

export class Slots {
  /** @type {Set<number>} by the button, on this page */
  #added = new Set();
  #shownCount = PAGE;
  #firstId = 1; // of the page that was turned to

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {(id: number) => void} choose
   */
  constructor(root, texts, choose) {
    this.list = find(root, ".mc-slots");
    this.more = find(root, ".mc-more");
    this.editor = find(root, ".mc-editor");
    this.name = find(root, ".mc-name", HTMLInputElement);
    this.color = find(root, ".mc-color", HTMLInputElement);
    this.texts = texts;
    this.choose = choose;
    /** @type {ObjectEntry[]} */
    this.objects = [];
  }

  /** @param {ObjectEntry[]} objects */
  take(objects) {
    this.objects = objects;
    this.#shownCount = Math.max(this.#shownCount, objects.length);
  }

  /** @param {number} id */
  #entry(id) {
    return this.objects.find((object) => object.id === id);
  }

  /** @param {number} id */
  colorOf(id) {
    return id === UNKNOWN ? UNKNOWN_COLOR : (this.#entry(id)?.color ?? NO_COLOR);
  }

  /**
   * A name that nobody gave is said in the language of the page.
   * @param {number} id
   */
  nameOf(id) {
    const name = this.#entry(id)?.name;
    return name && name !== `object ${id}` ? name : this.texts.text("annotate.object", { id });
  }

  /**
   * Adds an object to the list; its id, or null if there are all.
   * @param {number} chosen
   * @param {Scene | null} scene
   */
  add(chosen, scene) {
    const id = freeId(this.#shown(chosen, scene));
    if (id === null) return null;
    this.#added.add(chosen).add(id);
    this.reveal(id);
    return id;
  }

  /**
   * @param {number} chosen
   * @param {Scene | null} scene
   */
  #shown(chosen, scene) {
    const here = Object.keys(scene?.objects ?? {}).map(Number);
    const page =
      this.#firstId > 1 ? Array.from({ length: PAGE }, (_, at) => this.#firstId + at) : [];
    return shownIds(this.objects, [chosen, ...this.#added, ...here, ...page]);
  }

  /** @param {number} id */
  reveal(id) {
    this.#firstId = pageOf(id);
    this.#shownCount = Math.min(MOST_OBJECTS, Math.max(this.#shownCount, this.#firstId + PAGE - 1));
  }

  /**
   * Turns by so many pages of objects.
   * @param {number} by
   */
  turnPage(by) {
    this.reveal(limit(this.#firstId + by * PAGE, 1, pageOf(MOST_OBJECTS)));
    this.#fill();
  }

  /** Scrolls to the page that was turned to. */
  scrollToPage() {
    const slot = this.slot(this.#firstId);
    const left = slot.offsetLeft - this.list.offsetLeft;
    this.list.scrollTo({ left, top: slot.offsetTop - this.list.offsetTop });
  }

  /** @param {number} id */
  slot(id) {
    return find(this.list, `.mc-slot[data-id="${id}"]`);
  }

  #fill() {
    const { list } = this;
    while (list.children.length < this.#shownCount) {
      list.append(this.#makeSlot(list.children.length + 1));
    }
  }

  /**
   * @param {number} chosen
   * @param {Scene | null} scene
   */
  show(chosen, scene) {
    this.#fill();
    const slots = /** @type {HTMLElement[]} */ ([...this.list.children]);
    const shown = this.#shown(chosen, scene);
    this.more.hidden = freeId(shown) === null;
    for (const [index, slot] of slots.entries()) {
      const id = index + 1;
      slot.hidden = !shown.has(id);
      this.#fillSlot(slot, id, id === chosen, scene !== null && id in scene.objects);
    }
    this.#showEditor(chosen);
  }

  /** @param {number} id */
  #makeSlot(id) {
    const slot = make(
      "button",
      "mc-slot",
      { type: "button", "data-id": String(id) },
      make("span", "mc-badge", { text: String(id) }),
      make("span", "mc-thumb", {}, make("img", "", { alt: "" })),
      make("span", "mc-slot-name"),
      make("span", "mc-count"),
    );
    slot.addEventListener("click", () => this.choose(id));
    slot.addEventListener("dblclick", () => this.name.focus());
    return slot;
  }

  /**
   * @param {HTMLElement} slot
   * @param {number} id
   * @param {boolean} isChosen
   * @param {boolean} isHere
   */
  #fillSlot(slot, id, isChosen, isHere) {
    const object = this.#entry(id);
    const words = this.nameOf(id);
    const count = object?.count ?? 0;
    slot.setAttribute("aria-pressed", String(isChosen));
    slot.classList.toggle("mc-here", isHere);
    const about = { id, name: words, count };
    const text = this.texts.text(isHere ? "annotate.slot.here" : "annotate.slot", about);
    label(slot, text, id < 10 ? String(id) : "");
    const color = this.colorOf(id);
    const badge = find(slot, ".mc-badge");
    badge.style.background = color;
    badge.style.color = inkOn(color);
    const image = find(slot, "img", HTMLImageElement);
    const source = object?.thumbnail;
    image.hidden = !source;
    if (source && image.getAttribute("src") !== source) image.src = source;
    find(slot, ".mc-slot-name").textContent = words;
    find(slot, ".mc-count").textContent = count > 0 ? String(count) : "";
  }

  /** @param {number} chosen */
  #showEditor(chosen) {
    this.editor.hidden = chosen === UNKNOWN;
    if (chosen === UNKNOWN) return;
    const isFixed = this.#entry(chosen)?.fixed ?? false;
    this.editor.title = isFixed ? this.texts.text("annotate.object.fixed") : "";
    this.name.disabled = this.color.disabled = isFixed;
    if (document.activeElement !== this.name) this.name.value = this.nameOf(chosen);
    if (document.activeElement !== this.color) this.color.value = this.colorOf(chosen);
  }

  /**
   * What was typed for an object; null if it is what it was.
   * @param {number} id
   */
  typed(id) {
    if (id === UNKNOWN) return null;
    const typed = this.name.value.trim();
    const before = this.#entry(id)?.name ?? this.nameOf(id);
    const name = typed && typed !== this.nameOf(id) ? typed : before;
    const color = this.color.value;
    return name === before && color === this.colorOf(id) ? null : { object: id, name, color };
  }
}
