// @ts-check
// What all tabs share: the address of the page.

import { followTabs } from "../shared/tabs.js";

export function mount() {
  followTabs();
}
