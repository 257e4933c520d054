// @ts-check
// What of the page is in its address, behind the #: the open tab, and what that tab shows. So the
// browser's Back goes one step back inside the page, and an address can be kept or sent.

/** @typedef {"annotate" | "run" | "results" | "review"} TabName */

const TABS = /** @type {readonly TabName[]} */ (["annotate", "run", "results", "review"]);

/**
 * @param {string} hash  of an address, with its #
 * @returns {{tab: TabName, parameters: URLSearchParams}}
 */
export function readHash(hash) {
  const [name, query = ""] = hash.replace(/^#/, "").split("?");
  return {
    tab: TABS.find((tab) => tab === name) ?? TABS[0],
    parameters: new URLSearchParams(query),
  };
}

/**
 * @param {TabName} tab
 * @param {Record<string, string | number | undefined>} [parameters]  empty ones are left out
 */
export function writeHash(tab, parameters = {}) {
  const given = Object.entries(parameters).filter(
    ([, value]) => value !== undefined && value !== "",
  );
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#${tab}${query ? `?${query}` : ""}`;
}

/**
 * Puts a state of a tab into the address, as a step that Back takes back or in place of the last.
 * A tab that is not the open one leaves the address alone.
 * @param {TabName} tab
 * @param {Record<string, string | number | undefined>} parameters
 * @param {{step?: boolean}} [how]
 */
export function putAddress(tab, parameters, { step = false } = {}) {
  const hash = writeHash(tab, parameters);
  if (readHash(location.hash).tab !== tab || hash === location.hash) return;
  if (step) history.pushState({ step }, "", hash);
  else history.replaceState(history.state, "", hash);
}
