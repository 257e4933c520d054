// @ts-check
// What all three tabs share: languages, colours, the routes of the server.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { channels, inkOn } from "#static/shared/colors.js";
import { routeUrl, Server, uploadName } from "#static/shared/server.js";
import { chooseLanguage, Texts } from "#static/shared/texts.js";
import { TEXTS } from "./texts.js";

describe("the language", () => {
  const tables = { en: { hello: "hello {name}, {name}" }, ko: { hello: "안녕 {name}" } };

  test("is the server's, else the browser's, else English", () => {
    assert.equal(chooseLanguage(tables, "ko", ["en-US"]), "ko");
    assert.equal(chooseLanguage(tables, "", ["ko-KR", "en"]), "ko");
    assert.equal(chooseLanguage(tables, "", ["KO"]), "ko");
    assert.equal(chooseLanguage(tables, "", ["fr", "ko"]), "en");
    assert.equal(chooseLanguage(tables, "", []), "en");
  });

  test("fills words in, and says the key of what is missing", () => {
    const { text } = new Texts(tables, "en");
    assert.equal(text("hello", { name: 3 }), "hello 3, 3");
    assert.equal(text("hello"), "hello , ");
    assert.equal(text("goodbye"), "goodbye");
  });

  test("writes numbers as its readers do", () => {
    assert.equal(new Texts(tables, "en").number(50000), "50,000");
  });
});

describe("colours", () => {
  test("have channels", () => assert.deepEqual(channels("#ff8001"), [255, 128, 1]));

  test("are written on in what is easier to read", () => {
    // 4.6:1 on this gray for black and for white alike, by WCAG; a little darker, a little lighter.
    assert.equal(inkOn("#747474"), "#ffffff");
    assert.equal(inkOn("#787878"), "#000000");
    assert.equal(inkOn("#f0e442"), "#000000");
    assert.equal(inkOn("#0000ff"), "#ffffff");
  });
});

describe("a route", () => {
  test("is below the page, with its parameters escaped", () => {
    assert.equal(routeUrl("run"), "maskcast/run");
    const url = routeUrl("overlay", { id: "a b/ü&c.png", offset: 3 });
    assert.equal(url, "maskcast/overlay?id=a+b%2F%C3%BC%26c.png&offset=3");
  });

  test("that takes files leaves out the name of the folder that was chosen", () => {
    assert.equal(uploadName({ name: "a.png" }), "a.png");
    assert.equal(uploadName({ name: "a.png", webkitRelativePath: "lot/x/a.png" }), "x/a.png");
    assert.equal(uploadName({ name: "a.png", droppedPath: "lot/a.png" }), "a.png");
  });
});

describe("the server", () => {
  /** @param {() => Promise<Response>} answer */
  const server = (answer) => new Server(TEXTS, answer);

  test("answers", async () => {
    const answering = server(async () => Response.json({ total: 4 }));
    assert.deepEqual(await answering.ask("run"), { total: 4 });
  });

  test("says in a sentence what is wrong", async () => {
    const refusing = server(async () =>
      Response.json({ error: "no such engine" }, { status: 400 }),
    );
    await assert.rejects(refusing.tell("start"), { message: "no such engine" });
  });

  test("may be behind a proxy that speaks HTML", async () => {
    const options = { status: 502, statusText: "Bad Gateway" };
    const broken = server(async () => new Response("<html>", options));
    await assert.rejects(broken.ask("run"), { message: "502 Bad Gateway" });
  });

  test("that does not answer is said to be away", async () => {
    const away = server(() => Promise.reject(new TypeError("failed to fetch")));
    await assert.rejects(away.ask("run"), { message: "shared.unreachable" });
  });

  test("answers a message with what it is, a problem among it", async () => {
    /** @type {(body: BodyInit, status: number) => Promise<any>} */
    const said = (body, status) => server(async () => new Response(body, { status })).talk({});
    assert.deepEqual(await said('{"ok": true, "desk": "d"}', 200), { ok: true, desk: "d" });
    const problem = { kind: "error", text: "no" };
    assert.deepEqual(await said(JSON.stringify({ ok: false, problem }), 400), {
      ok: false,
      problem,
    });
    await assert.rejects(said("Bad Gateway", 502));
  });

  test("is not told again what is too long for it", async () => {
    const refusing = server(async () => new Response("it is too long", { status: 413 }));
    assert.deepEqual(await refusing.talk({}), {
      ok: false,
      problem: { kind: "error", text: "it is too long" },
    });
  });

  test("is sent files as they are", async () => {
    /** @type {[RequestInfo | URL, RequestInit | undefined][]} */
    const sent = [];
    const taking = new Server(TEXTS, async (...given) => {
      sent.push([given[0], given[1]]);
      return Response.json({ image_id: "a.png", new: true });
    });
    const file = /** @type {File} */ ({ name: "a.png" });
    assert.deepEqual(await taking.upload("targets", file), { image_id: "a.png", new: true });
    assert.deepEqual(sent, [
      ["maskcast/upload?to=targets&name=a.png", { method: "POST", body: file }],
    ]);
  });
});
