// Keys, the same as in the desktop labeler, and the help that lists them.

const HELP = [
  ["help.prompts", [
    ["key.drag", "help.box"], ["key.left", "help.plus"], ["key.right", "help.minus"],
    ["key.edge", "help.adjust"], ["M", "tool.minus"], ["D", "help.delete"], ["Shift+D", "clear"],
  ]],
  ["help.brush", [
    ["B", "help.toggle"], ["E", "tool.eraser"], ["key.right", "help.other"], ["[ ]", "help.size"],
    ["key.wheel", "help.size"],
  ]],
  ["help.objects", [
    ["1 … 9", "help.choose"], ["N", "help.next"], ["C", "clean.long"], ["Ctrl+Z", "undo"],
    ["Ctrl+Shift+Z", "redo"],
  ]],
  ["help.view", [
    ["key.zoom", "help.zoom"], ["+ −", "help.zoom"], ["key.space", "help.pan"], ["P", "tool.pan"],
    ["F", "zoom.fit"],
    ["V", "help.hide"], [", .", "help.references"], ["← →", "help.references"],
  ]],
  ["help.keyboard", [
    ["Tab", "help.canvas"], ["← ↑ → ↓", "help.cursor"], ["Shift+←", "help.fine"],
    ["Enter", "help.plus"], ["Shift+Enter", "help.minus"], ["key.spacebar", "help.corner"],
    ["Esc", "help.cancel"],
  ]],
];

function buildHelp() {
  const body = find(".mc-help-body");
  for (const [title, rows] of HELP) {
    const part = make("section", "");
    const heading = make("h3", "");
    heading.textContent = text(title);
    const list = make("dl", "");
    for (const [keys, words] of rows) {
      const term = make("dt", "");
      for (const name of (keys.startsWith("key.") ? text(keys) : keys).split(" ")) {
        const key = make("kbd", "");
        key.textContent = name;
        term.append(key, " ");
      }
      const meaning = make("dd", "");
      meaning.textContent = text(words);
      list.append(term, meaning);
    }
    part.append(heading, list);
    body.append(part);
  }
}

function toggleHelp() {
  const help = find(".mc-help");
  if (help.open) help.close();
  else help.showModal();
}

function clearChosen() {
  change({ kind: "clear", object: state.chosen });
}

function toggleClean() {
  if (state.scene) change({ kind: "clean", clean: !state.scene.clean });
}

// A tool's key takes it in hand, and lays it down again for box and points.
const toggleTool = (tool) => setTool(state.tool === tool ? "prompt" : tool);

const zoomMiddle = (factor) => zoomAt(view.width / 2, view.height / 2, factor);

const ACTIONS = {
  undo: () => change({ kind: "undo" }),
  redo: () => change({ kind: "redo" }),
  clear: clearChosen,
  clean: toggleClean,
  help: toggleHelp,
  fit: fitView,
  "zoom-in": () => zoomMiddle(1.25),
  "zoom-out": () => zoomMiddle(0.8),
  add: () => find(".mc-files").click(),
  "more-slots": () => {
    state.shownSlots = Math.min(255, state.shownSlots + 16);
    showSlots();
  },
};

const KEYS = {
  b: () => toggleTool("brush"),
  e: () => toggleTool("eraser"),
  m: () => toggleTool("minus"),
  p: () => toggleTool("pan"),
  n: chooseNext,
  c: toggleClean,
  "?": toggleHelp,
  "[": () => setRadius(state.radius / 1.2),
  "]": () => setRadius(state.radius * 1.2),
  "+": ACTIONS["zoom-in"],
  "=": ACTIONS["zoom-in"],
  "-": ACTIONS["zoom-out"],
  0: fitView,
  f: fitView,
  home: fitView,
  ",": () => openNeighbour(-1),
  ".": () => openNeighbour(1),
  arrowleft: () => openNeighbour(-1),
  arrowright: () => openNeighbour(1),
  v: () => setMasksVisible(false),
  d: deleteHere,
  delete: deleteHere,
  backspace: deleteHere,
};

// D takes away the prompt under the pointer or the cursor.
function deleteHere() {
  const place = hand.cursor ?? (hand.pointer && toImage(hand.pointer.x, hand.pointer.y));
  if (place) deleteAt(place);
}

function setMasksVisible(visible) {
  if (state.masksVisible === visible) return;
  state.masksVisible = visible;
  draw();
}

const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };

// Keys of the cursor on the canvas; whether it was one.
function onCursorKey(event, key) {
  if (!hand.cursor || document.activeElement !== stage) return false;
  if (key in ARROWS) moveCursor(...ARROWS[key], event.shiftKey);
  else if (key === "enter") cursorClick(event.shiftKey);
  else if (key === " ") cursorCorner();
  else return false;
  return true;
}

function onKeyDown(event) {
  hand.byKeyboard = true;
  if (!isVisible() || event.altKey || isTyping(event.target)) return;
  if (find(".mc-help").open) {
    if (event.key === "?") toggleHelp();
    return;
  }
  const key = event.key.toLowerCase();
  if (isOutside(event.target) || (event.target.type === "range" && key in ARROWS)) return;
  if (event.ctrlKey || event.metaKey) {
    if (key !== "z" && key !== "y") return;
    ACTIONS[key === "y" || event.shiftKey ? "redo" : "undo"]();
  } else if (key === "escape") {
    if (!cancelGesture()) setTool("prompt");
  } else if (key === " " && document.activeElement === stage && !hand.cursor) {
    hand.space = true;
    showCursor();
  } else if (key === "d" && event.shiftKey) {
    clearChosen();
  } else if (!onCursorKey(event, key) && !onPlainKey(event, key)) {
    if (key === "tab" || key === "shift") return;
    wakeCursor(event, key);
    return;
  }
  event.preventDefault();
}

function onPlainKey(event, key) {
  if (/^[1-9]$/.test(key)) choose(Number(key));
  else if (key in KEYS) KEYS[key](event);
  else return false;
  return true;
}

// Up, down or Enter on a canvas that was clicked before bring the keyboard's cursor back.
function wakeCursor(event, key) {
  if (document.activeElement !== stage || !["arrowup", "arrowdown", "enter"].includes(key)) return;
  showKeyboardCursor();
  event.preventDefault();
}

function onKeyUp(event) {
  if (event.key === " ") {
    hand.space = false;
    showCursor();
  }
  if (event.key.toLowerCase() === "v") setMasksVisible(true);
}

const isTyping = (target) =>
  target instanceof Element && target.closest("input:not([type=range]), textarea, select, [contenteditable=true]") !== null;

// Keys belong to this page unless something else of the app has the focus.
const isOutside = (target) =>
  target instanceof Element && target !== document.body && !root.contains(target);
