// @ts-check
// The tabs of the page, by the ids that app.py gives them.

/** @param {"annotate" | "run" | "results" | "review"} id */
export function openTab(id) {
  document.getElementById(`maskcast-${id}-tab-button`)?.click();
}
