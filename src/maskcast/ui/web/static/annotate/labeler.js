// @ts-check
// The web labeler: what a person asks for goes to the server, what the server says to the screen.
// The counterpart of the window's labeler.py, with the same commands.

import { firstRadius, nextRadius } from "../shared/controls.js";
/**
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { PanZoom, Place } from "../shared/panzoom.js"
 * @import { Controls, Tool } from "../shared/controls.js"
 * @import { Drag, Edit, Situation } from "./gestures.js"
 * @import { Lists, Problem, ReferenceEntry, Scene, Step } from "./scene.js"
 * @import { Shown } from "./stage.js"
 */
import { drawnUnit, find, label, later } from "../shared/dom.js";
import { ReferenceBin } from "./bin.js";
import { Filmstrip } from "./filmstrip.js";
import { deleteAt, handleAt } from "./gestures.js";
import { Help } from "./help.js";
import { Link } from "./link.js";
import { MaskStore } from "./masks.js";
import { Notices } from "./notices.js";
import { Detail, Pictures } from "./pictures.js";
import { contentOf, isInside, neighbourOf, openingOrder, shownPrompts, UNKNOWN } from "./scene.js";
import { MOST_OBJECTS, Slots } from "./slots.js";
import { Stage } from "./stage.js";
import { Toolbar } from "./toolbar.js";
import { TrialStrip } from "./trial.js";
import { Visibility } from "./visible.js";

const FEW_PROMPTS = 3; // that Clean takes away without asking
const LISTS_WAIT = 350; // milliseconds that nothing must change before the lists are read again
// A reloaded page shows what it showed.
const LAST_IMAGE = `maskcast ${location.pathname} image`;

const LAST_DESK = `maskcast ${location.pathname} desk`;

/** The desk of this page before it was loaded again, with its undo; a copied tab has its own. */
function deskBefore() {
  const [navigation] = performance.getEntriesByType("navigation");
  const isReload =
    navigation instanceof PerformanceNavigationTiming && navigation.type === "reload";
  return isReload ? sessionStorage.getItem(LAST_DESK) : null;
}

/** What the hand is doing. */
class Hand {
  constructor() {
    /** @type {Place | null} where the mouse is on the stage */
    this.pointer = null;
    /** @type {Drag | null} */
    this.drag = null;
    /** @type {Place | null} the keyboard's cursor, in pixels of the image */
    this.cursor = null;
    /** @type {Place | null} first corner of a box drawn with the keyboard */
    this.corner = null;
    /** Whether the space bar is held. */
    this.space = false;
  }
}

export class Labeler {
  /** @type {Tool} */
  tool = "box";
  /** @type {Tool} the last one that draws */
  #drawing = "box";
  chosen = 1; // or UNKNOWN
  /** @type {{chosen: number, tool: Tool}} what unknown pixels were painted instead of */
  #beforeUnknown = { chosen: 1, tool: "box" };
  #hides = false;
  #isUntried = false; // whether something was annotated that a trial does not know
  /** @type {ReferenceEntry[]} */
  #references = [];
  /** @type {number | null} of the brush, in pixels of the image; null before one was opened */
  #radius = null;

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Controls} controls
   * @param {Server} server
   * @param {string} project  under which the browser keeps how somebody looks at it
   */
  constructor(root, texts, controls, server, project) {
    this.root = root;
    this.texts = texts;
    this.feel = controls.feel;
    this.server = server;
    this.hand = new Hand();
    const masks = new MaskStore();
    const ask = (/** @type {object} */ message) => this.link.ask(message);
    this.stage = new Stage(root, controls.feel, masks, () => this.#shown());
    const visible = find(root, ".mc-layers");
    this.visibility = new Visibility(visible, project, texts, () => this.stage.draw());
    this.notices = new Notices(root, texts);
    this.help = new Help(root, texts, controls);
    this.toolbar = new Toolbar(root, texts, controls);
    this.slots = new Slots(root, texts, (id) => this.choose(id));
    this.film = new Filmstrip(root, texts, this.slots, (image) => this.link.open(image), ask);
    this.pictures = new Pictures(ask, (problem) => this.showProblem(problem));
    const call = (/** @type {object} */ message) => server.talk(message);
    /** @type {Link<HTMLImageElement>} */
    this.link = new Link(call, (image) => this.pictures.load(image), masks, this);
    const detail = new Detail(
      this.pictures,
      this.view,
      () => this.scene,
      () => this.stage.draw(),
    );
    this.stage.drawDetail = (context) => detail.draw(context);
    const known = () => this.#references;
    this.bin = new ReferenceBin(texts, server, this.link, this.notices, known);
    this.trial = new TrialStrip(root, texts, server, project, {
      has: () => this.#references.some(({ objects }) => objects.length > 0),
      style: (id) => ({ color: this.slots.colorOf(id), name: this.slots.nameOf(id) }),
    });
    this.listSoon = later(LISTS_WAIT, () => this.link.refreshLists());
    this.commands = this.#commandTable();
  }

  /** @type {PanZoom} */
  get view() {
    return this.stage.view;
  }

  get scene() {
    return this.link.scene;
  }

  get radius() {
    return this.#radius ?? this.feel.first_radius;
  }

  get hasBrush() {
    return this.tool === "brush" || this.tool === "eraser";
  }

  async begin() {
    this.showTool();
    await this.link.start(deskBefore());
    sessionStorage.setItem(LAST_DESK, this.link.desk ?? "");
    await this.#openFirst();
  }

  /**
   * A damaged reference is passed over without words, since nobody asked for it; the filmstrip
   * marks it.
   */
  async #openFirst() {
    const { link } = this;
    for (const { image } of openingOrder(this.#references, sessionStorage.getItem(LAST_IMAGE))) {
      if (link.image === null) await link.open(image);
      if (link.image !== null) {
        this.notices.clear();
        return;
      }
    }
  }

  // ---- what a person asks for

  /** @returns {Record<string, () => unknown>} */
  #commandTable() {
    const step = this.feel.zoom_step;
    return {
      box: () => this.take("box"),
      minus: () => this.#toggle("minus"),
      brush: () => this.#toggle("brush"),
      eraser: () => this.#toggle("eraser"),
      pan: () => this.#toggle("pan"),
      zoom: () => this.#toggle("zoom"),
      cancel: () => this.take("box"),
      fit: () => this.look((view) => view.fit()),
      hide: () => this.#hide(!this.#hides),
      closer: () => this.#zoom(step),
      away: () => this.#zoom(1 / step),
      thicker: () => this.changeRadius(1),
      thinner: () => this.changeRadius(-1),
      next_object: () => this.choose((this.chosen % MOST_OBJECTS) + 1),
      page_up: () => this.#turnPage(-1),
      page_down: () => this.#turnPage(1),
      undo: () => this.#change({ kind: "undo" }),
      redo: () => this.#change({ kind: "redo" }),
      clear: () => this.#change({ kind: "clear", object: this.chosen }),
      clean: () => this.#clean(),
      unknown: () => this.#toggleUnknown(),
      delete: () => this.#deleteHere(),
      previous_image: () => this.#go(-1),
      next_image: () => this.#go(1),
      remove: () => this.bin.remove(),
      put_back: () => this.bin.putBack(),
      rename: () => this.slots.editName(),
      recolor: () => this.slots.color.showPicker(),
      suggest: () => this.link.suggest(),
      try: () => this.trial.toggle(),
      help: () => this.help.toggle(),
      add: () => find(this.root, ".mc-files").click(),
      more: () => this.#addObject(),
    };
  }

  /** @param {string} command  or the digit of an object */
  do(command) {
    if (/^\d$/.test(command)) this.choose(Number(command));
    else this.commands[command]?.();
  }

  /**
   * Does what a hand drew. Points outside the image are nothing.
   * @param {Edit} edit
   */
  apply(edit) {
    if (!this.scene) return;
    const isPoint = edit.kind === "point";
    if (isPoint && (this.chosen === UNKNOWN || !isInside(this.scene, edit))) return;
    this.#change({ ...edit, object: this.chosen });
  }

  /** @param {Step} step */
  #change(step) {
    this.#hide(false);
    if ("object" in step) this.visibility.turn(step.object, true);
    this.#isUntried = true;
    this.link.change(step);
  }

  /** Says what goes, and asks before more than a few prompts do. */
  #clean() {
    if (!this.scene) return;
    const gone = contentOf(this.scene);
    const { text } = this.texts;
    const takes = !this.scene.clean && gone.objects > 0;
    const asks = takes && gone.prompts > FEW_PROMPTS;
    if (asks && !confirm(text("annotate.clean.asks", gone))) return;
    this.#change({ kind: "clean", clean: !this.scene.clean });
    if (takes) this.notices.show("info", text("annotate.clean.took", gone));
  }

  #deleteHere() {
    const place = this.place;
    if (place) this.apply(deleteAt(this.feel, place, this.situation().scale));
  }

  /** @param {number} id */
  choose(id) {
    this.chosen = id;
    this.hand.corner = null;
    if (id !== UNKNOWN) this.slots.reveal(id);
    this.#showSlots();
    if (id !== UNKNOWN) {
      this.slots.slot(id).scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    this.showTool();
    if (this.scene) this.toolbar.showScene(this.scene, id);
    this.stage.draw();
  }

  /** Paints what is unknown; or goes back to the object and the tool before. */
  #toggleUnknown() {
    const unknown = { chosen: UNKNOWN, tool: /** @type {Tool} */ ("brush") };
    const next = this.chosen === UNKNOWN ? this.#beforeUnknown : unknown;
    if (next === unknown) this.#beforeUnknown = { chosen: this.chosen, tool: this.#drawing };
    this.take(next.tool);
    this.choose(next.chosen);
  }

  /** @param {number} by */
  #turnPage(by) {
    this.slots.turnPage(by);
    this.#showSlots();
    this.slots.scrollToPage();
  }

  /** One more object, of which nothing is known yet: its name comes next. */
  #addObject() {
    const id = this.slots.add(this.chosen, this.scene);
    if (id === null) return;
    this.choose(id);
    this.slots.editName();
  }

  async saveObject() {
    const typed = this.slots.typed(this.chosen);
    if (typed === null) return;
    const reply = await this.link.ask({ do: "name", ...typed });
    if (reply.problem) this.showProblem(reply.problem);
    else this.showLists(reply);
  }

  /** @param {number} by */
  #go(by) {
    const image = neighbourOf(this.#references, this.link.image, by);
    if (image !== null) this.link.open(image);
  }

  /** @param {Tool} tool */
  take(tool) {
    this.tool = tool;
    if (tool !== "pan" && tool !== "zoom") this.#drawing = tool;
    this.showTool();
    this.showHand();
  }

  /**
   * Takes a tool; or lays it down, for the one that drew last if it changes the view.
   * @param {Tool} tool
   */
  #toggle(tool) {
    const other = tool === "pan" || tool === "zoom" ? this.#drawing : "box";
    this.take(this.tool === tool ? other : tool);
  }

  /** @param {number} direction */
  changeRadius(direction) {
    this.setRadius(nextRadius(this.feel, this.radius, direction));
  }

  /** @param {number} radius */
  setRadius(radius) {
    this.#radius = radius;
    this.showTool();
    this.stage.drawTop();
  }

  /** @param {boolean} hides */
  #hide(hides) {
    if (this.#hides === hides) return;
    this.#hides = hides;
    this.stage.draw();
  }

  /** Masks and prompts are seen again. */
  unhide() {
    this.#hide(false);
  }

  /**
   * Another look at the image.
   * @param {(view: PanZoom) => void} change
   */
  look(change) {
    if (!this.scene) return;
    change(this.view);
    this.showHand();
    this.stage.draw();
  }

  /**
   * Around the mouse, or the middle.
   * @param {number} factor
   */
  #zoom(factor) {
    const { width, height } = this.view.screen;
    const { x, y } = this.hand.pointer ?? { x: width / 2, y: height / 2 };
    this.look((view) => view.zoomAt(x, y, factor));
  }

  /** @param {File[]} files */
  async addFiles(files) {
    /** @type {string[]} */
    const added = [];
    /** @type {string[]} */
    const known = [];
    for (const [index, file] of files.entries()) {
      const done = { done: index + 1, all: files.length };
      this.toolbar.say(this.texts.text("annotate.uploading", done));
      try {
        const answer = await this.server.upload("references", file);
        (answer.new ? added : known).push(answer.image_id);
        const { image_id: image, wanted } = answer;
        if (answer.new && image !== wanted) this.bin.offerToReplace(wanted, image);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const saysName = reason.startsWith(file.name); // and then need not be said twice
        const about = { name: file.name, reason };
        const words = this.texts.text("annotate.upload.failed", about);
        this.notices.show("error", saysName ? reason : words);
      }
    }
    this.toolbar.showStatus(this.link);
    const [first] = [...added, ...known];
    if (first === undefined) return;
    await this.link.refreshLists();
    const words = [
      added.length && this.texts.text("annotate.uploaded", { count: added.length }),
      known.length && this.texts.text("annotate.upload.known", { names: known.join(", ") }),
    ];
    this.notices.show("info", words.filter(Boolean).join(" "));
    this.link.open(first);
  }

  // ---- what is shown

  /** Where the cursor or the mouse is, in pixels of the image. */
  get place() {
    const { cursor, pointer } = this.hand;
    return cursor ?? (pointer && this.view.toPicture(pointer.x, pointer.y));
  }

  /** @returns {Shown} */
  #shown() {
    const { scene, picture, isWhole } = this.link;
    return {
      scene,
      picture,
      isWhole,
      chosen: this.chosen,
      hides: this.#hides,
      visible: this.visibility.value,
      prompts: this.#prompts(),
      colorOf: (id) => this.slots.colorOf(id),
      nameOf: (id) => this.slots.nameOf(id),
      drag: this.hand.drag,
      cursor: this.hand.cursor,
      corner: this.hand.corner,
      ring: this.#ring(),
    };
  }

  /** Box and points that are shown, and so can be caught. */
  #prompts() {
    const { value } = this.visibility;
    const isShown = value.prompts && this.visibility.shows(this.chosen);
    if (!this.scene || this.#hides || !isShown) return null;
    const sent = this.link.echo.map((entry) => entry.step);
    return shownPrompts(this.scene, this.chosen, sent);
  }

  #ring() {
    const { place, view } = this;
    if (!this.hasBrush || !place || this.hand.drag?.follows()) return null;
    const color = this.tool === "eraser" ? "#ffffff" : this.slots.colorOf(this.chosen);
    return { place: view.toScreen(place.x, place.y), radius: this.radius * view.scale, color };
  }

  /**
   * What a press would meet.
   * @param {boolean} [isFinger]  which reaches farther
   * @returns {Situation}
   */
  situation(isFinger = false) {
    return {
      tool: this.hand.space ? "pan" : this.tool,
      scale: this.view.scale / drawnUnit() / (isFinger ? this.feel.finger : 1),
      radius: this.radius,
      box: this.#prompts()?.box ?? null,
    };
  }

  showTool() {
    this.toolbar.showTool(this.tool, this.radius, this.chosen);
  }

  /** Where the mouse or the cursor is, and what a press there would do. */
  showHand() {
    const { scene, place, hand } = this;
    const { tool, scale, box } = this.situation();
    const isOver = tool === "box" && hand.pointer && place && !hand.drag && !hand.cursor;
    const handle = isOver ? handleAt(this.feel, box, place, scale) : null;
    this.stage.showCursor(tool, handle, hand.drag?.follows() ?? false);
    this.stage.showSpot(scene, place);
    this.stage.drawTop();
  }

  #showSlots() {
    this.slots.show(this.chosen, this.scene);
    const ids = Object.keys(this.scene?.objects ?? {}).map(Number);
    const { slots } = this;
    this.visibility.list(
      ids.map((id) => ({ id, name: slots.nameOf(id), color: slots.colorOf(id) })),
    );
  }

  // ---- what the server says (see Listener in link.js)

  /**
   * @param {Scene} scene
   * @param {boolean} isOther
   */
  showScene(scene, isOther) {
    if (isOther) this.#showOther(scene);
    this.toolbar.showScene(scene, this.chosen);
    this.stage.showClean(scene.clean);
    label(this.stage.element, this.texts.text("annotate.canvas", { image: scene.image }));
    const reference = this.#references.find((known) => known.image === scene.image);
    if (reference) {
      reference.clean = scene.clean;
      reference.objects = Object.keys(scene.objects).map(Number);
    }
    this.#showSlots();
    this.showImage();
    this.showWork();
    this.showHand();
    this.stage.draw();
    this.listSoon();
  }

  /** @param {Scene} scene */
  #showOther(scene) {
    if (this.server.talksAt === "annotate") sessionStorage.setItem(LAST_IMAGE, scene.image);
    this.#hides = false;
    this.view.open(scene);
    if (this.#radius === null) this.setRadius(firstRadius(this.feel, scene));
    const next = neighbourOf(this.#references, scene.image, 1);
    if (next !== null) this.pictures.foresee(next);
  }

  showImage() {
    this.film.show(this.#references, this.link.image);
    this.showWork();
  }

  showWork() {
    this.toolbar.showStatus(this.link);
    if (!this.link.isWhole) this.stage.expectNews();
    else if (this.#isUntried) {
      this.#isUntried = false;
      this.trial.changed();
    }
    this.stage.drawTop();
  }

  /** @param {Problem} problem */
  showProblem({ kind, text }) {
    this.notices.show(kind, kind === "conflict" ? this.texts.text("annotate.conflict") : text);
  }

  /** @param {Lists} lists */
  showLists({ references, objects }) {
    this.#references = references;
    this.slots.take(objects);
    this.#showSlots();
    this.showImage();
    find(this.root, ".mc-empty").hidden = references.length > 0;
    this.stage.draw();
  }
}
