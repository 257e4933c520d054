// Puts the page together.

function listenToButtons() {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do], [data-tool]");
    if (!button || button.disabled) return;
    if (button.dataset.tool) setTool(button.dataset.tool);
    else ACTIONS[button.dataset.do]();
  });
  root.addEventListener("click", giveFocusBack);
  find(".mc-radius").addEventListener("input", (event) => setRadius(radiusAt(Number(event.target.value))));
  find(".mc-editor").addEventListener("submit", (event) => {
    event.preventDefault();
    saveObject();
    focusStage();
  });
  find(".mc-name").addEventListener("change", saveObject);
  find(".mc-color").addEventListener("change", saveObject);
}

// Who works with the mouse has the keys at the picture; with the keyboard, where they are.
function giveFocusBack(event) {
  if (event.detail > 0 && event.target.closest("button") && !find(".mc-help").open) focusStage();
}

function focusStage() {
  hand.byKeyboard = false;
  stage.focus({ preventScroll: true });
}

// What was open last, else what is not annotated yet, else any. A damaged one is passed over
// without words, since nobody asked for it; the filmstrip marks it.
async function openFirst() {
  const last = sessionStorage.getItem(LAST_IMAGE);
  const rank = ({ image, clean, objects }) =>
    image === last ? 0 : clean || objects.length > 0 ? 2 : 1;
  const ordered = [...state.references].sort((one, two) => rank(one) - rank(two));
  for (const { image } of ordered) {
    if (state.image === null) await openImage(image);
    if (state.image !== null) {
      find(".mc-notices").replaceChildren();
      return;
    }
  }
}

async function begin() {
  fillTexts();
  buildHelp();
  showTools();
  listenToButtons();
  listenToStage();
  listenToFiles();
  document.addEventListener("keydown", onKeyDown);
  document.addEventListener("keyup", onKeyUp);
  document.addEventListener("pointerdown", () => (hand.byKeyboard = false), true);
  document.addEventListener("visibilitychange", lookAround);
  await start();
  await openFirst();
  setInterval(lookAround, 5000);
}

begin();
