// @ts-check
// What is sent to the server one after another, while the hands go on.

export class Lane {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  #waiting = 0;

  /** Whether all that was put in is done. */
  get isIdle() {
    return this.#waiting === 0;
  }

  /**
   * Does something once all that was put in before is over, whether that went well or not.
   * @param {() => Promise<void>} work
   * @returns {Promise<void>} rejects as the work does
   */
  put(work) {
    this.#waiting += 1;
    const done = this.#last.then(work).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = done.catch(() => {}); // whoever put it in hears of it
    return done;
  }
}
