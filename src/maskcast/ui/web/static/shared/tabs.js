// @ts-check
// The tabs of the page, by the ids that app.py gives them.

/** @import { TabName } from "./address.js" */
import { readHash, writeHash } from "./address.js";

const BUTTON = /^maskcast-(annotate|run|results|review)-tab-button$/;
const ATTEMPTS = 100;

/**
 * @param {TabName} id
 * @returns {boolean}  whether the tab is there yet
 */
export function openTab(id) {
  const button = document.getElementById(`maskcast-${id}-tab-button`);
  button?.click();
  return button !== null;
}

/** The open tab is in the address: Back goes to the one before, and loading opens the same one. */
export function followTabs() {
  document.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("[role=tab]") : null;
    const name = BUTTON.exec(button?.id ?? "")?.[1];
    const open = readHash(location.hash).tab;
    if (!name || name === open) return;
    history.pushState(null, "", writeHash(/** @type {TabName} */ (name)));
  });
  window.addEventListener("popstate", () => openTab(readHash(location.hash).tab));
  const begin = (/** @type {number} */ attempts) => {
    const { tab } = readHash(location.hash);
    if (tab === "annotate" || openTab(tab) || !attempts) return;
    setTimeout(() => begin(attempts - 1), 50);
  };
  begin(ATTEMPTS);
}
