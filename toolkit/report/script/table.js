// The table of photographs.

const visitRank = new Map(data.visits.map((visit, place) => [visit.label, place]));
const hasExpert = photos.some((photo) => photo.expert !== null);
const picked = new Set();  // numbers of the photos that were chosen for printing
// A row is called by its subject where side and visit, which stand beside it, tell it from all others; else by its file.
const placeOf = (photo) => JSON.stringify([photo.subject, photo.side, photo.visit]);
const places = new Map();
for (const photo of photos) places.set(placeOf(photo), (places.get(placeOf(photo)) || 0) + 1);
const labelOf = (photo) => (places.get(placeOf(photo)) === 1 ? photo.subject : photo.photo);
const calledBySubject = photos.every((photo) => labelOf(photo) === photo.subject && photo.subject.length <= 12);
const COLUMNS = [
  {name: "pick", title: ""},
  {name: "photo", title: calledBySubject ? "subject" : "photo", key: (photo) => labelOf(photo).toLowerCase()},
  {name: "side", title: "side", key: (photo) => photo.side},
  {name: "visit", title: "visit", key: (photo) => (photo.visit ? visitRank.get(photo.visit) : null)},
  {name: "grade", title: "grade", key: (photo) => photo.grade, number: true},
  {name: "interval", title: "interval", key: (photo) => (photo.upper === null ? null : photo.upper - photo.lower)},
  {name: "severity", title: "severity", key: (photo) => (photo.severity ? SEVERITIES.indexOf(photo.severity) : null)},
  {name: "flags", title: "flags", about: "what to know before the grade is used", key: (photo) => ({failed: 0, flagged: 1, "": 2, other: 3})[photo.flag]},
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
    if (!column.key) {
      row.append(el("th", {scope: "col", class: `c-${column.name}`}, el("input", {type: "checkbox", id: "pick-all", "aria-label": "choose all photos of the table",
        title: "choose all photos of the table for printing", onchange: (event) => pickAll(event.target.checked)})));
      continue;
    }
    const button = el("button", {type: "button", title: column.about || `sort by ${column.title}`,
      onclick: () => sortBy(column.name)}, column.title);
    row.append(el("th", {scope: "col", class: `c-${column.name}`, "data-column": column.name, "aria-sort": "none"}, button));
  }
  byId("table").tHead.append(row);
  byId("table").classList.toggle("no-expert", !hasExpert);
  byId("table").classList.toggle("by-subject", calledBySubject);
  byId("table").setAttribute("aria-rowcount", String(photos.length + 1));
}

// A long name keeps its end, which tells photos apart; the whole name shows on hover.
function cutInTheMiddle(name) {
  const letters = [...name], end = letters.length > 16 ? 11 : 0;
  const part = (from, to) => letters.slice(from, to).join("");
  return [el("span", {class: "start"}, part(0, letters.length - end)), end ? el("span", {class: "end"}, part(letters.length - end)) : null];
}

function pick(number, state) {
  if (state) picked.add(number); else picked.delete(number);
  const box = byId("table").querySelector(`tr[data-number="${number}"] .c-pick input`);
  if (box) box.checked = state;
  drawPicked();
}

function pickAll(state) {
  for (const number of shown) if (state) picked.add(number); else picked.delete(number);
  drawRows(true);
  drawPicked();
}

function drawPicked() {
  const box = byId("pick-all"), count = shown.filter((number) => picked.has(number)).length;
  box.checked = count > 0 && count === shown.length;
  box.indeterminate = count > 0 && count < shown.length;
}

function sortBy(name) {
  order = order.name === name ? (order.down ? {name: "", down: false} : {name, down: true}) : {name, down: false};
  refresh();
}

function sorted(places) {
  const column = COLUMNS.find((one) => one.name === order.name);
  if (!column) return places;
  const keys = new Map(places.map((place) => [place, column.key(visible(photos[place]))]));
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
  drawPicked();
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
  const photo = visible(photos[number]), mine = number === current;
  const row = el("tr", {class: [photo.flag, mine ? "current" : ""].join(" ").trim() || null,
    "aria-rowindex": place + 2, "aria-current": mine ? "true" : null, "data-number": number, onclick: () => open(number)});
  const name = el("button", {type: "button", class: "name", tabindex: mine || (current < 0 && !place) ? "0" : "-1",
    title: photo.photo, "aria-label": photo.photo}, ...cutInTheMiddle(labelOf(photo)));
  const box = el("input", {type: "checkbox", tabindex: "-1", "aria-label": `choose ${photo.photo}`, checked: picked.has(number),
    onclick: (event) => event.stopPropagation(), onchange: (event) => pick(number, event.target.checked)});
  const off = difference(photo);
  const cells = {
    pick: box, photo: name, side: photo.side, visit: photo.visit,
    grade: photo.hidden ? "" : figure(photo.grade), interval: photo.grade === null ? "" : bar(photo),
    severity: photo.severity ? severityMark(photo.severity) : photo.hidden ? "hidden" : photo.flag === "other" ? "another mode" : "not graded",
    flags: flagMark(photo), expert: photo.hidden ? "" : figure(photo.expert), difference: off === null ? "" : differenceMark(off),
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
  if (!reasons || photo.flag === "other") return "";
  return el("span", {class: "flag", title: reasons},
    el("span", {class: "sign", "aria-hidden": "true"}, photo.flag === "failed" ? "✕" : "!"), reasons);
}

function reviewMark(photo) {
  const mine = reviewOf(photo);
  if (!mine || !mine.verdict) return "";
  return el("span", {class: `mark ${mine.verdict}`, title: `${mine.verdict} ${gradeText(mine.grade)} ${mine.comment || ""}`},
    el("span", {"aria-hidden": "true"}, MARKS[mine.verdict]), gradeText(mine.grade));
}

const MARKS = {agree: "✓ ", corrected: "✎ ", blind: "◐ "};
const gradeText = (grade) => grade.toFixed(DIGITS);
const at = (grade, width) => (clamp(grade, 0, TOP) / TOP) * width;

function bar(photo) {
  const width = 72, mark = at(photo.grade, width);
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
