// @ts-check
// Masks as the server sends them: the bits of a bounding box. Nothing here knows the page.

/**
 * The pixels of a mask's bounding box, 1 where the mask is, rows one after another.
 * @typedef {{w: number, h: number, pixels: Uint8Array}} Bits
 */

/**
 * @param {{w: number, h: number, bits: string}} sent
 * @returns {Uint8Array} w x h, 1 where the mask is
 */
export function unpackBits({ w, h, bits }) {
  const packed = atob(bits);
  const stride = Math.ceil(w / 8);
  const pixels = new Uint8Array(w * h);
  for (let row = 0; row < h; row += 1) {
    let at = row * w;
    const end = at + w;
    for (let index = row * stride; at < end; index += 1) {
      const byte = packed.charCodeAt(index);
      if (byte === 0) {
        at += 8;
        continue;
      }
      for (let bit = 128; bit > 0 && at < end; bit >>= 1, at += 1) pixels[at] = byte & bit ? 1 : 0;
    }
  }
  return pixels;
}

/**
 * Pixels whose square of `radius` around is all mask: the shortest run along rows, then columns.
 * @param {Bits} mask
 * @param {number} radius
 */
export function eroded({ w, h, pixels }, radius) {
  const side = 2 * radius + 1;
  const rows = new Uint8Array(w * h);
  for (let y = 0; y < h; y += 1) {
    let run = 0;
    for (let x = 0, at = y * w; x < w; x += 1, at += 1) {
      run = pixels[at] ? run + 1 : 0;
      if (run >= side) rows[at - radius] = 1;
    }
  }
  const core = new Uint8Array(w * h);
  const runs = new Uint16Array(w);
  for (let y = 0, at = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1, at += 1) {
      runs[x] = rows[at] ? Math.min(runs[x] + 1, side) : 0;
      if (runs[x] >= side) core[at - radius * w] = 1;
    }
  }
  return core;
}
