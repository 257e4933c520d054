// @ts-check
// The Annotate tab without its page: masks, scenes, the keyboard's cursor, names.

/** @import { ReferenceEntry, Scene } from "#static/annotate/scene.js" */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { moveCursor, startCursor } from "#static/annotate/cursor.js";
import { shortened } from "#static/annotate/filmstrip.js";
import { hatched, MaskStore, tinted } from "#static/annotate/masks.js";
import {
  drawingOrder,
  isInside,
  neighbourOf,
  openingOrder,
  shownPrompts,
} from "#static/annotate/scene.js";
import { freeId, shownIds } from "#static/annotate/slots.js";
import { eroded, unpackBits } from "#static/shared/bits.js";
import { PanZoom } from "#static/shared/panzoom.js";
import { CONTROLS } from "./controls.js";

/**
 * A mask from a drawing, # where it is.
 * @param {string[]} rows
 */
const drawn = (...rows) => ({
  w: rows[0].length,
  h: rows.length,
  pixels: Uint8Array.from(rows.join(""), (pixel) => Number(pixel === "#")),
});

/**
 * @param {{w: number, pixels: Uint8Array}} mask
 */
const drawing = ({ w, pixels }) =>
  [...pixels]
    .map((pixel) => (pixel ? "#" : "."))
    .join("")
    .match(new RegExp(`.{${w}}`, "g"));

/**
 * @param {Partial<Scene>} [what]
 * @returns {Scene}
 */
const scene = (what = {}) => ({
  revision: 1,
  image: "a.png",
  height: 80,
  width: 100,
  step: 1,
  clean: false,
  undo: false,
  redo: false,
  objects: {},
  unknown: null,
  ...what,
});

describe("a mask", () => {
  test("comes as bits, each row from a byte of its own", () => {
    // 10 pixels a row: 1000 0000 01.. and 0111 1111 10..
    const bits = Buffer.from([0b10000000, 0b01000000, 0b01111111, 0b10000000]).toString("base64");
    const pixels = unpackBits({ w: 10, h: 2, bits });
    assert.deepEqual(drawing({ w: 10, pixels }), ["#........#", ".########."]);
  });

  test("has a core of what is all mask around", () => {
    const mask = drawn("#####.", "#####.", "#####.", "##.###", "######");
    const core = eroded(mask, 1);
    assert.deepEqual(drawing({ w: 6, pixels: core }), [
      "......",
      ".###..",
      "......",
      "......",
      "......",
    ]);
  });

  test("is translucent inside, and in full colour along its contour", () => {
    const mask = { x: 0, y: 0, area: 9, ...drawn("###.", "###.", "###.") };
    const rgba = [...tinted(mask, [10, 20, 30], 1, 0.38)];
    const pixel = (/** @type {number} */ at) => rgba.slice(4 * at, 4 * at + 4);
    assert.deepEqual(pixel(0), [10, 20, 30, 255]);
    assert.deepEqual(pixel(5), [10, 20, 30, 97]); // 38 % of 255
    assert.deepEqual(pixel(3), [0, 0, 0, 0]);
  });

  test("has neither contour nor inside where they are switched off", () => {
    const mask = { x: 0, y: 0, area: 9, ...drawn("###", "###", "###") };
    const opacities = (/** @type {number} */ contour, /** @type {number} */ fill) => {
      const rgba = tinted(mask, [10, 20, 30], contour, fill);
      return [rgba[3], rgba[4 * 4 + 3]]; // of a corner, of the middle
    };
    assert.deepEqual(opacities(0, 0.2), [51, 51]);
    assert.deepEqual(opacities(1, 0), [255, 0]);
  });

  test("is striped where it is hatched, as one with the same place on the image", () => {
    const mask = { x: 2, y: 1, area: 7, ...drawn("#######", ".......") };
    const big = { ...mask, ...drawn(...Array(3).fill("#".repeat(20))) };
    const opaque = (/** @type {Uint8ClampedArray} */ rgba, /** @type {number} */ at) =>
      rgba[4 * at + 3] === 255;
    assert.ok([0, 1, 2, 3, 4, 5, 6].every((at) => opaque(hatched(mask, [9, 9, 9], 1), at)));
    assert.equal(hatched(mask, [9, 9, 9], 1)[4 * 7 + 3], 0); // nothing beside the mask
    const middle = [...Array(18).keys()].map((x) => opaque(hatched(big, [9, 9, 9], 1), 21 + x));
    // x + y of the image from 5 on: two of six pixels are on a stripe
    const expected = [...Array(18).keys()].map((x) => (x + 5) % 6 < 2);
    assert.deepEqual(middle, expected);
  });

  test("of what is unknown is drawn over all, and is kept as those of objects are", () => {
    const store = new MaskStore();
    const sent = { x: 1, y: 2, w: 1, h: 1, area: 1, bits: Buffer.from([128]).toString("base64") };
    const plain = { box: null, points: [], pending: false };
    const unknown = { key: 7, mask: sent, ...plain };
    const shown = scene({ objects: { 1: { key: 5, ...plain }, 2: { key: 6, ...plain } }, unknown });
    store.keep(shown);
    assert.deepEqual(store.known(), [7]);
    assert.deepEqual(
      drawingOrder(shown, 1).map(([id]) => id),
      ["2", "1", "0"],
    );
  });

  test("is shown until the next one of its object is there", () => {
    const store = new MaskStore();
    const sent = { x: 1, y: 2, w: 1, h: 1, area: 1, bits: Buffer.from([128]).toString("base64") };
    const prompts = { box: null, points: [] };
    const before = scene({ objects: { 1: { key: 5, pending: false, mask: sent, ...prompts } } });
    store.keep(before);
    store.remember(before);
    assert.deepEqual(store.known(), [5]);
    assert.equal(before.objects[1].mask, undefined);

    const next = { key: 6, pending: true, ...prompts };
    assert.equal(store.shown(scene({ objects: { 1: next } }), "1", next)?.x, 1);
    assert.equal(store.shown(scene({ image: "b.png" }), "1", next), undefined);
    store.remember(scene());
    assert.equal(store.shown(scene(), "1", next), undefined);
  });
});

describe("a scene", () => {
  test("is drawn with the chosen object last", () => {
    const object = { key: 1, box: null, points: [], pending: false };
    const drawnThen = drawingOrder(scene({ objects: { 1: object, 2: object, 3: object } }), 2);
    assert.deepEqual(
      drawnThen.map(([id]) => id),
      ["1", "3", "2"],
    );
  });

  test("ends at the edges of its image", () => {
    assert.ok(isInside(scene(), { x: 0, y: 0 }));
    assert.ok(isInside(scene(), { x: 99.9, y: 79.9 }));
    assert.ok(!isInside(scene(), { x: 100, y: 5 }));
    assert.ok(!isInside(scene(), { x: 5, y: -0.1 }));
  });

  test("shows at once what is on its way", () => {
    /** @type {[number, number, boolean][]} */
    const points = [[1, 2, true]];
    const known = scene({ objects: { 1: { key: 1, box: [0, 0, 9, 9], points, pending: false } } });
    const shown = shownPrompts(known, 1, [
      { kind: "point", object: 1, x: 3, y: 4, positive: false },
      { kind: "point", object: 2, x: 8, y: 8, positive: true },
      { kind: "box", object: 1, x0: 1, y0: 2, x1: 3, y1: 4 },
      { kind: "stroke", object: 2, path: [[1, 1]], radius: 2, erase: false },
    ]);
    assert.deepEqual(shown.points, [
      [1, 2, true],
      [3, 4, false],
    ]);
    assert.deepEqual(shown.box, [1, 2, 3, 4]);
    assert.equal(shown.strokes.length, 1);
    assert.deepEqual(points, [[1, 2, true]]);
    assert.deepEqual(shown.boxes, [[0, 0, 9, 9]]); // the box before stays: things add up
    const adjusted = shownPrompts(known, 1, [
      { kind: "box", object: 1, x0: 0, y0: 0, x1: 7, y1: 8 },
    ]);
    assert.deepEqual([adjusted.box, adjusted.boxes], [[0, 0, 7, 8], []]);
    const cleared = shownPrompts(known, 1, [{ kind: "clear", object: 1 }]);
    assert.deepEqual([cleared.box, cleared.points], [null, []]);
  });
});

describe("references", () => {
  /** @type {ReferenceEntry[]} */
  const references = [
    { image: "a", clean: false, objects: [1] },
    { image: "b", clean: true, objects: [] },
    { image: "c", clean: false, objects: [] },
    { image: "d", clean: false, objects: [2] },
  ];

  test("open with the last one, then with what is not annotated", () => {
    const order = (/** @type {string | null} */ last) =>
      openingOrder(references, last)
        .map(({ image }) => image)
        .join("");
    assert.equal(order("d"), "dcab");
    assert.equal(order(null), "cabd");
  });

  test("end at both ends", () => {
    assert.equal(neighbourOf(references, "b", 1), "c");
    assert.equal(neighbourOf(references, "b", -1), "a");
    assert.equal(neighbourOf(references, "a", -1), null);
    assert.equal(neighbourOf(references, "d", 1), null);
  });

  test("have short names that end as they do", () => {
    assert.equal(shortened("lot/a.png", 13), "a.png");
    assert.equal(shortened("reference-1.png", 13), "ref…nce-1.png");
  });
});

describe("the keyboard's cursor", () => {
  const view = new PanZoom(CONTROLS.feel);
  view.resize(400, 400);
  view.open({ width: 100, height: 100 });

  test("begins in the middle of a pixel", () => {
    assert.deepEqual(startCursor(view), { x: 50.5, y: 50.5 });
  });

  test("goes a few pixels of the screen, or one of the image", () => {
    const cursor = { x: 50.5, y: 50.5 };
    assert.deepEqual(moveCursor(cursor, [1, 0], false, view), { x: 53.5, y: 50.5 });
    assert.deepEqual(moveCursor(cursor, [0, -1], true, view), { x: 50.5, y: 49.5 });
  });

  test("stays on the image, and the image follows it", () => {
    assert.deepEqual(moveCursor({ x: 99.5, y: 5.5 }, [1, 0], false, view), { x: 99.5, y: 5.5 });
    view.zoomAt(200, 200, 4);
    const moved = moveCursor({ x: 62.5, y: 50.5 }, [1, 0], false, view);
    assert.equal(moved.x, 63.5);
    assert.ok(view.toScreen(moved.x, moved.y).x <= 376);
  });
});

describe("the list of objects", () => {
  const entry = { thumbnail: null, color: "#ff0000", fixed: false, count: 0 };
  const known = [
    { ...entry, id: 1, name: "object 1", count: 2 },
    { ...entry, id: 2, name: "object 2" },
    { ...entry, id: 3, name: "scratch" },
    { ...entry, id: 4, name: "object 4", fixed: true },
  ];

  test("has those that there are, and those that are asked for", () => {
    assert.deepEqual([...shownIds(known, [])], [1, 3, 4]);
    assert.deepEqual([...shownIds(known, [1, 200, 0])], [1, 3, 4, 200]);
  });

  test("grows by the lowest id that is free", () => {
    assert.equal(freeId(shownIds(known, [])), 2);
    assert.equal(freeId(shownIds(known, [2])), 5);
    assert.equal(freeId(new Set(Array.from({ length: 255 }, (_, at) => at + 1))), null);
  });
});
