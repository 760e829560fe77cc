// What the page is made of, and small helpers.

const data = JSON.parse(document.getElementById("data").textContent);
const photos = data.photos;
const byId = (id) => document.getElementById(id);
const SEVERITIES = data.bands.map((band) => band.name);
const REGIONS = {forehead: "forehead", left_cheek: "left cheek", right_cheek: "right cheek", chin: "chin"};
const TOP = 9;
// Readers grade in the steps of the study that the model learnt from; tenths where it has none.
const STEP = data.step || 0.1;
const DIGITS = Math.max(1, (String(STEP).split(".")[1] || "").length);
const STEPS = Array.from({length: Math.floor(TOP / STEP + 1e-9) + 1}, (_, place) => (place * STEP).toFixed(DIGITS));
const isGrade = (grade) => typeof grade === "number" && grade >= 0 && grade <= TOP
  && Math.abs(grade / STEP - Math.round(grade / STEP)) < 1e-6;
const onStep = (grade) => Number(Math.min(TOP, Math.floor(grade / STEP + 0.5) * STEP).toFixed(4));

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(2)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const figure = (value, digits = 1) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const signed = (value, digits = 1) => (Math.abs(value) < 0.5 * 10 ** -digits ? "" : value > 0 ? "+" : "−")
  + Math.abs(value).toFixed(digits);
const difference = (photo) =>
  photo.grade === null || photo.expert === null ? null : photo.grade - photo.expert;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function say(text) {
  byId("message").textContent = "";
  window.setTimeout(() => { byId("message").textContent = text; }, 30);
}
