// The Results tab: a page of overlays at a time, chosen and ordered by the server.
const find = (selector) => element.querySelector(selector);
const PAGE = 60;
const shown = { offset: 0, total: 0, rows: [], objects: [], turn: 0, drawn: "" };

fillTexts(element);

function chosen() {
  const low = Math.min(1, Math.max(0, Number(find(".low").value) || 0));
  const high = Math.min(1, Math.max(low, Number(find(".high").value || 1)));
  const object = find(".object").value;
  return {
    kind: find(".kind").value,
    order: find(".order").value,
    low,
    high,
    ...(object ? { object } : {}),
  };
}

// Shows the page that begins at `offset`. Of several answers on their way the last one asked wins.
async function showPage(offset, { quiet = false } = {}) {
  const turn = ++shown.turn;
  let answer;
  try {
    answer = await ask("results", { ...chosen(), offset, limit: PAGE });
  } catch (error) {
    if (turn === shown.turn && !quiet) showProblem(error.message);
    return;
  }
  if (turn !== shown.turn) return;
  if (offset && offset >= answer.total) return showPage(lastOffset(answer.total));
  showProblem("");
  Object.assign(shown, { offset, total: answer.total, rows: answer.rows });
  showObjects(answer.objects);
  drawGrid();
}

function lastOffset(total) {
  return Math.max(0, Math.ceil(total / PAGE) - 1) * PAGE;
}

function showProblem(sentence) {
  find(".problem").hidden = !sentence;
  find(".problem").textContent = sentence;
}

function showObjects(objects) {
  if (JSON.stringify(objects) === JSON.stringify(shown.objects)) return;
  shown.objects = objects;
  const select = find(".object");
  const value = select.value;
  select.replaceChildren(select.options[0]);
  for (const object of objects) {
    const option = make("option", "", `${object.id} ${object.name}`);
    option.value = object.id;
    select.append(option);
  }
  select.value = value;
}

function drawGrid() {
  const content = JSON.stringify([shown.rows, shown.objects, chosen()]);
  if (content !== shown.drawn) {
    shown.drawn = content;
    drawCards();
  }
  find(".nothing").hidden = shown.total > 0;
  find(".nothing p").textContent = text(isFiltered() ? "results.none_match" : "results.none_yet");
  find(".to-run").hidden = isFiltered();
  const last = Math.min(shown.total, shown.offset + PAGE);
  find(".where").textContent = shown.total
    ? text("results.where", {
        first: number(shown.offset + 1),
        last: number(last),
        total: number(shown.total),
      })
    : "";
  find(".previous").disabled = shown.offset === 0;
  find(".next").disabled = last >= shown.total;
  find(".pages").hidden = shown.total === 0;
  const page = find(".page");
  page.max = 1 + lastOffset(shown.total) / PAGE;
  if (document.activeElement !== page) page.value = 1 + shown.offset / PAGE;
  find(".page-count").textContent = text("results.page_of", { pages: number(Number(page.max)) });
  find(".page-line").hidden = shown.total <= PAGE;
  find(".download").hidden = shown.total === 0 && !isFiltered();
}

// Cards that show the same as before stay as they are, and so does the focus on one of them.
function drawCards() {
  const grid = find(".grid");
  const before = new Map([...grid.children].map((item) => [item.dataset.content, item]));
  const items = shown.rows.map((row, place) => {
    const content = JSON.stringify([place, row, verdict(row), row.objects.map(objectOf)]);
    const item = before.get(content) ?? card(row, place);
    before.delete(content);
    item.dataset.content = content;
    return item;
  });
  for (const gone of before.values()) gone.remove();
  items.forEach((item, place) => {
    if (grid.children[place] !== item) grid.insertBefore(item, grid.children[place] ?? null);
  });
}

function isFiltered() {
  const { kind, low, high, object } = chosen();
  return kind !== "all" || low > 0 || high < 1 || Boolean(object);
}

function card(row, place) {
  const button = make("button", `card ${row.state}`);
  button.type = "button";
  button.dataset.place = place;
  const picture = make("img");
  picture.loading = "lazy";
  picture.alt = "";
  picture.src = routeUrl("thumbnail", { id: row.id });
  picture.addEventListener("error", () => picture.replaceWith(make("span", "no-picture", "⚠")));
  const caption = make("span", "caption");
  caption.append(make("span", "name", row.id), make("span", "verdict", verdict(row)));
  for (const found of row.objects) caption.append(dot(found));
  if (row.reason) caption.append(make("span", "reason", row.reason));
  button.append(picture, caption);
  button.title = row.reason ? `${row.id}: ${row.reason}` : row.id;
  button.addEventListener("click", () => openLarge(shown.offset + place));
  const item = make("div", "item");
  item.setAttribute("role", "listitem");
  item.append(button);
  return item;
}

function verdict(row) {
  if (row.state === "failed") return text("results.is_failed");
  if (!row.objects.length) return text("results.is_empty");
  // The score that the order goes by.
  const object = Number(find(".object").value);
  const scores = row.objects.filter((found) => !object || found.id === object).map((found) => found.score);
  return (find(".order").value === "worst" ? Math.min(...scores) : Math.max(...scores)).toFixed(2);
}

function dot(found) {
  const object = objectOf(found.id);
  const node = make("span", "dot");
  node.style.background = `rgb(${object.color.join(" ")})`;
  node.title = `${object.name} ${found.score.toFixed(2)}`;
  return node;
}

function objectOf(id) {
  return shown.objects.find((object) => object.id === id) || { id, name: "", color: [128, 128, 128] };
}

// ---- keys: arrows move between pictures, and to the next page at the end
function columns() {
  const items = [...find(".grid").children];
  const first = items[0]?.offsetTop;
  return Math.max(1, items.filter((item) => item.offsetTop === first).length);
}

async function moveTo(place) {
  if (place < 0 && shown.offset > 0) {
    await showPage(Math.max(0, shown.offset - PAGE));
    place = shown.rows.length - 1;
  } else if (place >= shown.rows.length && shown.offset + PAGE < shown.total) {
    await showPage(shown.offset + PAGE);
    place = 0;
  }
  find(`.card[data-place="${Math.max(0, Math.min(place, shown.rows.length - 1))}"]`)?.focus();
}

element.addEventListener("keydown", (event) => {
  if (find("dialog.large").open || event.target.matches("input, select")) return;
  const focused = document.activeElement?.closest(".results .card");
  const place = focused ? Number(focused.dataset.place) : -1;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
  if (event.key === "PageDown") showPage(Math.min(lastOffset(shown.total), shown.offset + PAGE));
  else if (event.key === "PageUp") showPage(Math.max(0, shown.offset - PAGE));
  else if (event.key in steps && focused) moveTo(place + steps[event.key]);
  else return;
  event.preventDefault();
});

find(".previous").addEventListener("click", () => showPage(Math.max(0, shown.offset - PAGE)));
find(".next").addEventListener("click", () => showPage(shown.offset + PAGE));
find(".page").addEventListener("change", (event) => {
  const page = Math.min(event.target.max, Math.max(1, Math.round(Number(event.target.value) || 1)));
  event.target.value = page;
  showPage((page - 1) * PAGE);
});
find(".to-run").addEventListener("click", () => openTab(RUN));
for (const name of ["kind", "object", "low", "high", "order"]) {
  find(`.${name}`).addEventListener("change", () => showPage(0));
}
function aimDownload() {
  find(".save").href = `${routeUrl("download")}?${find(".part").value}`;
}
for (const name of props.formats) {
  const option = make("option", "", name);
  option.value = `format=${name}`;
  find(".formats").append(option);
}
find(".part").addEventListener("change", aimDownload);
aimDownload();
