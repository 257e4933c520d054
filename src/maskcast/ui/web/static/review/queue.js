// @ts-check
// What a reviewer has in hand, what comes next and what came before. Nothing here knows the page.

/** @import { Row } from "../shared/rows.js" */

/** @typedef {Row & {blind?: boolean}} ReviewRow  blind: nothing tells how good it is */

const FETCH_AT = 8; // rows left from which more are asked for

export class Queue {
  constructor() {
    /** @type {ReviewRow[]} */
    this.rows = [];
    this.index = 0;
  }

  /** @returns {ReviewRow | undefined} */
  get current() {
    return this.rows[this.index];
  }

  /** The next ones, to be loaded ahead. */
  get ahead() {
    return this.rows.slice(this.index + 1, this.index + 3);
  }

  get isShort() {
    return this.rows.length - this.index <= FETCH_AT;
  }

  /**
   * Puts rows that came from the server behind what is in hand; what was seen already stays.
   * @param {ReviewRow[]} rows
   */
  take(rows) {
    const kept = this.rows.slice(0, this.index + 1);
    const known = new Set(kept.map((row) => row.id));
    this.rows = [...kept, ...rows.filter((row) => !known.has(row.id))];
  }

  /** Forgets everything that was not seen, as when the order changes. */
  clear() {
    this.rows = this.rows.slice(0, this.index);
  }

  /** @param {number} step  1 or -1 */
  move(step) {
    this.index = Math.min(Math.max(0, this.index + step), this.rows.length);
  }

  /**
   * What a decision made of a row.
   * @param {ReviewRow} row
   */
  replace(row) {
    const place = this.rows.findIndex((known) => known.id === row.id);
    if (place >= 0) this.rows[place] = row;
  }

  /**
   * Goes to a row that was decided before, or puts it before what is in hand.
   * @param {ReviewRow} row
   */
  goTo(row) {
    const place = this.rows.findIndex((known) => known.id === row.id);
    if (place >= 0) {
      this.rows[place] = row;
      this.index = place;
    } else {
      this.rows.splice(this.index, 0, row);
    }
  }
}

/**
 * The parts of a time, for a person: minutes below an hour and a half, hours above.
 * @param {number} seconds
 * @returns {{unit: "minutes" | "hours", value: number}}
 */
export function roughly(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 90) return { unit: "minutes", value: minutes };
  return { unit: "hours", value: Math.round(minutes / 6) / 10 };
}
