// @ts-check
// Colours of objects.

/**
 * @param {string} color  #rrggbb
 * @returns {[number, number, number]} red, green, blue in 0..255
 */
export function channels(color) {
  const channel = (/** @type {number} */ at) => Number.parseInt(color.slice(at, at + 2), 16);
  return [channel(1), channel(3), channel(5)];
}

/**
 * @param {[number, number, number]} color  red, green, blue in 0..255
 * @returns {string} #rrggbb
 */
export const hexOf = (color) =>
  `#${color.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;

/**
 * Black or white, whichever is easier to read on a colour (relative luminance of WCAG 2.1).
 * @param {string} color  #rrggbb
 */
export function inkOn(color) {
  const [red, green, blue] = channels(color).map((channel) => {
    const level = channel / 255;
    return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}
