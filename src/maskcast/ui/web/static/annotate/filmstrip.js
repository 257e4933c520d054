// The references: thumbnails, what is annotated, adding more by upload.

const thumbnails = new Map(); // image id -> data URL, null if it cannot be read
const wanted = new Set();
let fetching = false;

const frameWatcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const image = entry.target.dataset.image;
    if (entry.isIntersecting && !thumbnails.has(image)) wanted.add(image);
  }
  fetchThumbnails();
}, { root: null, rootMargin: "200px" });

async function fetchThumbnails() {
  if (fetching) return;
  fetching = true;
  while (wanted.size > 0) {
    const images = [...wanted].slice(0, 6);
    for (const image of images) wanted.delete(image);
    const reply = await ask({ do: "thumbnails", images });
    for (const [image, picture] of Object.entries(reply.thumbnails ?? {})) thumbnails.set(image, picture);
    showFrames();
  }
  fetching = false;
}

function showFrames() {
  const list = find(".mc-frames");
  const known = new Map([...list.children].map((child) => [child.dataset.image, child]));
  state.references.forEach((reference, index) => {
    const shown = known.get(reference.image) ?? makeFrame(reference.image);
    known.delete(reference.image);
    if (list.children[index] !== shown) list.insertBefore(shown, list.children[index] ?? null);
    fillFrame(shown, reference);
  });
  for (const gone of known.values()) gone.remove();
}

function makeFrame(image) {
  const made = make("button", "mc-frame", { type: "button", "data-image": image });
  const picture = make("span", "mc-frame-picture");
  picture.append(make("img", "", { alt: "", draggable: "false" }), make("span", "mc-dots"));
  made.append(picture, make("span", "mc-frame-name"));
  made.addEventListener("click", () => openImage(image));
  frameWatcher.observe(made);
  return made;
}

function fillFrame(shown, { image, clean, objects }) {
  const isChosen = image === state.image;
  if (isChosen && shown.getAttribute("aria-current") !== "true") {
    shown.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  shown.setAttribute("aria-current", String(isChosen));
  const marks = clean ? text("frame.clean") : objects.map(nameOf).join(", ") || text("frame.none");
  label(shown, `${image}: ${marks}`);
  shown.classList.toggle("mc-done", clean || objects.length > 0);
  const [picture, name] = shown.children;
  const [thumbnail, dots] = picture.children;
  const source = thumbnails.get(image);
  thumbnail.hidden = !source;
  picture.classList.toggle("mc-broken", source === null);
  if (source && thumbnail.getAttribute("src") !== source) thumbnail.src = source;
  name.textContent = shortened(image, 13);
  dots.replaceChildren(...(clean ? [make("i", "mc-clean-mark")] : objects.slice(0, 8).map(dotOf)));
}

// Names differ at their ends: the middle is what is left out.
function shortened(name, most) {
  const last = name.split("/").at(-1);
  if (last.length <= most) return last;
  return `${last.slice(0, most - 10)}…${last.slice(-9)}`;
}

function dotOf(id) {
  const dot = make("i", "mc-dot");
  dot.style.background = colorOf(id);
  return dot;
}

function openNeighbour(by) {
  const at = state.references.findIndex((reference) => reference.image === state.image);
  const next = state.references[limit(at + by, 0, state.references.length - 1)];
  if (next) openImage(next.image);
}

async function addFiles(files) {
  const added = [];
  for (const [index, file] of files.entries()) {
    const status = find(".mc-status");
    status.textContent = text("uploading", { done: index + 1, all: files.length });
    try {
      added.push(await sendFile(file));
    } catch (error) {
      notify("error", text("upload.failed", { name: file.name, reason: error?.message ?? error }));
    }
  }
  showStatus();
  if (added.length === 0) return;
  for (const image of added) thumbnails.delete(image);
  await refreshList();
  notify("info", text("uploaded", { count: added.length }));
  openImage(added[0]);
}

async function sendFile(file) {
  const address = new URL("maskcast/upload", document.baseURI);
  address.search = new URLSearchParams({ to: "references", name: uploadName(file) });
  const answer = await fetch(address, { method: "POST", body: file });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content.image_id;
}

function listenToFiles() {
  const chooser = find(".mc-files");
  chooser.addEventListener("change", async () => {
    await addFiles([...chooser.files]);
    chooser.value = "";
  });
  listenToDrops(root, (isOver) => (find(".mc-drop").hidden = !isOver), addFiles);
}
