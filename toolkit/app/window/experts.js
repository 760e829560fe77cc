// The step in which the experts' workbook is read: what is understood of its columns, and which row joins which photo.

import {acting, ask, counted, el, inWindow, pathMark, put, table} from "./page.js";
import {choose} from "./chooser.js";

const ROLES = {subject: "Subject", side: "Side", visit: "Visit", visitnum: "Number of the visit", grade: "Grade", file: "File name", sex: "Sex"};
const SCALES = [["0-9/0.5", "0 to 9 in half steps"], ["0-9/1", "0 to 9, whole grades"], ["0-9/0.25", "0 to 9 in quarters"], ["0-9", "0 to 9, any number"]];
let shown = "all";

export const experts = {
  name: "experts",
  title: "Experts' grades",
  ready: (state) => Boolean(state.study),
  done: (state) => Boolean(state.study && state.study.workbook && !state.study.refused),

  async draw(step, state, window_) {
    const study = state.study;
    const take = async (path) => window_.refresh(await ask("workbook", {path}));
    const chooseWorkbook = acting(async () => {
      const path = await choose({title: "Workbook of the experts' grades", kind: "table"});
      if (path) await take(path);
    });
    put(step,
      el("h2", {}, "Experts' grades"),
      el("p", {}, "A workbook (.xlsx) or table (.csv) of grades: one row for each photo, or one for each subject and side with a column for each visit. It is needed to train, and to compare the grades with; without one, go on to grade."),
      el("div", {class: "acts"},
        el("button", {type: "button", class: study.workbook ? null : "main", onclick: chooseWorkbook}, study.workbook ? "Choose another workbook…" : "Choose a workbook…"),
        study.workbook ? el("button", {type: "button", class: "quiet", onclick: acting(() => take(null))}, "use none") : el("button", {type: "button", onclick: () => window_.show("grade")}, "Go on without")),
      study.workbook ? el("p", {}, pathMark(study.workbook)) : null,
      el("div", {id: "read"}, study.workbook ? el("p", {class: "soft"}, "Reading the workbook…") : null));
    if (!study.workbook) return;
    const place = step.querySelector("#read"), told = await ask("experts");
    if (place.isConnected) put(place, columns(told.understood, study, window_), joined(told.join, place, window_));
  },
};

function columns(understood, study, window_) {
  const named = {...study.columns};
  const name = acting(async (role, heading, scale = study.scale) => {
    if (heading) named[role] = heading; else delete named[role];
    await window_.refresh(await ask("columns", {columns: named, scale}));
  });
  const headings = understood.columns.map((column) => column.heading).filter(Boolean);
  const read = (role) => (understood.columns.find((column) => column.read_as === role) || {heading: ""}).heading;
  const visits = understood.columns.filter((column) => column.read_as.startsWith("grade of "));
  const usual = (role) => {
    if (read(role) && !study.columns[role]) return `${read(role)} (by its heading)`;
    return role === "grade" && visits.length ? `${counted(visits.length, "column")}, one a visit` : study.columns[role] ? "by the headings" : "not read";
  };
  const list = (role) => el("label", {}, el("span", {class: "role"}, ROLES[role]), el("select", {onchange: (event) => name(role, event.target.value)},
    el("option", {value: ""}, usual(role)),
    headings.map((heading) => el("option", {value: heading, selected: study.columns[role] === heading}, heading))));
  return el("section", {},
    el("h3", {}, "What was understood"),
    understood.problem ? el("p", {class: "problem"}, inWindow(understood.problem)) : null,
    understood.review ? el("p", {class: "note"}, "This is a review that was exported from the report page.") : null,
    el("div", {class: "roles"},
      understood.sheets.length > 1 ? el("label", {}, el("span", {class: "role"}, "Sheet"), el("select", {onchange: (event) => name("sheet", event.target.value)},
        understood.sheets.map((title) => el("option", {value: title, selected: title === understood.sheet}, title)))) : null,
      understood.review ? null : understood.roles.map(list),
      el("label", {}, el("span", {class: "role"}, "Scale"), el("select", {onchange: (event) => name("", "", event.target.value)},
        SCALES.map(([value, text]) => el("option", {value, selected: value === study.scale}, text))))),
    el("details", {}, el("summary", {}, `All ${counted(headings.length, "column")} of sheet “${understood.sheet}”`),
      table(["heading", "first cells", "read as"], understood.columns.filter((column) => column.heading).map((column) =>
        [column.heading, column.examples.join(", "), ROLES[column.read_as] || column.read_as || el("span", {class: "soft"}, "not read")]))));
}

function joined(join, place, window_) {
  if (join.problem) return el("section", {}, el("h3", {}, "Which photo has which row"), el("p", {class: "problem"}, inWindow(join.problem)));
  if (!join.photos.length) return null;
  const without = join.photos.filter((photo) => photo.row === null);
  const rows = (shown === "without" ? without : join.photos).slice(0, 500);
  const filter = (value, text) => el("label", {}, el("input", {type: "radio", name: "shown", checked: shown === value,
    onchange: () => { shown = value; section.replaceWith(joined(join, place, window_)); }}), text);
  const section = el("section", {},
    el("h3", {}, "Which photo has which row"),
    el("p", {}, el("b", {}, `${join.graded} of ${counted(join.photos.length, "photo")}`), " have a grade."),
    join.remarks.map((line) => el("p", {class: "caution"}, inWindow(line))),
    el("div", {class: "acts"}, filter("all", "all photos"), filter("without", `without a row (${without.length})`)),
    table(["photo", "subject", "side", "visit", "row", "grade"], rows.map((photo) =>
      [el("bdi", {}, photo.name), photo.subject, photo.side, photo.visit, photo.row === null ? el("span", {class: "warn"}, "none") : String(photo.row), photo.grade === null ? "" : String(photo.grade)])),
    join.photos.length > rows.length && shown === "all" ? el("p", {class: "note"}, `the first ${rows.length} are shown`) : null,
    join.rows.length ? el("details", {open: true}, el("summary", {}, `${counted(join.rows.length, "row")} without a photo`),
      el("ul", {}, join.rows.slice(0, 200).map((row) => el("li", {}, row)))) : null,
    join.graded ? el("div", {class: "acts"}, el("button", {type: "button", class: "main", onclick: () => window_.show("train")}, "Next: train on these grades"),
      el("button", {type: "button", onclick: () => window_.show("grade")}, "Only grade")) : null);
  return section;
}
