// The Run tab: targets by upload, engine and threshold, start, stop, progress.
const find = (selector) => element.querySelector(selector);
const UPLOADS_AT_ONCE = 3;
const SHOWN_REFUSALS = 20;
let lastState = "idle";
let asking = false;
let enginesAreShown = false;
let shownChoice = null;

fillTexts(element);

// ---- targets by upload
async function uploadAll(files) {
  const waiting = [...files];
  const total = waiting.length;
  if (!total) return;
  const tally = { done: 0, known: 0, refused: 0 };
  const refused = find(".refused");
  refused.replaceChildren();
  refused.hidden = true;
  const show = () => {
    find(".uploading").hidden = false;
    find(".uploading").textContent = text("run.uploading", {
      done: number(tally.done + tally.known + tally.refused),
      total: number(total),
      known: number(tally.known),
      refused: number(tally.refused),
    });
  };
  show();
  const worker = async () => {
    while (waiting.length) {
      const file = waiting.shift();
      try {
        const parameters = { to: "targets", name: uploadName(file) };
        const answer = await ask("upload", parameters, { method: "POST", body: file });
        tally[answer.new ? "done" : "known"] += 1;
      } catch (error) {
        tally.refused += 1;
        if (tally.refused <= SHOWN_REFUSALS) {
          refused.append(make("li", "", `${file.name}: ${error.message}`));
          refused.hidden = false;
        }
      }
      show();
    }
  };
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, worker));
  await refresh();
}

listenToDrops(
  element,
  (isOver) => find(".drop").classList.toggle("over", isOver),
  uploadAll,
);
for (const kind of ["files", "folder"]) {
  const input = find(`input.${kind}`);
  find(`.choose-${kind}`).addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    await uploadAll(input.files);
    input.value = "";
  });
}

// ---- engine and threshold
async function showEngines() {
  const found = await ask("engines");
  const select = find(".engine");
  const about = {};
  for (const engine of found.engines) {
    const option = make("option", "", engine.ready ? engine.name : `${engine.name} – ${text("run.not_ready")}`);
    option.value = engine.name;
    option.disabled = !engine.ready;
    option.selected = engine.name === found.engine;
    about[engine.name] = engine.ready ? `${engine.description} (${engine.device})` : engine.next_step;
    select.append(option);
  }
  const describe = () => {
    find(".about-engine").textContent = about[select.value] || "";
    const engine = found.engines.find((one) => one.name === select.value);
    showWeights(engine, engine?.name === found.engine ? found.weights : null);
  };
  select.addEventListener("change", describe);
  describe();
  find(".automatic-text").textContent =
    found.threshold === null
      ? text("run.automatic")
      : text("run.as_project", { threshold: found.threshold });
  enginesAreShown = true;
  await refresh();
}

// What a run was started with, in whichever tab, is what this page offers to go on with.
function showChoice(choice) {
  const content = JSON.stringify(choice);
  if (!enginesAreShown || !choice || content === shownChoice) return;
  shownChoice = content;
  const offers = (name, value) =>
    [...find(name).options].some((option) => option.value === value && !option.disabled);
  if (offers(".engine", choice.engine)) {
    find(".engine").value = choice.engine;
    find(".engine").dispatchEvent(new Event("change"));
  }
  if (offers(".weights", choice.weights)) find(".weights").value = choice.weights;
  find(".automatic").checked = choice.threshold === null;
  find(".threshold-line").hidden = choice.threshold === null;
  if (choice.threshold === null) return;
  find(".threshold").value = find(".threshold-range").value = choice.threshold;
}

// Of an engine with several weights on this machine, or with some that the project names.
function showWeights(engine, ofProject) {
  const names = (engine?.weights || []).filter((one) => one.here).map((one) => one.name);
  const own = make("option", "", ofProject || text("run.own_weights"));
  own.value = "";
  find(".weights").replaceChildren(own);
  for (const name of names) {
    if (name === ofProject) continue;
    const option = make("option", "", name);
    option.value = name;
    find(".weights").append(option);
  }
  find(".weights-line").hidden = !ofProject && names.length < 2;
}

function chosenThreshold() {
  return find(".automatic").checked ? null : Number(find(".threshold").value);
}

find(".automatic").addEventListener("change", (event) => {
  find(".threshold-line").hidden = event.target.checked;
});
find(".threshold-range").addEventListener("input", (event) => {
  find(".threshold").value = event.target.value;
});
find(".threshold").addEventListener("input", (event) => {
  find(".threshold-range").value = event.target.value;
});

// ---- start, stop, progress
async function start(fresh) {
  find(".start").disabled = true;
  find(".problem").hidden = true;
  try {
    const engine = find(".engine").value || null;
    const weights = find(".weights").value || null;
    await tell("start", { engine, weights, threshold: chosenThreshold(), fresh });
  } catch (error) {
    showProblem(error.message, false);
    find(".start").disabled = false;
    return;
  }
  await refresh();
}

function showProblem(sentence, canStartAfresh) {
  find(".problem").hidden = !sentence;
  find(".problem .sentence").textContent = sentence || "";
  find(".afresh").hidden = !canStartAfresh;
}

function duration(seconds) {
  if (seconds === null) return "–";
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
}

function showProgress(progress) {
  const busy = progress.state !== "idle";
  const finished = progress.done + progress.failed;
  const pending = Math.max(0, progress.total - finished);
  find(".counted").textContent = text("run.counted", {
    total: number(progress.total),
    folder: progress.folder,
  });
  const missing = progress.references === 0 ? "references" : progress.total === 0 ? "targets" : null;
  find(".start").disabled = busy || missing !== null;
  find(".start").textContent = text(
    pending && finished ? "run.go_on" : progress.failed ? "run.again" : "run.start",
  );
  find(".stop").disabled = !busy || progress.state === "stopping";
  const state = stateOf(progress, busy, pending, missing);
  const { stage } = progress;
  find(".state").textContent =
    state === "preparing" && stage?.name === "learning"
      ? text("run.state_learning", { count: stage.references, engine: stage.engine })
      : text(`run.state_${state}`, { failed: number(progress.failed) });
  showWayOn(busy || progress.elsewhere ? null : missing === "references" ? ANNOTATE : finished ? RESULTS : null);
  const share = (count) => (progress.total ? (100 * count) / progress.total : 0);
  find(".bar-done").style.width = `${share(progress.done)}%`;
  find(".bar-failed").style.width = `${share(progress.failed)}%`;
  find(".bar").setAttribute("aria-valuenow", Math.round(share(finished)));
  find(".bar").classList.toggle("busy", busy || progress.elsewhere);
  find(".done").textContent = text("run.done_of", { done: number(progress.done), total: number(progress.total) });
  find(".empty").textContent = number(progress.empty);
  find(".failed").textContent = number(progress.failed);
  find(".figures").classList.toggle("some-failed", progress.failed > 0);
  find(".rate").textContent = progress.rate === null ? "–" : `${progress.rate.toFixed(1)}/s`;
  find(".left").textContent = pending ? duration(progress.seconds_left) : "–";
  showProblem(progress.error, progress.can_start_afresh);
  showChoice(progress.choice);
  const notes = find(".notes");
  notes.hidden = !progress.notes.length;
  notes.replaceChildren(...progress.notes.map((note) => make("li", "", note)));
  lastState = busy || progress.elsewhere ? "busy" : "idle";
}

function stateOf(progress, busy, pending, missing) {
  if (progress.elsewhere) return "elsewhere";
  if (busy) return progress.state;
  if (missing) return `no_${missing}`;
  if (pending || progress.done + progress.failed === 0) return "idle";
  return progress.failed ? "finished_but" : "finished";
}

// The tab that a person goes to from here, if any.
function showWayOn(tab) {
  const button = find(".way-on");
  button.hidden = tab === null;
  button.dataset.tab = tab ?? "";
  button.textContent = tab === null ? "" : text(tab === ANNOTATE ? "run.to_annotate" : "run.to_results");
}

async function refresh() {
  if (asking) return;
  asking = true;
  try {
    showProgress(await ask("run"));
  } catch (error) {
    find(".state").textContent = error.message;
  } finally {
    asking = false;
  }
}

find(".start").addEventListener("click", () => start(false));
find(".afresh").addEventListener("click", () => start(true));
find(".way-on").addEventListener("click", (event) => openTab(Number(event.target.dataset.tab)));
find(".stop").addEventListener("click", async () => {
  find(".stop").disabled = true;
  await tell("stop").catch(() => {});
  await refresh();
});

showEngines().catch((error) => (find(".about-engine").textContent = error.message));
repeat(refresh, () => (lastState === "busy" ? 400 : 1500));
