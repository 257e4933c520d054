// @ts-check
// The routes of the server below maskcast/, beside those of Gradio.

/** @import { Texts } from "./texts.js" */

const TOO_LONG = 413; // which no repetition helps

/**
 * The address of a route, below wherever the page itself is.
 * @param {string} route
 * @param {Record<string, string | number>} [parameters]
 */
export function routeUrl(route, parameters = {}) {
  const values = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
  const query = new URLSearchParams(values).toString();
  return `maskcast/${route}${query ? `?${query}` : ""}`;
}

/**
 * Of a dropped or chosen folder, its own name is left out.
 * @param {{name: string, webkitRelativePath?: string, droppedPath?: string}} file
 */
export function uploadName(file) {
  const path = file.webkitRelativePath || file.droppedPath || file.name;
  return path.includes("/") ? path.slice(path.indexOf("/") + 1) : path;
}

export class Server {
  /**
   * @param {Texts} texts
   * @param {typeof fetch} [fetcher]
   * @param {"annotate" | "fix"} [talksAt]  the route of those who draw: on references or targets
   */
  constructor(texts, fetcher = (...given) => fetch(...given), talksAt = "annotate") {
    this.texts = texts;
    this.fetch = fetcher;
    this.talksAt = talksAt;
  }

  /**
   * Resolves to the answer; rejects with a sentence to be shown.
   * @param {string} route
   * @param {Record<string, string | number>} [parameters]
   * @param {RequestInit} [options]
   * @returns {Promise<any>}
   */
  async ask(route, parameters = {}, options = {}) {
    let response;
    try {
      response = await this.fetch(routeUrl(route, parameters), options);
    } catch {
      throw new Error(this.texts.text("shared.unreachable"));
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.error || `${response.status} ${response.statusText}`);
    return answer;
  }

  /**
   * @param {string} route
   * @param {object} [content]
   */
  tell(route, content = {}) {
    return this.ask(route, {}, { method: "POST", body: JSON.stringify(content) });
  }

  /**
   * A message of the Annotate tab, or of Fix, and its answer, a problem among them; rejects if there
   * is none.
   * @param {object} message
   * @returns {Promise<any>}
   */
  async talk(message) {
    const options = { method: "POST", body: JSON.stringify(message) };
    const response = await this.fetch(routeUrl(this.talksAt), options);
    if (response.status !== TOO_LONG) return response.json();
    return { ok: false, problem: { kind: "error", text: await response.text() } };
  }

  /**
   * @param {"references" | "targets"} to
   * @param {File} file
   * @returns {Promise<{image_id: string, new: boolean, wanted: string}>}
   */
  upload(to, file) {
    return this.ask("upload", { to, name: uploadName(file) }, { method: "POST", body: file });
  }
}
