// @ts-check
// What is drawn over a picture, without its page: outlines, labels, what a browser keeps.

/** @import { Box } from "#static/shared/panzoom.js" */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { edgesOf } from "#static/shared/edges.js";
import { Kept } from "#static/shared/kept.js";
import { placeLabels } from "#static/shared/labels.js";
import { toneCurve } from "#static/shared/tone.js";

describe("an outline", () => {
  const mask = { w: 3, h: 2, pixels: Uint8Array.from([1, 1, 0, 1, 0, 0]) }; // an L

  test("is the edges of a mask's pixels, as long as they are straight", () => {
    const lines = edgesOf(mask, [0, 0, 3, 2]).map(String);
    const expected = ["0,0,2,0", "1,1,2,1", "0,2,1,2", "0,0,0,2", "1,1,1,2", "2,0,2,1"];
    assert.deepEqual(lines.sort(), expected.sort());
  });

  test("has only what is in the part that is looked at", () => {
    assert.deepEqual(edgesOf(mask, [1, 1, 2, 2]), [
      [1, 1, 2, 1],
      [1, 1, 1, 2],
    ]);
    assert.deepEqual(edgesOf(mask, [3, 0, 3, 2]), []);
  });
});

describe("labels", () => {
  const screen = { width: 200, height: 100 };
  const size = { width: 40, height: 10 };
  const place = (/** @type {Box[]} */ boxes, /** @type {Box[]} */ things = boxes) =>
    placeLabels(
      boxes.map((box) => ({ box, size })),
      things,
      screen,
    );

  test("stand above their thing, below it where there is no room", () => {
    assert.deepEqual(place([[50, 40, 70, 60]]), [[50, 27, 90, 37]]);
    assert.deepEqual(place([[50, 5, 70, 30]]), [[50, 33, 90, 43]]);
  });

  test("never cover a small thing, nor one another", () => {
    const small = /** @type {Box} */ ([60, 28, 66, 34]); // where the label of the large one would be
    const [first, second] = place([[50, 40, 90, 60], small]);
    assert.deepEqual(first, [50, 63, 90, 73]);
    assert.deepEqual(second, [60, 15, 100, 25]);
  });

  test("stand on a thing that is far larger than they are, where nothing else is left", () => {
    assert.deepEqual(place([[-50, -50, 300, 300]]), [[3, 3, 43, 13]]);
  });

  test("are left out where they would hide what they name", () => {
    const wide = { width: 40, height: 100 };
    const label = { box: /** @type {Box} */ ([0, 0, 40, 100]), size: { width: 40, height: 60 } };
    assert.deepEqual(placeLabels([label], [label.box], wide), [null]);
    assert.deepEqual(place([[300, 0, 320, 20]]), [null]);
  });
});

describe("the tone", () => {
  const plain = { brightness: 0, contrast: 1, gamma: 1 };
  const at = (/** @type {Partial<typeof plain>} */ values) => {
    const curve = toneCurve({ ...plain, ...values });
    return [0, 16, 32, 64].map((place) => Number(curve[place].toFixed(3)));
  };

  test("leaves pictures as they are until it is changed", () => {
    assert.deepEqual(at({}), [0, 0.25, 0.5, 1]);
  });

  test("brightens, spreads round the middle, lifts or sinks what is dark", () => {
    assert.deepEqual(at({ brightness: 0.1 }), [0.1, 0.35, 0.6, 1]);
    assert.deepEqual(at({ contrast: 2 }), [0, 0, 0.5, 1]);
    assert.deepEqual(at({ gamma: 2 }).slice(0, 2), [0, 0.5]);
    assert.deepEqual(at({ gamma: 0.5 }), [0, 0.063, 0.25, 1]);
  });
});

describe("what a browser keeps", () => {
  test("is one project's own, and survives what somebody else put there", () => {
    /** @type {Map<string, string>} */
    const store = new Map([["maskcast b looks", "no JSON"]]);
    const storage = /** @type {unknown} */ ({
      getItem: (/** @type {string} */ key) => store.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => store.set(key, value),
    });
    globalThis.localStorage = /** @type {Storage} */ (storage);
    const first = { fill: true, opacity: 0.3 };
    new Kept("a", "looks", first).change({ fill: false });
    assert.deepEqual(new Kept("a", "looks", first).value, { fill: false, opacity: 0.3 });
    assert.deepEqual(new Kept("b", "looks", first).value, first);
  });
});
