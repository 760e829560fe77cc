// Small helpers: elements, requests, words for figures. Whatever comes from files is set as text, never parsed as HTML.

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return fill(node, children);
}

function fill(node, children) {
  for (const child of children.flat(3)) {
    if (child !== null && child !== undefined && child !== false && child !== "") node.append(child);
  }
  return node;
}

// What stands in a node from now on; nothing stands for what is null or false.
export function put(node, ...children) {
  node.replaceChildren();
  return fill(node, children);
}

let written = Promise.resolve();

// One request to the window's server; its errors are one line, fit to show.
// What is written goes one after another: of two choices in quick succession the later one stays.
export function ask(path, body) {
  if (body === undefined) return fetched(path, {});
  const mine = written.then(() => fetched(path, {method: "POST", body: JSON.stringify(body), headers: {"content-type": "application/json"}}));
  written = mine.catch(() => null);
  return mine;
}

async function fetched(path, how) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, how);
  } catch {
    throw new Error("The window's server does not answer. Start toolkit app again.");
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(inWindow(told.error || "Something went wrong."));
  return told;
}

export function say(text) {
  byId("message").textContent = text;
}

// What an act did wrong is told at the foot of the window, until the next act.
export const acting = (act) => async (...given) => {
  say("");
  try {
    await act(...given);
  } catch (error) {
    say(error.message);
  }
};

// The commands' messages name their options; in the window these have other names.
const OPTIONS = {
  "--append": "“Keep them”", "--overwrite": "“Drop them”", "--report-dir": "the results folder",
  "--report": "the results folder", "--out": "results folder", "--model": "model", "--expert-grades": "the workbook",
  "--arms": "the table of arms", "--workers": "processes",
};
export function inWindow(text) {
  return text.replace(/--column (\w+)=NAME --column (\w+)=NAME/g, "in the lists for “$1” and “$2”")
    .replace(/--column (\w+)=(?:NAME|\.\.\.)/g, "the list for “$1”")
    .replace(/--column (\w+)=/g, "the list for “$1” ")
    .replace(/--[a-z][a-z-]*/g, (option) => OPTIONS[option] || option);
}

export const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const fileName = (path) => path.split(/[\\/]/).filter(Boolean).pop() || path;

// A path in which the middle gives way; the whole is told on hover.
export const pathMark = (path) => el("span", {class: "path", title: path}, el("bdi", {}, path));

export const fileLink = (name, text) => el("a", {href: `files/${encodeURIComponent(name)}`, download: name}, text || name);

export function table(headings, rows, attributes = {}) {
  return el("div", {class: "wide"}, el("table", attributes,
    el("thead", {}, el("tr", {}, headings.map((text) => el("th", {scope: "col"}, text)))),
    el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell)))))));
}
