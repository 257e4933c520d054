// Files that are dropped on the page, folders with all that is in them.

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

// Calls `take` with the files that are dropped on `area`, and `show` with whether some are over it.
function listenToDrops(area, show, take) {
  area.addEventListener("dragover", (event) => {
    if (hasFiles(event)) show(true);
  });
  area.addEventListener("dragleave", (event) => {
    if (!area.contains(event.relatedTarget)) show(false);
  });
  area.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    show(false);
    take(await droppedFiles(event.dataTransfer));
  });
  // A browser opens what is dropped beside, in the place of this page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => hasFiles(event) && event.preventDefault());
  }
}

async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const files = [];
  const walk = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      if (path) file.droppedPath = `${path}${file.name}`;
      files.push(file);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) break;
      for (const one of some) await walk(one, `${path}${entry.name}/`);
    }
  };
  for (const entry of entries) await walk(entry, "");
  return files;
}

// Of a dropped folder, its own name is left out.
function uploadName(file) {
  const path = file.webkitRelativePath || file.droppedPath || file.name;
  return path.includes("/") ? path.slice(path.indexOf("/") + 1) : path;
}
