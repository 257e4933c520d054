// @ts-check
// What a key of the keyboard asks for, spelled as in the window's keys.py.

/**
 * @typedef {object} Key
 * @property {string} key
 * @property {string} [code]
 * @property {boolean} [shiftKey]
 * @property {boolean} [ctrlKey]
 * @property {boolean} [metaKey]
 * @property {boolean} [altKey]
 */

/**
 * One spelling of a key, whatever is held with it and whatever script is typed; "" for one that is
 * nobody's.
 * @param {Key} event
 */
export function keyName(event) {
  const name = letterOf(event);
  // Many keyboards have brackets on AltGr, which arrives as Ctrl and Alt.
  if (name === "[" || name === "]") return name;
  if (event.altKey) return "";
  const shift = event.shiftKey && /^[a-z]$/.test(name) ? "shift+" : "";
  return event.ctrlKey || event.metaKey ? `ctrl+${shift}${name}` : `${shift}${name}`;
}

/** @param {Key} event */
function letterOf({ key, code = "" }) {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  // While Hangul, Cyrillic or Greek is typed, the key is still that of its place.
  const isForeign = key === "Process" || (key.length === 1 && key > "\x7f");
  if (letter && isForeign) return letter.toLowerCase();
  if (key === " ") return "space";
  return key.toLowerCase().replace(/^arrow/, "");
}

/**
 * @param {Key} event
 * @param {Record<string, string>} keys  key -> command
 * @returns {string | null} the command, or the digit of an object
 */
export function commandOf(event, keys) {
  const name = keyName(event);
  if (/^[1-9]$/.test(name)) return name;
  return keys[name] ?? keys[name.replace(/^shift\+/, "")] ?? null;
}
