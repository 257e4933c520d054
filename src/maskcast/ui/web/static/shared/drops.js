// @ts-check
// Files that are dropped on the page, folders with all that is in them.

/** @param {DragEvent} event */
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/**
 * @param {HTMLElement} area
 * @param {(isOver: boolean) => void} show  whether files are held over it
 * @param {(files: File[]) => unknown} take  what was dropped
 */
export function listenToDrops(area, show, take) {
  area.addEventListener("dragover", (event) => {
    if (hasFiles(event)) show(true);
  });
  area.addEventListener("dragleave", (event) => {
    const to = event.relatedTarget;
    if (!(to instanceof Node && area.contains(to))) show(false);
  });
  area.addEventListener("drop", async (event) => {
    if (!hasFiles(event) || !event.dataTransfer) return;
    show(false);
    take(await droppedFiles(event.dataTransfer));
  });
  // A browser opens what is dropped beside, in the place of this page.
  for (const name of /** @type {const} */ (["dragover", "drop"])) {
    document.addEventListener(name, (event) => {
      if (hasFiles(event)) event.preventDefault();
    });
  }
}

/**
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(isEntry);
  if (!entries.length) return [...transfer.files];
  /** @type {File[]} */
  const files = [];
  for (const entry of entries) await walk(entry, "", files);
  return files;
}

/**
 * @param {FileSystemEntry | null} entry
 * @returns {entry is FileSystemEntry}
 */
const isEntry = (entry) => Boolean(entry);

/**
 * Collects what is in an entry, each file with its path below what was dropped.
 * @param {FileSystemEntry} entry
 * @param {string} path
 * @param {File[]} files
 */
async function walk(entry, path, files) {
  if (isFile(entry)) {
    /** @type {File & {droppedPath?: string}} */
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    if (path) file.droppedPath = `${path}${file.name}`;
    files.push(file);
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    for (const inner of some) await walk(inner, `${path}${entry.name}/`, files);
  }
}

/**
 * @param {FileSystemEntry} entry
 * @returns {entry is FileSystemFileEntry}
 */
const isFile = (entry) => entry.isFile;
