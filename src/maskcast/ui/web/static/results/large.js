// @ts-check
// The large view: a target with what was found drawn over it, a slider between them, zoom and pan.

/**
 * @import { Controls } from "../shared/controls.js"
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { Gallery } from "./gallery.js"
 * @import { Row } from "../shared/rows.js"
 */
import { putAddress, readHash } from "../shared/address.js";
import { hexOf } from "../shared/colors.js";
import { find, make, placeOn } from "../shared/dom.js";
import { commandOf, keyName } from "../shared/keys.js";
import { Layers } from "../shared/layers.js";
import { Fingers, PanZoom, wheelFactor } from "../shared/panzoom.js";
import { objectOf, pictureUrl } from "../shared/rows.js";
import { openTab } from "../shared/tabs.js";
import { Looks } from "./looks.js";
import { judgement, pageOffset } from "./query.js";
import { Thresholds } from "./thresholds.js";

const SHOWS_MASKS = "100";
const CRISP = 3; // screen pixels from which a picture's pixels are shown as squares

export class LargeView {
  #index = -1; // among all results
  imageId = ""; // of the picture in view; empty while there is none
  #fingers = new Fingers();
  #frame = 0; // that is asked for
  #asked = 0; // how often layers were
  #isAsking = false;
  #view;

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   * @param {Gallery} gallery
   * @param {Controls} controls  as in the labelers
   * @param {string} project  under which the browser keeps what is switched on
   */
  constructor(root, texts, server, gallery, controls, project) {
    this.#view = new PanZoom({ ...controls.feel, fit_margin: 0 });
    this.step = controls.feel.zoom_step;
    this.keys = controls.keys;
    this.texts = texts;
    this.server = server;
    this.gallery = gallery;
    this.dialog = find(root, "dialog.large", HTMLDialogElement);
    this.stage = this.#part(".stage");
    this.sheet = this.#part(".sheet");
    this.message = this.#part(".message");
    this.original = find(this.dialog, ".original", HTMLImageElement);
    this.canvas = find(this.dialog, ".layers", HTMLCanvasElement);
    this.layers = new Layers(this.canvas);
    this.looks = new Looks(this.dialog, project, () => this.#drawSoon());
    this.wipe = find(this.dialog, ".wipe input", HTMLInputElement);
    this.thresholds = new Thresholds(
      this.#part(".cutting"),
      texts,
      server,
      () => this.#preview(),
      () => {
        this.dialog.close();
        openTab("run");
      },
    );
    this.#listenToPictures();
    this.#listenToStage();
    this.#listenToButtons();
    this.#part("button.remove").addEventListener("click", () => this.#removeOrPutBack());
  }

  /** @param {string} selector */
  #part(selector) {
    return find(this.dialog, selector);
  }

  get isOpen() {
    return this.dialog.open;
  }

  get #row() {
    return this.gallery.rows[this.#index - this.gallery.offset];
  }

  /** @param {number} index  among all results */
  async open(index) {
    const { gallery, dialog } = this;
    if (index < 0 || index >= gallery.total) return;
    if (index < gallery.offset || index >= gallery.offset + gallery.rows.length) {
      await gallery.show(pageOffset(index));
    }
    const row = gallery.rows[index - gallery.offset];
    if (!row) return;
    const isOther = row.id !== this.imageId;
    this.#index = index;
    this.imageId = row.id;
    this.looks.unhide();
    if (isOther) this.wipe.value = SHOWS_MASKS;
    putAddress("results", gallery.address(row.id), { step: !dialog.open });
    if (!dialog.open) {
      dialog.showModal();
      this.thresholds.load().catch(() => {}); // without them, there is nothing to be chosen
    }
    const { number } = this.texts;
    this.#part(".name").textContent = row.id;
    this.#part(".place").textContent = `${number(index + 1)} / ${number(gallery.total)}`;
    find(dialog, ".before", HTMLButtonElement).disabled = index === 0;
    find(dialog, ".after", HTMLButtonElement).disabled = index + 1 >= gallery.total;
    this.#part("button.remove").textContent = this.texts.text(
      row.binned === null ? "results.remove" : "results.put_back",
    );
    this.#showPictures(row);
    this.#showFound(row);
    this.#measure();
    const [height, width] = row.size ?? [1, 1];
    this.#view.open({ width, height });
    this.#place();
    this.stage.focus({ preventScroll: true });
  }

  /** @param {Row} row */
  #showPictures(row) {
    const { original, message } = this;
    const isDone = row.state === "done";
    message.hidden = isDone;
    message.textContent = (!isDone && row.reason) || "";
    if (row.binned !== null) {
      message.hidden = false;
      message.textContent = this.texts.text("results.is_binned");
    }
    message.classList.remove("alone");
    this.sheet.hidden = false;
    original.removeAttribute("src");
    original.src = pictureUrl("original", row);
    this.#hasLayers(isDone);
    this.layers.take(null);
    if (isDone) this.#preview();
  }

  /**
   * What was found, or would be with what is chosen; of several questions on their way only the
   * last matters, and one is asked at a time.
   */
  async #preview() {
    this.#asked += 1;
    if (this.#isAsking) return;
    this.#isAsking = true;
    for (let asked = 0; asked !== this.#asked; ) {
      asked = this.#asked;
      const row = this.#row;
      if (this.isOpen && row?.state === "done") await this.#fetchLayers(row);
    }
    this.#isAsking = false;
  }

  /** Into the bin, or back from it; the result stays, and says so. */
  async #removeOrPutBack() {
    const row = this.#row;
    if (!row) return;
    try {
      if (row.binned === null) await this.server.tell("remove", { kind: "targets", id: row.id });
      else await this.server.tell("put-back", { name: row.binned });
      await this.gallery.show(this.gallery.offset);
      await this.open(this.#index);
    } catch (error) {
      this.message.textContent = error instanceof Error ? error.message : String(error);
      this.message.hidden = false;
    }
  }

  /** @param {boolean} has  whether there is something to be drawn */
  #hasLayers(has) {
    this.canvas.hidden = !has;
    this.#part(".wipe").hidden = !has;
    this.#part(".looks").hidden = !has;
  }

  /**
   * What was found, once it is here; where it cannot be had, why not, over the original.
   * @param {Row} row
   */
  async #fetchLayers(row) {
    try {
      const { cuts } = this.thresholds;
      const chosen = cuts && { cuts: JSON.stringify(cuts) };
      const sent = await this.server.ask("layers", { id: row.id, shows: row.shows, ...chosen });
      if (row.id !== this.imageId) return; // another one is looked at by now
      this.layers.take(sent);
      this.thresholds.showFound(sent);
    } catch (error) {
      if (row.id !== this.imageId) return;
      this.#hasLayers(false);
      this.message.textContent = error instanceof Error ? error.message : String(error);
      this.message.hidden = false;
    }
    this.#drawSoon();
  }

  #listenToPictures() {
    // A failed target has no size in the ledger; its picture, if it can be shown, has one.
    this.original.addEventListener("load", () => {
      if (this.#row?.size) return;
      const { naturalWidth: width, naturalHeight: height } = this.original;
      this.#view.open({ width, height });
      this.#place();
    });
    this.original.addEventListener("error", () => {
      if (this.#row?.state === "done") return;
      this.sheet.hidden = true;
      this.message.classList.add("alone");
    });
  }

  /** @param {Row} row */
  #showFound(row) {
    const { text, number } = this.texts;
    const items = row.objects.map((found) => {
      const { name } = objectOf(this.gallery.objects, found.id);
      const words = `${found.id} ${name}`;
      const isOn = this.looks.shows(found.id);
      const box = make("input", "", {
        type: "checkbox",
        "aria-label": text("results.shown", { name: words }),
        ...(isOn && { checked: "" }),
      });
      const about = make(
        "label",
        isOn ? "" : "is-off",
        {},
        box,
        this.gallery.dot(found),
        make("span", "", { text: words }),
      );
      box.addEventListener("change", () => {
        about.classList.toggle("is-off", !box.checked);
        this.looks.turn(found.id, box.checked);
      });
      const area = [text("results.area", { area: number(found.area) })];
      if (found.parts > 1) area.unshift(text("results.parts", { parts: number(found.parts) }));
      return make(
        "li",
        "",
        {},
        about,
        make("b", "", { text: found.score.toFixed(2) }),
        make("span", "right", { text: judgement(found, this.texts) }),
        make("span", "area", { text: area.join(", ") }),
      );
    });
    if (row.state === "done" && !items.length) {
      items.push(make("li", "", { text: text("results.is_empty") }));
    }
    for (const note of row.notes) items.push(make("li", "note", { text: note }));
    this.#part(".found").replaceChildren(...items);
  }

  // ---- zoom and pan

  #measure() {
    this.#view.resize(this.stage.clientWidth, this.stage.clientHeight);
  }

  #place() {
    const { picture, x, y, scale } = this.#view;
    const { style, classList } = this.sheet;
    style.width = `${picture.width}px`;
    style.height = `${picture.height}px`;
    style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    classList.toggle("pixels", scale >= CRISP);
    this.#applyWipe();
    this.#drawSoon();
  }

  #drawSoon() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const row = this.#row;
    const { looks } = this;
    this.layers.draw(this.#view, looks.look, (id) => {
      const found = row?.objects.find((object) => object.id === id);
      if (!row || !looks.shows(id)) return null;
      const { name, color } = objectOf(this.gallery.objects, id);
      // Nobody knows the score of what is only tried.
      const score = found && !this.thresholds.cuts ? ` ${found.score.toFixed(2)}` : "";
      return { color: hexOf(color), words: `${id} ${name}${score}` };
    });
  }

  /** @param {(view: PanZoom) => void} change */
  #look(change) {
    change(this.#view);
    this.#place();
  }

  #fit() {
    this.#look((view) => view.fit());
  }

  /** @param {number} factor */
  #zoom(factor) {
    this.#look((view) => view.zoomMiddle(factor));
  }

  #listenToStage() {
    const { stage } = this;
    const onWheel = (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      const { x, y } = placeOn(stage, event);
      this.#look((view) => view.zoomAt(x, y, wheelFactor(event, this.step)));
    };
    stage.addEventListener("wheel", onWheel, { passive: false });
    // One pointer moves the picture, two fingers zoom it too.
    stage.addEventListener("pointerdown", (event) => {
      if (this.#fingers.count === 2) return;
      stage.setPointerCapture(event.pointerId);
      this.#fingers.press(event.pointerId, placeOn(stage, event));
    });
    stage.addEventListener("pointermove", (event) => {
      if (this.#fingers.count === 0) return;
      this.#look((view) => this.#fingers.move(event.pointerId, placeOn(stage, event), view));
    });
    stage.addEventListener("lostpointercapture", (event) => this.#fingers.lift(event.pointerId));
    stage.addEventListener("dblclick", () => this.#fit());
    new ResizeObserver(() => {
      if (!this.isOpen) return;
      this.#measure();
      this.#place();
    }).observe(stage);
  }

  /** Closed by its button or Esc: the address goes back to the gallery, as Back would. */
  #leave() {
    const isNamed = readHash(location.hash).parameters.get("open") === this.imageId;
    this.imageId = "";
    if (isNamed && history.state?.step) history.back();
    else putAddress("results", this.gallery.address());
    this.gallery.focus(this.#index - this.gallery.offset);
  }

  /**
   * Opens what an address names, or closes.
   * @param {string | null} imageId
   */
  async goTo(imageId) {
    const place = this.gallery.rows.findIndex((row) => row.id === imageId);
    if (imageId === null || place < 0) this.dialog.close();
    else if (imageId !== this.imageId) await this.open(this.gallery.offset + place);
  }

  // ---- slider, buttons, keys

  #applyWipe() {
    const share = Number(this.wipe.value);
    const { picture, scale, x, screen } = this.#view;
    const edge = x + (share / 100) * picture.width * scale;
    const seam = this.#part(".seam");
    seam.hidden = this.canvas.hidden || share % 100 === 0;
    seam.style.left = `${edge - 1}px`;
    this.canvas.style.clipPath = share < 100 ? `inset(0 ${screen.width - edge}px 0 0)` : "";
  }

  #flip() {
    this.wipe.value = Number(this.wipe.value) > 50 ? "0" : "100";
    this.#applyWipe();
  }

  #listenToButtons() {
    const { dialog } = this;
    this.wipe.addEventListener("input", () => this.#applyWipe());
    /** @type {Record<string, () => unknown>} */
    const buttons = {
      close: () => dialog.close(),
      fit: () => this.#fit(),
      closer: () => this.#zoom(this.step),
      farther: () => this.#zoom(1 / this.step),
      before: () => this.open(this.#index - 1),
      after: () => this.open(this.#index + 1),
    };
    for (const [name, work] of Object.entries(buttons)) {
      this.#part(`button.${name}`).addEventListener("click", work);
    }
    /** @type {Record<string, () => unknown>} by what a key asks for in the labelers */
    const commands = {
      previous_image: buttons.before,
      next_image: buttons.after,
      closer: buttons.closer,
      away: buttons.farther,
      fit: buttons.fit,
    };
    dialog.addEventListener("keydown", (event) => {
      const work = isFlip(event) ? () => this.#flip() : commands[commandOf(event, this.keys) ?? ""];
      const onSlider = event.target === this.wipe && event.key.startsWith("Arrow");
      const onButton = event.target instanceof HTMLButtonElement && isFlip(event);
      if (!work || onSlider || onButton) return;
      event.preventDefault();
      work();
    });
    for (const type of /** @type {const} */ (["keydown", "keyup"])) {
      dialog.addEventListener(type, (event) => {
        if (commandOf(event, this.keys) === "hide") this.looks.onKey(event);
      });
    }
    dialog.addEventListener("close", () => this.#leave());
  }
}

/** @param {KeyboardEvent} event */
const isFlip = (event) => keyName(event) === "space";
