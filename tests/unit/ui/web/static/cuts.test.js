// @ts-check
// What is chosen of thresholds in the large view, without its page.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { changed, heights, isSame, levelOf } from "#static/results/cuts.js";

describe("a choice", () => {
  test("holds only what is chosen", () => {
    const once = changed({}, 2, { threshold: 0.3 });
    assert.deepEqual(once, { 2: { threshold: 0.3 } });
    const twice = changed(changed(once, 2, { smallest: 5 }), 1, { holes: 3 });
    assert.deepEqual(twice, { 1: { holes: 3 }, 2: { threshold: 0.3, smallest: 5 } });
    assert.deepEqual(changed(twice, 1, { holes: 0 }), { 2: { threshold: 0.3, smallest: 5 } });
    assert.deepEqual(changed(once, 2, { threshold: undefined }), {});
    assert.deepEqual(once, { 2: { threshold: 0.3 } });
  });

  test("is the same in whatever order it was made", () => {
    assert.ok(isSame({ 1: { holes: 3, smooth: 2 }, 2: {} }, { 2: {}, 1: { smooth: 2, holes: 3 } }));
    assert.ok(!isSame({ 1: { holes: 3 } }, { 1: { holes: 4 } }));
    assert.ok(!isSame({}, { 1: { holes: 4 } }));
  });
});

test("a threshold is the level whose probability is nearest", () => {
  assert.equal(levelOf(0.34, [0.1, 0.2, 0.3, 0.4]), 2);
  assert.equal(levelOf(0.9, [0.1, 0.2, 0.3, 0.4]), 3);
});

test("a histogram shows few pixels beside many, and not those that are hardly possible", () => {
  const [first, second, third] = heights([1_000_000, 0, 99, 99, 9, 0], 3);
  assert.equal(first, 0);
  assert.equal(second, 1);
  assert.ok(Math.abs(third - Math.log(10) / Math.log(199)) < 1e-9);
  assert.deepEqual(heights([5, 0, 0], 3), [0, 0, 0]);
});
