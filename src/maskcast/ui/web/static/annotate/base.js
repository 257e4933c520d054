// What all parts of the Annotate page share: texts, state, small helpers.
// The parts are joined in the order of annotate.py and run inside one function, with Gradio's
// `element`, `props`, `server` and `upload`.

"use strict";

const root = element.querySelector(".mc");
const find = (selector) => root.querySelector(selector);
const findAll = (selector) => [...root.querySelectorAll(selector)];

const language = props.lang || ((navigator.language || "").toLowerCase().startsWith("ko") ? "ko" : "en");
const table = props.texts[language];

function text(key, values = {}) {
  const found = table[`annotate.${key}`];
  if (found === undefined) throw new Error(`no text ${key}`);
  return found.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

// Everything that is shown. `scene` is the newest answer of the server about the image in hand.
const state = {
  references: [],   // {image, clean, objects: [id]}
  objects: [],      // {id, name, color, fixed, count, thumbnail}
  shownSlots: 16,
  scene: null,
  image: null,      // id of the image that is open or being opened
  picture: null,    // decoded picture of the scene's image
  chosen: 1,
  tool: "prompt",
  radius: 8,        // of the brush, in pixels of the image
  masksVisible: true,
};

// A reloaded page shows what it showed.
const LAST_IMAGE = `maskcast ${location.pathname} image`;

const limit = (value, low, high) => Math.min(Math.max(value, low), high);

function colorOf(id) {
  return state.objects.find((object) => object.id === id)?.color ?? "#888888";
}

// A name that nobody gave is said in the language of the page.
function nameOf(id) {
  const name = state.objects.find((object) => object.id === id)?.name;
  return name && name !== `object ${id}` ? name : text("object", { id });
}

function channels(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

// Black or white, whichever is easier to read on a colour (relative luminance of WCAG 2.1).
function inkOn(color) {
  const [red, green, blue] = channels(color).map((channel) => {
    const level = channel / 255;
    return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

function make(tag, className, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function label(target, words, keys = "") {
  target.setAttribute("aria-label", words);
  target.title = keys ? `${words} (${keys})` : words;
  if (keys) target.setAttribute("aria-keyshortcuts", keys.replace("Ctrl", "Control"));
}

function fillTexts() {
  for (const target of findAll("[data-text]")) target.textContent = text(target.dataset.text);
  for (const target of findAll("[data-label]")) {
    label(target, text(target.dataset.label), target.dataset.keys);
  }
  root.lang = language;
}

function later(milliseconds, work) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const isVisible = () => root.isConnected && root.offsetParent !== null;

// Notices: kind is "info" (goes by itself), "error" or "conflict" (stay until closed).
function notify(kind, words) {
  const list = find(".mc-notices");
  for (const old of list.children) if (old.dataset.words === words) old.remove();
  const notice = make("div", `mc-notice mc-${kind}`);
  notice.dataset.words = words;
  const body = make("p", "");
  body.textContent = words;
  const close = make("button", "mc-close", { type: "button", "aria-label": text("close") });
  close.textContent = "×";
  close.addEventListener("click", () => notice.remove());
  notice.append(body, close);
  list.append(notice);
  while (list.children.length > 4) list.firstChild.remove();
  if (kind === "info") setTimeout(() => notice.remove(), 5000);
}
