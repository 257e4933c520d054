// @ts-check
// Which results are shown, and what a card says.

/** @import { Row } from "#static/shared/rows.js" */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  addressOf,
  filtersIn,
  finding,
  isFiltered,
  judgement,
  lastOffset,
  pageNumber,
  pageOffset,
  queryOf,
} from "#static/results/query.js";
import { readHash, writeHash } from "#static/shared/address.js";
import { objectOf, pictureUrl } from "#static/shared/rows.js";
import { TEXTS } from "./texts.js";

const OPEN = { kind: "all", order: "name", low: "0", high: "1", object: "" };

describe("filters", () => {
  test("that ask for nothing filter nothing", () => {
    const query = queryOf(OPEN);
    assert.deepEqual(query, { kind: "all", order: "name", low: 0, high: 1 });
    assert.equal(isFiltered(query), false);
  });

  test("are put right where they make no sense", () => {
    const { low, high } = queryOf({ ...OPEN, low: "0.7", high: "0.2" });
    assert.deepEqual([low, high], [0.7, 0.7]);
    assert.deepEqual(queryOf({ ...OPEN, low: "-3", high: "9" }), queryOf(OPEN));
    assert.deepEqual(queryOf({ ...OPEN, low: "", high: "" }), queryOf(OPEN));
  });

  test("that ask for anything do", () => {
    for (const asked of [{ kind: "failed" }, { low: "0.1" }, { high: "0.9" }, { object: "3" }]) {
      assert.equal(isFiltered(queryOf({ ...OPEN, ...asked })), true);
    }
    assert.equal(isFiltered(queryOf({ ...OPEN, order: "worst" })), false);
  });
});

describe("pages", () => {
  test("hold 60 results", () => {
    assert.deepEqual([0, 1, 60, 61, 120].map(lastOffset), [0, 0, 0, 60, 60]);
    assert.deepEqual([0, 59, 60, 121].map(pageOffset), [0, 0, 60, 120]);
  });

  test("are there, whatever number is typed", () => {
    const numbers = ["1", "3", "9", "0", "-4", "two", "2.4"].map((typed) => pageNumber(typed, 130));
    assert.deepEqual(numbers, [1, 3, 3, 1, 1, 1, 2]);
    assert.equal(pageNumber("5", 0), 1);
  });
});

describe("a card", () => {
  /** @type {Row} */
  const row = {
    id: "a.png",
    shows: "1",
    state: "done",
    size: [10, 20],
    reason: null,
    notes: [],
    decision: null,
    binned: null,
    objects: [
      { id: 1, score: 0.91, right: 0.97, area: 5, parts: 1 },
      { id: 2, score: 0.4, right: 0.3, area: 7, parts: 1 },
    ],
  };

  test("says the score that the order goes by", () => {
    assert.equal(finding(row, queryOf(OPEN), TEXTS), "0.91");
    assert.equal(finding(row, queryOf({ ...OPEN, order: "worst" }), TEXTS), "0.40");
    assert.equal(finding(row, queryOf({ ...OPEN, object: "2" }), TEXTS), "0.40");
  });

  test("says what has none", () => {
    const query = queryOf(OPEN);
    assert.equal(finding({ ...row, objects: [] }, query, TEXTS), "results.is_empty");
    assert.equal(finding({ ...row, state: "failed" }, query, TEXTS), "results.is_failed");
    assert.equal(finding(row, queryOf({ ...OPEN, object: "9" }), TEXTS), "results.is_empty");
  });

  test("says in words how likely a mask is right", () => {
    const said = (/** @type {number | null} */ right) =>
      judgement({ id: 1, score: 0.5, right, area: 1, parts: 1 }, TEXTS);
    assert.equal(said(0.9), "results.right_sure 90");
    assert.equal(said(0.89), "results.right_likely 89");
    assert.equal(said(0.3), "results.right_doubtful 30");
    assert.equal(said(0), "results.right_unlikely 0");
    assert.equal(said(null), "");
  });

  test("has a colour for objects that nobody named", () => {
    assert.deepEqual(objectOf([], 7), { id: 7, name: "", color: [128, 128, 128] });
  });
});

describe("the address", () => {
  test("holds what the tab shows, and gives it back", () => {
    const filters = { ...OPEN, kind: "found", low: "0.3", object: "12" };
    const hash = writeHash("results", addressOf(filters, 60, "sub/ä b.png"));
    const { tab, parameters } = readHash(hash);
    assert.equal(tab, "results");
    assert.deepEqual(filtersIn(parameters), filters);
    assert.deepEqual([parameters.get("offset"), parameters.get("open")], ["60", "sub/ä b.png"]);
  });

  test("is short where nothing is chosen, and any other address is the first tab", () => {
    assert.equal(writeHash("results", addressOf(OPEN, 0)), "#results");
    assert.equal(readHash("").tab, "annotate");
    assert.equal(readHash("#elsewhere?kind=found").tab, "annotate");
  });

  test("of a picture changes with what it shows", () => {
    const [first, second] = ["a", "b"].map((shows) => pictureUrl("thumbnail", { id: "x", shows }));
    assert.notEqual(first, second);
  });
});
