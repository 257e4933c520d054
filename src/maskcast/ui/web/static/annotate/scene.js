// @ts-check
// What the server says of the image in hand, and what follows from it. Nothing here knows the page.

/**
 * @import { Box, Place } from "../shared/panzoom.js"
 * @import { Edit } from "./gestures.js"
 */

/** In place of an object's id: the pixels that count neither as object nor as background. */
export const UNKNOWN = 0;

/**
 * A mask as it travels: the bits of its bounding box (see encode_mask in scene.py).
 * @typedef {{x: number, y: number, w: number, h: number, area: number, bits: string}} SentMask
 */

/**
 * @typedef {object} SceneObject
 * @property {number} key  another one whenever the object changes
 * @property {Box | null} box  of the thing in hand
 * @property {Box[]} [boxes]  of its other things
 * @property {[number, number, boolean][]} points
 * @property {boolean} pending  whether its mask is still to come
 * @property {SentMask} [mask]  unless the page has it
 */

/**
 * @typedef {object} Scene  see encode_scene in scene.py
 * @property {number} revision
 * @property {string} image
 * @property {number} height
 * @property {number} width
 * @property {number} step  pixels of the image along each side of a pixel that is sent
 * @property {boolean} clean
 * @property {boolean} undo
 * @property {boolean} redo
 * @property {Record<string, SceneObject>} objects
 * @property {SceneObject | null} unknown
 */

/** @typedef {{image: string, clean: boolean, objects: number[]}} ReferenceEntry */

/**
 * @typedef {object} ObjectEntry
 * @property {number} id
 * @property {string} name
 * @property {string} color  #rrggbb
 * @property {boolean} fixed  whether maskcast.toml sets name and colour
 * @property {number} count  references that show it
 * @property {string | null} thumbnail
 */

/** @typedef {{references: ReferenceEntry[], objects: ObjectEntry[]}} Lists */

/** @typedef {{kind: "error" | "conflict", text: string}} Problem */

/**
 * One thing that a person did, as the server takes it.
 * @typedef {(Edit & {object: number})
 *     | {kind: "clear", object: number}
 *     | {kind: "clean", clean: boolean}
 *     | {kind: "undo" | "redo"}} Step
 */

/**
 * @param {Scene | null} scene
 */
export const hasPending = (scene) =>
  Object.values(scene?.objects ?? {}).some((object) => object.pending);

/**
 * @param {Scene} scene
 * @param {Place} place
 */
export const isInside = (scene, { x, y }) =>
  x >= 0 && y >= 0 && x < scene.width && y < scene.height;

/**
 * All that has pixels, by id: the objects, and what is unknown.
 * @param {Scene} scene
 * @returns {Record<string, SceneObject>}
 */
export const withUnknown = ({ objects, unknown }) =>
  unknown ? { ...objects, [UNKNOWN]: unknown } : objects;

/**
 * In the order that it is drawn in: the chosen object over the others, what is unknown over all.
 * @param {Scene} scene
 * @param {number} chosen
 */
export function drawingOrder(scene, chosen) {
  const rank = (/** @type {string} */ id) =>
    Number(id) === UNKNOWN ? 2 : Number(Number(id) === chosen);
  return Object.entries(withUnknown(scene)).sort(([left], [right]) => rank(left) - rank(right));
}

/**
 * @typedef {object} Prompts
 * @property {Box | null} box  of the thing in hand, which has handles
 * @property {Box[]} boxes  of the object's other things
 * @property {[number, number, boolean][]} points
 * @property {(Edit & {kind: "stroke", object: number})[]} strokes  of all objects, on their way
 */

/**
 * The prompts of an object: what the server knows, and what is on its way there.
 * @param {Scene} scene
 * @param {number} chosen
 * @param {Step[]} sent
 * @returns {Prompts}
 */
export function shownPrompts(scene, chosen, sent) {
  const object = scene.objects[chosen];
  /** @type {Prompts} */
  const shown = {
    box: object?.box ?? null,
    boxes: [...(object?.boxes ?? [])],
    points: [...(object?.points ?? [])],
    strokes: [],
  };
  for (const step of sent) {
    if (step.kind === "stroke") shown.strokes.push(step);
    if (!("object" in step) || step.object !== chosen) continue;
    if (step.kind === "box") showBox(shown, [step.x0, step.y0, step.x1, step.y1]);
    if (step.kind === "point") shown.points.push([step.x, step.y, step.positive]);
    if (step.kind === "clear") Object.assign(shown, { box: null, boxes: [], points: [] });
  }
  return shown;
}

/**
 * A box that was drawn, until the server says whose it is (see SetBox in edits.py): the one in
 * hand, if a handle left two of its sides where they were; else one of its own.
 * @param {Prompts} shown
 * @param {Box} box
 */
function showBox(shown, box) {
  const before = shown.box;
  const isKept = (/** @type {number} */ side) =>
    before?.some((edge, place) => place % 2 === side && box.includes(edge));
  if (before && !(isKept(0) && isKept(1))) shown.boxes.push(before);
  shown.box = box;
}

/**
 * How many objects an image has, and how many boxes and points were drawn for them.
 * @param {Scene} scene
 */
export function contentOf(scene) {
  const objects = Object.values(scene.objects);
  const drawn = objects.map(
    ({ box, boxes = [], points }) => Number(box !== null) + boxes.length + points.length,
  );
  return { objects: objects.length, prompts: drawn.reduce((sum, count) => sum + count, 0) };
}

/**
 * The next reference in a direction; null at the ends.
 * @param {ReferenceEntry[]} references
 * @param {string | null} image
 * @param {number} by
 * @returns {string | null}
 */
export function neighbourOf(references, image, by) {
  const at = references.findIndex((reference) => reference.image === image);
  return references[at + by]?.image ?? null;
}

/**
 * References as a page that was just loaded tries them: what was open last, then what is not
 * annotated yet, then the others.
 * @param {ReferenceEntry[]} references
 * @param {string | null} last
 */
export function openingOrder(references, last) {
  const rank = (/** @type {ReferenceEntry} */ { image, clean, objects }) =>
    image === last ? 0 : clean || objects.length > 0 ? 2 : 1;
  return [...references].sort((left, right) => rank(left) - rank(right));
}
