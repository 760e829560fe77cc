// The step that analyses a trial: change from baseline by arm and visit.

import {acting, ask, el, fileLink, inWindow, pathMark, put} from "./page.js";
import {choose} from "./chooser.js";
import {ending, isUnderWay} from "./work.js";

export const trial = {
  name: "trial",
  title: "Trial",
  ready: (state) => Boolean(state.study && (state.study.graded || state.study.workbook)),
  done: (state) => Boolean(state.study && state.study.trial),

  draw(step, state, window_) {
    const {study, job} = state;
    const take = async (path) => window_.refresh(await ask("arms", {path}));
    const chooseArms = acting(async () => {
      const path = await choose({title: "Table of the arm of each subject", kind: "table"});
      if (path) await take(path);
    });
    const start = acting(async () => {
      const {whose, reference, baseline} = form.elements;
      window_.follow(await ask("trial", {whose: whose.value, reference: reference ? reference.value.trim() : "", baseline: baseline.value.trim()}));
    });
    const form = el("form", {class: "form", onsubmit: (event) => { event.preventDefault(); start(); }},
      el("label", {}, "Grades ", el("select", {name: "whose"},
        study.graded ? el("option", {value: "toolkit"}, "automatic, of the results") : null,
        study.workbook ? el("option", {value: "experts"}, "the experts', of the workbook") : null)),
      el("div", {class: "line"}, "Arms ", study.arms ? pathMark(study.arms) : el("span", {class: "soft"}, "none: a study of one arm"), " ",
        el("button", {type: "button", onclick: chooseArms}, study.arms ? "change…" : "Choose a table…"),
        study.arms ? el("button", {type: "button", class: "quiet", onclick: acting(() => take(null))}, "use none") : null),
      study.arms ? el("label", {}, "Compare with arm ", el("input", {name: "reference", type: "text", placeholder: "placebo, vehicle or control", maxlength: 200})) : null,
      el("label", {}, "Count changes from visit ", el("input", {name: "baseline", type: "text", placeholder: "Baseline", maxlength: 200})),
      el("div", {class: "acts"}, el("button", {class: "main", disabled: isUnderWay(job)}, "Analyse")));
    put(step,
      el("h2", {}, "Trial"),
      el("p", {}, "Change from baseline by arm and visit, a mixed model for repeated measures, responders, and the sample size of the next trial. Not validated for regulatory submission."),
      form, ending(job, "trial"), outcome(state));
  },
};

function outcome({study, job}) {
  const told = job && job.kind === "trial" && job.state === "done" ? job.result : null;
  if (!study.trial) return null;
  return el("section", {class: "outcome"},
    told ? el("ul", {}, told.findings.map((line) => el("li", {}, inWindow(line)))) : null,
    el("p", {}, fileLink("trial.xlsx", "Workbook trial.xlsx"), " · ", fileLink("trial.html", "Page trial.html")),
    el("iframe", {title: "Page of the trial", src: `trial/?${job ? job.number : 0}`, class: "tall"}));
}
