// What the mouse, fingers and the keyboard's cursor do on the stage.

const CLICK_REACH = 4;     // CSS pixels that a click may move
const HANDLE_REACH = 6;    // CSS pixels from the outline of the box
const DELETE_REACH = 14;   // CSS pixels from a prompt that still mean it
const hand = {
  pointer: null,   // where the mouse is on the stage
  drag: null,      // {kind: "box" | "handle" | "click" | "stroke" | "pan" | "pinch", ...}
  touches: new Map(),
  cursor: null,    // the keyboard's cursor, in pixels of the image
  corner: null,    // first corner of a box drawn with the keyboard
  space: false,
  byKeyboard: false,
};

const isBrush = () => state.tool === "brush" || state.tool === "eraser";

function placeOf(event) {
  const bounds = stage.getBoundingClientRect();
  return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
}

function isInside({ x, y }) {
  return x >= 0 && y >= 0 && x < state.scene.width && y < state.scene.height;
}

function addPoint(place, positive) {
  if (isInside(place)) change({ kind: "point", object: state.chosen, x: place.x, y: place.y, positive });
}

function addBox(one, two) {
  if (Math.min(Math.abs(one.x - two.x), Math.abs(one.y - two.y)) < 1) return;
  change({ kind: "box", object: state.chosen, x0: one.x, y0: one.y, x1: two.x, y1: two.y });
}

function addStroke(path, erase) {
  const places = path.map(({ x, y }) => [x, y]);
  change({ kind: "stroke", object: state.chosen, path: places, radius: state.radius, erase });
}

function deleteAt(place) {
  change({
    kind: "delete", object: state.chosen, x: place.x, y: place.y, reach: DELETE_REACH / view.scale,
  });
}

function setRadius(radius) {
  state.radius = limit(radius, 0.5, 500);
  showTools();
  drawTop();
}

function onPointerDown(event) {
  if (!state.scene || event.target.closest(".mc-notices, .mc-empty")) return;
  const at = placeOf(event);
  hand.pointer = at;
  hand.cursor = null;
  focusStage();
  if (event.pointerType === "touch") {
    hand.touches.set(event.pointerId, at);
    if (hand.touches.size > 1) {
      hand.drag = { kind: "pinch" };
      return;
    }
  }
  if (hand.drag !== null) return;
  stage.setPointerCapture(event.pointerId);
  hand.drag = dragFor(event, at);
  event.preventDefault();
  showCursor();
  drawTop();
}

function dragFor(event, at) {
  const place = toImage(at.x, at.y);
  const common = { button: event.button, at, place, moved: false };
  if (event.button === 1 || hand.space || state.tool === "pan") return { ...common, kind: "pan" };
  if (isBrush()) {
    const erase = (state.tool === "eraser") !== (event.button === 2);
    return { ...common, kind: "stroke", erase, path: [place] };
  }
  if (state.tool === "prompt" && event.button === 0) {
    const handle = handleAt(at);
    return handle ? { ...common, kind: "handle", handle } : { ...common, kind: "box" };
  }
  return { ...common, kind: "click" };
}

// The sides of the chosen object's box that are under a place: indices into the box, or null.
function handleAt(at) {
  const box = shownPrompts().box;
  if (!box) return null;
  const low = toScreen(box[0], box[1]);
  const high = toScreen(box[2], box[3]);
  const near = (value, one, two, place) => {
    if (Math.abs(value - place[one]) <= HANDLE_REACH) return one;
    return Math.abs(value - place[two]) <= HANDLE_REACH ? two : null;
  };
  const place = [low.x, low.y, high.x, high.y];
  const within = (value, from, to) => value >= from - HANDLE_REACH && value <= to + HANDLE_REACH;
  if (!within(at.x, low.x, high.x) || !within(at.y, low.y, high.y)) return null;
  const x = near(at.x, 0, 2, place);
  const y = near(at.y, 1, 3, place);
  return x === null && y === null ? null : { x, y, box: [...box] };
}

// The box with the sides that are held moved to a place.
function adjusted({ box, x, y }, place) {
  const moved = [...box];
  if (x !== null) moved[x] = place.x;
  if (y !== null) moved[y] = place.y;
  return moved;
}

function onPointerMove(event) {
  if (!state.scene) return;
  const at = placeOf(event);
  if (hand.touches.has(event.pointerId)) {
    if (hand.drag?.kind === "pinch") pinch(event.pointerId, at);
    hand.touches.set(event.pointerId, at);
  }
  const drag = hand.drag;
  if (drag?.kind === "pan") panBy(at.x - hand.pointer.x, at.y - hand.pointer.y);
  hand.pointer = at;
  if (drag && drag.at && Math.hypot(at.x - drag.at.x, at.y - drag.at.y) > CLICK_REACH) drag.moved = true;
  if (drag?.kind === "stroke") {
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length > 0 ? moves : [event]) {
      const { x, y } = placeOf(move);
      drag.path.push(toImage(x, y));
    }
  }
  showSpot();
  showCursor();
  drawTop();
}

function pinch(id, at) {
  const others = [...hand.touches].filter(([other]) => other !== id);
  if (others.length === 0) return;
  const [, anchor] = others[0];
  const before = hand.touches.get(id);
  const spread = (place) => Math.hypot(place.x - anchor.x, place.y - anchor.y);
  panBy((at.x - before.x) / 2, (at.y - before.y) / 2);
  if (spread(before) > 10) {
    zoomAt((at.x + anchor.x) / 2, (at.y + anchor.y) / 2, spread(at) / spread(before));
  }
}

function onPointerUp(event) {
  hand.touches.delete(event.pointerId);
  const drag = hand.drag;
  if (!drag || (drag.kind === "pinch" && hand.touches.size > 0)) return;
  if (drag.button !== undefined && event.button !== drag.button) return;
  hand.drag = null;
  if (event.type !== "pointercancel") finish(drag, placeOf(event));
  showCursor();
  drawTop();
}

function finish(drag, at) {
  const end = toImage(at.x, at.y);
  if (drag.kind === "stroke") addStroke(drag.path, drag.erase);
  else if (drag.kind === "box" && drag.moved) addBox(drag.place, end);
  else if (drag.kind === "handle" && drag.moved) {
    const [x0, y0, x1, y1] = adjusted(drag.handle, end);
    addBox({ x: x0, y: y0 }, { x: x1, y: y1 });
  } else if (drag.kind !== "pan" && drag.kind !== "pinch" && !drag.moved) click(drag);
}

function click({ place, button }) {
  if (state.tool === "delete") deleteAt(place);
  else addPoint(place, state.tool === "prompt" && button === 0);
}

function onWheel(event) {
  if (!state.scene) return;
  event.preventDefault();
  const at = placeOf(event);
  const pixels = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  const dx = event.deltaX * pixels;
  const dy = event.deltaY * pixels;
  if (event.ctrlKey || event.metaKey) zoomAt(at.x, at.y, Math.exp(-limit(dy, -60, 60) * 0.01));
  else if (event.shiftKey) panBy(-(dx || dy), 0);
  else if (isBrush()) setRadius(state.radius * Math.exp(-limit(dy, -100, 100) * 0.0015));
  else if (Math.abs(dx) > 0) panBy(-dx, -dy);
  else zoomAt(at.x, at.y, Math.exp(-limit(dy, -100, 100) * 0.0022));
}

// The keyboard's cursor: arrows move it, Enter clicks, Space sets a corner of a box.
function showKeyboardCursor() {
  if (!state.scene || hand.cursor) return;
  const middle = toImage(view.width / 2, view.height / 2);
  const { width, height } = state.scene;
  hand.cursor = {
    x: limit(Math.floor(middle.x), 0, width - 1) + 0.5,
    y: limit(Math.floor(middle.y), 0, height - 1) + 0.5,
  };
  showSpot();
  drawTop();
}

function moveCursor(dx, dy, fine) {
  const by = fine ? 1 : Math.max(1, Math.round(10 / view.scale));
  const { width, height } = state.scene;
  hand.cursor = {
    x: limit(hand.cursor.x + dx * by, 0.5, width - 0.5),
    y: limit(hand.cursor.y + dy * by, 0.5, height - 0.5),
  };
  const { x, y } = toScreen(hand.cursor.x, hand.cursor.y);
  const edge = 24;
  panBy(limit(x, edge, view.width - edge) - x, limit(y, edge, view.height - edge) - y);
  showSpot();
}

function cursorClick(isOther) {
  if (isBrush()) addStroke([hand.cursor], (state.tool === "eraser") !== isOther);
  else if (state.tool === "delete") deleteAt(hand.cursor);
  else addPoint(hand.cursor, state.tool === "prompt" && !isOther);
}

function cursorCorner() {
  if (hand.corner === null) {
    hand.corner = hand.cursor;
  } else {
    addBox(hand.corner, hand.cursor);
    hand.corner = null;
  }
  drawTop();
}

function cancelGesture() {
  const busy = hand.drag !== null || hand.corner !== null;
  hand.drag = null;
  hand.corner = null;
  drawTop();
  return busy;
}

function drawGesture(context, color) {
  const { drag, pointer, cursor, corner } = hand;
  if (drag?.kind === "stroke") {
    const path = drag.path.map(({ x, y }) => [x, y]);
    drawStroke(context, { path, radius: state.radius, erase: drag.erase }, color);
  }
  if (drag?.kind === "box" && drag.moved) {
    const end = toImage(pointer.x, pointer.y);
    drawBox(context, [drag.place.x, drag.place.y, end.x, end.y], color, true);
  }
  if (drag?.kind === "handle" && drag.moved) {
    drawBox(context, adjusted(drag.handle, toImage(pointer.x, pointer.y)), color, true);
  }
  if (cursor && corner) drawBox(context, [corner.x, corner.y, cursor.x, cursor.y], color, true);
  if (cursor) drawCrosshair(context, toScreen(cursor.x, cursor.y));
  const tip = cursor ? toScreen(cursor.x, cursor.y) : pointer;
  if (isBrush() && tip && drag?.kind !== "pan") {
    drawRing(context, tip, state.radius * view.scale, state.tool === "eraser" ? "#ffffff" : color);
  }
}

function drawCrosshair(context, { x, y }) {
  for (const [width, color] of [[4, "rgba(0, 0, 0, 0.6)"], [2, "#ffffff"]]) {
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 14 * dx, y + 14 * dy);
    }
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke();
  }
}

// Where the pointer or the cursor is, in pixels of the image.
function showSpot() {
  const spot = find(".mc-spot");
  const place = hand.cursor ?? (hand.pointer && toImage(hand.pointer.x, hand.pointer.y));
  const { scene } = state;
  spot.textContent =
    scene && place && isInside(place)
      ? `${Math.floor(place.x)}, ${Math.floor(place.y)} · ${scene.width} × ${scene.height}`
      : scene ? `${scene.width} × ${scene.height}` : "";
}

function showCursor() {
  const isPan = hand.space || state.tool === "pan" || hand.drag?.kind === "pan";
  let cursor = isPan ? (hand.drag?.kind === "pan" ? "grabbing" : "grab") : state.tool;
  if (cursor === "prompt" && state.scene && hand.pointer && !hand.drag) {
    const handle = handleAt(hand.pointer);
    if (handle) cursor = cursorOf(handle);
  }
  stage.dataset.cursor = cursor;
}

function cursorOf({ x, y }) {
  if (x === null) return "ns";
  if (y === null) return "ew";
  return (x === 0) === (y === 1) ? "nwse" : "nesw";
}

function listenToStage() {
  stage.addEventListener("pointerdown", onPointerDown);
  stage.addEventListener("pointermove", onPointerMove);
  stage.addEventListener("pointerup", onPointerUp);
  stage.addEventListener("pointercancel", onPointerUp);
  stage.addEventListener("pointerleave", () => {
    if (hand.drag) return;
    hand.pointer = null;
    showSpot();
    drawTop();
  });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("auxclick", (event) => event.preventDefault());
  stage.addEventListener("wheel", onWheel, { passive: false });
  stage.addEventListener("focus", () => hand.byKeyboard && showKeyboardCursor());
  stage.addEventListener("blur", () => {
    hand.cursor = null;
    hand.corner = null;
    drawTop();
  });
  new ResizeObserver(measureStage).observe(stage);
}
