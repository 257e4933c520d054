// @ts-check
// Keys, reaches and step sizes, as ui/controls.py sends them: the same as the window's.

/**
 * @typedef {"box" | "minus" | "brush" | "eraser" | "delete" | "pan" | "zoom"} Tool
 *     `delete` is for fingers, which have neither a middle button nor keys
 */

/**
 * @typedef {object} Feel  see `Feel` in controls.py
 * @property {number} click_slop
 * @property {number} handle_reach
 * @property {number} handle_least
 * @property {number} handle_share
 * @property {number} delete_reach
 * @property {number} finger
 * @property {number} zoom_step
 * @property {number} fit_margin
 * @property {number} largest_scale
 * @property {number} smallest_share
 * @property {number} brushes_per_image
 * @property {number} first_radius
 * @property {number[]} radii
 */

/**
 * @typedef {object} Controls
 * @property {Feel} feel
 * @property {Record<string, string>} keys  key -> command
 * @property {Record<string, string>} captions  command -> its key as it is shown
 * @property {{name: string, group: string, keys: string[], how: string[]}[]} help
 */

/**
 * Of the brush on an image that is opened first.
 * @param {Feel} feel
 * @param {{width: number, height: number}} image
 */
export function firstRadius(feel, { width, height }) {
  const wanted = Math.max(feel.first_radius, Math.min(width, height) / feel.brushes_per_image);
  return feel.radii[nearestStep(feel, wanted)];
}

/**
 * @param {Feel} feel
 * @param {number} radius
 * @returns {number} the place of the nearest radius among the steps
 */
export function nearestStep({ radii }, radius) {
  const far = radii.map((step) => Math.abs(step - radius));
  return far.indexOf(Math.min(...far));
}

/**
 * The next thicker radius, or the next thinner one if `direction` is below 0.
 * @param {Feel} feel
 * @param {number} radius
 * @param {number} direction
 */
export function nextRadius({ radii }, radius, direction) {
  if (direction > 0) return radii.find((step) => step > radius) ?? radii[radii.length - 1];
  return radii.findLast((step) => step < radius) ?? radii[0];
}
