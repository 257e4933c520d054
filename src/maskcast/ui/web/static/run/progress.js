// @ts-check
// How a run stands, as the page says it. Nothing here knows the page.

/** @import { Texts } from "../shared/texts.js" */
import { countSince } from "./since.js";

/**
 * @typedef {object} Choice  what a run was started with; null = as the project is set
 * @property {string | null} engine
 * @property {number | null} threshold
 * @property {string | null} weights
 */

/**
 * @typedef {object} Progress  see RunProgress in controller.py, and _progress in routes.py
 * @property {"idle" | "preparing" | "running" | "stopping"} state
 * @property {boolean} elsewhere  whether another program works on the output
 * @property {{name: "reading" | "learning" | "masking", references: number, engine: string} | null} stage
 * @property {number} total
 * @property {number} done
 * @property {number} empty
 * @property {number} failed
 * @property {number | null} rate  targets per second
 * @property {number | null} seconds_left
 * @property {string[]} notes
 * @property {Record<string, string[]>} selftest  sentences by language; empty if nothing was tested
 * @property {string | null} error
 * @property {boolean} can_start_afresh
 * @property {string[]} differs  why the last start was refused, where running again would help
 * @property {import("./since.js").Since | null} since  references that are others by now
 * @property {{targets: number, newly_empty: number} | null} renewed  what running again changed
 * @property {boolean} is_halfway  whether running again was stopped
 * @property {Choice | null} choice
 * @property {string} folder
 * @property {number | null} references  with an object on them
 * @property {number} checking  pictures that are uploaded and looked at, or wait for their turn
 */

/** @param {Progress} progress */
export const isBusy = (progress) => progress.state !== "idle";

/** @param {Progress} progress */
export const isWatched = (progress) => isBusy(progress) || progress.elsewhere;

/** @param {Progress} progress */
const finished = ({ done, failed }) => done + failed;

/** @param {Progress} progress */
const pending = (progress) => Math.max(0, progress.total - finished(progress));

/**
 * What a run cannot start without.
 * @param {Progress} progress
 * @returns {"references" | "targets" | null}
 */
export function missing({ references, total }) {
  if (references === 0) return "references";
  return total === 0 ? "targets" : null;
}

/** @param {Progress} progress */
export function startKey(progress) {
  if (pending(progress) && finished(progress)) return "run.go_on";
  return progress.failed ? "run.again" : "run.start";
}

/**
 * The key of the sentence that says how the run stands.
 * @param {Progress} progress
 */
export function stateKey(progress) {
  if (progress.elsewhere) return "run.state_elsewhere";
  if (progress.state === "stopping") return "run.state_stopping";
  if (isBusy(progress)) return `run.stage_${progress.stage?.name ?? "reading"}`;
  const lacking = missing(progress);
  if (lacking) return `run.state_no_${lacking}`;
  if (finished(progress) && countSince(progress)) return "run.state_outdated";
  if (pending(progress) || finished(progress) === 0) return "run.state_idle";
  return progress.failed ? "run.state_finished_but" : "run.state_finished";
}

/**
 * The tab that a person goes to from here, if any.
 * @param {Progress} progress
 * @returns {"annotate" | "results" | null}
 */
export function wayOn(progress) {
  if (isWatched(progress)) return null;
  if (missing(progress) === "references") return "annotate";
  return finished(progress) ? "results" : null;
}

/**
 * In percent of the targets.
 * @param {Progress} progress
 */
export function shares({ total, done, failed }) {
  const share = (/** @type {number} */ count) => (total ? (100 * count) / total : 0);
  return { done: share(done), failed: share(failed), finished: share(done + failed) };
}

/**
 * @param {number | null} seconds
 * @returns {string} like 1:02:03 or 2:03
 */
export function duration(seconds) {
  if (seconds === null) return "–";
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, place) => String(part).padStart(place ? 2 : 1, "0")).join(":");
}

/**
 * Every text that tells how the run stands.
 * @param {Progress} progress
 * @param {Texts} texts
 */
export function describe(progress, { text, number }) {
  const { done, total, failed, folder, stage } = progress;
  const about = { failed: number(failed), count: stage?.references, engine: stage?.engine };
  return {
    counted: text("run.counted", { total: number(total), folder }),
    checking: text("run.checking", { count: number(progress.checking) }),
    start: text(startKey(progress)),
    state: text(stateKey(progress), about),
    done: text("run.done_of", { done: number(done), total: number(total) }),
    empty: number(progress.empty),
    failed: number(failed),
    rate: progress.rate === null ? "–" : `${progress.rate.toFixed(1)}/s`,
    left: pending(progress) ? duration(progress.seconds_left) : "–",
  };
}
