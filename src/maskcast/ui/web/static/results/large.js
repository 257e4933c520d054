// The large view: original and overlay on top of each other, a slider between them, zoom and pan.
const dialog = find("dialog.large");
const stage = find(".stage");
const sheet = find(".sheet");
const view = { index: -1, width: 1, height: 1, scale: 1, x: 0, y: 0, fitted: true };

async function openLarge(index) {
  if (index < 0 || index >= shown.total) return;
  if (index < shown.offset || index >= shown.offset + shown.rows.length) {
    await showPage(Math.floor(index / PAGE) * PAGE);
  }
  const row = shown.rows[index - shown.offset];
  if (!row) return;
  view.index = index;
  if (!dialog.open) dialog.showModal();
  [view.height, view.width] = row.size || [1, 1];
  find(".large .name").textContent = row.id;
  find(".large .place").textContent = `${number(index + 1)} / ${number(shown.total)}`;
  find(".large .before").disabled = index === 0;
  find(".large .after").disabled = index + 1 >= shown.total;
  showPictures(row);
  showFound(row);
  fit();
  stage.focus({ preventScroll: true });
}

function showPictures(row) {
  const original = find(".large .original");
  const overlay = find(".large .overlay");
  const message = find(".large .message");
  const done = row.state === "done";
  message.hidden = done;
  message.textContent = done ? "" : row.reason || "";
  message.classList.remove("alone");
  sheet.hidden = false;
  for (const picture of [original, overlay]) picture.removeAttribute("src");
  original.src = routeUrl("original", { id: row.id });
  overlay.hidden = !done;
  if (done) overlay.src = routeUrl("overlay", { id: row.id });
  find(".large .wipe").hidden = !done;
  applyWipe();
}

// A failed target has no size in the ledger; its picture, if it can be shown, has one.
find(".large .original").addEventListener("load", (event) => {
  if (view.width > 1 || view.height > 1) return;
  [view.width, view.height] = [event.target.naturalWidth, event.target.naturalHeight];
  fit();
});
find(".large .original").addEventListener("error", () => {
  if (!find(".large .overlay").hidden) return;
  sheet.hidden = true;
  find(".large .message").classList.add("alone");
});

// An overlay that cannot be had says why, over the original.
find(".large .overlay").addEventListener("error", async () => {
  const row = shown.rows[view.index - shown.offset];
  const reason = await ask("overlay", { id: row.id }).catch((error) => error.message);
  if (row !== shown.rows[view.index - shown.offset] || typeof reason !== "string") return;
  find(".large .overlay").hidden = true;
  find(".large .wipe").hidden = true;
  find(".large .message").textContent = reason;
  find(".large .message").hidden = false;
  applyWipe();
});

function showFound(row) {
  const items = row.objects.map((found) => {
    const item = make("li");
    const object = objectOf(found.id);
    item.append(dot(found), make("span", "", `${found.id} ${object.name}`));
    item.append(make("b", "", found.score.toFixed(2)));
    item.append(make("span", "area", text("results.area", { area: number(found.area) })));
    return item;
  });
  if (row.state === "done" && !items.length) items.push(make("li", "", text("results.is_empty")));
  for (const note of row.notes) items.push(make("li", "note", note));
  find(".large .found").replaceChildren(...items);
}

// ---- zoom and pan
function place() {
  sheet.style.width = `${view.width}px`;
  sheet.style.height = `${view.height}px`;
  sheet.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  sheet.classList.toggle("pixels", view.scale >= 3);
  find(".large .seam").style.width = `${2 / view.scale}px`;
}

function fitScale() {
  return Math.min(stage.clientWidth / view.width, stage.clientHeight / view.height, 8);
}

function fit() {
  view.scale = fitScale();
  view.x = (stage.clientWidth - view.width * view.scale) / 2;
  view.y = (stage.clientHeight - view.height * view.scale) / 2;
  view.fitted = true;
  place();
}

function zoomAt(x, y, factor) {
  const scale = Math.min(40, Math.max(fitScale() / 2, view.scale * factor));
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  view.fitted = false;
  place();
}

function zoomMiddle(factor) {
  zoomAt(stage.clientWidth / 2, stage.clientHeight / 2, factor);
}

stage.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const bounds = stage.getBoundingClientRect();
    const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    zoomAt(event.clientX - bounds.left, event.clientY - bounds.top, Math.exp(-step / 300));
  },
  { passive: false },
);
// One pointer moves the picture, two fingers zoom it too.
const pointers = new Map(); // id -> place on the stage
function placeOf(event) {
  const bounds = stage.getBoundingClientRect();
  return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
}
stage.addEventListener("pointerdown", (event) => {
  if (pointers.size === 2) return;
  stage.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, placeOf(event));
});
stage.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = placeOf(event);
  pointers.set(event.pointerId, now);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  view.x += (now.x - before.x) / pointers.size;
  view.y += (now.y - before.y) / pointers.size;
  view.fitted = false;
  if (other) {
    const spread = (point) => Math.max(10, Math.hypot(point.x - other.x, point.y - other.y));
    zoomAt((now.x + other.x) / 2, (now.y + other.y) / 2, spread(now) / spread(before));
  }
  place();
});
stage.addEventListener("lostpointercapture", (event) => pointers.delete(event.pointerId));
stage.addEventListener("dblclick", fit);
new ResizeObserver(() => dialog.open && view.fitted && fit()).observe(stage);

// ---- slider, buttons, keys
const wipe = find(".wipe input");
function applyWipe() {
  find(".large .seam").hidden = find(".large .overlay").hidden || wipe.value % 100 === 0;
  find(".large .seam").style.left = `${wipe.value}%`;
  find(".large .overlay").style.clipPath = `inset(0 ${100 - wipe.value}% 0 0)`;
}
wipe.addEventListener("input", applyWipe);
applyWipe();
find(".large .close").addEventListener("click", () => dialog.close());
find(".large .fit").addEventListener("click", fit);
find(".large .closer").addEventListener("click", () => zoomMiddle(1.25));
find(".large .farther").addEventListener("click", () => zoomMiddle(0.8));
find(".large .before").addEventListener("click", () => openLarge(view.index - 1));
find(".large .after").addEventListener("click", () => openLarge(view.index + 1));
dialog.addEventListener("close", () => {
  find(`.card[data-place="${view.index - shown.offset}"]`)?.focus();
});
dialog.addEventListener("keydown", (event) => {
  const actions = {
    ArrowLeft: () => openLarge(view.index - 1),
    ArrowRight: () => openLarge(view.index + 1),
    "+": () => zoomMiddle(1.25),
    "=": () => zoomMiddle(1.25),
    "-": () => zoomMiddle(0.8),
    0: fit,
    f: fit,
    " ": () => {
      wipe.value = Number(wipe.value) > 50 ? 0 : 100;
      applyWipe();
    },
  };
  const onSlider = event.target === wipe && event.key.startsWith("Arrow");
  const onButton = event.target.matches("button") && event.key === " ";
  if (!actions[event.key] || onSlider || onButton || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  actions[event.key]();
});

// What a run adds appears by itself, without moving what is looked at.
repeat(
  () => (dialog.open ? undefined : showPage(shown.offset, { quiet: true })),
  () => 2000,
);
