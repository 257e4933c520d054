// @ts-check
// Mouse, pen, fingers and keys on the stage become what the labeler is asked for.

/** @import { Labeler } from "./labeler.js" */
import { find, isShown, placeOn } from "../shared/dom.js";
import { commandOf, keyName } from "../shared/keys.js";
import { Fingers, WheelSteps, wheelFactor, wheelPixels } from "../shared/panzoom.js";
import { moveCursor, startCursor } from "./cursor.js";
import { begin, boxEdit, boxOf, LookDrag, StrokeDrag } from "./gestures.js";

const HELD = 300; // milliseconds from which a key is held rather than pressed

/** @type {Record<string, readonly [number, number]>} */
const ARROWS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] };

/** Commands that a key which is held does not ask for again and again. */
const ONCE = new Set(["hide", "minus", "brush", "eraser", "pan", "zoom", "clean", "clear", "help"]);

/** Bits of `buttons` by the numbers of buttons. */
const HELD_BITS = [1, 4, 2];

export class Inputs {
  #fingers = new Fingers();
  #wheel = new WheelSteps();
  #byKeyboard = false; // whether the keyboard was used last
  /** @type {number | null} when the masks were hidden, while that key is held */
  #hiddenSince = null;

  /**
   * @param {Labeler} labeler
   * @param {Record<string, string>} keys  key -> command
   */
  constructor(labeler, keys) {
    this.labeler = labeler;
    this.keys = keys;
    this.stage = labeler.stage.element;
    this.hand = labeler.hand;
  }

  listen() {
    const { stage } = this;
    stage.addEventListener("pointerdown", (event) => this.#onPress(event));
    stage.addEventListener("pointermove", (event) => this.#onMove(event));
    stage.addEventListener("pointerup", (event) => this.#onRelease(event));
    stage.addEventListener("pointercancel", (event) => this.#onRelease(event));
    stage.addEventListener("pointerleave", () => this.#onLeave());
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("auxclick", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    stage.addEventListener("focus", () => this.#byKeyboard && this.#startCursor());
    stage.addEventListener("blur", () => this.#dropCursor());
    new ResizeObserver(() => this.labeler.stage.measure()).observe(stage);
    document.addEventListener("keydown", (event) => this.#onKeyDown(event));
    document.addEventListener("keyup", (event) => this.#onKeyUp(event));
    const byMouse = () => {
      this.#byKeyboard = false;
    };
    document.addEventListener("pointerdown", byMouse, true);
  }

  /** The keys belong to the picture again. */
  focusStage() {
    this.#byKeyboard = false;
    this.stage.focus({ preventScroll: true });
  }

  // ---- mouse and fingers

  /** @param {PointerEvent} event */
  #onPress(event) {
    const { labeler, hand } = this;
    const target = /** @type {Element} */ (event.target);
    if (!labeler.scene || target.closest(".mc-notices, .mc-empty")) return;
    const at = placeOn(this.stage, event);
    hand.pointer = at;
    hand.cursor = null;
    this.focusStage();
    const isFinger = event.pointerType === "touch";
    if (isFinger) this.#fingers.press(event.pointerId, at);
    if (this.#fingers.count > 1)
      hand.drag = null; // two fingers only look
    else if (hand.drag === null) {
      this.stage.setPointerCapture(event.pointerId);
      const place = labeler.view.toPicture(at.x, at.y);
      hand.drag = begin(labeler.feel, place, event.button, labeler.situation(isFinger));
      if (hand.drag instanceof StrokeDrag) labeler.unhide();
      event.preventDefault();
    }
    labeler.showHand();
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const { labeler, hand } = this;
    if (!labeler.scene) return;
    const at = placeOn(this.stage, event);
    hand.pointer = at;
    if (this.#fingers.count > 1) {
      labeler.look((view) => this.#fingers.move(event.pointerId, at, view));
      return;
    }
    if (event.pointerType === "touch") this.#fingers.press(event.pointerId, at);
    const { drag } = hand;
    // Of two buttons that are held, the release of one arrives as a move.
    if (drag && (event.buttons & HELD_BITS[drag.button]) === 0) this.#finish(drag, at);
    else if (drag) this.#drag(drag, event, at);
    labeler.showHand();
  }

  /**
   * @param {import("./gestures.js").Drag} drag
   * @param {PointerEvent} event
   * @param {{x: number, y: number}} at
   */
  #drag(drag, event, at) {
    const { labeler } = this;
    // A stroke has every place that the mouse was at, however slow the frames are.
    const moves = drag instanceof StrokeDrag ? (event.getCoalescedEvents?.() ?? []) : [];
    for (const move of moves.length > 0 ? moves : [event]) {
      const { x, y } = placeOn(this.stage, move);
      drag.move(labeler.view.toPicture(x, y));
    }
    if (drag.follows()) {
      const before = labeler.view.toScreen(drag.pressed.x, drag.pressed.y);
      labeler.look((view) => view.moveBy(at.x - before.x, at.y - before.y));
    } else if (drag.band() && drag.situation.tool === "box") labeler.unhide();
  }

  /** @param {PointerEvent} event */
  #onRelease(event) {
    const { labeler, hand } = this;
    this.#fingers.lift(event.pointerId);
    const { drag } = hand;
    if (event.type === "pointercancel") hand.drag = null;
    else if (drag?.button === event.button) this.#finish(drag, placeOn(this.stage, event));
    labeler.showHand();
  }

  /**
   * @param {import("./gestures.js").Drag} drag
   * @param {{x: number, y: number}} at
   */
  #finish(drag, at) {
    const { labeler, hand } = this;
    hand.drag = null;
    drag.move(labeler.view.toPicture(at.x, at.y));
    const edit = drag.edit();
    if (drag.situation.tool === "zoom") this.#lookAt(drag);
    else if (edit) labeler.apply(edit);
  }

  /** @param {import("./gestures.js").Drag} drag */
  #lookAt(drag) {
    const part = drag.band();
    if (!(drag instanceof LookDrag) || !part) return;
    if (Math.min(part[2] - part[0], part[3] - part[1]) > 1) {
      this.labeler.look((view) => view.show(part));
    }
  }

  #onLeave() {
    if (this.hand.drag) return;
    this.hand.pointer = null;
    this.labeler.showHand();
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    const { labeler } = this;
    if (!labeler.scene) return;
    event.preventDefault();
    const { x, y } = placeOn(this.stage, event);
    const turned = wheelPixels(event);
    const isPlain = !event.ctrlKey && !event.metaKey;
    if (this.hand.drag) return; // the image stays where it is, and the brush as it is
    if (isPlain && labeler.hasBrush && !event.shiftKey) {
      const step = this.#wheel.turn(event);
      if (step !== 0) labeler.changeRadius(step);
    } else if (isPlain && event.shiftKey)
      labeler.look((view) => view.moveBy(-(turned.x || turned.y), 0));
    else if (isPlain && turned.x !== 0) labeler.look((view) => view.moveBy(-turned.x, -turned.y));
    else labeler.look((view) => view.zoomAt(x, y, wheelFactor(event, labeler.feel.zoom_step)));
  }

  // ---- keys

  /** @param {KeyboardEvent} event */
  #onKeyDown(event) {
    const { labeler } = this;
    this.#byKeyboard = true;
    if (!isShown(labeler.root) || isTyping(event.target)) return;
    const command = commandOf(event, this.keys);
    if (labeler.help.isOpen) {
      if (command !== "help") return;
    } else if (this.#isElsewhere(event)) return;
    if (this.#onKey(event, keyName(event), command)) event.preventDefault();
  }

  /**
   * Keys belong to this page unless something else of the app has the focus.
   * @param {KeyboardEvent} event
   */
  #isElsewhere({ target, key }) {
    if (!(target instanceof Element) || target === document.body) return false;
    const isSlider = target instanceof HTMLInputElement && key.startsWith("Arrow");
    return isSlider || !this.labeler.root.contains(target);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {string} name
   * @param {string | null} command
   * @returns {boolean} whether it was a key of this page
   */
  #onKey(event, name, command) {
    if (command === "cancel" && this.#breakOff()) return true;
    if (this.hand.drag) return command !== null; // keys wait while a button is held
    if (this.#onCursorKey(event, name)) return true;
    if (command === null) return this.#wakeCursor(name);
    if (event.repeat && ONCE.has(command)) return true;
    if (command === "hide") this.#hiddenSince = event.timeStamp;
    this.labeler.do(command);
    return true;
  }

  /** @param {KeyboardEvent} event */
  #onKeyUp(event) {
    const { labeler, hand } = this;
    const name = keyName(event);
    if (name === "space" && hand.space) {
      hand.space = false;
      labeler.showHand();
    }
    if (this.keys[name] !== "hide" || this.#hiddenSince === null) return;
    // A key that was held hides only for as long.
    if (event.timeStamp - this.#hiddenSince > HELD) labeler.unhide();
    this.#hiddenSince = null;
  }

  /** Forgets what is being drawn; whether there was anything. */
  #breakOff() {
    const { hand, labeler } = this;
    const wasBusy = hand.drag !== null || hand.corner !== null;
    hand.drag = null;
    hand.corner = null;
    labeler.showHand();
    return wasBusy;
  }

  // ---- the keyboard's cursor: arrows move it, Enter clicks, Space sets a corner of a box

  #startCursor() {
    if (!this.labeler.scene || this.hand.cursor) return;
    this.hand.cursor = startCursor(this.labeler.view);
    this.labeler.showHand();
  }

  #dropCursor() {
    this.hand.cursor = null;
    this.hand.corner = null;
    this.labeler.showHand();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {string} name
   * @returns {boolean} whether it was a key of the cursor or of the space bar
   */
  #onCursorKey(event, name) {
    const { hand, labeler } = this;
    if (document.activeElement !== this.stage || event.ctrlKey || event.metaKey) return false;
    const { cursor } = hand;
    if (!cursor) {
      if (name !== "space") return false;
      hand.space = true;
      labeler.showHand();
    } else if (name in ARROWS) {
      hand.cursor = moveCursor(cursor, ARROWS[name], event.shiftKey, labeler.view);
      labeler.look(() => {});
    } else if (name === "enter") this.#click(cursor, event.shiftKey);
    else if (name === "space") this.#setCorner(cursor);
    else return false;
    return true;
  }

  /**
   * What a click there does; Shift stands for the right button.
   * @param {{x: number, y: number}} cursor
   * @param {boolean} isOther
   */
  #click(cursor, isOther) {
    const { labeler } = this;
    const situation = { ...labeler.situation(), box: null };
    const edit = begin(labeler.feel, cursor, isOther ? 2 : 0, situation).edit();
    if (edit) labeler.apply(edit);
  }

  /** @param {{x: number, y: number}} cursor */
  #setCorner(cursor) {
    const { hand, labeler } = this;
    if (hand.corner === null) hand.corner = cursor;
    else {
      labeler.apply(boxEdit(boxOf(hand.corner, cursor)));
      hand.corner = null;
    }
    labeler.showHand();
  }

  /**
   * Up, down or Enter on a picture that was clicked before bring the cursor back.
   * @param {string} name
   */
  #wakeCursor(name) {
    if (document.activeElement !== this.stage || !["up", "down", "enter"].includes(name))
      return false;
    this.#startCursor();
    return true;
  }
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  const typed = "input:not([type=range]), textarea, select, [contenteditable=true]";
  return target instanceof Element && target.closest(typed) !== null;
}

/**
 * Buttons and files of the page around the stage.
 * @param {Labeler} labeler
 * @param {Inputs} inputs
 */
export function listenToButtons(labeler, inputs) {
  const { root, toolbar, slots } = labeler;
  root.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const button = target.closest("[data-do], [data-tool]");
    if (button instanceof HTMLButtonElement && !button.disabled) {
      const { tool, do: command } = button.dataset;
      if (tool) labeler.take(/** @type {import("../shared/controls.js").Tool} */ (tool));
      else labeler.do(command ?? "");
    }
    // Who works with the mouse has the keys at the picture; with the keyboard, where they are.
    const byMouse = event.detail > 0 && target.closest("button") !== null;
    if (target.closest("[data-do=more]")) return; // a name is to be typed
    if (byMouse && !labeler.help.isOpen) inputs.focusStage();
  });
  toolbar.slider.addEventListener("input", () => labeler.setRadius(toolbar.sliderRadius));
  slots.editor.addEventListener("submit", (event) => {
    event.preventDefault();
    labeler.saveObject();
    inputs.focusStage();
  });
  slots.name.addEventListener("change", () => labeler.saveObject());
  slots.color.addEventListener("change", () => labeler.saveObject());
  const chooser = find(root, ".mc-files", HTMLInputElement);
  chooser.addEventListener("change", async () => {
    await labeler.addFiles([...(chooser.files ?? [])]);
    chooser.value = "";
  });
}
