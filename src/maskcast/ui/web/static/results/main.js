// @ts-check
// The Results tab: a gallery, a large view, downloads.

/**
 * @import { Controls } from "../shared/controls.js"
 * @import { Tables } from "../shared/texts.js"
 */
import { putAddress, readHash } from "../shared/address.js";
import { fillTexts, find, make, repeat } from "../shared/dom.js";
import { routeUrl, Server } from "../shared/server.js";
import { openTab } from "../shared/tabs.js";
import { chooseLanguage, Texts } from "../shared/texts.js";
import { offerTone } from "../shared/tone.js";
import { Gallery } from "./gallery.js";
import { LargeView } from "./large.js";

const LOOK_AGAIN = 2000; // milliseconds

/**
 * Offers the results, or a part of them, or a format of another tool.
 * @param {HTMLElement} root
 * @param {string[]} formats
 * @param {string} language
 */
function offerDownloads(root, formats, language) {
  const options = formats.map((name) =>
    make("option", "", { text: name, value: `format=${name}` }),
  );
  root.querySelector(".formats")?.append(...options);
  const part = find(root, ".part", HTMLSelectElement);
  const link = find(root, ".save", HTMLAnchorElement);
  const aim = () => {
    link.href = `${routeUrl("download")}?${part.value}`;
  };
  part.addEventListener("change", aim);
  find(root, ".report", HTMLAnchorElement).href = routeUrl("report", { lang: language });
  aim();
}

/**
 * The filters, the page and the picture that is open are in the address, and come from there.
 * @param {Gallery} gallery
 * @param {LargeView} large
 */
function followAddress(gallery, large) {
  let isFollowing = false;
  const go = async () => {
    const { tab, parameters } = readHash(location.hash);
    if (tab !== "results") return large.goTo(null);
    isFollowing = true; // until all of it is shown, what is shown is not all of it
    await gallery.goTo(parameters);
    await large.goTo(parameters.get("open"));
    isFollowing = false;
  };
  window.addEventListener("popstate", go);
  gallery.onShown = () => {
    if (!large.isOpen && !isFollowing) putAddress("results", gallery.address());
  };
  return go();
}

/**
 * @param {object} given  by Gradio
 * @param {HTMLElement} given.element
 * @param {{texts: Tables, lang: string, project: string, formats: string[],
 *     controls: Controls}} given.props
 */
export function mount({ element, props }) {
  const root = find(element, ".results");
  const language = chooseLanguage(props.texts, props.lang, [navigator.language]);
  const texts = new Texts(props.texts, language);
  fillTexts(root, texts);
  const server = new Server(texts);
  const gallery = new Gallery(root, texts, server, (index) => large.open(index));
  const large = new LargeView(root, texts, server, gallery, props.controls, props.project);
  offerTone(find(root, ".tone"), [find(root, ".original")], props.project, texts);
  find(root, ".to-run").addEventListener("click", () => openTab("run"));
  offerDownloads(root, props.formats, language);
  const followed = followAddress(gallery, large);
  repeat(
    root,
    async () => {
      await followed;
      if (!large.isOpen) await gallery.refresh();
    },
    () => LOOK_AGAIN,
  );
}
