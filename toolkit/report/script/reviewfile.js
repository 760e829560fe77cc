// Reviews as CSV, out and in.

const CSV_COLUMNS = ["photo", "subject", "side", "visit", "toolkit", "verdict", "grade", "reader", "comment", "reviewed_at"];
// No cell may begin a formula in a spreadsheet.
const guarded = (value) => (/^'*[=+\-@\t\r\n]/.test(value) ? `'${value}` : value);
const unguarded = (value) => (/^'+[=+\-@\t\r\n]/.test(value) ? value.slice(1) : value);
const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

// A photo's row by column; without a verdict it has none to export.
function reviewRow(photo) {
  const mine = reviewOf(photo);
  if (!mine || !mine.verdict) return {photo: photo.photo, verdict: ""};
  const reader = byId("reader").value.trim();  // of what was reviewed before a name was typed as well
  return {photo: photo.photo, subject: photo.subject, side: photo.side, visit: photo.visit,
    toolkit: photo.grade === null ? "" : photo.grade.toFixed(2), verdict: mine.verdict, grade: String(mine.grade),
    reader: mine.reader || reader, comment: mine.comment, reviewed_at: mine.at};
}

function asCsv() {
  const rows = photos.filter(isReviewed).map((photo) => CSV_COLUMNS.map((name) => reviewRow(photo)[name]));
  return "\ufeff" + [CSV_COLUMNS, ...rows].map((row) => row.map((cell) => quoted(guarded(cell))).join(",") + "\r\n").join("");
}

function exportReview() {
  reread();
  if (!byId("reader").value.trim()) {
    say("Type your name as the reader first: a grade without a reader cannot be told from another's.");
    byId("reader").focus();
    return;
  }
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
    if (!["agree", "corrected", "blind"].includes(row.verdict)) return refused(`row ${place + 1} is none of agree, corrected and blind`);
    if (!/^\d(\.\d+)?$/.test(row.grade) || !isGrade(Number(row.grade))) return refused(`row ${place + 1} has no grade of 0 to 9 in steps of ${STEP}`);
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
  const changed = [];
  let older = 0, others = 0, unknown = 0;
  for (const row of told) {
    const photo = known.get(row.photo), grade = Number(row.grade);
    if (!photo) { unknown += 1; continue; }
    const mine = reviewOf(photo);
    if (mine && mine.verdict) {
      if (!isSame(mine.reader, row.reader)) { others += 1; continue; }
      if (moment(row.reviewed_at) <= moment(mine.at)) { older += 1; continue; }
    }
    // Who agreed with another grade than this run's did not agree with this one.
    const agreed = row.verdict === "agree" && photo.grade !== null && grade === onStep(photo.grade);
    const verdict = row.verdict === "blind" || agreed ? row.verdict : "corrected";
    // A comment that waits for its verdict is kept.
    const comments = mine && !mine.verdict ? [...new Set([mine.comment, row.comment])] : [row.comment];
    reviews.set(photo.photo, {verdict, grade, comment: comments.filter(Boolean).join(" / "), reader: row.reader, at: row.reviewed_at});
    changed.push(photo);
  }
  keep(changed);
  refresh();
  drawProgress();
  if (onScreen >= 0) showVerdict(photos[onScreen]);
  say([`${changed.length} reviews taken over`, others ? `${others} left: another reader's stand here and are kept` : "",
    older ? `${older} left: those here are as new or newer` : "",
    unknown ? `${unknown} of photos that are not in this run` : ""].filter(Boolean).join("; ") + ".");
}
