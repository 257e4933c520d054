// @ts-check
// The large view: original and overlay on top of each other, a slider between them, zoom and pan.

/**
 * @import { Bounds } from "../shared/panzoom.js"
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { Gallery } from "./gallery.js"
 * @import { Row } from "../shared/rows.js"
 */
import { putAddress, readHash } from "../shared/address.js";
import { find, make, placeOn } from "../shared/dom.js";
import { Fingers, PanZoom, wheelFactor } from "../shared/panzoom.js";
import { objectOf, pictureUrl } from "../shared/rows.js";
import { judgement, pageOffset } from "./query.js";

const SHOWS_OVERLAY = "100";
const CRISP = 3; // screen pixels from which a picture's pixels are shown as squares

export class LargeView {
  #index = -1; // among all results
  imageId = ""; // of the picture in view; empty while there is none
  #fingers = new Fingers();
  #view;

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   * @param {Gallery} gallery
   * @param {Bounds & {zoom_step: number}} feel  as in the labelers
   */
  constructor(root, texts, server, gallery, feel) {
    this.#view = new PanZoom({ ...feel, fit_margin: 0 });
    this.step = feel.zoom_step;
    this.texts = texts;
    this.server = server;
    this.gallery = gallery;
    this.dialog = find(root, "dialog.large", HTMLDialogElement);
    this.stage = this.#part(".stage");
    this.sheet = this.#part(".sheet");
    this.message = this.#part(".message");
    this.original = find(this.dialog, ".original", HTMLImageElement);
    this.overlay = find(this.dialog, ".overlay", HTMLImageElement);
    this.wipe = find(this.dialog, ".wipe input", HTMLInputElement);
    this.#listenToPictures();
    this.#listenToStage();
    this.#listenToButtons();
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
    if (isOther) this.wipe.value = SHOWS_OVERLAY;
    putAddress("results", gallery.address(row.id), { step: !dialog.open });
    if (!dialog.open) dialog.showModal();
    const { number } = this.texts;
    this.#part(".name").textContent = row.id;
    this.#part(".place").textContent = `${number(index + 1)} / ${number(gallery.total)}`;
    find(dialog, ".before", HTMLButtonElement).disabled = index === 0;
    find(dialog, ".after", HTMLButtonElement).disabled = index + 1 >= gallery.total;
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
    const { original, overlay, message } = this;
    const isDone = row.state === "done";
    message.hidden = isDone;
    message.textContent = (!isDone && row.reason) || "";
    message.classList.remove("alone");
    this.sheet.hidden = false;
    for (const picture of [original, overlay]) picture.removeAttribute("src");
    original.src = pictureUrl("original", row);
    overlay.hidden = !isDone;
    if (isDone) overlay.src = pictureUrl("overlay", row);
    this.#part(".wipe").hidden = !isDone;
    this.#applyWipe();
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
      if (!this.overlay.hidden) return;
      this.sheet.hidden = true;
      this.message.classList.add("alone");
    });
    this.overlay.addEventListener("error", () => this.#sayWhyNot());
  }

  /** An overlay that cannot be had says why, over the original. */
  async #sayWhyNot() {
    const row = this.#row;
    if (!row) return;
    try {
      await this.server.ask("overlay", { id: row.id });
    } catch (error) {
      if (row !== this.#row) return; // another one is looked at by now
      this.overlay.hidden = true;
      this.#part(".wipe").hidden = true;
      this.message.textContent = error instanceof Error ? error.message : String(error);
      this.message.hidden = false;
      this.#applyWipe();
    }
  }

  /** @param {Row} row */
  #showFound(row) {
    const { text, number } = this.texts;
    const items = row.objects.map((found) => {
      const { name } = objectOf(this.gallery.objects, found.id);
      return make(
        "li",
        "",
        {},
        this.gallery.dot(found),
        make("span", "", { text: `${found.id} ${name}` }),
        make("b", "", { text: found.score.toFixed(2) }),
        make("span", "right", { text: judgement(found, this.texts) }),
        make("span", "area", { text: text("results.area", { area: number(found.area) }) }),
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
    this.#part(".seam").style.width = `${2 / scale}px`;
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
    const seam = this.#part(".seam");
    seam.hidden = this.overlay.hidden || share % 100 === 0;
    seam.style.left = `${share}%`;
    this.overlay.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  }

  #flip() {
    this.wipe.value = Number(this.wipe.value) > 50 ? "0" : "100";
    this.#applyWipe();
  }

  #listenToButtons() {
    const { dialog } = this;
    this.wipe.addEventListener("input", () => this.#applyWipe());
    this.#applyWipe();
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
    /** @type {Record<string, () => unknown>} */
    const keys = {
      ArrowLeft: buttons.before,
      ArrowRight: buttons.after,
      "+": buttons.closer,
      "=": buttons.closer,
      "-": buttons.farther,
      0: buttons.fit,
      f: buttons.fit,
      " ": () => this.#flip(),
    };
    dialog.addEventListener("keydown", (event) => {
      const work = keys[event.key];
      const onSlider = event.target === this.wipe && event.key.startsWith("Arrow");
      const onButton = event.target instanceof HTMLButtonElement && event.key === " ";
      if (!work || onSlider || onButton || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      work();
    });
    dialog.addEventListener("close", () => this.#leave());
  }
}
