// @ts-check
// Targets as the ledger knows them, and their objects.

/** @typedef {{id: number, score: number, right: number | null, area: number}} FoundObject */

/**
 * @typedef {object} Row  of the ledger, see _row in routes.py
 * @property {string} id  of the target
 * @property {"done" | "failed"} state
 * @property {[number, number] | null} size  height, width
 * @property {string | null} reason  why it failed
 * @property {string[]} notes
 * @property {FoundObject[]} objects
 * @property {string | null} decision  of a person
 */

/** @typedef {{id: number, name: string, color: [number, number, number]}} ObjectSpec */

/**
 * @param {ObjectSpec[]} objects
 * @param {number} id
 * @returns {ObjectSpec}
 */
export const objectOf = (objects, id) =>
  objects.find((object) => object.id === id) ?? { id, name: "", color: [128, 128, 128] };
