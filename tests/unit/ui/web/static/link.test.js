// @ts-check
// The page's talk with its server: in order, nothing lost, nothing doubled, nothing stale shown.

/** @import { Problem, Scene, SceneObject, Step } from "#static/annotate/scene.js" */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Link } from "#static/annotate/link.js";
import { MaskStore } from "#static/annotate/masks.js";

/** @typedef {{do: string, image?: string, number?: number, steps?: Step[], desk?: string | null}} Message */

/** @typedef {{message: Message, answer: (reply: object) => void, fail: () => void}} Call */

/** @type {Step} */
const POINT = { kind: "point", object: 1, x: 3, y: 4, positive: true };
/** @type {Step} */
const STROKE = { kind: "stroke", object: 1, path: [[1, 1]], radius: 2, erase: false };

/**
 * @param {number} revision
 * @param {string} image
 * @param {Record<string, SceneObject>} [objects]
 * @returns {Scene}
 */
const scene = (revision, image, objects = {}) => ({
  ...{ revision, image, objects, height: 8, width: 8, step: 1 },
  ...{ clean: false, undo: false, redo: false, unknown: null },
});

/**
 * @param {boolean} pending
 * @returns {Record<string, SceneObject>}
 */
const object = (pending) => ({ 1: { key: 1, box: null, points: [], pending } });

/** A page whose server answers when the test says so. */
class Bench {
  /** @type {Call[]} not answered yet */
  calls = [];
  /** @type {string[]} what was asked for, in order */
  asked = [];
  /** @type {Problem[]} */
  problems = [];
  /** @type {Set<string>} */
  damaged = new Set();
  waits = 0;

  constructor() {
    /** @type {Link<string>} */
    this.link = new Link(
      (message) => this.#call(/** @type {Message} */ (message)),
      async (image) => (this.damaged.has(image) ? null : `picture of ${image}`),
      new MaskStore(),
      {
        showScene: () => {},
        showImage: () => {},
        showWork: () => {},
        showProblem: (problem) => this.problems.push(problem),
        showLists: () => {},
      },
      async () => {
        this.waits += 1;
      },
    );
  }

  /**
   * @param {Message} message
   * @returns {Promise<object>}
   */
  #call(message) {
    this.asked.push(message.do);
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error("no connection"));
      const answer = (/** @type {object} */ reply) => resolve({ ok: true, ...reply });
      this.calls.push({ message, answer, fail });
    });
  }

  /**
   * The oldest call of a kind that is not answered yet.
   * @param {string} kind
   * @returns {Promise<Call>}
   */
  async next(kind) {
    await settled();
    const at = this.calls.findIndex(({ message }) => message.do === kind);
    assert.notEqual(at, -1, `nothing asked for ${kind}, but: ${this.asked}`);
    return this.calls.splice(at, 1)[0];
  }

  /** @param {string} image */
  async opened(image) {
    this.link.start();
    (await this.next("start")).answer({ desk: "desk", references: [], objects: [] });
    this.link.open(image);
    (await this.next("open")).answer({ scene: scene(1, image) });
    await settled();
    return this;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
const settled = () => new Promise((done) => setImmediate(done));

describe("a change", () => {
  test("is shown at once and leaves at once, its preview beside it", async () => {
    const bench = await new Bench().opened("a");
    const { link } = bench;
    assert.equal(link.isWhole, true);
    link.change(POINT);
    assert.deepEqual(
      link.echo.map((entry) => entry.step),
      [POINT],
    );
    await settled();
    assert.deepEqual(bench.asked.slice(-2), ["change", "preview"]);
    assert.equal(link.isWhole, false);
  });

  test("is shown until an answer knows it, and saved when its mask is there", async () => {
    const bench = await new Bench().opened("a");
    const { link } = bench;
    link.change(POINT);
    (await bench.next("change")).answer({ scene: scene(2, "a", object(true)) });
    await settled();
    assert.equal(link.echo.length, 0);
    assert.equal(link.isWhole, false);
    (await bench.next("preview")).answer({ scene: scene(3, "a", object(false)) });
    await settled();
    assert.equal(link.isWhole, true);
    assert.equal(link.isBusy, false);
  });

  test("waits for the one before, and then leaves with all that wait", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    const first = await bench.next("change");
    bench.link.change(STROKE);
    bench.link.change({ kind: "undo" });
    await settled();
    assert.equal(bench.calls.filter(({ message }) => message.do === "change").length, 0);
    first.answer({ scene: scene(2, "a", object(false)) });
    const second = await bench.next("change");
    assert.deepEqual(second.message.steps, [STROKE, { kind: "undo" }]);
    assert.deepEqual([first.message.number, second.message.number], [1, 2]);
  });

  test("is sent again under its number until it arrived", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    (await bench.next("change")).fail();
    await settled();
    assert.equal(bench.link.offline, true);
    const again = await bench.next("change");
    assert.equal(again.message.number, 1);
    again.answer({ scene: scene(2, "a", object(false)) });
    await settled();
    assert.equal(bench.link.offline, false);
    assert.equal(bench.waits, 1);
  });

  test("outlives a server that was started anew", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    (await bench.next("change")).answer({ expired: true });
    (await bench.next("start")).answer({ desk: "other", references: [], objects: [] });
    (await bench.next("open")).answer({ scene: scene(1, "a") });
    const again = await bench.next("change");
    assert.deepEqual(again.message.steps, [POINT]);
    assert.equal(again.message.desk, "other");
    again.answer({ scene: scene(2, "a", object(false)) });
    await settled();
    assert.equal(bench.link.scene?.revision, 2);
  });

  test("that fills in outlives a server that was started anew, and is asked for once more", async () => {
    const bench = await new Bench().opened("a");
    bench.link.suggest();
    (await bench.next("suggest")).answer({ expired: true });
    (await bench.next("start")).answer({ desk: "other", references: [], objects: [] });
    (await bench.next("open")).answer({ scene: scene(1, "a") });
    const again = await bench.next("suggest");
    assert.equal(again.message.desk, "other");
    again.answer({ scene: scene(2, "a", object(false)) });
    await settled();
    assert.equal(bench.link.scene?.revision, 2);
    assert.equal(bench.link.isBusy, false);
    assert.deepEqual(bench.calls, []);
  });

  test("that is a stroke stays until a mask holds it", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(STROKE);
    (await bench.next("change")).answer({ scene: scene(2, "a", object(true)) });
    await settled();
    assert.equal(bench.link.echo.length, 1);
    (await bench.next("preview")).answer({ scene: scene(3, "a", object(false)) });
    await settled();
    assert.equal(bench.link.echo.length, 0);
  });

  test("that the server refuses is told, and no longer shown", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    (await bench.next("change")).answer({ scene: scene(2, "a", object(true)) });
    await settled();
    bench.link.change(STROKE);
    const problem = { kind: "error", text: "no such object" };
    (await bench.next("change")).answer({ problem });
    await settled();
    assert.deepEqual(bench.problems, [problem]);
    assert.equal(bench.link.echo.length, 0);
  });
});

describe("an answer", () => {
  test("that is older than what is shown is dropped", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    const change = await bench.next("change");
    const preview = await bench.next("preview");
    preview.answer({ scene: scene(3, "a", object(false)) });
    await settled();
    change.answer({ scene: scene(2, "a", object(true)) });
    await settled();
    assert.equal(bench.link.scene?.revision, 3);
    assert.equal(bench.link.isWhole, true);
  });

  test("about another image than the one in hand is dropped", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    const preview = await bench.next("preview");
    (await bench.next("change")).answer({ scene: scene(2, "a", object(true)) });
    bench.link.open("b");
    (await bench.next("open")).answer({ scene: scene(3, "b") });
    await settled();
    preview.answer({ scene: scene(4, "a", object(false)) });
    await settled();
    assert.equal(bench.link.scene?.image, "b");
    assert.equal(bench.link.picture, "picture of b");
  });

  test("that does not know the newest change leaves it shown", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    const preview = await bench.next("preview");
    (await bench.next("change")).answer({ scene: scene(2, "a", object(true)) });
    await settled();
    bench.link.change({ kind: "clear", object: 1 });
    await bench.next("change");
    preview.answer({ scene: scene(3, "a", object(false)) });
    await settled();
    assert.deepEqual(
      bench.link.echo.map(({ step }) => step.kind),
      ["clear"],
    );
  });

  test("without its mask asks for it again", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    (await bench.next("change")).answer({ scene: scene(2, "a", object(true)) });
    (await bench.next("preview")).answer({ scene: scene(3, "a", object(true)) });
    assert.equal((await bench.next("preview")).message.number, 1);
  });

  test("that comes while others are asked for is asked for again, one at a time", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    const preview = await bench.next("preview");
    (await bench.next("change")).answer({ scene: scene(2, "a", object(true)) });
    bench.link.change(POINT);
    (await bench.next("change")).answer({ scene: scene(3, "a", object(true)) });
    await settled();
    assert.equal(bench.asked.filter((kind) => kind === "preview").length, 1);
    preview.answer({ scene: scene(4, "a", object(false)) });
    assert.equal((await bench.next("preview")).message.number, 2);
  });
});

describe("an image", () => {
  test("that cannot be opened leaves the one before in hand, here and at the server", async () => {
    const bench = await new Bench().opened("a");
    bench.damaged.add("b");
    bench.link.open("b");
    (await bench.next("open")).answer({ scene: scene(2, "b") });
    assert.equal((await bench.next("open")).message.image, "a");
    assert.equal(bench.link.image, "a");
    assert.equal(bench.link.scene?.image, "a");
  });

  test("that is passed over in haste is not opened, and what was drawn before is sent", async () => {
    const bench = await new Bench().opened("a");
    bench.link.change(POINT);
    bench.link.open("b");
    bench.link.open("c");
    (await bench.next("change")).answer({ scene: scene(2, "a", object(false)) });
    assert.equal((await bench.next("open")).message.image, "c");
  });

  test("takes no changes while it is being opened", async () => {
    const bench = await new Bench().opened("a");
    bench.link.open("b");
    bench.link.change(POINT);
    assert.equal(bench.link.echo.length, 0);
  });
});
