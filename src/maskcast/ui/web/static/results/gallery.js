// @ts-check
// A page of overlays at a time, chosen and ordered by the server.

/**
 * @import { Server } from "../shared/server.js"
 * @import { Texts } from "../shared/texts.js"
 * @import { FoundObject, ObjectSpec, Row } from "../shared/rows.js"
 * @import { Answer } from "./query.js"
 */
import { find, findAll, make } from "../shared/dom.js";
import { objectOf, pictureUrl } from "../shared/rows.js";
import {
  addressOf,
  filtersIn,
  finding,
  isFiltered,
  judgement,
  lastOffset,
  OPEN_FILTERS,
  PAGE,
  pageNumber,
  pageOffset,
  queryOf,
} from "./query.js";

const FILTERS = /** @type {const} */ (["kind", "order", "low", "high", "object"]);

export class Gallery {
  offset = 0;
  total = 0;
  /** @type {Row[]} */
  rows = [];
  /** @type {ObjectSpec[]} */
  objects = [];
  /** Called once what was asked for is shown. */
  onShown = () => {};
  #turn = 0; // of the question that was asked last
  #drawn = "";

  /**
   * @param {HTMLElement} root
   * @param {Texts} texts
   * @param {Server} server
   * @param {(index: number) => unknown} open  shows a result large
   */
  constructor(root, texts, server, open) {
    this.root = root;
    this.texts = texts;
    this.server = server;
    this.open = open;
    this.grid = find(root, ".grid");
    this.pageInput = find(root, ".page", HTMLInputElement);
    this.filters = Object.fromEntries(FILTERS.map((name) => [name, this.#field(name)]));
    for (const field of Object.values(this.filters)) {
      field.addEventListener("change", () => this.show(0));
    }
    this.#button("previous").addEventListener("click", () => this.turn(-1));
    this.#button("next").addEventListener("click", () => this.turn(1));
    this.#button("reset").addEventListener("click", () => this.reset());
    this.pageInput.addEventListener("change", () => {
      const page = pageNumber(this.pageInput.value, this.total);
      this.pageInput.value = String(page);
      this.show((page - 1) * PAGE);
    });
    root.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** @param {string} name */
  #button(name) {
    return find(this.root, `.${name}`, HTMLButtonElement);
  }

  /**
   * @param {string} name
   * @returns {HTMLInputElement | HTMLSelectElement}
   */
  #field(name) {
    const field = find(this.root, `.filters .${name}`);
    return field instanceof HTMLSelectElement
      ? field
      : find(this.root, `.filters .${name}`, HTMLInputElement);
  }

  get query() {
    return queryOf(this.#chosen);
  }

  /** What stands in the fields of the filters. */
  get #chosen() {
    const { kind, order, low, high, object } = this.filters;
    return {
      kind: kind.value,
      order: order.value,
      low: low.value,
      high: high.value,
      object: object.value,
    };
  }

  /**
   * What the address holds of this.
   * @param {string} [open]  image id of the picture that is shown large
   */
  address(open) {
    return addressOf(this.#chosen, this.offset, open);
  }

  /**
   * Shows what an address names.
   * @param {URLSearchParams} parameters
   */
  async goTo(parameters) {
    const filters = filtersIn(parameters);
    const { object } = filters;
    const select = this.filters.object;
    if (object && ![...select.children].some((option) => option.getAttribute("value") === object)) {
      select.append(make("option", "", { text: object, value: object }));
    }
    for (const name of FILTERS) this.filters[name].value = filters[name];
    await this.show(pageOffset(Math.max(0, Number(parameters.get("offset")) || 0)));
  }

  /** All results again, in the order they had. */
  reset() {
    for (const name of FILTERS) this.filters[name].value = OPEN_FILTERS[name];
    return this.show(0);
  }

  /**
   * Shows the page that begins at a place. Of several answers on their way the one asked for last
   * wins.
   * @param {number} offset
   * @param {{quiet?: boolean}} [how]  quiet: a problem is not shown
   * @returns {Promise<void>}
   */
  async show(offset, { quiet = false } = {}) {
    this.#turn += 1;
    const turn = this.#turn;
    /** @type {Answer} */
    let answer;
    try {
      answer = await this.server.ask("results", { ...this.query, offset, limit: PAGE });
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      if (turn === this.#turn && !quiet) this.#showProblem(words);
      return;
    }
    if (turn !== this.#turn) return;
    if (offset && offset >= answer.total) {
      await this.show(lastOffset(answer.total));
      return;
    }
    this.#showProblem("");
    this.offset = offset;
    this.total = answer.total;
    this.rows = answer.rows;
    this.#showObjects(answer.objects);
    this.#draw();
    this.onShown();
  }

  /** What changed meanwhile appears without moving what is looked at. */
  refresh() {
    return this.show(this.offset, { quiet: true });
  }

  /**
   * Another page.
   * @param {-1 | 1} by
   */
  turn(by) {
    const offset = this.offset + by * PAGE;
    return this.show(Math.min(lastOffset(this.total), Math.max(0, offset)));
  }

  /** @param {string} words */
  #showProblem(words) {
    const problem = find(this.root, ".problem");
    problem.hidden = !words;
    problem.textContent = words;
  }

  /** @param {ObjectSpec[]} objects */
  #showObjects(objects) {
    if (JSON.stringify(objects) === JSON.stringify(this.objects)) return;
    this.objects = objects;
    const select = find(this.root, "select.object", HTMLSelectElement);
    const { value } = select;
    const options = objects.map(({ id, name }) =>
      make("option", "", { text: `${id} ${name}`, value: String(id) }),
    );
    select.replaceChildren(select.options[0], ...options);
    select.value = value;
  }

  #draw() {
    const content = JSON.stringify([this.rows, this.objects, this.query]);
    if (content !== this.#drawn) {
      this.#drawn = content;
      this.#drawCards();
    }
    const filtered = isFiltered(this.query);
    const { text } = this.texts;
    find(this.root, ".nothing").hidden = this.total > 0;
    const nothing = filtered ? "results.none_match" : "results.none_yet";
    find(this.root, ".nothing p").textContent = text(nothing);
    find(this.root, ".to-run").hidden = filtered;
    this.#button("reset").hidden = !filtered;
    find(this.root, ".download").hidden = this.total === 0 && !filtered;
    this.#drawPages();
  }

  #drawPages() {
    const { root, total, offset } = this;
    const { text, number } = this.texts;
    const last = Math.min(total, offset + PAGE);
    const where = { first: number(offset + 1), last: number(last), total: number(total) };
    find(root, ".where").textContent = total ? text("results.where", where) : "";
    this.#button("previous").disabled = offset === 0;
    this.#button("next").disabled = last >= total;
    find(root, ".pages").hidden = total === 0;
    const pages = 1 + lastOffset(total) / PAGE;
    this.pageInput.max = String(pages);
    const isTyping = document.activeElement === this.pageInput;
    if (!isTyping) this.pageInput.value = String(1 + offset / PAGE);
    find(root, ".page-count").textContent = text("results.page_of", { pages: number(pages) });
    find(root, ".page-line").hidden = total <= PAGE;
  }

  /** Cards that show the same as before stay as they are, and so does the focus on one of them. */
  #drawCards() {
    const { grid, query } = this;
    const items = /** @type {HTMLElement[]} */ ([...grid.children]);
    const before = new Map(items.map((item) => [item.dataset.content, item]));
    for (const [place, row] of this.rows.entries()) {
      const specs = row.objects.map((found) => objectOf(this.objects, found.id));
      const content = JSON.stringify([place, row, finding(row, query, this.texts), specs]);
      const item = before.get(content) ?? this.#card(row, place);
      before.delete(content);
      item.dataset.content = content;
      const there = grid.children[place] ?? null;
      if (there !== item) grid.insertBefore(item, there);
    }
    for (const gone of before.values()) gone.remove();
  }

  /**
   * @param {Row} row
   * @param {number} place  on the page
   */
  #card(row, place) {
    const picture = make("img", "", { loading: "lazy", alt: "" });
    picture.src = pictureUrl("thumbnail", row);
    picture.addEventListener("error", () => {
      picture.replaceWith(make("span", "no-picture", { text: "⚠" }));
    });
    const found = finding(row, this.query, this.texts);
    const caption = make(
      "span",
      "caption",
      {},
      make("span", "name", { text: row.id }),
      make("span", "finding", { text: found }),
      ...row.objects.map((object) => this.dot(object)),
    );
    if (row.binned !== null) {
      caption.append(make("span", "finding", { text: this.texts.text("results.is_removed") }));
    }
    if (row.reason) caption.append(make("span", "reason", { text: row.reason }));
    const title = row.reason ? `${row.id}: ${row.reason}` : row.id;
    const about = { type: "button", "data-place": String(place), title };
    const button = make(
      "button",
      `card ${row.state}${row.binned === null ? "" : " binned"}`,
      about,
      picture,
      caption,
    );
    button.addEventListener("click", () => this.open(this.offset + place));
    return make("div", "item", { role: "listitem" }, button);
  }

  /**
   * The colour of an object that was found.
   * @param {FoundObject} found
   */
  dot(found) {
    const object = objectOf(this.objects, found.id);
    const words = [object.name, found.score.toFixed(2), judgement(found, this.texts)];
    const dot = make("span", "dot", { title: words.filter(Boolean).join(" ") });
    dot.style.background = `rgb(${object.color.join(" ")})`;
    return dot;
  }

  /**
   * @param {number} place  on the page
   */
  focus(place) {
    const card = this.root.querySelector(`.card[data-place="${place}"]`);
    if (card instanceof HTMLElement) card.focus();
  }

  // ---- keys: arrows move between pictures, and to the next page at the end

  #columns() {
    const cards = findAll(this.grid, ".item");
    const first = cards[0]?.offsetTop;
    return Math.max(1, cards.filter((item) => item.offsetTop === first).length);
  }

  /** @param {number} place */
  async #moveTo(place) {
    if (place < 0 && this.offset > 0) {
      await this.turn(-1);
      this.focus(this.rows.length - 1);
    } else if (place >= this.rows.length && this.offset + PAGE < this.total) {
      await this.turn(1);
      this.focus(0);
    } else this.focus(Math.max(0, Math.min(place, this.rows.length - 1)));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("dialog, input, select")) return;
    const card = target.closest(".card");
    const place = card instanceof HTMLElement ? Number(card.dataset.place) : null;
    const columns = this.#columns();
    /** @type {Record<string, number>} */
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (event.key === "PageDown") this.turn(1);
    else if (event.key === "PageUp") this.turn(-1);
    else if (event.key in steps && place !== null) this.#moveTo(place + steps[event.key]);
    else return;
    event.preventDefault();
  }
}
