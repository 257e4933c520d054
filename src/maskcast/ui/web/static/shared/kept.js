// @ts-check
// What a browser keeps of how somebody looks at a project. Nothing of it reaches the server.

/**
 * @template Value
 */
export class Kept {
  /**
   * @param {string} project  tells it from others at the same address
   * @param {string} name
   * @param {Value} first  what holds before anything is kept
   */
  constructor(project, name, first) {
    this.key = `maskcast ${project} ${name}`;
    this.value = { ...first, ...this.#read() };
  }

  /** @returns {Partial<Value>} */
  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "{}");
      return typeof kept === "object" && kept !== null ? kept : {};
    } catch {
      return {};
    }
  }

  /** @param {Partial<Value>} change */
  change(change) {
    this.value = { ...this.value, ...change };
    try {
      localStorage.setItem(this.key, JSON.stringify(this.value));
    } catch {
      // a browser that keeps nothing shows it all the same
    }
  }
}
