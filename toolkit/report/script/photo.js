// One photograph, opened.

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
  giveChosen();
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

function showPhoto(whole, told) {
  const section = byId("detail"), photo = visible(whole);
  const where = whereOf(photo);
  section.replaceChildren(...[
    el("header", {class: "photo-head"},
      el("div", {class: "photo-name"}, el("h2", {}, where || photo.photo), el("p", {class: "file"}, photo.photo)),
      el("div", {class: "steps"},
        el("button", {type: "button", "aria-label": "Photo before", title: "photo before (k)", onclick: () => step(-1)}, "‹"),
        el("span", {id: "place"}),
        el("button", {type: "button", "aria-label": "Next photo", title: "next photo (j)", onclick: () => step(1)}, "›"))),
    modesBlock(photo),
    gradeBlock(photo),
    photo.flag === "other" ? null : reviewBlock(whole),
    el("div", {class: large ? "look large" : "look"}, pictureBlock(photo, told), el("div", {class: "beside"},
      ...(photo.hidden ? [] : [legendBlock(photo, told), regionBlock(photo, told), photo.visit ? visitBlock(whole) : null]), qualityBlock(photo, told))),
    ...(photo.hidden ? [] : [changeBlock(photo, told), reasonBlock(photo, told), alikeBlock(told)])].filter(Boolean));
  section.scrollTop = 0;
  if (!photo.hidden) markSeen(whole);
  showLayers();
  drawPlace();
}

const whereOf = (photo) => [photo.subject, photo.side, photo.visit].filter(Boolean).join(" · ");

// The pictures of one side at one visit in several lights, to go from one to the other.
function modesBlock(photo) {
  const same = photos.map((one, number) => [one, number]).filter(([one]) =>
    one.subject === photo.subject && one.side === photo.side && one.visit === photo.visit);
  if (!same.some(([one]) => one.flag === "other") || same.length < 2) return null;
  return el("p", {class: "modes"}, "Pictures of this visit: ", same.map(([one, number]) =>
    el("button", {type: "button", "aria-pressed": String(one === photo), onclick: () => open(number)}, one.mode)));
}

function gradeBlock(photo) {
  if (photo.hidden) {
    return el("div", {class: "grade"}, el("p", {class: "soft"}, "The automatic grade is hidden until you give yours (key ", el("kbd", {}, "c"), ")."));
  }
  if (photo.grade === null) {
    return el("div", {class: "grade"}, el("p", {class: "no-grade"}, "Not graded"), el("p", {}, photo.note));
  }
  const mine = reviewOf(photo), own = ownGrade(mine);
  const legend = [["value", "automatic"], photo.expert === null ? null : ["expert", "expert"],
    own === null ? null : ["corrected", mine.verdict === "blind" ? "yours, given blind" : "your correction"]].filter(Boolean);
  return el("div", {class: "grade"},
    el("div", {class: "figure"}, el("span", {class: "number"}, figure(photo.grade)), severityMark(photo.severity)),
    el("div", {class: "scale"}, scale(photo, own), el("p", {class: "legend"}, legend.map(([kind, name]) =>
      el("span", {}, svg("svg", {width: 12, height: 12, viewBox: "-6 -6 12 12", "aria-hidden": "true"}, markOf(kind, 0, 0, 4.5)), name)),
      el("span", {}, `interval ${figure(photo.lower)} to ${figure(photo.upper)}`),
      photo.expert === null ? null : el("span", {}, `${signed(difference(photo))} from the expert's ${figure(photo.expert)}`))));
}

// The reader's own grade, where it is not the automatic one.
const ownGrade = (mine) => (mine && ["corrected", "blind"].includes(mine.verdict) ? mine.grade : null);

const markOf = (kind, x, y, r) => (kind === "expert" ? expertMark(x, y, r) : kind === "corrected"
  ? correctedMark(x, y, r) : svg("circle", {class: "value", cx: x, cy: y, r}));

function scale(photo, own) {
  const width = 440, left = 10, middle = 24;
  const x = (grade) => left + at(grade, width - 2 * left);
  const words = `interval ${figure(photo.lower)} to ${figure(photo.upper)} on a scale of 0 to 9`;
  return svg("svg", {class: "big-scale", viewBox: `0 0 ${width} 62`, role: "img", "aria-label": words},
    data.bands.map(({name, low, high}) => [
      svg("rect", {class: `band b-${name}`, x: x(low), width: x(high) - x(low), y: middle + 10, height: 5}),
      name === "none" ? null : svg("text", {class: "band-name", x: (x(low) + x(high)) / 2, y: 57, "text-anchor": "middle"}, name)]),
    svg("line", {class: "axis", x1: x(0), x2: x(TOP), y1: middle, y2: middle}),
    Array.from({length: TOP + 1}, (_, grade) => [
      svg("line", {class: "axis", x1: x(grade), x2: x(grade), y1: middle - 4, y2: middle + 4}),
      svg("text", {class: "tick", x: x(grade), y: 11, "text-anchor": "middle"}, String(grade))]),
    svg("rect", {class: "range", x: x(photo.lower), width: x(photo.upper) - x(photo.lower), y: middle - 4, height: 8, rx: 4}),
    photo.expert === null ? null : expertMark(x(photo.expert), middle, 7),
    own === null ? null : correctedMark(x(own), middle, 7),
    svg("circle", {class: "value", cx: x(photo.grade), cy: middle, r: 5}));
}
