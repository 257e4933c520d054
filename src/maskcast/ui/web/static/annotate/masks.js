// Masks as the server sends them (bits of a bounding box), and as they are painted.

const maskCache = new Map(); // key -> {x, y, w, h, area, pixels, painted: Map(color -> canvas)}
const MOST_MASKS = 64;
const FILL = 0.38;

const knownKeys = () => [...maskCache.keys()];

function keepMasks(scene) {
  for (const object of Object.values(scene.objects)) {
    if (object.mask) {
      maskCache.set(object.key, { ...object.mask, pixels: unpackBits(object.mask), painted: new Map() });
      delete object.mask;
    }
  }
  const used = new Set(Object.values(scene.objects).map((object) => object.key));
  for (const key of maskCache.keys()) {
    if (maskCache.size <= MOST_MASKS) break;
    if (!used.has(key)) maskCache.delete(key);
  }
}

// Uint8Array of w x h, 1 where the mask is.
function unpackBits({ w, h, bits }) {
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

// A canvas of the mask's box: translucent inside, full colour along the contour.
function paintedMask(mask, color, contour) {
  const key = `${color} ${contour}`;
  const known = mask.painted.get(key);
  if (known) return known;
  const canvas = document.createElement("canvas");
  canvas.width = mask.w;
  canvas.height = mask.h;
  const context = canvas.getContext("2d");
  const image = context.createImageData(mask.w, mask.h);
  const words = new Uint32Array(image.data.buffer);
  const [red, green, blue] = channels(color);
  const base = (blue << 16) | (green << 8) | red;
  const inside = (base | (Math.round(FILL * 255) << 24)) >>> 0;
  const edge = (base | (255 << 24)) >>> 0;
  const core = eroded(mask, contour);
  for (let at = 0; at < words.length; at += 1) {
    if (mask.pixels[at]) words[at] = core[at] ? inside : edge;
  }
  context.putImageData(image, 0, 0);
  mask.painted.clear();
  mask.painted.set(key, canvas);
  return canvas;
}

// Pixels whose square of `radius` around is all mask: the shortest run along rows, then columns.
function eroded({ w, h, pixels }, radius) {
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
