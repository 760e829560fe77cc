// What is remembered in this browser.

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
