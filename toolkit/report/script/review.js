// The review of a photograph.

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
  keep([photo]);
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
  if (!memory.works && !keeper) say("This browser keeps nothing for pages such as this one: export your review before you close it.");
}
