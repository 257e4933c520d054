import assert from "node:assert/strict";
import { test } from "node:test";
import { Queue, roughly } from "#static/review/queue.js";

const row = (/** @type {string} */ id, decision = null) => ({
  id,
  shows: id,
  state: /** @type {const} */ ("done"),
  size: /** @type {[number, number]} */ ([1, 1]),
  reason: null,
  binned: null,
  notes: [],
  objects: [],
  decision,
});

test("what was seen stays, what comes is put behind what is in hand", () => {
  const queue = new Queue();
  queue.take([row("a"), row("b"), row("c")]);
  queue.move(1);
  queue.take([row("b"), row("c"), row("d")]);
  assert.deepEqual(
    queue.rows.map(({ id }) => id),
    ["a", "b", "c", "d"],
  );
  assert.equal(queue.current?.id, "b");
  assert.deepEqual(
    queue.ahead.map(({ id }) => id),
    ["c", "d"],
  );
});

test("there is an end on both sides", () => {
  const queue = new Queue();
  const inHand = () => queue.current?.id;
  assert.equal(inHand(), undefined);
  queue.take([row("a")]);
  queue.move(-1);
  assert.equal(inHand(), "a");
  queue.move(1);
  queue.move(1);
  assert.equal(inHand(), undefined);
  queue.move(-1);
  assert.equal(inHand(), "a");
});

test("another order forgets what was not seen", () => {
  const queue = new Queue();
  queue.take([row("a"), row("b"), row("c")]);
  queue.move(1);
  queue.clear();
  queue.take([row("z"), row("b")]);
  assert.equal(queue.current?.id, "z");
});

test("what is taken back is in hand again, also where it was decided in another page", () => {
  const queue = new Queue();
  queue.take([row("a"), row("b"), row("c")]);
  queue.move(1);
  queue.move(1);
  queue.goTo(row("a"));
  assert.equal(queue.current?.id, "a");
  queue.goTo(row("other"));
  assert.equal(queue.current?.id, "other");
  assert.equal(queue.ahead[0].id, "a");
});

test("times are told as a person would", () => {
  assert.deepEqual(roughly(10), { unit: "minutes", value: 1 });
  assert.deepEqual(roughly(89 * 60), { unit: "minutes", value: 89 });
  assert.deepEqual(roughly(3 * 3600), { unit: "hours", value: 3 });
});
