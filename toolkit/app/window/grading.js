// The step that grades.

import {acting, ask, counted, duration, el, fileLink, inWindow, put} from "./page.js";
import {ending, isUnderWay} from "./work.js";

const chosen = {model: "", change: true, experts: true, earlier: ""};  // of the form, which is drawn anew

// A model to grade with that another step names.
export function gradeWith(model) {
  chosen.model = model;
}

export const grading = {
  name: "grade",
  title: "Grade",
  ready: (state) => Boolean(state.study),
  done: (state) => Boolean(state.study && state.study.graded && state.study.graded_with !== "before"),

  draw(step, state, window_) {
    const {study, job} = state;
    const model = study.trained ? chosen.model || (study.graded ? study.model : "own") : "starter";
    const caution = el("p", {class: "caution"}, "The starter model has learnt from simulated pigment. It ranks photos; train on your own experts' grades before you use a number.");
    const doubt = el("p", {class: "problem"}, `The model trained on this study: ${study.worth}`);
    const act = el("button", {disabled: isUnderWay(job)});
    const warn = (used) => {
      const doubted = used === "own" && study.doubt;
      caution.hidden = used !== "starter";
      doubt.hidden = !doubted;
      act.className = doubted ? "" : "main";
      act.textContent = (study.graded ? "Grade what is new or changed" : `Grade ${counted(study.count, "photo")}`) + (doubted ? " all the same" : "");
    };
    const take = (event) => { chosen.model = event.target.value; warn(chosen.model); };
    const form = el("form", {class: "form", onsubmit: (event) => { event.preventDefault(); start(); }},
      el("label", {}, "Model ", el("select", {name: "model", onchange: take},
        el("option", {value: "starter"}, "starter: ranks, on the scale of simulated pigment"),
        study.trained ? el("option", {value: "own", selected: model === "own"}, "trained on this study") : null)),
      study.workbook ? el("label", {}, el("input", {type: "checkbox", name: "experts", checked: chosen.experts}), "Show the experts' grades beside") : null,
      el("label", {}, el("input", {type: "checkbox", name: "change", checked: chosen.change}), "Compare later visits with the baseline"),
      el("label", {}, "Earlier results of photographs that are not here any more ", el("select", {name: "earlier"},
        [["", "ask first"], ["append", "Keep them"], ["overwrite", "Drop them"]].map(
          ([value, text]) => el("option", {value, selected: value === chosen.earlier}, text)))),
      el("div", {class: "acts"}, act));
    warn(model);
    const start = acting(async () => {
      const {change, earlier, experts} = form.elements;
      Object.assign(chosen, {model: form.elements.model.value, change: change.checked, earlier: earlier.value, experts: experts ? experts.checked : chosen.experts});
      window_.follow(await ask("grade", {...chosen, experts: Boolean(experts && experts.checked)}));
    });
    put(step,
      el("h2", {}, "Grade"),
      el("p", {}, "Each photo gets a grade from 0 to 9 with an interval that tells how sure it is. You can stop at any moment: what is done is kept, and the next start goes on with the rest."),
      caution, doubt, form, ending(job, "grading"), outcome(state, window_));
  },
};

function outcome(state, window_) {
  const {study, job} = state, told = job && job.kind === "grading" && job.state === "done" ? job.result : null;
  if (!study.graded) return null;
  return el("section", {class: "outcome"},
    el("h3", {}, "Results"),
    study.graded_with === "before" ? el("p", {class: "problem"}, "These are the grades of a model that was here before: grade again.")
      : study.graded_with === "starter" && study.trained ? el("p", {class: "caution"}, "These are the starter's grades, not those of the model trained on this study.") : null,
    told ? el("p", {}, el("b", {}, `${told.graded} of ${counted(told.photos, "photo")} graded`),
      told.earlier ? ` (${told.earlier} in an earlier run)` : "", ` in ${duration(told.seconds)}.`) : null,
    told && told.without.length ? el("details", {}, el("summary", {}, `${counted(told.without.length, "photo")} without a grade`),
      el("ul", {}, told.without.slice(0, 50).map((one) => el("li", {}, el("bdi", {}, one.photo), ": ", inWindow(one.note))))) : null,
    told ? told.remarks.map((line) => el("p", {class: "note"}, inWindow(line))) : null,
    el("div", {class: "acts"}, study.page ? el("button", {type: "button", class: "main", onclick: () => window_.show("review")}, "Next: look and review") : null,
      fileLink("results.xlsx", "Workbook results.xlsx")));
}
