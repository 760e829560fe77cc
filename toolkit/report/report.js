"use strict";
// Plain JavaScript without a library. Whatever comes from files is set as text, never parsed as HTML.
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const photos = data.photos;
const byId = (id) => document.getElementById(id);
const SEVERITIES = ["none", "mild", "moderate", "severe"];
const REGIONS = {forehead: "forehead", left_cheek: "left cheek", right_cheek: "right cheek", chin: "chin"};
const TOP = 9;

// --- small helpers ----------------------------------------------------------------------------

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

// --- what is remembered in this browser ----------------------------------------------------------

const memory = {
  works: true,
  read(key) {
    try { return JSON.parse(window.localStorage.getItem(key)); } catch { return null; }
  },
  write(key, value) {
    try { window.localStorage.setItem(key, JSON.stringify(value)); } catch { this.works = false; }
  },
};
const REVIEW = `toolkit-review:${data.hash}`;
const LAYERS = "toolkit-report-layers";
const READER = "toolkit-report-reader";
const reviews = new Map();
const isSound = (mine) => Boolean(mine) && ["verdict", "reader", "comment", "at"].every(
  (name) => typeof mine[name] === "string") && (mine.verdict ? isGrade(mine.grade) : Boolean(mine.comment));
const isGrade = (grade) => typeof grade === "number" && grade >= 0 && grade <= TOP && Number.isInteger(2 * grade);

// What this browser holds is what counts: the same page may be open in another tab.
function reread() {
  const kept = memory.works ? memory.read(REVIEW) : null;
  if (!kept || typeof kept !== "object") return;
  reviews.clear();
  for (const [name, mine] of Object.entries(kept)) if (isSound(mine)) reviews.set(name, mine);
}
const reviewOf = (photo) => reviews.get(photo.photo) || null;
const isReviewed = (photo) => Boolean(reviewOf(photo) && reviewOf(photo).verdict);

// --- table ---------------------------------------------------------------------------------------

const visitRank = new Map(data.visits.map((visit, place) => [visit.label, place]));
const hasExpert = photos.some((photo) => photo.expert !== null);
const text = (name) => (photo) => photo[name].toLowerCase();
const COLUMNS = [
  {name: "photo", title: "photo", key: text("photo")},
  {name: "subject", title: "subject", key: text("subject")},
  {name: "side", title: "side", key: text("side")},
  {name: "visit", title: "visit", key: (photo) => (photo.visit ? visitRank.get(photo.visit) : null)},
  {name: "grade", title: "grade", key: (photo) => photo.grade, number: true},
  {name: "interval", title: "interval 0–9", key: (photo) => (photo.upper === null ? null : photo.upper - photo.lower)},
  {name: "severity", title: "severity", key: (photo) => (photo.severity ? SEVERITIES.indexOf(photo.severity) : null)},
  {name: "flags", title: "to look at", key: (photo) => ({failed: 0, flagged: 1, "": 2})[photo.flag]},
  {name: "expert", title: "expert", key: (photo) => photo.expert, number: true, expert: true},
  {name: "difference", title: "diff.", key: difference, number: true, expert: true,
   about: "the automatic grade minus the expert's"},
  {name: "review", title: "review", key: (photo) => (isReviewed(photo) ? reviewOf(photo).grade : null), number: true},
].filter((column) => hasExpert || !column.expert);
const ROW_PX = 30, ALL_ROWS = 400;
let order = {name: "", down: false}, shown = photos.map((_, place) => place), current = -1, onScreen = -1, printing = false;

function buildHead() {
  const row = el("tr", {});
  for (const column of COLUMNS) {
    const button = el("button", {type: "button", title: column.about || `sort by ${column.title}`,
      onclick: () => sortBy(column.name)}, column.title);
    row.append(el("th", {scope: "col", class: `c-${column.name}`, "data-column": column.name, "aria-sort": "none"}, button));
  }
  byId("table").tHead.append(row);
  byId("table").classList.toggle("no-expert", !hasExpert);
  byId("table").setAttribute("aria-rowcount", String(photos.length + 1));
}

function sortBy(name) {
  order = order.name === name ? (order.down ? {name: "", down: false} : {name, down: true}) : {name, down: false};
  refresh();
}

function sorted(places) {
  const column = COLUMNS.find((one) => one.name === order.name);
  if (!column) return places;
  const keys = new Map(places.map((place) => [place, column.key(photos[place])]));
  const turn = order.down ? -1 : 1;
  return places.slice().sort((a, b) => {
    const x = keys.get(a), y = keys.get(b);
    if (x === null || y === null || x === "" || y === "") {  // what is not known comes last, either way
      return Number(x === null || x === "") - Number(y === null || y === "") || a - b;
    }
    const less = typeof x === "string" ? x.localeCompare(y, undefined, {numeric: true}) : x - y;
    return turn * less || a - b;
  });
}

function refresh() {
  const keep = filter();
  shown = sorted(photos.map((_, place) => place).filter((place) => keep(photos[place])));
  for (const head of byId("table").tHead.querySelectorAll("th")) {
    const mine = head.dataset.column === order.name;
    head.setAttribute("aria-sort", mine ? (order.down ? "descending" : "ascending") : "none");
  }
  byId("count").textContent = shown.length === photos.length
    ? `${photos.length} photos` : `${shown.length} of ${photos.length} photos`;
  drawRows(true);
  drawPlace();
}

// Long tables draw only the rows in sight; on paper all are wanted.
function drawRows(anew) {
  const body = byId("table").tBodies[0], scroll = byId("scroll");
  const whole = printing || shown.length <= ALL_ROWS;
  const first = whole ? 0 : Math.max(0, Math.floor(scroll.scrollTop / ROW_PX) - 20);
  const last = whole ? shown.length : Math.min(shown.length, first + Math.ceil(scroll.clientHeight / ROW_PX) + 60);
  if (!anew && body.dataset.first === String(first)) return;
  body.dataset.first = String(first);
  const space = (rows) => (rows > 0 ? el("tr", {class: "space", "aria-hidden": "true"},
    el("td", {colspan: COLUMNS.length, height: rows * ROW_PX})) : null);
  const rows = [space(first)];
  for (let place = first; place < last; place += 1) rows.push(rowOf(shown[place], place));
  rows.push(space(shown.length - last));
  if (!shown.length) rows.push(el("tr", {}, el("td", {colspan: COLUMNS.length, class: "empty"}, "No photo fits these filters.")));
  body.replaceChildren(...rows.filter(Boolean));
}

function rowOf(number, place) {
  const photo = photos[number], mine = number === current;
  const row = el("tr", {class: [photo.flag, mine ? "current" : ""].join(" ").trim() || null,
    "aria-rowindex": place + 2, "aria-current": mine ? "true" : null, "data-number": number, onclick: () => open(number)});
  const name = el("button", {type: "button", class: "name", tabindex: mine || (current < 0 && !place) ? "0" : "-1",
    title: photo.photo}, el("span", {}, photo.photo));
  const off = difference(photo);
  const cells = {
    photo: name, subject: photo.subject, side: photo.side, visit: photo.visit,
    grade: figure(photo.grade), interval: photo.grade === null ? "" : bar(photo),
    severity: photo.severity ? severityMark(photo.severity) : "not graded",
    flags: flagMark(photo), expert: figure(photo.expert), difference: off === null ? "" : differenceMark(off),
    review: reviewMark(photo),
  };
  for (const column of COLUMNS) {
    const plain = typeof cells[column.name] === "string" ? cells[column.name] : null;
    row.append(el(column.name === "photo" ? "th" : "td", {class: `c-${column.name}`,
      scope: column.name === "photo" ? "row" : null, title: plain && plain.length > 8 ? plain : null}, cells[column.name]));
  }
  return row;
}

const severityMark = (severity) => el("span", {class: `severity s-${severity}`}, severity);

function differenceMark(off) {
  const size = Math.abs(off) + 1e-9;
  return el("span", {class: size >= 2 ? "far2" : size >= 1 ? "far1" : ""}, signed(off));
}

function flagMark(photo) {
  const reasons = [photo.quality === "ok" ? "" : photo.quality, photo.note].filter(Boolean).join("; ");
  if (!reasons) return "";
  return el("span", {class: "flag", title: reasons},
    el("span", {class: "sign", "aria-hidden": "true"}, photo.flag === "failed" ? "✕" : "!"), reasons);
}

function reviewMark(photo) {
  const mine = reviewOf(photo);
  if (!mine || !mine.verdict) return "";
  return el("span", {class: `mark ${mine.verdict}`, title: `${mine.verdict} ${figure(mine.grade)} ${mine.comment || ""}`},
    el("span", {"aria-hidden": "true"}, mine.verdict === "agree" ? "✓ " : "✎ "), figure(mine.grade));
}

const at = (grade, width) => (clamp(grade, 0, TOP) / TOP) * width;

function bar(photo) {
  const width = 92, mark = at(photo.grade, width);
  return svg("svg", {class: "bar", viewBox: `-3 0 ${width + 6} 14`, width: width + 6, height: 14, role: "img",
      "aria-label": `${figure(photo.lower)} to ${figure(photo.upper)}`},
    svg("line", {class: "axis", x1: 0, x2: width, y1: 7, y2: 7}),
    [0, 3, 6, 9].map((tick) => svg("line", {class: "axis", x1: at(tick, width), x2: at(tick, width), y1: 5, y2: 9})),
    svg("rect", {class: "range", x: at(photo.lower, width), width: Math.max(1, at(photo.upper - photo.lower, width)), y: 4.5, height: 5, rx: 2.5}),
    photo.expert === null ? null : expertMark(at(photo.expert, width), 7, 3.2),
    svg("circle", {class: "value", cx: mark, cy: 7, r: 3}));
}

const expertMark = (x, y, r) => svg("path", {class: "expert", d: `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z`});
const correctedMark = (x, y, r) => svg("path", {class: "corrected", d: `M${x} ${y - r}L${x + r} ${y + r * 0.8}L${x - r} ${y + r * 0.8}Z`});

// --- filters ---------------------------------------------------------------------------------------

const chosen = new Set();  // severities
const FILTERS = [
  {name: "subject", label: "Subject", any: "subject", values: unique("subject"),
   fits: (photo, value) => photo.subject === value},
  {name: "visit", label: "Visit", any: "visit", values: data.visits.map((visit) => visit.label),
   fits: (photo, value) => photo.visit === value},
  {name: "side", label: "Side", any: "side", values: unique("side"), fits: (photo, value) => photo.side === value},
  {name: "state", label: "State", any: "state", options: [["flagged", "flagged only"], ["open", "not yet reviewed"],
    ["done", "reviewed"], ["corrected", "corrected"]], fits: (photo, value) => ({
      flagged: photo.flag !== "", open: !isReviewed(photo), done: isReviewed(photo),
      corrected: isReviewed(photo) && reviewOf(photo).verdict === "corrected"})[value]},
  {name: "missing", label: "Not measured", any: "region", options: [["any", "a region not measured"],
    ...Object.entries(REGIONS).map(([region, name]) => [region, `no ${name}`])],
   fits: (photo, value) => (value === "any" ? photo.missing.length > 0 : photo.missing.includes(value))},
  hasExpert && {name: "apart", label: "Difference", any: "difference", options: [["0.5", "0.5 or more from the expert"],
    ["1", "1 or more from the expert"], ["2", "2 or more from the expert"]],
   fits: (photo, value) => difference(photo) !== null && Math.abs(difference(photo)) >= Number(value) - 1e-9},
].filter(Boolean);

function unique(name) {
  return [...new Set(photos.map((photo) => photo[name]))].filter(Boolean)
    .sort((a, b) => a.localeCompare(b, undefined, {numeric: true}));
}

function buildFilters() {
  for (const severity of [...SEVERITIES, ""]) {
    const count = photos.filter((photo) => photo.severity === severity).length;
    if (!severity && !count) continue;
    byId("chips").append(el("button", {type: "button", class: "chip", "aria-pressed": "false", disabled: !count,
      onclick: (event) => {
        const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
        event.currentTarget.setAttribute("aria-pressed", String(on));
        if (on) chosen.add(severity); else chosen.delete(severity);
        refresh();
      }}, el("span", {class: `severity s-${severity || "failed"}`}, severity || "not graded"), el("b", {}, String(count))));
  }
  for (const one of FILTERS) {
    const options = one.options || one.values.map((value) => [value, value]);
    if (!one.options && options.length < 2) continue;
    byId("selects").append(el("select", {id: `filter-${one.name}`, "aria-label": one.label, onchange: refresh},
      el("option", {value: ""}, one.any), options.map(([value, label]) => el("option", {value}, label))));
  }
  byId("search").addEventListener("input", refresh);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => window.setTimeout(() => {
    chosen.clear();
    for (const chip of byId("chips").children) chip.setAttribute("aria-pressed", "false");
    refresh();
  }));
}

function filter() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const active = FILTERS.map((one) => [one, byId(`filter-${one.name}`)]).filter(([, select]) => select && select.value);
  for (const select of byId("selects").children) select.classList.toggle("active", Boolean(select.value));
  return (photo) => {
    if (chosen.size && !chosen.has(photo.severity)) return false;
    if (!active.every(([one, select]) => one.fits(photo, select.value))) return false;
    const hay = `${photo.photo} ${photo.subject} ${photo.side} ${photo.visit} ${photo.quality} ${photo.note}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  };
}

// --- one photo -------------------------------------------------------------------------------------

const details = new Map();
const waiting = new Map();
// A photo's script beside the page calls this; in a page of one file its facts stand in a block of their own.
window.toolkitPhoto = (number, told) => {
  details.set(number, told);
  (waiting.get(number) || []).forEach((done) => done(told));
  waiting.delete(number);
};

function load(number) {
  if (details.has(number)) return Promise.resolve(details.get(number));
  const block = byId(`photo-${number}`);
  if (block) {
    const told = JSON.parse(block.textContent);
    details.set(number, told);
    return Promise.resolve(told);
  }
  return new Promise((done) => {
    const others = waiting.get(number);
    if (others) { others.push(done); return; }
    waiting.set(number, [done]);
    const name = `photos/${String(number).padStart(5, "0")}.js`;
    document.head.append(el("script", {src: name, onerror: () => {
      const missing = {picture: "", problem: `the file ${name} beside this page is missing`, regions: [], reasons: [], alike: [], layers: {}};
      (waiting.get(number) || []).forEach((one) => one(missing));
      waiting.delete(number);
    }}));
  });
}

async function open(number, moved = true) {
  if (number < 0 || number >= photos.length) return;
  const before = current;
  current = number;
  for (const place of [before, current]) {
    const row = byId("table").querySelector(`tr[data-number="${place}"]`);
    if (row) row.replaceWith(rowOf(place, Number(row.getAttribute("aria-rowindex")) - 2));
  }
  if (moved) reveal();
  try { window.history.replaceState(null, "", `#${number + 1}`); } catch { /* some browsers refuse this for files */ }
  const told = await load(number);
  if (number !== current) return;  // opened another in the meantime
  onScreen = number;
  showPhoto(photos[number], told);
  const next = shown[shown.indexOf(number) + 1];
  if (next !== undefined) load(next);
}

// The photo that keys act on: none while the next one is being loaded.
const inView = () => (onScreen === current && current >= 0 ? photos[current] : null);

function reveal() {
  const place = shown.indexOf(current), scroll = byId("scroll");
  if (place < 0) return;
  const head = byId("table").tHead.offsetHeight;
  const top = place * ROW_PX, bottom = top + ROW_PX + head;
  if (top < scroll.scrollTop) scroll.scrollTop = top;
  else if (bottom > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = bottom - scroll.clientHeight;
  drawRows(false);
}

function step(by) {
  const place = shown.indexOf(current);
  const next = shown[place < 0 ? (by > 0 ? 0 : shown.length - 1) : place + by];
  if (next !== undefined) open(next);
}

function drawPlace() {
  const place = byId("place");
  if (!place) return;
  const position = shown.indexOf(current);
  place.textContent = position < 0 ? "not among the filtered" : `${position + 1} of ${shown.length}`;
}

function showPhoto(photo, told) {
  const section = byId("detail");
  const where = [photo.subject, photo.side, photo.visit].filter(Boolean).join(" · ");
  section.replaceChildren(...[
    el("header", {class: "photo-head"},
      el("div", {class: "photo-name"}, el("h2", {}, where || photo.photo), el("p", {class: "file"}, photo.photo)),
      el("div", {class: "steps"},
        el("button", {type: "button", "aria-label": "Photo before", title: "photo before (k)", onclick: () => step(-1)}, "‹"),
        el("span", {id: "place"}),
        el("button", {type: "button", "aria-label": "Next photo", title: "next photo (j)", onclick: () => step(1)}, "›"))),
    gradeBlock(photo),
    reviewBlock(photo),
    el("div", {class: large ? "look large" : "look"}, pictureBlock(photo, told), el("div", {class: "beside"}, legendBlock(photo, told), regionBlock(photo, told), photo.visit ? visitBlock(photo) : null, qualityBlock(photo))),
    alikeBlock(told),
    reasonBlock(told)].filter(Boolean));
  section.scrollTop = 0;
  showLayers();
  drawPlace();
}

function gradeBlock(photo) {
  if (photo.grade === null) {
    return el("div", {class: "grade"}, el("p", {class: "no-grade"}, "Not graded"), el("p", {}, photo.note));
  }
  const mine = reviewOf(photo);
  const legend = [["value", "automatic"], photo.expert === null ? null : ["expert", "expert"],
    mine && mine.verdict === "corrected" ? ["corrected", "your correction"] : null].filter(Boolean);
  return el("div", {class: "grade"},
    el("div", {class: "figure"}, el("span", {class: "number"}, figure(photo.grade)), severityMark(photo.severity)),
    el("div", {class: "scale"}, scale(photo, mine), el("p", {class: "legend"}, legend.map(([kind, name]) =>
      el("span", {}, svg("svg", {width: 12, height: 12, viewBox: "-6 -6 12 12", "aria-hidden": "true"}, markOf(kind, 0, 0, 4.5)), name)),
      photo.expert === null ? null : el("span", {}, `${signed(difference(photo))} from the expert's ${figure(photo.expert)}`))));
}

const markOf = (kind, x, y, r) => (kind === "expert" ? expertMark(x, y, r) : kind === "corrected"
  ? correctedMark(x, y, r) : svg("circle", {class: "value", cx: x, cy: y, r}));

function scale(photo, mine) {
  const width = 440, left = 10, middle = 24;
  const x = (grade) => left + at(grade, width - 2 * left);
  const words = `interval ${figure(photo.lower)} to ${figure(photo.upper)} on a scale of 0 to 9`;
  const bands = [["none", 0, 0.25], ["mild", 0.25, 3.75], ["moderate", 3.75, 6.75], ["severe", 6.75, 9]];
  return svg("svg", {class: "big-scale", viewBox: `0 0 ${width} 62`, role: "img", "aria-label": words},
    bands.map(([name, low, high]) => [
      svg("rect", {class: `band b-${name}`, x: x(low), width: x(high) - x(low), y: middle + 10, height: 5}),
      name === "none" ? null : svg("text", {class: "band-name", x: (x(low) + x(high)) / 2, y: 57, "text-anchor": "middle"}, name)]),
    svg("line", {class: "axis", x1: x(0), x2: x(TOP), y1: middle, y2: middle}),
    Array.from({length: TOP + 1}, (_, grade) => [
      svg("line", {class: "axis", x1: x(grade), x2: x(grade), y1: middle - 4, y2: middle + 4}),
      svg("text", {class: "tick", x: x(grade), y: 11, "text-anchor": "middle"}, String(grade))]),
    svg("rect", {class: "range", x: x(photo.lower), width: x(photo.upper) - x(photo.lower), y: middle - 4, height: 8, rx: 4}),
    photo.expert === null ? null : expertMark(x(photo.expert), middle, 7),
    mine && mine.verdict === "corrected" ? correctedMark(x(mine.grade), middle, 7) : null,
    svg("circle", {class: "value", cx: x(photo.grade), cy: middle, r: 5}));
}

// --- picture and layers ------------------------------------------------------------------------------

const layers = [
  {name: "landmarks", title: "landmarks", key: "1"},
  {name: "patches", title: "patches", key: "2"},
  {name: "spots", title: "found spots", key: "3"},
  {name: "rejected", title: "rejected", key: "4"},
  {name: "unmeasured", title: "not measured", key: "5"},
  {name: "pigment", title: "network’s pigment", key: "6"},
  {name: "classical", title: "classical regions", key: "7"},
];
const keptLayers = memory.read(LAYERS);
const on = new Set(Array.isArray(keptLayers) ? keptLayers : ["patches", "spots"]);
let bare = null, large = false;

function setLayer(name, state) {
  if (state) on.add(name); else on.delete(name);
  bare = null;
  memory.write(LAYERS, [...on]);
  showLayers();
}

function showLayers() {
  for (const {name} of layers) {
    const group = byId(`layer-${name}`), box = byId(`box-${name}`);
    if (group) group.setAttribute("visibility", on.has(name) ? "visible" : "hidden");
    if (box) box.checked = on.has(name);
  }
}

function toggleBare() {
  if (bare === null) { bare = [...on]; on.clear(); } else { bare.forEach((name) => on.add(name)); bare = null; }
  showLayers();
}

function setLarge(state) {
  large = state;
  const look = byId("detail").querySelector(".look");
  if (look) look.classList.toggle("large", large);
}

// Each outline twice: a dark casing under the colour, so that it stands out from any skin.
const outlined = (kind, d) => (d ? [svg("path", {class: `casing`, d}), svg("path", {class: `line l-${kind}`, d})] : []);

function pictureBlock(photo, told) {
  if (!told.picture) {
    return el("figure", {class: "picture missing"}, el("p", {}, el("b", {}, "No picture: "), told.problem || photo.note || "there is none"));
  }
  const drawn = told.layers, w = drawn.width, h = drawn.height;
  const halves = (name, ...children) => svg("g", {id: `layer-${name}`, transform: "scale(.5)"}, ...children);
  const dots = [];
  const points = drawn.landmarks || [];
  for (let i = 0; i < points.length; i += 2) dots.push(svg("circle", {class: "dot", cx: points[i], cy: points[i + 1], r: 4.4}));
  const patches = drawn.patches || [];
  const picture = svg("svg", {class: "photo", width: w, height: h, viewBox: `0 0 ${w} ${h}`, role: "img",
      "aria-label": `photograph of ${[photo.subject, photo.side, photo.visit].filter(Boolean).join(", ")}`, onclick: () => setLarge(!large)},
    svg("defs", {},
      svg("pattern", {id: "hatch", width: 9, height: 9, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
        svg("rect", {width: 9, height: 9, class: "hatch-ground"}), svg("rect", {width: 2.2, height: 9, class: "hatch-line"})),
      svg("clipPath", {id: "frame"}, svg("rect", {width: w, height: h})),
      told.pigment ? svg("mask", {id: "predicted", maskUnits: "userSpaceOnUse", x: 0, y: 0, width: w, height: h},
        svg("image", {href: told.pigment, width: w, height: h, preserveAspectRatio: "none"})) : null),
    svg("image", {href: told.picture, width: w, height: h}),
    svg("g", {"clip-path": "url(#frame)"},
      svg("g", {id: "layer-pigment"}, told.pigment ? svg("rect", {class: "predicted", width: w, height: h, mask: "url(#predicted)"}) : null),
      halves("unmeasured", drawn.unmeasured ? svg("path", {class: "hatched", d: drawn.unmeasured, "fill-rule": "evenodd"}) : null),
      halves("patches", patches.map((patch) => outlined("patch", patch.outline))),
      halves("classical", outlined("classical", drawn.classical)),
      halves("spots", outlined("pigment", drawn.spots)),
      halves("rejected", outlined("mole", drawn.mole), outlined("blood", drawn.blood), outlined("shadow", drawn.shadow)),
      halves("landmarks", dots)));
  return el("figure", {class: "picture"}, picture);
}

function legendBlock(photo, told) {
  const drawn = told.layers;
  if (!told.picture) return null;
  if (!drawn.patches) return el("p", {class: "layers soft"}, `Nothing was measured here: ${photo.note || "no face was found"}.`);
  const counts = drawn.counts;
  const swatch = (kind) => svg("svg", {class: "swatch", width: 22, height: 12, viewBox: "0 0 44 24", "aria-hidden": "true"},
    kind === "landmarks" ? [10, 22, 34].map((x) => svg("circle", {class: "dot", cx: x, cy: 12, r: 4.4}))
      : kind === "unmeasured" ? svg("rect", {class: "hatched", width: 44, height: 24})
      : kind === "network" ? svg("rect", {class: "predicted", width: 44, height: 24})
      : [svg("path", {class: "casing", d: "M2 12h40"}), svg("path", {class: `line l-${kind}`, d: "M2 12h40"})]);
  const told3 = `${counts.pigment}, ${(100 * drawn.share).toFixed(1)} % of the skin`;
  const parts = {
    landmarks: [[swatch("landmarks"), "landmarks"]],
    patches: [[swatch("patch"), "patches"]],
    spots: [[swatch("pigment"), told.pigment ? `spots that the network found: ${told3}` : "spots that the network found: none kept"]],
    classical: [[swatch("classical"), `regions darker and browner than around: ${counts.classical}`]],
    rejected: [[swatch("mole"), `moles ${counts.mole}`], [swatch("blood"), `redness ${counts.blood}`], [swatch("shadow"), `shadow ${counts.shadow}`]],
    unmeasured: [[swatch("unmeasured"), "left out: hair, eyes, shine"]],
    pigment: [[swatch("network"), told.pigment ? `network’s pigment, full at ${data.pigment_top} OD` : "network’s pigment: none kept"]],
  };
  return el("section", {class: "layers", "aria-label": "Layers of the picture"}, el("h3", {}, "Layers"),
    el("fieldset", {},
      layers.map(({name, title, key}) => el("label", {}, el("input", {type: "checkbox", id: `box-${name}`, "aria-label": title,
        onchange: (event) => setLayer(name, event.target.checked)}), el("kbd", {}, key),
        el("span", {class: "what"}, parts[name].map(([mark, words]) => el("span", {}, mark, words)))))),
    drawn.hidden ? el("p", {class: "soft"}, `${drawn.hidden} of the smallest outlines are not drawn.`) : null,
    told.problem ? el("p", {class: "soft"}, told.problem) : null);
}

// --- the figures beside it -----------------------------------------------------------------------

function regionBlock(photo, told) {
  if (!told.regions.length) return null;
  return el("section", {class: "regions"}, el("h3", {}, "Regions"), el("table", {}, el("tbody", {}, told.regions.map((region) =>
    el("tr", {}, el("th", {scope: "row"}, region.name),
      region.grade === null || region.grade === undefined
        ? el("td", {colspan: 2, class: "soft"}, `not measured: ${region.reason || "no skin"}`)
        : [el("td", {class: "number"}, figure(region.grade)), el("td", {}, svg("svg", {class: "bar", width: 118, height: 12, viewBox: "0 0 118 12", "aria-hidden": "true"},
            svg("rect", {class: "track", width: 118, height: 6, y: 3, rx: 3}),
            svg("rect", {class: "filled", width: Math.max(2, at(region.grade, 118)), height: 6, y: 3, rx: 3})))])))),
    photo.explanation ? el("p", {class: "soft"}, `The grade lies ${photo.explanation}.`) : null);
}

function qualityBlock(photo) {
  const notes = photo.note ? photo.note.split("; ") : [];
  if (photo.grade === null) notes.length = 0;  // told above
  const good = !photo.quality || photo.quality === "ok";
  return el("section", {class: "quality"}, el("h3", {}, "Picture"),
    el("ul", {}, el("li", {class: good ? "" : "warn"}, good ? (photo.quality ? "quality ok" : "quality not known") : photo.quality),
      notes.map((note) => el("li", {class: "warn"}, note.replaceAll("_", " ")))));
}

function visitBlock(photo) {
  const series = photos.map((one, number) => ({one, number}))
    .filter(({one}) => one.subject === photo.subject && one.side === photo.side && one.visit && one.grade !== null)
    .sort((a, b) => visitRank.get(a.one.visit) - visitRank.get(b.one.visit));
  const heading = el("h3", {}, `Over the visits${photo.side ? `, ${photo.side}` : ""}`);
  if (series.length < 2) return el("section", {class: "visits"}, heading, el("p", {class: "soft"}, "No other visit of this subject and side."));
  const days = series.map(({one}) => data.visits[visitRank.get(one.visit)].days);
  const timed = days.every((day) => day !== null) && new Set(days).size > 1;
  const rank = [...new Set(series.map(({one}) => visitRank.get(one.visit)))];
  const width = 270, height = 132, left = 22, right = 14, top = 8, bottom = 22;
  const span = timed ? [Math.min(...days), Math.max(...days)] : [0, Math.max(1, rank.length - 1)];
  const x = (place) => {
    const value = timed ? days[place] : rank.indexOf(visitRank.get(series[place].one.visit));
    return left + 12 + ((value - span[0]) / (span[1] - span[0])) * (width - left - right - 24);
  };
  const y = (grade) => top + (1 - clamp(grade, 0, TOP) / TOP) * (height - top - bottom);
  const labels = new Map();  // a label a visit, none over another
  let free = -Infinity;
  series.forEach(({one}, place) => {
    const short = one.visit.replace("Baseline", "Base").replace("Week ", "W").replace("Day ", "D").replace("Month ", "M").replace("Visit ", "V");
    const room = short.length * 6 + 6;
    if (!labels.has(one.visit) && x(place) - room / 2 >= free) { labels.set(one.visit, [x(place), short]); free = x(place) + room / 2; }
  });
  return el("section", {class: "visits"}, heading,
    svg("svg", {class: "plot", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "grades over the visits, with intervals"},
      [0, 3, 6, 9].map((grade) => [svg("line", {class: "grid", x1: left, x2: width - right, y1: y(grade), y2: y(grade)}),
        svg("text", {class: "tick", x: left - 6, y: y(grade) + 3.5, "text-anchor": "end"}, String(grade))]),
      [...labels.values()].map(([place, label]) => svg("text", {class: "tick", x: place, y: height - 6, "text-anchor": "middle"}, label)),
      svg("polyline", {class: "course", points: series.map(({one}, place) => `${x(place).toFixed(1)},${y(one.grade).toFixed(1)}`).join(" ")}),
      series.map(({one, number}, place) => {
        const mine = reviewOf(one);
        return svg("g", {class: number === current ? "visit current" : "visit", tabindex: "0", role: "button",
            "aria-label": `${one.visit}: ${figure(one.grade)}, interval ${figure(one.lower)} to ${figure(one.upper)}`,
            onclick: () => open(number), onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(number); } }},
          svg("title", {}, `${one.visit}: ${figure(one.grade)} (${figure(one.lower)} to ${figure(one.upper)})`),
          svg("rect", {class: "target", x: x(place) - 11, width: 22, y: top, height: height - top - bottom}),
          svg("line", {class: "error", x1: x(place), x2: x(place), y1: y(one.lower), y2: y(one.upper)}),
          one.expert === null ? null : expertMark(x(place), y(one.expert), 5),
          mine && mine.verdict === "corrected" ? correctedMark(x(place), y(mine.grade), 5) : null,
          svg("circle", {class: "value", cx: x(place), cy: y(one.grade), r: number === current ? 5 : 3.6}));
      })));
}

function alikeBlock(told) {
  if (!told.alike.length) return null;
  const rows = told.alike.map((region) => el("tr", {}, el("th", {scope: "row"}, region.name),
    el("td", {class: "own"}, ownPatch(told, region.region)),
    region.references.map((one) => el("td", {}, el("figure", {class: "thumb", title: `reference photo ${one.photo}, distance ${figure(one.distance, 2)}`},
      thumbnail(one), el("figcaption", {}, el("b", {}, figure(one.grade)), ))))));
  return el("section", {class: "alike"}, el("h3", {}, "Looks most like these"),
    el("p", {class: "soft"}, data.thumbnails
      ? "Each patch beside the graded references that the network finds most alike, nearest first; the grade of each beneath."
      : "This model keeps no pictures of its references; their grades stand beneath each patch, nearest first."),
    el("table", {}, el("thead", {}, el("tr", {}, el("td", {}), el("th", {scope: "col"}, "this photo"), el("th", {scope: "colgroup", colspan: 3}, "graded references"))), el("tbody", {}, rows)));
}

function thumbnail(one) {
  const source = data.references ? data.references[one.number] : data.thumbnails ? `references/${String(one.number).padStart(5, "0")}.jpg` : "";
  return source ? el("img", {src: source, alt: `reference graded ${figure(one.grade)}`, loading: "lazy"}) : el("span", {class: "no-thumb"}, "no picture");
}

// The patch is cut out of the picture as it was for the measurement: turned upright, black where it was not measured.
function ownPatch(told, region) {
  const patch = (told.layers.patches || []).find((one) => one.region === region);
  if (!patch || !told.picture) return el("span", {class: "no-thumb"}, "no picture");
  const [w, h] = patch.size, side = 96 / Math.max(w, h);
  return svg("svg", {class: "thumb-own", viewBox: `0 0 ${w} ${h}`, width: w * side, height: h * side, role: "img", "aria-label": `${REGIONS[region]} of this photo`},
    svg("rect", {width: w, height: h, fill: "#000"}),
    svg("g", {transform: `matrix(${patch.matrix.join(" ")})`}, svg("image", {href: told.picture, width: told.layers.width, height: told.layers.height}),
      svg("path", {transform: "scale(.5)", d: patch.unmeasured, fill: "#000", stroke: "#000", "stroke-width": 1, "fill-rule": "evenodd"})));
}

function reasonBlock(told) {
  if (!told.reasons.length) return null;
  const most = Math.max(0.05, ...told.reasons.filter((reason) => reason.kind !== "usual_grade").map((reason) => Math.abs(reason.added)));
  const half = 60;
  return el("section", {class: "reasons"}, el("h3", {}, "What this grade is made of"),
    el("p", {class: "soft"}, "Each line is what one figure adds to the grade, in grades. Together they make the grade."),
    el("table", {}, el("tbody", {}, told.reasons.map((reason) => {
      const length = (Math.abs(reason.added) / most) * (half - 2);
      return el("tr", {}, el("td", {class: "words"}, reason.text, el("small", {}, reason.behind)),
        el("td", {}, reason.kind === "usual_grade" ? null : svg("svg", {class: "push", width: 2 * half, height: 14, viewBox: `0 0 ${2 * half} 14`, "aria-hidden": "true"},
          svg("line", {class: "axis", x1: half, x2: half, y1: 0, y2: 14}),
          svg("rect", {class: reason.added < 0 ? "lower" : "raise", x: reason.added < 0 ? half - length : half, width: Math.max(1, length), y: 3, height: 8, rx: 2}))),
        el("td", {class: "number"}, signed(reason.added, 2)));
    }))));
}

// --- review --------------------------------------------------------------------------------------

function reviewBlock(photo) {
  const options = Array.from({length: 2 * TOP + 1}, (_, place) => (place / 2).toFixed(1));
  const block = el("div", {class: "review", id: "review", role: "group", "aria-label": "Your review"},
    el("button", {type: "button", id: "agree", title: "agree (a)", disabled: photo.grade === null, onclick: () => agree(photo)},
      photo.grade === null ? "Agree" : `Agree with ${figure(photo.half)}`),
    el("label", {}, "Correct to ", el("select", {id: "correct", title: "correct (c)", "aria-label": "Corrected grade",
      onchange: (event) => correct(photo, event.target.value)},
      el("option", {value: ""}, "–"), options.map((value) => el("option", {value}, value)))),
    el("input", {id: "comment", type: "text", "aria-label": "Comment", placeholder: "comment", maxlength: 500,
      onchange: (event) => put(photo, {comment: event.target.value.trim()})}),
    el("button", {type: "button", class: "quiet", id: "clear", onclick: () => put(photo, null)}, "Clear"));
  showReview(block, photo);
  return block;
}

// In place: a list that is being typed into must not be made anew under the reader's fingers.
function showReview(block, photo, typing = false) {
  const mine = reviewOf(photo) || {verdict: "", comment: ""};
  block.className = `review ${mine.verdict}`.trim();
  block.querySelector("#agree").setAttribute("aria-pressed", String(mine.verdict === "agree"));
  block.querySelector("#correct").value = mine.verdict === "corrected" ? mine.grade.toFixed(1) : "";
  const comment = block.querySelector("#comment");
  if (!typing || comment !== document.activeElement) comment.value = mine.comment || "";
  block.querySelector("#clear").disabled = !mine.verdict && !mine.comment;
}

function put(photo, change) {
  reread();
  const mine = change && {verdict: "", grade: null, comment: "", reader: "", at: "", ...reviewOf(photo), ...change};
  if (mine) {
    if (change.verdict !== undefined || !mine.reader) mine.reader = byId("reader").value.trim();
    mine.at = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  }
  if (mine && (mine.verdict || mine.comment)) reviews.set(photo.photo, mine); else reviews.delete(photo.photo);
  memory.write(REVIEW, Object.fromEntries(reviews));
  drawProgress();
  const number = photos.indexOf(photo), row = byId("table").querySelector(`tr[data-number="${number}"]`);
  if (row) row.replaceWith(rowOf(number, Number(row.getAttribute("aria-rowindex")) - 2));
  if (number === onScreen) showVerdict(photo);
}

function showVerdict(photo, typing = false) {
  showReview(byId("review"), photo, typing);
  byId("detail").querySelector(".grade").replaceWith(gradeBlock(photo));
  const plot = byId("detail").querySelector(".visits");
  if (plot) plot.replaceWith(visitBlock(photo));
}

function agree(photo) {
  if (photo && photo.grade !== null) put(photo, {verdict: "agree", grade: photo.half});
}

function correct(photo, value) {
  if (value === "") put(photo, {verdict: "", grade: null});
  else put(photo, {verdict: "corrected", grade: Number(value)});
}

// Another tab wrote.
function onStorage(event) {
  if (event.key !== REVIEW) return;
  reread();
  refresh();
  drawProgress();
  if (onScreen >= 0) showVerdict(photos[onScreen], true);
}

function drawProgress() {
  const done = photos.filter(isReviewed).length;
  byId("progress").replaceChildren(
    el("span", {}, el("b", {}, String(done)), ` of ${photos.length} reviewed`),
    el("span", {class: "meter", "aria-hidden": "true"}, svg("svg", {viewBox: "0 0 100 4", preserveAspectRatio: "none"},
      svg("rect", {class: "track", width: 100, height: 4}), svg("rect", {class: "filled", width: (100 * done) / photos.length, height: 4}))));
  byId("export").disabled = !done;
  if (!memory.works) say("This browser keeps nothing for pages such as this one: export your review before you close it.");
}

const CSV_COLUMNS = ["photo", "subject", "side", "visit", "toolkit", "verdict", "grade", "reader", "comment", "reviewed_at"];
// No cell may begin a formula in a spreadsheet.
const guarded = (value) => (/^'*[=+\-@\t\r\n]/.test(value) ? `'${value}` : value);
const unguarded = (value) => (/^'+[=+\-@\t\r\n]/.test(value) ? value.slice(1) : value);
const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

function asCsv() {
  const reader = byId("reader").value.trim();  // of what was reviewed before a name was typed as well
  const rows = photos.filter(isReviewed).map((photo) => {
    const mine = reviewOf(photo);
    return [photo.photo, photo.subject, photo.side, photo.visit, photo.grade === null ? "" : photo.grade.toFixed(2),
      mine.verdict, String(mine.grade), mine.reader || reader, mine.comment, mine.at];
  });
  return "\ufeff" + [CSV_COLUMNS, ...rows].map((row) => row.map((cell) => quoted(guarded(cell))).join(",") + "\r\n").join("");
}

function exportReview() {
  reread();
  const reader = byId("reader").value.trim().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40);
  const address = URL.createObjectURL(new Blob([asCsv()], {type: "text/csv;charset=utf-8"}));
  const link = el("a", {href: address, download: `review${reader ? `-${reader}` : ""}-${new Date().toISOString().slice(0, 10)}.csv`});
  document.body.append(link);
  link.click();
  link.remove();
  window.setTimeout(() => URL.revokeObjectURL(address), 10000);
  const alone = photos.filter((photo) => reviewOf(photo) && !isReviewed(photo)).length;
  say(`${photos.filter(isReviewed).length} reviews exported.`
    + (alone ? ` Not exported: ${alone} ${alone === 1 ? "comment" : "comments"} without a verdict.` : ""));
}

// Rows of cells, blank ones too, so that they can be counted; a fault where a quote is not closed as it should be.
function parseCsv(source) {
  const content = source.replace(/^\ufeff/, "");
  const delimiter = content.split("\n", 1)[0].includes(";") ? ";" : ",";
  const rows = [[]];
  let cell = "", state = "";  // "", "quoted" or "closed", that is after the quote that ends a cell
  const end = () => { rows[rows.length - 1].push(cell); cell = ""; state = ""; };
  for (let place = 0; place < content.length; place += 1) {
    const letter = content[place];
    if (state === "quoted") {
      if (letter !== '"') cell += letter;
      else if (content[place + 1] === '"') { cell += '"'; place += 1; } else state = "closed";
    } else if (letter === delimiter) end();
    else if (letter === "\n") { end(); rows.push([]); }
    else if (letter === "\r" && content[place + 1] === "\n") continue;
    else if (state === "closed") return {rows, delimiter, fault: `row ${rows.length} goes on after a closing quote`};
    else if (letter === '"' && !cell) state = "quoted";
    else cell += letter;
  }
  if (state === "quoted") return {rows, delimiter, fault: `row ${rows.length} has a quote that is not closed`};
  if (cell || state || rows[rows.length - 1].length) end();
  return {rows, delimiter, fault: ""};
}

// A review's rows, each a table by column; or why it is none, and which row is to blame.
function readReview(source) {
  const {rows, delimiter, fault} = parseCsv(source);
  const head = rows[0];
  if (CSV_COLUMNS.some((name) => !head.includes(name))) {
    return {fault: `Not a review: a table with the columns ${CSV_COLUMNS.join(", ")} is wanted.`};
  }
  const refused = (why) => ({fault: `Nothing was taken over: ${why}. Mend the file, or export it again.`});
  if (fault) return refused(fault);
  const told = [];
  for (const [place, cells] of rows.entries()) {
    if (!place || !cells.some((cell) => cell.trim())) continue;
    if (cells.length < head.length || cells.slice(head.length).some((cell) => cell.trim())) {
      return refused(`row ${place + 1} has ${cells.length} cells, the heading ${head.length}`);
    }
    const row = Object.fromEntries(head.map((name, column) => [name, unguarded(name === "photo" ? cells[column] : cells[column].trim())]));
    row.verdict = row.verdict.toLowerCase();
    if (delimiter === ";") row.grade = row.grade.replace(",", ".");
    if (!["agree", "corrected"].includes(row.verdict)) return refused(`row ${place + 1} is neither agree nor corrected`);
    if (!/^\d(\.[05]0*)?$/.test(row.grade) || Number(row.grade) > TOP) return refused(`row ${place + 1} has no grade of 0 to 9 in half steps`);
    if (!isTime(row.reviewed_at)) row.reviewed_at = "";
    told.push(row);
  }
  return {told, fault: ""};
}

const isTime = (value) => /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(value) && !Number.isNaN(Date.parse(value));
const moment = (value) => (value ? Date.parse(value) : -Infinity);

function importReview(source) {
  const {told, fault} = readReview(source);
  if (fault) { say(fault); return; }
  reread();
  const known = new Map(photos.map((photo) => [photo.photo, photo]));
  const reader = byId("reader").value.trim();
  const isSame = (one, other) => (one || reader).toLowerCase() === (other || reader).toLowerCase();
  let taken = 0, older = 0, others = 0, unknown = 0;
  for (const row of told) {
    const photo = known.get(row.photo), grade = Number(row.grade);
    if (!photo) { unknown += 1; continue; }
    const mine = reviewOf(photo);
    if (mine && mine.verdict) {
      if (!isSame(mine.reader, row.reader)) { others += 1; continue; }
      if (moment(row.reviewed_at) <= moment(mine.at)) { older += 1; continue; }
    }
    // Who agreed with another grade than this run's did not agree with this one.
    const verdict = row.verdict === "agree" && grade === photo.half ? "agree" : "corrected";
    // A comment that waits for its verdict is kept.
    const comments = mine && !mine.verdict ? [...new Set([mine.comment, row.comment])] : [row.comment];
    reviews.set(photo.photo, {verdict, grade, comment: comments.filter(Boolean).join(" / "), reader: row.reader, at: row.reviewed_at});
    taken += 1;
  }
  memory.write(REVIEW, Object.fromEntries(reviews));
  refresh();
  drawProgress();
  if (onScreen >= 0) showVerdict(photos[onScreen]);
  say([`${taken} reviews taken over`, others ? `${others} left: another reader's stand here and are kept` : "",
    older ? `${older} left: those here are as new or newer` : "",
    unknown ? `${unknown} of photos that are not in this run` : ""].filter(Boolean).join("; ") + ".");
}

// --- keys and start --------------------------------------------------------------------------------

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  const target = event.target;
  if (target.closest && target.closest("input:not([type=checkbox]), select, textarea")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const layer = layers.find((one) => one.key === event.key);
  const acts = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
    "/": () => byId("search").focus(), a: () => agree(inView()), c: () => inView() && byId("correct").focus(),
    "?": () => byId("help").showModal(), 0: toggleBare, z: () => setLarge(!large),
  };
  const act = layer ? () => setLayer(layer.name, !on.has(layer.name)) : acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function start() {
  reread();
  buildHead();
  buildFilters();
  const reader = memory.read(READER);
  byId("reader").value = typeof reader === "string" ? reader : "";
  byId("reader").addEventListener("change", (event) => memory.write(READER, event.target.value.trim()));
  byId("export").addEventListener("click", exportReview);
  byId("import").addEventListener("click", () => byId("import-file").click());
  byId("import-file").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (file) importReview(await file.text());
    event.target.value = "";
  });
  byId("show-help").addEventListener("click", () => byId("help").showModal());
  byId("scroll").addEventListener("scroll", () => drawRows(false), {passive: true});
  document.addEventListener("keydown", onKey);
  window.addEventListener("storage", onStorage);
  window.addEventListener("resize", () => drawRows(true));
  window.addEventListener("beforeprint", () => { printing = true; drawRows(true); });
  window.addEventListener("afterprint", () => { printing = false; drawRows(true); });
  refresh();
  drawProgress();
  const asked = Number(window.location.hash.slice(1)) - 1;
  open(Number.isInteger(asked) && asked >= 0 && asked < photos.length ? asked : 0);
}
start();
})();
