// Talking to the server. Edits go out one after another, numbered, so that none is lost, doubled or
// overtaken; the preview they ask for travels beside them, so that a click costs one round trip.
// Every answer carries a revision: one older than what is shown is dropped.

const link = {
  desk: null,
  revision: 0,
  number: 0,          // of the last change that was sent
  waiting: [],        // steps that were not sent yet
  echo: [],           // {step, number} shown at once, until the server's answer shows them
  lane: Promise.resolve(),
  previewing: false,
  previewAgain: false,
  offline: false,
};

async function ask(message) {
  for (let attempt = 0; ; attempt += 1) {
    let reply;
    try {
      reply = await server.annotate(message);
    } catch (error) {
      console.warn("maskcast:", error);
    }
    if (reply && typeof reply === "object" && "ok" in reply) {
      if (link.offline) setOffline(false);
      return reply;
    }
    setOffline(true);
    await pause(Math.min(4000, 250 * 2 ** attempt));
  }
}

function setOffline(offline) {
  link.offline = offline;
  showStatus();
}

async function start() {
  const reply = await ask({ do: "start" });
  link.desk = reply.desk;
  link.revision = 0;
  link.number = 0;
  maskCache.clear();
  takeList(reply);
}

// One job after another: edits, opening, refreshing.
function inLane(job) {
  const done = link.lane.then(job).catch((error) => {
    console.error(error);
    notify("error", String(error?.message ?? error));
  });
  link.lane = done;
  return done;
}

function openImage(image) {
  if (image === state.image && state.scene?.image === image) return link.lane;
  state.image = image;
  stage.dataset.drawn = "";
  showFrames();
  return inLane(async () => {
    if (state.image !== image) return;
    await sendWaiting();
    await openNow(image);
  });
}

async function openNow(image) {
  const picture = loadPicture(image);
  const reply = await askAtDesk({ do: "open", image });
  const loaded = await picture;
  if (state.image !== image) return; // another one was chosen meanwhile, and is next in the lane
  if (loaded === null || reply.scene?.image !== image) {
    await stayAt(state.scene?.image ?? null);
    return;
  }
  link.echo = [];
  state.picture = loaded;
  sessionStorage.setItem(LAST_IMAGE, image);
  takeScene(reply.scene);
  if (hasPending()) preview(link.number);
  prefetchNeighbours();
}

// What cannot be opened leaves the image before in hand, here and at the server.
async function stayAt(image) {
  state.image = image;
  showFrames();
  drawTop();
  if (image !== null) await askAtDesk({ do: "open", image });
}

// A change of the image in hand: shown at once, sent in order.
function change(step) {
  if (!state.scene || state.scene.image !== state.image) return;
  link.waiting.push(step);
  link.echo.push({ step, number: null });
  stage.dataset.drawn = "";
  drawTop();
  showStatus();
  inLane(sendWaiting);
}

async function sendWaiting() {
  if (link.waiting.length === 0) return;
  const steps = link.waiting.splice(0);
  const image = state.scene.image;
  const echoed = link.echo.filter((entry) => entry.number === null);
  for (;;) {
    link.number += 1;
    const number = link.number;
    for (const entry of echoed) entry.number = number;
    const asked = askOnce({ do: "change", image, number, steps });
    preview(number);
    const reply = await asked;
    if (reply.expired) {
      await startAgain(image);
      continue;
    }
    take(reply, number);
    return;
  }
}

async function preview(number) {
  if (link.previewing) {
    link.previewAgain = true;
    return;
  }
  link.previewing = true;
  showStatus();
  const reply = await askOnce({ do: "preview", number });
  link.previewing = false;
  if (!reply.expired) take(reply, number);
  showStatus();
  const again = link.previewAgain || (hasPending() && !reply.problem && !reply.expired);
  link.previewAgain = false;
  if (again && link.desk !== null) preview(link.number);
}

const askOnce = (message) => ask({ ...message, desk: link.desk, known: knownKeys() });

async function askAtDesk(message) {
  const reply = await askOnce(message);
  if (!reply.expired) {
    if (reply.problem) showProblem(reply.problem);
    return reply;
  }
  await start();
  return askAtDesk(message);
}

// The server was started anew, or forgot this page: what was saved is in the file.
async function startAgain(image) {
  await start();
  const reply = await askAtDesk({ do: "open", image });
  if (reply.scene) takeScene(reply.scene);
}

function take(reply, number) {
  if (reply.problem) showProblem(reply.problem);
  link.echo = link.echo.filter(
    (entry) => entry.number === null || entry.number > number || isStrokeWithoutMask(entry, reply),
  );
  if (reply.scene) takeScene(reply.scene);
  else drawTop();
}

// A stroke stays until a mask that holds it is there.
function isStrokeWithoutMask(entry, reply) {
  const object = (reply.scene ?? state.scene)?.objects[entry.step.object];
  return entry.step.kind === "stroke" && !reply.problem && object !== undefined && object.pending;
}

function takeScene(scene) {
  if (scene.revision <= link.revision) return;
  link.revision = scene.revision;
  if (scene.image !== state.image) return;
  keepMasks(scene);
  const isOther = state.scene?.image !== scene.image;
  state.scene = scene;
  if (isOther) fitView();
  showScene();
  listSoon();
}

function takeList(reply) {
  if (reply.problem) {
    showProblem(reply.problem);
    return;
  }
  state.references = reply.references;
  state.objects = reply.objects;
  state.shownSlots = Math.max(state.shownSlots, reply.objects.length);
  showSlots();
  showFrames();
  find(".mc-empty").hidden = state.references.length > 0;
  draw();
}

const hasPending = () => Object.values(state.scene?.objects ?? {}).some((object) => object.pending);

const refreshList = async () => takeList(await ask({ do: "list" }));
const listSoon = later(350, refreshList);

function showProblem(problem) {
  notify(problem.kind, problem.kind === "conflict" ? text("conflict", problem) : problem.text);
}

// Others may work on the same project: look now and then, and when the page comes back.
async function lookAround() {
  if (!isVisible() || document.visibilityState !== "visible") return;
  await inLane(async () => {
    if (!state.scene || link.waiting.length > 0) return;
    const reply = await askOnce({ do: "refresh" });
    if (reply.expired) await startAgain(state.scene.image);
    else take(reply, 0);
  });
  if (hasPending()) preview(link.number);
  await refreshList();
}
