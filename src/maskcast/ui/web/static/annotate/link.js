// @ts-check
// Talking to the server about the image in hand. Edits go out one after another, numbered, so that
// none is lost, doubled or overtaken; the preview they ask for travels beside them, so that a click
// costs one round trip. Every answer carries a revision: one older than what is shown is dropped.
// Nothing here knows the page.

/**
 * @import { MaskStore } from "./masks.js"
 * @import { Lists, Problem, Scene, Step } from "./scene.js"
 */
import { hasPending } from "./scene.js";

/**
 * What the server answers; `expired` if it does not know this page (any more).
 * @typedef {object} Reply
 * @property {boolean} ok
 * @property {boolean} [expired]
 * @property {Problem} [problem]
 * @property {Scene} [scene]
 */

/**
 * Is told what happens.
 * @typedef {object} Listener
 * @property {(scene: Scene, isOther: boolean) => void} showScene  a newer one, perhaps of another
 *     image than before
 * @property {() => void} showImage  another image is being opened
 * @property {() => void} showWork  something is on its way, or arrived
 * @property {(problem: Problem) => void} showProblem
 * @property {(lists: Lists) => void} showLists  references and objects
 */

/** @typedef {{step: Step, number: number | null}} Echo  number: of the change it was sent with */

const LONGEST_WAIT = 4000; // milliseconds until an unanswered call is repeated

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** @template Picture */
export class Link {
  /**
   * @param {(message: object) => Promise<any>} call  the server
   * @param {(image: string) => Promise<Picture | null>} loadPicture
   * @param {MaskStore} masks
   * @param {Listener} listener
   * @param {(milliseconds: number) => Promise<unknown>} [wait]
   */
  constructor(call, loadPicture, masks, listener, wait = pause) {
    this.call = call;
    this.loadPicture = loadPicture;
    this.masks = masks;
    this.listener = listener;
    this.wait = wait;
    /** @type {Scene | null} the newest answer about the image in hand */
    this.scene = null;
    /** @type {Picture | null} of the scene's image */
    this.picture = null;
    /** @type {string | null} id of the image that is open or being opened */
    this.image = null;
    /** @type {Echo[]} what is shown at once, until the server's answer shows it */
    this.echo = [];
    this.offline = false;
    this.previewing = false;
    this.suggesting = false;
    /** @type {string | null} */
    this.desk = null;
    this.revision = 0;
    this.number = 0; // of the last change that was sent
    /** @type {Step[]} */
    this.waiting = []; // not sent yet
    this.previewAgain = false;
    /** @type {Promise<unknown>} */
    this.lane = Promise.resolve();
  }

  /** Whether something that a person did is on its way. */
  get isBusy() {
    return this.previewing || this.suggesting || this.echo.length > 0;
  }

  /** Whether the image in hand, its masks and everything that was done to it are here. */
  get isWhole() {
    const { scene, picture, image } = this;
    const isOpen = scene !== null && picture !== null && scene.image === image;
    return isOpen && !hasPending(scene) && this.echo.length === 0;
  }

  /**
   * An answer, however often the server must be asked for it.
   * @param {object} message
   */
  async ask(message) {
    for (let attempt = 0; ; attempt += 1) {
      let reply;
      try {
        reply = await this.call(message);
      } catch (error) {
        console.warn("maskcast:", error);
      }
      if (reply && typeof reply === "object" && "ok" in reply) {
        if (this.offline) this.#setOffline(false);
        return reply;
      }
      this.#setOffline(true);
      await this.wait(Math.min(LONGEST_WAIT, 250 * 2 ** attempt));
    }
  }

  /**
   * Begins anew: the server does not know this page yet.
   * @param {string | null} [before]  the desk that the page had before it was loaded again
   */
  async start(before = null) {
    const reply = await this.ask({ do: "start", ...(before && { desk: before }) });
    this.desk = reply.desk;
    this.revision = 0;
    this.number = reply.number ?? 0;
    this.masks.clear();
    this.listener.showLists(reply);
  }

  /** @param {string} image */
  open(image) {
    if (image === this.image && this.scene?.image === image) return this.lane;
    this.image = image;
    this.listener.showImage();
    return this.#inLane(async () => {
      if (this.image !== image) return;
      await this.#sendWaiting();
      await this.#openNow(image);
    });
  }

  /** Has the image in hand filled in, which must have nothing on it, from those annotated. */
  suggest() {
    const { image } = this;
    if (!this.scene || this.scene.image !== image || this.suggesting) return this.lane;
    this.suggesting = true;
    this.listener.showWork();
    return this.#inLane(async () => {
      try {
        await this.#sendWaiting();
        await this.#suggestNow(image);
      } finally {
        this.suggesting = false;
        this.listener.showWork();
      }
    });
  }

  /** No image is in hand any more. */
  forget() {
    this.image = this.scene = this.picture = null;
    this.waiting = [];
    this.echo = [];
    this.listener.showImage();
  }

  /**
   * A change of the image in hand: shown at once, sent in order.
   * @param {Step} step
   */
  change(step) {
    if (!this.scene || this.scene.image !== this.image) return;
    this.waiting.push(step);
    this.echo.push({ step, number: null });
    this.listener.showWork();
    this.#inLane(() => this.#sendWaiting());
  }

  /** Others may work on the same project: takes what they did, and reads the lists again. */
  async refresh() {
    await this.#inLane(async () => {
      if (!this.scene || this.waiting.length > 0) return;
      const reply = await this.#askOnce({ do: "refresh" });
      if (reply.expired) await this.#startAgain(this.scene.image);
      else this.#take(reply, 0);
    });
    if (hasPending(this.scene)) this.#preview(this.number);
    await this.refreshLists();
  }

  async refreshLists() {
    const reply = await this.ask({ do: "list" });
    if (reply.problem) this.listener.showProblem(reply.problem);
    else this.listener.showLists(reply);
  }

  /** @param {boolean} offline */
  #setOffline(offline) {
    this.offline = offline;
    this.listener.showWork();
  }

  /**
   * One job after another: edits, opening, refreshing.
   * @param {() => unknown} job
   */
  #inLane(job) {
    const done = this.lane.then(job).catch((error) => {
      console.error(error);
      this.listener.showProblem({ kind: "error", text: String(error?.message ?? error) });
    });
    this.lane = done;
    return done;
  }

  /** @param {string} image */
  async #suggestNow(image) {
    let reply = await this.#askOnce({ do: "suggest", image });
    if (reply.expired) {
      await this.#startAgain(image); // only what is open there can be filled in
      reply = await this.#askOnce({ do: "suggest", image });
    }
    if (reply.problem) this.listener.showProblem(reply.problem);
    if (reply.scene) this.#takeScene(reply.scene);
  }

  /** @param {string} image */
  async #openNow(image) {
    const picture = this.loadPicture(image);
    const reply = await this.#askAtDesk({ do: "open", image });
    const loaded = await picture;
    if (this.image !== image) return; // another one was chosen meanwhile, and is next in the lane
    if (loaded === null || reply.scene?.image !== image) {
      await this.#stayAt(this.scene?.image ?? null);
      return;
    }
    this.echo = [];
    this.picture = loaded;
    this.#takeScene(reply.scene);
    if (hasPending(this.scene)) this.#preview(this.number);
  }

  /**
   * What cannot be opened leaves the image before in hand, here and at the server.
   * @param {string | null} image
   */
  async #stayAt(image) {
    this.image = image;
    this.listener.showImage();
    if (image !== null) await this.#askAtDesk({ do: "open", image });
  }

  async #sendWaiting() {
    if (this.waiting.length === 0 || !this.scene) return;
    const steps = this.waiting.splice(0);
    const image = this.scene.image;
    const echoed = this.echo.filter((entry) => entry.number === null);
    for (;;) {
      this.number += 1;
      const number = this.number;
      for (const entry of echoed) entry.number = number;
      const asked = this.#askOnce({ do: "change", image, number, steps });
      this.#preview(number);
      const reply = await asked;
      if (!reply.expired) {
        this.#take(reply, number);
        return;
      }
      await this.#startAgain(image);
    }
  }

  /**
   * Asks for the masks that are missing after a change; one such question is on its way at a time.
   * @param {number} number
   */
  async #preview(number) {
    if (this.previewing) {
      this.previewAgain = true;
      return;
    }
    this.previewing = true;
    this.listener.showWork();
    const reply = await this.#askOnce({ do: "preview", number });
    this.previewing = false;
    if (!reply.expired) this.#take(reply, number);
    this.listener.showWork();
    const isMissing = hasPending(this.scene) && !reply.problem && !reply.expired;
    const again = this.previewAgain || isMissing;
    this.previewAgain = false;
    if (again && this.desk !== null) this.#preview(this.number);
  }

  /**
   * @param {object} message
   * @returns {Promise<Reply>}
   */
  #askOnce(message) {
    return this.ask({ ...message, desk: this.desk, known: this.masks.known() });
  }

  /**
   * @param {object} message
   * @returns {Promise<Reply>}
   */
  async #askAtDesk(message) {
    const reply = await this.#askOnce(message);
    if (!reply.expired) {
      if (reply.problem) this.listener.showProblem(reply.problem);
      return reply;
    }
    await this.start();
    return this.#askAtDesk(message);
  }

  /**
   * The server was started anew, or forgot this page: what was saved is in the file.
   * @param {string} image
   */
  async #startAgain(image) {
    await this.start();
    const reply = await this.#askAtDesk({ do: "open", image });
    if (reply.scene) this.#takeScene(reply.scene);
  }

  /**
   * @param {Reply} reply
   * @param {number} number  of the last change that it knows
   */
  #take(reply, number) {
    if (reply.problem) this.listener.showProblem(reply.problem);
    const isNewer = (/** @type {Echo} */ entry) => entry.number === null || entry.number > number;
    this.echo = this.echo.filter((entry) => isNewer(entry) || this.#isUnseenStroke(entry, reply));
    if (reply.scene) this.#takeScene(reply.scene);
    else this.listener.showWork();
  }

  /**
   * A stroke stays until a mask that holds it is there.
   * @param {Echo} entry
   * @param {Reply} reply
   */
  #isUnseenStroke({ step }, reply) {
    if (step.kind !== "stroke" || reply.problem) return false;
    return (reply.scene ?? this.scene)?.objects[step.object]?.pending ?? false;
  }

  /** @param {Scene} scene */
  #takeScene(scene) {
    if (scene.revision <= this.revision) return;
    this.revision = scene.revision;
    if (scene.image !== this.image) return;
    this.masks.keep(scene);
    const isOther = this.scene?.image !== scene.image;
    this.scene = scene;
    this.masks.remember(scene);
    this.listener.showScene(scene, isOther);
  }
}
