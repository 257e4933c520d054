// What the Run and Results tabs share: texts, the server's routes, small helpers.
const language = props.lang || ((navigator.language || "").startsWith("ko") ? "ko" : "en");

function text(key, values = {}) {
  const found = (props.texts[language] || props.texts.en)[key] || key;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function fillTexts(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) {
    if (node.tagName === "OPTGROUP") node.label = text(node.dataset.label);
    node.setAttribute("aria-label", text(node.dataset.label));
    node.title = text(node.dataset.label);
  }
}

function routeUrl(route, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  return `maskcast/${route}${query ? `?${query}` : ""}`;
}

// Resolves to the answer; rejects with a sentence to be shown.
async function ask(route, parameters = {}, options = {}) {
  let response;
  try {
    response = await fetch(routeUrl(route, parameters), options);
  } catch {
    throw new Error(text("shared.unreachable"));
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `${response.status} ${response.statusText}`);
  return answer;
}

function tell(route, content = {}) {
  return ask(route, {}, { method: "POST", body: JSON.stringify(content) });
}

function make(tag, className = "", content = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content) node.textContent = content;
  return node;
}

function number(value) {
  return value.toLocaleString(language);
}

function isShown() {
  return element.isConnected && element.offsetParent !== null && !document.hidden;
}

// Calls `work` as soon as this page is looked at, and again `pause()` milliseconds after it ended.
function repeat(work, pause) {
  let timer = null; // null while at work
  const turn = async () => {
    clearTimeout(timer);
    timer = null;
    if (!element.isConnected) return;
    try {
      if (isShown()) await work();
    } finally {
      timer = setTimeout(turn, pause());
    }
  };
  const hurry = () => timer !== null && isShown() && turn();
  new IntersectionObserver(hurry).observe(element);
  document.addEventListener("visibilitychange", hurry);
  turn();
}

// Places of the tabs.
const ANNOTATE = 0;
const RUN = 1;
const RESULTS = 2;

function openTab(place) {
  document.querySelectorAll('#maskcast-tabs [role="tab"]')[place].click();
}
