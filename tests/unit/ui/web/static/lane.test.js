import assert from "node:assert/strict";
import { test } from "node:test";
import { Lane } from "#static/review/lane.js";

test("what is put in is done in order, each after the one before is over", async () => {
  const lane = new Lane();
  /** @type {string[]} */
  const told = [];
  /** @type {(done: void) => void} */
  let open = () => {};
  const first = lane.put(async () => {
    told.push("first begins");
    await new Promise((resolve) => {
      open = resolve;
    });
    told.push("first ends");
  });
  const second = lane.put(async () => void told.push("second"));
  assert.equal(lane.isIdle, false);
  await new Promise(setImmediate);
  assert.deepEqual(told, ["first begins"]);
  open();
  await Promise.all([first, second]);
  assert.deepEqual(told, ["first begins", "first ends", "second"]);
  assert.equal(lane.isIdle, true);
});

test("what fails tells who put it in, and holds up nothing", async () => {
  const lane = new Lane();
  /** @type {string[]} */
  const told = [];
  const failing = lane.put(async () => {
    throw new Error("no space is left");
  });
  const next = lane.put(async () => void told.push("next"));
  await assert.rejects(failing, /no space is left/);
  await next;
  assert.deepEqual(told, ["next"]);
  assert.equal(lane.isIdle, true);
});
