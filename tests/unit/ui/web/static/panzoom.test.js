// @ts-check
// Wheel and fingers on a picture; where it is on the screen: feel.test.js.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fingers, PanZoom, WheelSteps, wheelFactor, wheelPixels } from "#static/shared/panzoom.js";

const BOUNDS = { fit_margin: 0, largest_scale: 64, smallest_share: 0.5 };

/**
 * @param {number} deltaY
 * @param {object} [more]
 */
const wheel = (deltaY, more = {}) => ({ deltaX: 0, deltaY, deltaMode: 0, ...more });

/** A picture of 100 x 100 pixels, twice as large on the screen. */
function opened() {
  const view = new PanZoom(BOUNDS);
  view.resize(200, 200);
  view.open({ width: 100, height: 100 });
  return view;
}

describe("a wheel", () => {
  test("is counted in pixels, whatever the browser counts in", () => {
    assert.deepEqual(wheelPixels(wheel(3, { deltaMode: 1 })), { x: 0, y: 100 });
    assert.deepEqual(wheelPixels(wheel(1, { deltaX: -1, deltaMode: 2 })), { x: -400, y: 400 });
  });

  test("goes closer by a step for each notch, away by as much", () => {
    assert.equal(wheelFactor(wheel(-100), 1.25), 1.25);
    assert.equal(wheelFactor(wheel(100), 1.25), 1 / 1.25);
    assert.equal(wheelFactor(wheel(-200), 1.25), 1.25 ** 2);
  });

  test("that is very fast goes no further than four notches", () => {
    assert.equal(wheelFactor(wheel(-100_000), 1.25), 1.25 ** 4);
  });

  test("of a pinch is fine, and never more than a step", () => {
    assert.ok(Math.abs(wheelFactor(wheel(-2, { ctrlKey: true }), 1.25) - 1.0202) < 1e-3);
    assert.equal(wheelFactor(wheel(-100, { ctrlKey: true }), 1.25), 1.25);
    assert.equal(wheelFactor(wheel(100, { metaKey: true }), 1.25), 1 / 1.25);
  });

  test("makes one step of a notch, and of a touchpad's many small turns", () => {
    const steps = new WheelSteps();
    assert.equal(steps.turn(wheel(-100)), 1);
    assert.equal(steps.turn(wheel(120)), -1);
    assert.deepEqual(
      [-20, -20, -20, -20].map((turned) => steps.turn(wheel(turned))),
      [0, 0, 1, 0],
    );
  });

  test("that turns back begins anew", () => {
    const steps = new WheelSteps();
    steps.turn(wheel(-40));
    assert.equal(steps.turn(wheel(20)), 0);
    assert.equal(steps.turn(wheel(30)), -1);
  });
});

describe("a picture that is shown whole", () => {
  test("stays so on another size of the screen", () => {
    const view = opened();
    view.resize(400, 500);
    assert.equal(view.scale, 4);
    assert.deepEqual(view.toScreen(50, 50), { x: 200, y: 250 });
  });

  test("waits for its tab to be opened", () => {
    const view = new PanZoom(BOUNDS);
    view.open({ width: 100, height: 100 });
    assert.ok(Number.isFinite(view.scale));
    view.resize(300, 200);
    assert.equal(view.scale, 2);
  });
});

describe("fingers", () => {
  test("move the picture with one", () => {
    const [view, fingers] = [opened(), new Fingers()];
    fingers.press(1, { x: 50, y: 50 });
    fingers.move(1, { x: 60, y: 40 }, view);
    assert.deepEqual(view.toPicture(60, 40), { x: 25, y: 25 });
    assert.equal(view.scale, 2);
  });

  test("zoom it with two, and what is between them stays there", () => {
    const [view, fingers] = [opened(), new Fingers()];
    fingers.press(1, { x: 80, y: 100 });
    fingers.press(2, { x: 120, y: 100 });
    fingers.move(1, { x: 60, y: 100 }, view);
    fingers.move(2, { x: 140, y: 100 }, view);
    assert.equal(view.scale, 4);
    assert.deepEqual(view.toPicture(100, 100), { x: 50, y: 50 });
  });

  test("that were lifted or never pressed move nothing", () => {
    const [view, fingers] = [opened(), new Fingers()];
    fingers.press(1, { x: 50, y: 50 });
    fingers.lift(1);
    fingers.move(1, { x: 90, y: 90 }, view);
    fingers.move(7, { x: 10, y: 90 }, view);
    assert.deepEqual(view.toScreen(0, 0), { x: 0, y: 0 });
    assert.equal(fingers.count, 0);
  });

  test("that lie nearly on each other do not make it jump", () => {
    const [view, fingers] = [opened(), new Fingers()];
    fingers.press(1, { x: 100, y: 100 });
    fingers.press(2, { x: 101, y: 100 });
    fingers.move(2, { x: 105, y: 100 }, view);
    assert.equal(view.scale, 2);
  });
});
