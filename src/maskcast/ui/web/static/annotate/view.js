// The picture on the screen: zoom, pan, drawing. `view` maps pixels of the original image to CSS
// pixels of the stage: screen = image * scale + (x, y).

const stage = find(".mc-stage");
const baseCanvas = find(".mc-base");
const topCanvas = find(".mc-top");
const view = { scale: 1, x: 0, y: 0, width: 0, height: 0, fitted: true };
const LARGEST_SCALE = 64;
const CONTOUR = 1.5; // CSS pixels, but at least one of the mask
const PICTURES_KEPT = 4;
const pictures = new Map(); // image id -> Promise of a decoded picture or null

function loadPicture(image) {
  const known = pictures.get(image);
  if (known) return known;
  const loading = fetchPicture({ do: "picture", image });
  pictures.set(image, loading);
  for (const key of pictures.keys()) {
    if (pictures.size <= PICTURES_KEPT) break;
    pictures.delete(key);
  }
  loading.then((picture) => picture === null && pictures.delete(image));
  return loading;
}

async function fetchPicture(message) {
  const reply = await ask(message);
  if (reply.problem) {
    showProblem(reply.problem);
    return null;
  }
  const picture = new Image();
  picture.src = reply.picture;
  await picture.decode();
  return picture;
}

function prefetchNeighbours() {
  const at = state.references.findIndex((reference) => reference.image === state.image);
  const next = state.references[at + 1];
  if (next) loadPicture(next.image);
}

const toImage = (x, y) => ({ x: (x - view.x) / view.scale, y: (y - view.y) / view.scale });
const toScreen = (x, y) => ({ x: x * view.scale + view.x, y: y * view.scale + view.y });

function fitScale() {
  const { width, height } = state.scene;
  return Math.min(view.width / width, view.height / height) * 0.98;
}

function fitView() {
  if (!state.scene || view.width === 0) return;
  view.scale = Math.min(fitScale(), LARGEST_SCALE);
  view.x = (view.width - state.scene.width * view.scale) / 2;
  view.y = (view.height - state.scene.height * view.scale) / 2;
  view.fitted = true;
  draw();
}

function zoomAt(x, y, factor) {
  if (!state.scene) return;
  const scale = limit(view.scale * factor, Math.min(fitScale(), 1) / 2, LARGEST_SCALE);
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  view.fitted = false;
  keepInSight();
  draw();
}

function panBy(dx, dy) {
  view.x += dx;
  view.y += dy;
  view.fitted = false;
  keepInSight();
  draw();
}

// Some of the image always stays on the stage.
function keepInSight() {
  const rest = 48;
  const { width, height } = state.scene;
  view.x = limit(view.x, rest - width * view.scale, view.width - rest);
  view.y = limit(view.y, rest - height * view.scale, view.height - rest);
}

function measureStage() {
  const { clientWidth: width, clientHeight: height } = stage;
  if (width === 0 || height === 0) return;
  const ratio = window.devicePixelRatio || 1;
  for (const canvas of [baseCanvas, topCanvas]) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  view.x += (width - view.width) / 2;
  view.y += (height - view.height) / 2;
  view.width = width;
  view.height = height;
  if (view.fitted) fitView();
  draw();
}

let frame = 0;
let baseIsOld = false;

function draw() {
  baseIsOld = true;
  drawTop();
}

function drawTop() {
  if (frame === 0) frame = requestAnimationFrame(drawFrame);
}

function drawFrame() {
  frame = 0;
  if (baseIsOld) drawBase();
  baseIsOld = false;
  drawPrompts();
  tellWhatIsDrawn();
}

// For those who wait for it, the benchmark and the tests: empty while anything is on its way.
function tellWhatIsDrawn() {
  const { scene, picture } = state;
  const isWhole = scene !== null && picture !== null && scene.image === state.image && !hasPending();
  stage.dataset.drawn = isWhole && link.echo.length === 0 ? String(scene.revision) : "";
  stage.dataset.revision = scene?.revision ?? "";
  stage.dataset.image = scene?.image ?? "";
  stage.dataset.view = [view.scale, view.x, view.y].join(" ");
}

function cleared(canvas) {
  const context = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  return context;
}

function drawBase() {
  const context = cleared(baseCanvas);
  const { scene, picture } = state;
  find(".mc-zoom").textContent = scene ? `${Math.round(view.scale * 100)}%` : "–";
  if (!scene || !picture) return;
  const size = scene.step * view.scale;
  context.imageSmoothingEnabled = size < 3;
  context.imageSmoothingQuality = "medium";
  context.drawImage(picture, view.x, view.y, picture.naturalWidth * size, picture.naturalHeight * size);
  drawDetail(context);
  if (!state.masksVisible) return;
  const contour = limit(Math.round(CONTOUR / size), 1, 8);
  for (const [id, object] of drawingOrder()) {
    const mask = maskCache.get(object.key) ?? lastMask(id);
    if (!mask || mask.w === 0) continue;
    context.globalAlpha = Number(id) === state.chosen ? 1 : 0.75;
    const painted = paintedMask(mask, colorOf(Number(id)), contour);
    context.drawImage(
      painted, view.x + mask.x * size, view.y + mask.y * size, mask.w * size, mask.h * size);
  }
  context.globalAlpha = 1;
}

// While a mask is on its way, the one before stays.
const lastMasks = new Map();

function lastMask(id) {
  const last = lastMasks.get(id);
  return last?.image === state.scene.image ? last.mask : undefined;
}

function rememberMasks() {
  const objects = state.scene.objects;
  for (const id of lastMasks.keys()) if (!(id in objects)) lastMasks.delete(id);
  for (const [id, object] of Object.entries(objects)) {
    const mask = maskCache.get(object.key);
    if (mask) lastMasks.set(id, { image: state.scene.image, mask });
  }
}

// The chosen object is drawn last.
function drawingOrder() {
  const isChosen = ([id]) => Number(id) === state.chosen;
  return Object.entries(state.scene.objects).sort((one, two) => isChosen(one) - isChosen(two));
}

// Very large images are sent reduced; what is looked at closely follows in full.
const detail = { image: null, part: null, picture: null };

function drawDetail(context) {
  const { scene } = state;
  if (scene.step === 1) return;
  if (detail.image === scene.image && detail.picture) {
    const [x0, y0, x1, y1] = detail.part;
    const corner = toScreen(x0, y0);
    context.imageSmoothingEnabled = view.scale < 3;
    context.drawImage(
      detail.picture, corner.x, corner.y, (x1 - x0) * view.scale, (y1 - y0) * view.scale);
  }
  if (view.scale * scene.step > 1.2) fetchDetailSoon();
}

const fetchDetailSoon = later(250, async () => {
  const { scene } = state;
  if (!scene || scene.step === 1) return;
  const low = toImage(0, 0);
  const high = toImage(view.width, view.height);
  const part = [
    Math.floor(limit(low.x, 0, scene.width)),
    Math.floor(limit(low.y, 0, scene.height)),
    Math.ceil(limit(high.x, 0, scene.width)),
    Math.ceil(limit(high.y, 0, scene.height)),
  ];
  const pixels = (part[2] - part[0]) * (part[3] - part[1]);
  const isKnown = detail.image === scene.image && String(part) === String(detail.part);
  if (isKnown || pixels === 0 || pixels > 6e6) return;
  detail.asked = String(part);
  const picture = await fetchPicture({ do: "picture", image: scene.image, part });
  if (picture === null || detail.asked !== String(part)) return;
  Object.assign(detail, { image: scene.image, part, picture });
  draw();
});

function drawPrompts() {
  const context = cleared(topCanvas);
  if (!state.scene || !state.picture) return;
  const shown = shownPrompts();
  const color = colorOf(state.chosen);
  for (const stroke of shown.strokes) drawStroke(context, stroke, colorOf(stroke.object));
  if (shown.box) drawBox(context, shown.box, color, false);
  for (const [x, y, positive] of shown.points) drawPoint(context, toScreen(x, y), positive);
  drawGesture(context, color);
}

// The prompts of the chosen object: what the server knows and what is on its way there.
function shownPrompts() {
  const object = state.scene.objects[state.chosen];
  let box = object?.box ?? null;
  let points = object ? [...object.points] : [];
  const strokes = [];
  for (const { step } of link.echo) {
    if (step.kind === "stroke") strokes.push(step);
    if (step.object !== state.chosen) continue;
    if (step.kind === "box") box = [step.x0, step.y0, step.x1, step.y1];
    if (step.kind === "point") points.push([step.x, step.y, step.positive]);
    if (step.kind === "clear") [box, points] = [null, []];
  }
  return { box, points, strokes };
}

function drawBox(context, [x0, y0, x1, y1], color, isNew) {
  const low = toScreen(Math.min(x0, x1), Math.min(y0, y1));
  const high = toScreen(Math.max(x0, x1), Math.max(y0, y1));
  const corners = [low.x, low.y, high.x - low.x, high.y - low.y];
  context.setLineDash(isNew ? [6, 4] : []);
  context.lineWidth = 4;
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.strokeRect(...corners);
  context.lineWidth = 2;
  context.strokeStyle = color;
  context.strokeRect(...corners);
  context.setLineDash([]);
}

function drawPoint(context, { x, y }, positive) {
  context.beginPath();
  context.arc(x, y, 6, 0, 2 * Math.PI);
  context.fillStyle = positive ? "#0f9d58" : "#d93025";
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.beginPath();
  context.moveTo(x - 3, y);
  context.lineTo(x + 3, y);
  if (positive) {
    context.moveTo(x, y - 3);
    context.lineTo(x, y + 3);
  }
  context.stroke();
}

function drawStroke(context, { path, radius, erase }, color) {
  context.beginPath();
  const first = toScreen(...path[0]);
  context.moveTo(first.x, first.y);
  for (const place of path) {
    const { x, y } = toScreen(...place);
    context.lineTo(x, y);
  }
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = Math.max(1, 2 * radius * view.scale);
  context.globalAlpha = 0.5;
  context.strokeStyle = erase ? "#202124" : color;
  context.stroke();
  context.globalAlpha = 1;
}

function drawRing(context, { x, y }, radius, color) {
  context.beginPath();
  context.arc(x, y, Math.max(1.5, radius), 0, 2 * Math.PI);
  context.lineWidth = 3;
  context.strokeStyle = "rgba(0, 0, 0, 0.6)";
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = color;
  context.stroke();
}
