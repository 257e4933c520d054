// @ts-check
// The table of both labelers, as Python sends it to the page.

/** @import { Controls } from "#static/shared/controls.js" */
import { execFileSync } from "node:child_process";

const TELL = `
import json
from maskcast.ui.controls import page_controls
print(json.dumps(page_controls()))
`;

/** @type {Controls} the table of both labelers, as Python has it */
export const CONTROLS = JSON.parse(
  execFileSync(process.env.PYTHON || ".venv/bin/python", ["-c", TELL], { encoding: "utf-8" }),
);
