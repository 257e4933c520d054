// @ts-check
// Targets as the ledger knows them, and their objects.

import { routeUrl } from "./server.js";

/**
 * @typedef {object} FoundObject
 * @property {number} id
 * @property {number} score
 * @property {number | null} right  probability that its mask is right
 * @property {number} area
 * @property {number} parts  connected ones
 */

/**
 * @typedef {object} Row  of the ledger, see _row in routes.py
 * @property {string} id  of the target
 * @property {string} shows  another one once its pictures show something else
 * @property {"done" | "failed"} state
 * @property {[number, number] | null} size  height, width
 * @property {string | null} reason  why it failed
 * @property {string[]} notes
 * @property {FoundObject[]} objects
 * @property {string | null} decision  of a person
 * @property {string | null} binned  its name in the bin, if the target was removed
 */

/**
 * The address of a picture of a target, which no browser takes for that of another run.
 * @param {"thumbnail" | "original" | "overlay" | "blind" | "before"} route
 * @param {Pick<Row, "id" | "shows">} row
 */
export const pictureUrl = (route, { id, shows }) => routeUrl(route, { id, shows });

/** @typedef {{id: number, name: string, color: [number, number, number]}} ObjectSpec */

/**
 * @param {ObjectSpec[]} objects
 * @param {number} id
 * @returns {ObjectSpec}
 */
export const objectOf = (objects, id) =>
  objects.find((object) => object.id === id) ?? { id, name: "", color: [128, 128, 128] };
