// The toolbar and the objects: what is chosen, names, colours, thumbnails, counts.

const HINTS = {
  prompt: "hint.prompt",
  minus: "hint.minus",
  brush: "hint.brush",
  eraser: "hint.eraser",
  delete: "hint.delete",
  pan: "hint.pan",
};

function setTool(tool) {
  state.tool = tool;
  showTools();
  showCursor();
  drawTop();
}

// The slider runs over radii from 0.5 to 500 in equal ratios.
const radiusAt = (value) => 0.5 * 1000 ** (value / 100);
const sliderAt = (radius) => (100 * Math.log(radius / 0.5)) / Math.log(1000);

function showTools() {
  for (const button of findAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === state.tool));
  }
  find(".mc-hint").textContent = text(HINTS[state.tool]);
  find(".mc-size").classList.toggle("mc-dim", !isBrush());
  find(".mc-radius").value = sliderAt(state.radius);
  find(".mc-radius-value").textContent = `${Math.max(1, Math.round(2 * state.radius))} px`;
}

function choose(id) {
  state.chosen = id;
  state.shownSlots = Math.min(255, Math.max(state.shownSlots, Math.ceil(id / 16) * 16));
  hand.corner = null;
  showSlots();
  find(`.mc-slot[data-id="${id}"]`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  showStatus();
  draw();
}

const chooseNext = () => choose((state.chosen % 255) + 1);

function showSlots() {
  const list = find(".mc-slots");
  while (list.children.length < state.shownSlots) list.append(makeSlot(list.children.length + 1));
  for (const slot of list.children) fillSlot(slot, Number(slot.dataset.id));
  find(".mc-more").hidden = state.shownSlots >= 255;
  showEditor();
}

function makeSlot(id) {
  const slot = make("button", "mc-slot", { type: "button", "data-id": id });
  const thumbnail = make("span", "mc-thumb");
  thumbnail.append(make("img", "", { alt: "" }));
  slot.append(
    make("span", "mc-badge"), thumbnail, make("span", "mc-slot-name"), make("span", "mc-count"));
  slot.addEventListener("click", () => choose(id));
  slot.addEventListener("dblclick", () => find(".mc-name").focus());
  return slot;
}

function fillSlot(slot, id) {
  const object = state.objects.find((known) => known.id === id);
  const color = object?.color ?? "#888888";
  const words = nameOf(id);
  const count = object?.count ?? 0;
  const isHere = state.scene !== null && String(id) in state.scene.objects;
  slot.setAttribute("aria-pressed", String(id === state.chosen));
  slot.classList.toggle("mc-here", isHere);
  label(slot, text(isHere ? "slot.here" : "slot", { id, name: words, count }), id < 10 ? String(id) : "");
  const [badge, thumbnail, name, counted] = slot.children;
  badge.textContent = String(id);
  badge.style.background = color;
  badge.style.color = inkOn(color);
  const image = thumbnail.firstChild;
  image.hidden = !object?.thumbnail;
  if (object?.thumbnail && image.getAttribute("src") !== object.thumbnail) image.src = object.thumbnail;
  name.textContent = words;
  counted.textContent = count > 0 ? String(count) : "";
}

function showEditor() {
  const object = state.objects.find((known) => known.id === state.chosen);
  const name = find(".mc-name");
  const color = find(".mc-color");
  const isFixed = object?.fixed ?? false;
  const editor = find(".mc-editor");
  editor.title = isFixed ? text("object.fixed") : "";
  name.disabled = color.disabled = isFixed;
  if (document.activeElement !== name) name.value = nameOf(state.chosen);
  if (document.activeElement !== color) color.value = colorOf(state.chosen);
}

async function saveObject() {
  const id = state.chosen;
  const typed = find(".mc-name").value.trim();
  const before = state.objects.find((object) => object.id === id)?.name ?? nameOf(id);
  const name = typed && typed !== nameOf(id) ? typed : before;
  const color = find(".mc-color").value;
  if (name === before && color === colorOf(id)) return;
  takeList(await ask({ do: "name", object: id, name, color }));
}

function showStatus() {
  const status = find(".mc-status");
  const busy = link.previewing || link.echo.length > 0;
  root.dataset.busy = String(busy);
  if (link.offline) status.textContent = text("offline");
  else if (busy) status.textContent = text("working");
  else status.textContent = state.scene ? text("saved") : "";
  status.classList.toggle("mc-warn", link.offline);
}

// Everything that follows from the newest scene.
function showScene() {
  const { scene } = state;
  rememberMasks();
  find('[data-do="undo"]').disabled = !scene.undo;
  find('[data-do="redo"]').disabled = !scene.redo;
  find('[data-do="clear"]').disabled = !(state.chosen in scene.objects);
  find('[data-do="clean"]').disabled = false;
  find('[data-do="clean"]').setAttribute("aria-pressed", String(scene.clean));
  stage.classList.toggle("mc-is-clean", scene.clean);
  label(stage, text("canvas", { image: scene.image }));
  const reference = state.references.find((known) => known.image === scene.image);
  if (reference) {
    reference.clean = scene.clean;
    reference.objects = Object.keys(scene.objects).map(Number);
  }
  showSlots();
  showFrames();
  showStatus();
  showSpot();
  draw();
}
