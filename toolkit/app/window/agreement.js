// The step that compares graders.

import {acting, ask, el, fileLink, inWindow, put, table} from "./page.js";
import {ending, isUnderWay} from "./work.js";

export const agreement = {
  name: "agreement",
  title: "Agreement",
  ready: (state) => Boolean(state.study && (state.study.readers.length || (state.study.workbook && state.study.graded))),
  done: (state) => Boolean(state.study && state.study.agreed),

  draw(step, state, window_) {
    const {study, job} = state;
    const start = (who) => acting(async () => window_.follow(await ask("agreement", {who})));
    put(step,
      el("h2", {}, "Agreement"),
      el("p", {}, "How well graders agree, each figure with its interval over subjects and beside trivial answers."),
      el("p", {class: "note"}, "A reader who saw the automatic grade first is drawn towards it: such agreement is an upper bound. For validation compare the results with grades that experts gave without seeing them, of photographs that the model did not learn from."),
      el("div", {class: "acts"},
        el("button", {type: "button", class: "main", disabled: isUnderWay(job) || !study.workbook || !study.graded, onclick: start("experts")}, "Experts' workbook and the results"),
        el("button", {type: "button", class: "main", disabled: isUnderWay(job) || !study.readers.length, onclick: start("reviews")}, "Readers of the report page and the results")),
      ending(job, "agreement"), outcome(state));
  },
};

const figure = (one) => (!one || one.value === null ? "–" : one.value.toFixed(2));
const between = (one) => (!one || one.lower === null || one.upper === null ? "" : ` (${one.lower.toFixed(2)} to ${one.upper.toFixed(2)})`);

function outcome({study, job}) {
  const told = job && job.kind === "agreement" && job.state === "done" ? job.result : null;
  const file = study.agreed ? el("p", {}, fileLink("agreement.xlsx", "Workbook agreement.xlsx")) : null;
  if (!told) return file;
  const rows = told.pairs.map((pair) => [
    `${pair.second} against ${pair.first}`, String(pair.photos), figure(pair.estimates.rmse) + between(pair.estimates.rmse),
    Object.values(pair.trivial).map((one) => one.rmse.toFixed(2)).join(" / "),
    figure(pair.estimates.icc_2_1) + between(pair.estimates.icc_2_1), figure(pair.estimates.kappa)]);
  return el("section", {class: "outcome"},
    el("h3", {}, "Pairs of graders"),
    told.learnt ? el("p", {class: "caution"}, told.learnt) : null,
    table(["", "photos", "RMSE", "always the mean / commonest", "ICC(2,1)", "kappa"], rows),
    file,
    el("details", {}, el("summary", {}, "The whole account"), el("pre", {}, inWindow(told.text))));
}
