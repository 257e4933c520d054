// @ts-check
// The hand feel of both labelers: the same cases as test_feel.py has for the window.

/**
 * @import { Tool } from "#static/shared/controls.js"
 * @import { Box, PanZoom as View } from "#static/shared/panzoom.js"
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { begin } from "#static/annotate/gestures.js";
import { firstRadius, nearestStep, nextRadius } from "#static/shared/controls.js";
import { commandOf } from "#static/shared/keys.js";
import { PanZoom } from "#static/shared/panzoom.js";
import { CONTROLS } from "./controls.js";

/** @typedef {[number, number]} Pair */

/**
 * @type {{
 *   gestures: {tells: string, tool: Tool, button: "left" | "middle" | "right", scale: number,
 *     box: Box | null, places: Pair[], edit: object | null}[],
 *   keys: {browser: {key: string, code: string, [held: string]: string | boolean},
 *     window: string, command: string | null}[],
 *   radii: {first: {size: Pair, radius: number}[], thicker: Pair[], thinner: Pair[]},
 *   views: {tells: string, screen: Pair, image: Pair, do: [string, ...number[]][], scale: number,
 *     places: [Pair, Pair][]}[],
 * }}
 */
const CASES = JSON.parse(readFileSync("tests/unit/ui/feel.json", "utf-8"));
const RADIUS = 7;
const BUTTONS = { left: 0, middle: 1, right: 2 };
const { feel, keys } = CONTROLS;

/** @param {Pair} pair */
const placeOf = ([x, y]) => ({ x, y });

describe("a gesture", () => {
  for (const { tells, tool, button, scale, box, places, edit } of CASES.gestures) {
    test(tells, () => {
      const [pressed, ...others] = places.map(placeOf);
      const drag = begin(feel, pressed, BUTTONS[button], { tool, scale, box, radius: RADIUS });
      for (const place of [...others, others.at(-1) ?? pressed]) drag.move(place);
      assert.deepEqual(drag.edit(), edit);
    });
  }
});

describe("a key", () => {
  for (const { browser, window: name, command } of CASES.keys) {
    test(`${name} asks for ${command}`, () => {
      const { key, code, shift, ctrl, meta, alt } = browser;
      const held = { shiftKey: shift, ctrlKey: ctrl, metaKey: meta, altKey: alt };
      const event = /** @type {KeyboardEvent} */ (/** @type {unknown} */ ({ key, code, ...held }));
      assert.equal(commandOf(event, keys), command);
    });
  }
  test("digits choose objects", () => {
    assert.equal(commandOf({ key: "3" }, keys), "3");
    assert.equal(commandOf({ key: "3", ctrlKey: true }, keys), null);
  });
});

describe("the brush", () => {
  for (const { size, radius } of CASES.radii.first) {
    test(`begins with ${radius} on ${size.join(" x ")}`, () => {
      assert.equal(firstRadius(feel, { width: size[1], height: size[0] }), radius);
    });
  }
  for (const [radius, next] of CASES.radii.thicker) {
    test(`of ${radius} gets thicker`, () => assert.equal(nextRadius(feel, radius, 1), next));
  }
  for (const [radius, next] of CASES.radii.thinner) {
    test(`of ${radius} gets thinner`, () => assert.equal(nextRadius(feel, radius, -1), next));
  }
  test("has a place on its slider", () => {
    const { radii } = feel;
    assert.deepEqual(
      radii.map((radius) => nearestStep(feel, radius)),
      [...radii.keys()],
    );
    assert.equal(nearestStep(feel, 1e6), radii.length - 1);
  });
});

/** @type {Record<string, (view: View, ...values: number[]) => void>} */
const MOVES = {
  zoom: (view, factor, x, y) => view.zoomAt(x, y, factor),
  // The cases count in pixels of the image, towards what is seen then.
  move: (view, x, y) => view.moveBy(-x * view.scale, -y * view.scale),
  show: (view, ...part) => view.show(/** @type {Box} */ (part)),
  resize: (view, width, height) => view.resize(width, height),
};

/**
 * @param {number} actual
 * @param {number} expected
 */
const isNear = (actual, expected) =>
  assert.ok(
    Math.abs(actual - expected) <= 1e-6 * Math.max(1, expected),
    `${actual} is not ${expected}`,
  );

describe("the image on the screen", () => {
  for (const { tells, screen, image, do: moves, scale, places } of CASES.views) {
    test(tells, () => {
      const view = new PanZoom(feel);
      view.resize(...screen);
      view.open({ width: image[0], height: image[1] });
      for (const [name, ...values] of moves) MOVES[name](view, ...values);
      isNear(view.scale, scale);
      for (const [at, expected] of places) {
        const { x, y } = view.toPicture(...at);
        isNear(x, expected[0]);
        isNear(y, expected[1]);
        const back = view.toScreen(x, y);
        isNear(back.x, at[0]);
        isNear(back.y, at[1]);
      }
    });
  }
});
