// @ts-check
// How a run stands, as the Run tab says it.

/** @import { Progress } from "#static/run/progress.js" */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  duration,
  missing,
  shares,
  startKey,
  stateKey,
  describe as tell,
  wayOn,
} from "#static/run/progress.js";
import { usableThreshold } from "#static/run/settings.js";
import { countSince, describeRenewed, describeSince } from "#static/run/since.js";
import { tallied } from "#static/run/uploads.js";
import { TEXTS } from "./texts.js";

test("only what was added counts as added, and what became of the others is told", () => {
  assert.equal(
    tallied({ done: 0, renamed: 1, known: 1, refused: 1 }, 3, TEXTS),
    "run.uploading 1 3; run.uploading.renamed 1; run.uploading.known 1; run.uploading.refused 1",
  );
  assert.equal(
    tallied({ done: 2, renamed: 0, known: 0, refused: 0 }, 2, TEXTS),
    "run.uploading 2 2",
  );
});

/**
 * @param {Partial<Progress>} [what]
 * @returns {Progress}
 */
const progress = (what = {}) => ({
  state: "idle",
  elsewhere: false,
  stage: null,
  total: 10,
  done: 0,
  empty: 0,
  failed: 0,
  rate: null,
  seconds_left: null,
  notes: [],
  selftest: {},
  error: null,
  can_start_afresh: false,
  differs: [],
  since: null,
  renewed: null,
  is_halfway: false,
  choice: null,
  folder: "targets",
  references: 2,
  checking: 0,
  ...what,
});

const SINCE = { changed: ["a.png", "b.png"], added: ["c.png"], removed: [] };

describe("what changed since", () => {
  test("is counted, named and told only of results and at rest", () => {
    assert.equal(countSince(progress()), 0);
    assert.equal(countSince(progress({ since: SINCE })), 3);
    assert.equal(describeSince(progress({ since: SINCE }), TEXTS), null);
    const told = describeSince(progress({ since: SINCE, done: 1 }), TEXTS);
    assert.deepEqual(told, {
      title: "run.since.several 3",
      names: "a.png, b.png, run.since.added c.png",
      meaning: "run.since.meaning",
    });
    assert.equal(describeSince(progress({ since: SINCE, done: 1, state: "running" }), TEXTS), null);
    assert.equal(stateKey(progress({ since: SINCE, done: 10 })), "run.state_outdated");
  });

  test("settings that changed are told as the server says them", () => {
    const told = describeSince(progress({ differs: ["engine: a -> b"], is_halfway: true }), TEXTS);
    assert.equal(told?.names, "engine: a -> b");
    assert.equal(told?.meaning, "run.since.halfway");
  });

  test("many names are cut short", () => {
    const changed = [..."abcdefg"];
    const told = describeSince(
      progress({ since: { changed, added: [], removed: [] }, done: 1 }),
      TEXTS,
    );
    assert.equal(told?.names, "run.since.more a, b, c, d, e 2");
  });

  test("what running again changed", () => {
    assert.equal(describeRenewed(progress(), TEXTS), null);
    const renewed = { targets: 12, newly_empty: 4 };
    assert.equal(describeRenewed(progress({ renewed }), TEXTS), "run.renewed.some_empty 12 4");
  });
});

/** @type {Progress["stage"]} */
const LEARNING = { name: "learning", references: 3, engine: "pixel" };

describe("the state", () => {
  /** @type {[string, Partial<Progress>, string][]} */
  const cases = [
    ["nothing was done", {}, "run.state_idle"],
    ["some are pending", { done: 4, failed: 2 }, "run.state_idle"],
    ["all are done", { done: 10 }, "run.state_finished"],
    ["some failed", { done: 9, failed: 1 }, "run.state_finished_but"],
    ["nothing is annotated", { references: 0, total: 0 }, "run.state_no_references"],
    ["there are no targets", { total: 0 }, "run.state_no_targets"],
    ["it is not known what is annotated", { references: null }, "run.state_idle"],
    ["it begins", { state: "preparing" }, "run.stage_reading"],
    ["it learns", { state: "preparing", stage: LEARNING }, "run.stage_learning"],
    ["it stops", { state: "stopping", stage: LEARNING }, "run.state_stopping"],
    ["another program runs", { elsewhere: true, references: 0 }, "run.state_elsewhere"],
  ];
  for (const [name, what, key] of cases) {
    test(name, () => assert.equal(stateKey(progress(what)), key));
  }

  test("of what was uploaded is told while it is looked at", () => {
    assert.equal(tell(progress({ checking: 3 }), TEXTS).checking, "run.checking 3");
  });

  test("says who learns from how many, in any language", () => {
    const words = tell(progress({ state: "preparing", stage: LEARNING }), TEXTS);
    assert.equal(words.state, "run.stage_learning 0 3 pixel");
  });
});

describe("the buttons", () => {
  test("start, go on, or try again", () => {
    assert.equal(startKey(progress()), "run.start");
    assert.equal(startKey(progress({ done: 1 })), "run.go_on");
    assert.equal(startKey(progress({ done: 9, failed: 1 })), "run.again");
    assert.equal(startKey(progress({ done: 10 })), "run.start");
  });

  test("lead to the tab that is next", () => {
    assert.equal(wayOn(progress({ references: 0 })), "annotate");
    assert.equal(wayOn(progress()), null);
    assert.equal(wayOn(progress({ done: 1 })), "results");
    assert.equal(wayOn(progress({ done: 1, state: "running" })), null);
  });

  test("wait for what is missing", () => {
    assert.equal(missing(progress({ references: 0, total: 0 })), "references");
    assert.equal(missing(progress({ total: 0 })), "targets");
    assert.equal(missing(progress()), null);
  });
});

describe("the figures", () => {
  test("are shares of the targets", () => {
    assert.deepEqual(shares(progress({ done: 4, failed: 1 })), {
      done: 40,
      failed: 10,
      finished: 50,
    });
    assert.deepEqual(shares(progress({ total: 0 })), { done: 0, failed: 0, finished: 0 });
  });

  test("have a time left only while targets are", () => {
    const running = progress({ state: "running", done: 4, rate: 2.345, seconds_left: 61.4 });
    assert.equal(tell(running, TEXTS).left, "1:01");
    assert.equal(tell(running, TEXTS).rate, "2.3/s");
    assert.equal(tell({ ...running, done: 10 }, TEXTS).left, "–");
  });

  test("have hours where there are some", () => {
    assert.equal(duration(null), "–");
    assert.equal(duration(0), "0:00");
    assert.equal(duration(59.6), "1:00");
    assert.equal(duration(3723), "1:02:03");
  });
});

test("a threshold is a probability, whatever was typed", () => {
  assert.deepEqual(
    ["1.7", "-3", "0.35", "", "x"].map(usableThreshold),
    [0.99, 0.01, 0.35, 0.5, 0.5],
  );
});
