// Pages to print, shown before they are printed: a summary of the run, photos one by one, or one page a subject.

function showPrint() {
  const numbers = chosenPhotos(), subjects = bySubject(numbers), opened = inView();
  const which = picked.size ? "ticked" : shown.length < photos.length ? "filtered" : "in the table";
  const choices = [
    !photos.some(isHidden) && ["Summary of the run", "2 pages: how severe, how sure, what to look at, what the model is", () => openPaper("Summary of the run", summarySheets())],
    opened && ["This photo", `1 page: ${whereOf(opened) || opened.photo}`, () => openPaper("One photo", [photoSheet(current)])],
    numbers.length && ["Photos", `${pagesOf(numbers.length)}, one each: the ${numbers.length} photos ${which}`,
      () => openPaper("Photos", numbers.map(photoSheet))],
    numbers.length && ["Subjects", `${pagesOf(subjects.size)}, one each, with the ${numbers.length} photos ${which} side by side`,
      () => openPaper("Subjects", [...subjects].map(([subject, theirs]) => subjectSheet(subject, theirs)))],
  ].filter(Boolean);
  byId("print-choices").replaceChildren(...(photos.some(isHidden) ? [el("p", {}, "The summary tells grades: it is not offered while some are hidden.")] : []), ...choices.map(([title, what, act]) =>
    el("button", {type: "button", onclick: act}, el("b", {}, title), el("span", {class: "soft"}, what))));
  byId("print").showModal();
}

const pagesOf = (count) => `${count} ${count === 1 ? "page" : "pages"}`;
const chosenPhotos = () => (picked.size ? sorted([...picked].sort((a, b) => a - b)) : shown);

function bySubject(numbers) {
  const found = new Map();
  for (const number of numbers) {
    const subject = photos[number].subject;
    if (!found.has(subject)) found.set(subject, []);
    found.get(subject).push(number);
  }
  return found;
}

// ``sheets``: functions that give what stands on one page each.
let paperNumber = 0;
async function openPaper(title, sheets) {
  byId("print").close();
  const number = paperNumber += 1, paper = byId("paper");
  const go = el("button", {type: "button", id: "print-now", disabled: true, onclick: () => window.print()}, "Print");
  const state = el("span", {class: "soft", role: "status"}, "");
  paper.replaceChildren(el("div", {class: "paper-bar"}, el("h2", {}, title), state, go,
    el("button", {type: "button", id: "close-paper", onclick: closePaper}, "Close")));
  paper.hidden = false;
  document.body.classList.add("on-paper");
  window.scrollTo(0, 0);
  for (const [place, sheet] of sheets.entries()) {
    state.textContent = `page ${place + 1} of ${sheets.length}`;
    const page = await sheet();
    if (number !== paperNumber) return;  // closed, or another was opened
    paper.append(page);
    await shownPictures(page);
    fitToPage(page);
  }
  showLayers();
  state.textContent = pagesOf(sheets.length);
  go.disabled = false;
}

function closePaper() {
  paperNumber += 1;
  byId("paper").hidden = true;
  byId("paper").replaceChildren();
  document.body.classList.remove("on-paper");
  drawRows(true);
}

async function shownPictures(page) {
  const wait = [];
  for (const one of page.querySelectorAll("img")) { one.loading = "eager"; wait.push(one.decode().catch(() => null)); }
  for (const one of page.querySelectorAll("image")) {
    const copy = new Image();
    copy.src = one.getAttribute("href");
    wait.push(copy.decode().catch(() => null));
  }
  await Promise.all(wait);
}

// What is a little too long for its page is made smaller, so that a page a photo or subject is one page.
function fitToPage(page) {
  const inside = page.querySelector(".fit"), room = page.querySelector("footer").offsetTop - page.offsetTop;
  for (let tries = 0, zoom = 1; tries < 8 && inside.scrollHeight * zoom > room; tries += 1) {
    zoom *= Math.max(0.5, Math.min(0.97, room / (inside.scrollHeight * zoom)));
    inside.style.zoom = String(zoom);
  }
}

const sheetOf = (title, under, ...blocks) => el("section", {class: "sheet"},
  el("div", {class: "fit"}, el("header", {class: "sheet-head"}, el("h2", {}, title), el("p", {}, under)), ...blocks),
  el("footer", {}, `Automatic grades of mottled hyperpigmentation, 0 to 9 · model ${data.model} · ${data.written} · for research, not a medical device`));

const summarySheets = () => [...byId("summary").content.children].map((sheet) => () => document.importNode(sheet, true));

const photoSheet = (number) => async () => {
  const whole = photos[number], photo = visible(whole), told = await load(number);
  const change = told.change && told.change.counts && !isHidden(photos[told.change.number]) ? told.change : null;
  return sheetOf(whereOf(photo) || photo.photo, photo.photo,
    gradeBlock(photo), reviewLine(photo),
    el("div", {class: "look"}, pictureBlock(photo, told), el("div", {class: "beside"},
      ...(photo.hidden ? [] : [printedLegend(told), regionBlock(photo, told), photo.visit ? visitBlock(whole) : null]), qualityBlock(photo, told))),
    ...(photo.hidden ? [] : [change ? el("section", {}, el("h3", {}, `Change from ${change.visit || "baseline"}`), changeWords(photo, change)) : null,
      el("div", {class: "two"}, reasonBlock(photo, told), alikeBlock(told))]));
};

function reviewLine(photo) {
  const mine = reviewOf(photo);
  if (!mine || !mine.verdict) return null;
  const said = {agree: "agrees with", corrected: "corrects it to", blind: "graded it blind"}[mine.verdict];
  return el("p", {class: "given"}, `${mine.reader || "The reader"} ${said} `, el("b", {}, gradeText(mine.grade)), mine.comment ? `: ${mine.comment}` : "");
}

function printedLegend(told) {
  if (!told.picture || !told.layers.patches) return null;
  const parts = layerParts(told);
  return el("p", {class: "legend"}, [...on].filter((name) => parts[name]).map((name) => parts[name].map(([mark, words]) => el("span", {}, mark, words))).flat());
}

const subjectSheet = (subject, numbers) => async () => {
  const rank = (photo) => (photo.visit ? visitRank.get(photo.visit) : -1);
  const ordered = numbers.slice().sort((a, b) => photos[a].side.localeCompare(photos[b].side) || rank(photos[a]) - rank(photos[b]) || a - b);
  const cards = [];
  for (const number of ordered) {
    const photo = visible(photos[number]), told = await load(number);
    cards.push(el("figure", {class: "card"}, pictureBlock(photo, told), el("figcaption", {}, [photo.side, photo.visit].filter(Boolean).join(" · ") || photo.photo,
      photo.grade === null ? null : el("b", {}, figure(photo.grade)))));
  }
  const plots = [...new Set(ordered.map((number) => photos[number].side))].map((side) => photos[ordered.find((number) => photos[number].side === side)])
    .filter((photo) => photo.visit);
  return sheetOf(subject, `${ordered.length} ${ordered.length === 1 ? "photo" : "photos"}`, subjectTable(ordered.map((number) => visible(photos[number]))),
    el("div", {class: "plots"}, plots.map((photo) => visitBlock(photo))),
    el("div", {class: `cards of-${Math.min(6, cards.length)}`}, cards));
};

// The photo of the same side at the visit Baseline, or where there is none at the earliest, whether it is printed or not.
function baselineOf(photo) {
  const visits = photos.filter((one) => one.visit && one.subject === photo.subject && one.side === photo.side)
    .sort((a, b) => visitRank.get(a.visit) - visitRank.get(b.visit));
  const base = photo.visit && (visits.find((one) => one.visit === "Baseline") || visits[0]);
  return base ? visible(base) : null;
}

function subjectTable(theirs) {
  const change = (photo) => {
    const base = baselineOf(photo);
    return !base || base.visit === photo.visit || photo.grade === null || base.grade === null ? "" : signed(photo.grade - base.grade, 2);
  };
  const head = ["side", "visit", "grade", "interval", "severity", "change", hasExpert ? "expert" : null, "review", "to look at"].filter(Boolean);
  return el("table", {class: "figures"}, el("thead", {}, el("tr", {}, head.map((name) => el("th", {scope: "col"}, name)))),
    el("tbody", {}, theirs.map((photo) => {
      const mine = reviewOf(photo);
      return el("tr", {}, [photo.side, photo.visit, el("b", {}, figure(photo.grade, 2)), photo.lower === null ? "" : el("span", {class: "one-line"}, `${figure(photo.lower)} to ${figure(photo.upper)}`),
        photo.severity ? severityMark(photo.severity) : "", change(photo), hasExpert ? figure(photo.expert) : null,
        mine && mine.verdict ? `${gradeText(mine.grade)} (${mine.verdict})` : "", [photo.quality === "ok" ? "" : photo.quality, photo.note].filter(Boolean).join("; ")]
        .filter((cell) => cell !== null).map((cell) => el("td", {}, cell)));
    })));
}
