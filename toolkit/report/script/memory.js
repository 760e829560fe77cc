// What is remembered: in this browser, or, of a page that is shown in a frame, by the window that shows it.

const keeper = byId("kept") ? JSON.parse(byId("kept").textContent) : null;
const send = (told) => window.parent.postMessage(told, keeper.origin);
const memory = {
  works: true,
  read(key) {
    if (keeper) return key in keeper.memory ? keeper.memory[key] : null;
    try { return JSON.parse(window.localStorage.getItem(key)); } catch { return null; }
  },
  write(key, value) {
    if (keeper) { keeper.memory[key] = value; send({key, value}); return; }
    try { window.localStorage.setItem(key, JSON.stringify(value)); } catch { this.works = false; }
  },
};
const REVIEW = `toolkit-review:${data.hash}`;
const LAYERS = "toolkit-report-layers";
const READER = "toolkit-report-reader";
const BLIND = `toolkit-blind:${data.hash}`;
const SEEN = `toolkit-seen:${data.hash}`;  // photos whose automatic grade the reader has had in view
const reviews = new Map();
const isSound = (mine) => Boolean(mine) && ["verdict", "reader", "comment", "at"].every(
  (name) => typeof mine[name] === "string") && (mine.verdict ? isGrade(mine.grade) : Boolean(mine.comment));

// What this browser holds is what counts: the same page may be open in another tab.
function reread() {
  const kept = memory.works && !keeper ? memory.read(REVIEW) : null;
  if (!kept || typeof kept !== "object") return;
  reviews.clear();
  takeSound(kept);
}

function takeSound(kept) {
  for (const [name, mine] of Object.entries(kept || {})) if (isSound(mine)) reviews.set(name, mine);
}
// After the reviews of these photos have changed.
function keep(changed) {
  if (keeper) send({rows: changed.map(reviewRow)});
  const told = [...reviews].filter(([, mine]) => !keeper || !mine.verdict);  // verdicts stand in the reader's file
  memory.write(REVIEW, Object.fromEntries(told));
}

function startKept() {
  takeSound(memory.read(REVIEW));
  takeSound(keeper.reviews);
  byId("reader").readOnly = true;
  for (const told of ["h1", "label:has(#reader)"]) document.querySelector(`.top ${told}`).hidden = true;  // the window tells these
  byId("where-kept").textContent = "Every verdict is written at once to the reader's file in the results folder. Nothing is sent anywhere.";
  window.addEventListener("message", (event) => { if (event.source === window.parent) say(String(event.data.problem)); });
}
const reviewOf = (photo) => reviews.get(photo.photo) || null;
const isReviewed = (photo) => Boolean(reviewOf(photo) && reviewOf(photo).verdict);

// Blind reading: a photo's automatic grade, and all that tells of it, stays hidden until the reader has given one.
// The reader's own choice counts before that of who made the page; who began blind in the window stays so.
const keptBlind = memory.read(BLIND);
let blind = typeof keptBlind === "boolean" ? keptBlind : Boolean(data.blind);
if (keeper && keeper.blind && !blind) {
  blind = true;
  memory.write(BLIND, true);
}
const seen = new Set();
function rereadSeen() {
  const kept = memory.read(SEEN);
  for (const name of Array.isArray(kept) ? kept : []) seen.add(name);
}
function markSeen(photo) {
  if (photo.grade === null || seen.has(photo.photo)) return;
  rereadSeen();
  seen.add(photo.photo);
  memory.write(SEEN, [...seen]);
}
const isHidden = (photo) => blind && photo.grade !== null && !isReviewed(photo) && !seen.has(photo.photo);
const isTelling = (note) => note.startsWith("the expert's grade");
// What may be shown of a photo.
function visible(photo) {
  if (!isHidden(photo)) return photo;
  const note = photo.note.split("; ").filter((part) => !isTelling(part)).join("; ");
  return {...photo, hidden: true, grade: null, half: null, lower: null, upper: null, severity: "", expert: null, note,
    explanation: "", regions: {}, flag: note || !["", "ok"].includes(photo.quality) ? "flagged" : ""};
}
