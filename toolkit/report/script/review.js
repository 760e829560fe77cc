// The review of a photograph.

function reviewBlock(photo) {
  const hidden = isHidden(photo), automatic = photo.grade === null ? null : onStep(photo.grade);
  const block = el("div", {class: "review", id: "review", role: "group", "aria-label": "Your review"},
    hidden ? null : el("button", {type: "button", id: "agree", title: "agree (a)", disabled: automatic === null, onclick: () => agree(photo)},
      automatic === null ? "Agree" : `Agree with ${gradeText(automatic)}`),
    el("label", {}, hidden ? "Your grade " : "Correct to ", el("select", {id: "correct", title: `${hidden ? "your grade" : "correct"} (c)`,
      "aria-label": hidden ? "Your grade" : "Corrected grade", onchange: (event) => (hidden ? choose(photo, event.target.value) : correct(photo, event.target.value)), onblur: giveChosen, onkeydown: leaveOnEnter},
      el("option", {value: ""}, "–"), STEPS.map((value) => el("option", {value}, value)))),
    hidden ? el("button", {type: "button", id: "give", title: "give this grade (Enter)", onclick: giveChosen}, "Give") : null,
    el("input", {id: "comment", type: "text", "aria-label": "Comment", placeholder: "comment", maxlength: 500,
      onchange: (event) => put(photo, {comment: event.target.value.trim()}), onkeydown: leaveOnEnter}),
    el("button", {type: "button", class: "quiet", id: "clear", onclick: () => put(photo, null)}, "Clear"));
  showReview(block, photo);
  return block;
}

// Enter saves what was typed and gives the keys back to the page.
function leaveOnEnter(event) {
  if (event.key !== "Enter") return;
  event.preventDefault();
  event.currentTarget.blur();  // a field that was changed tells so now
  byId("detail").focus({preventScroll: true});
}

// In place: a list that is being typed into must not be made anew under the reader's fingers.
function showReview(block, photo, typing = false) {
  const mine = reviewOf(photo) || {verdict: "", comment: ""};
  block.className = `review ${mine.verdict}`.trim();
  const agreeing = block.querySelector("#agree");
  if (agreeing) agreeing.setAttribute("aria-pressed", String(mine.verdict === "agree"));
  block.querySelector("#correct").value = ["corrected", "blind"].includes(mine.verdict) ? gradeText(mine.grade) : "";
  const comment = block.querySelector("#comment");
  if (!typing || comment !== document.activeElement) comment.value = mine.comment || "";
  block.querySelector("#clear").disabled = !mine.verdict && !mine.comment;
}

// A list tells of every key that is typed in it: 6 before 6.5. A blind grade counts when the list is left, not before.
let choice = null;
function choose(photo, value) {
  choice = {photo, value};
}

function giveChosen() {
  if (!choice) return;
  const {photo, value} = choice;
  choice = null;
  correct(photo, value);
}

function put(photo, change) {
  reread();
  const wasHidden = isHidden(photo);
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
  if (wasHidden && !isHidden(photo)) markSeen(photo);
  if (number !== onScreen) return;
  if (wasHidden !== isHidden(photo)) open(number, false); else showVerdict(photo);
}

function showVerdict(photo, typing = false) {
  showReview(byId("review"), photo, typing);
  byId("detail").querySelector(".grade").replaceWith(gradeBlock(visible(photo)));
  const plot = byId("detail").querySelector(".visits");
  if (plot) plot.replaceWith(visitBlock(photo));
}

function agree(photo) {
  if (!photo || photo.grade === null) return;
  if (isHidden(photo)) { say("Blind: give your grade first (key c); then the automatic one is shown."); return; }
  put(photo, {verdict: "agree", grade: onStep(photo.grade)});
}

function correct(photo, value) {
  if (value === "") { put(photo, {verdict: "", grade: null}); return; }
  if (reviewOf(photo) && reviewOf(photo).verdict === "blind") say("You have seen the automatic grade by now: this counts as corrected, not as blind.");
  put(photo, {verdict: isHidden(photo) ? "blind" : "corrected", grade: Number(value)});
}

function setBlind(state) {
  blind = state;
  memory.write(BLIND, blind);
  drawBlind();
  if (blind) {
    chosen.clear();
    for (const chip of byId("chips").children) chip.setAttribute("aria-pressed", "false");
    if (byId("filter-apart")) byId("filter-apart").value = "";
    say("Automatic grades are hidden until you give yours. Photos that you opened before were seen: theirs stay.");
  }
  refresh();
  if (onScreen >= 0) open(onScreen, false);
}

function drawBlind() {
  byId("blind").checked = blind;
  document.body.classList.toggle("reading-blind", blind);
}

// Another tab wrote.
function onStorage(event) {
  if (event.key !== REVIEW) return;
  reread();
  refresh();
  drawProgress();
  // A verdict from elsewhere may uncover the photo on screen.
  if (onScreen >= 0 && Boolean(byId("agree")) === isHidden(photos[onScreen])) open(onScreen, false);
  else if (onScreen >= 0) showVerdict(photos[onScreen], true);
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
