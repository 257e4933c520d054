// @ts-check
// Small helpers for what is on the page.

/** @import { Texts } from "./texts.js" */

/**
 * The element that a page must have.
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`the page has no ${selector}`);
  return /** @type {Kind} */ (found);
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export const findAll = (root, selector) => [...root.querySelectorAll(selector)].filter(isHtml);

/**
 * @param {unknown} node
 * @returns {node is HTMLElement}
 */
const isHtml = (node) => node instanceof HTMLElement;

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {{text?: string, [attribute: string]: string | undefined}} [about]  its text and attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className = "", { text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value ?? "");
  made.append(...children);
  return made;
}

/**
 * Says what an element is, to eyes and to screen readers.
 * @param {HTMLElement} target
 * @param {string} words
 * @param {string} [keys]  that do the same, as they are shown
 */
export function label(target, words, keys = "") {
  target.setAttribute("aria-label", words);
  target.title = keys ? `${words} (${keys})` : words;
  if (keys) target.setAttribute("aria-keyshortcuts", keys.replace("Ctrl", "Control"));
}

/**
 * Fills in the texts that a template asks for with `data-text` and `data-label`.
 * @param {HTMLElement} root
 * @param {Texts} texts
 */
export function fillTexts(root, texts) {
  for (const target of findAll(root, "[data-text]")) {
    target.textContent = texts.text(target.dataset.text ?? "");
  }
  for (const target of findAll(root, "[data-label]")) {
    const words = texts.text(target.dataset.label ?? "");
    if (target instanceof HTMLOptGroupElement) target.label = words;
    label(target, words);
  }
  root.lang = texts.language;
}

/**
 * Where a mouse or finger is on an element, in pixels from its top left.
 * @param {Element} area
 * @param {{clientX: number, clientY: number}} event
 */
export function placeOn(area, event) {
  const bounds = area.getBoundingClientRect();
  return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
}

/** Pixels of what is drawn by hand, per pixel on a usual screen: as text grows on large ones. */
export const drawnUnit = () =>
  Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

/**
 * A call that waits until nobody called for so long.
 * @param {number} milliseconds
 * @param {() => unknown} work
 */
export function later(milliseconds, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
}

/**
 * Whether an element is on the page and on its open tab.
 * @param {HTMLElement} element
 */
export const isShown = (element) => element.isConnected && element.offsetParent !== null;

/**
 * Works as soon as an element is looked at, and again so many milliseconds after that ended.
 * @param {HTMLElement} element
 * @param {() => unknown} work
 * @param {() => number} pause
 */
export function repeat(element, work, pause) {
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null; // null while at work
  const isSeen = () => isShown(element) && !document.hidden;
  const turn = async () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (!element.isConnected) return;
    try {
      if (isSeen()) await work();
    } finally {
      timer = setTimeout(turn, pause());
    }
  };
  const hurry = () => {
    if (timer !== null && isSeen()) turn();
  };
  new IntersectionObserver(hurry).observe(element);
  document.addEventListener("visibilitychange", hurry);
  turn();
}
