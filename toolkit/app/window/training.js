// The step that trains a model on the study, and says in words what its scores are worth.

import {acting, ask, counted, el, inWindow, put, table} from "./page.js";
import {gradeWith} from "./grading.js";
import {ending, isUnderWay} from "./work.js";

export const training = {
  name: "train",
  title: "Train",
  ready: (state) => Boolean(state.study && (state.study.workbook || state.study.readers.length)),
  done: (state) => Boolean(state.study && state.study.trained),

  draw(step, state, window_) {
    const {study, job} = state;
    const start = acting(async () => {
      const {reviews, replace} = form.elements;
      window_.follow(await ask("train", {reviews: Boolean(reviews && reviews.checked), replace: Boolean(replace && replace.checked)}));
    });
    const form = el("form", {class: "form", onsubmit: (event) => { event.preventDefault(); start(); }},
      study.readers.length ? el("label", {}, el("input", {type: "checkbox", name: "reviews", checked: !study.workbook, disabled: !study.workbook && study.readers.length < 1}),
        `Also learn from the reviews of ${study.readers.join(", ")}`) : null,
      study.trained ? el("label", {}, el("input", {type: "checkbox", name: "replace"}), "This study's model may be replaced, even if it learnt from other people or photographs") : null,
      el("div", {class: "acts"}, el("button", {class: "main", disabled: isUnderWay(job)}, study.trained ? "Train again" : "Train")));
    put(step,
      el("h2", {}, "Train"),
      el("p", {}, "A model learns from the photographs that have an expert's grade. Its scores come from subjects that it never saw, beside those of answers that need no photograph. It takes minutes to hours, and has to begin anew when it is stopped."),
      form, ending(job, "training"), outcome(state, window_));
  },
};

const two = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));

// What the model's scores say it is worth: a warning where it is not to be used.
const worth = (told) => (told.worth ? el("p", {class: told.doubt ? "problem" : "verdict"}, told.worth) : null);

function outcome({study, job}, window_) {
  const told = job && job.kind === "training" && job.state === "done" ? job.result : null;
  if (!told) return study.trained ? el("section", {}, el("p", {class: "note"}, "This study has a model of its own."), worth(study)) : null;
  const rows = Object.entries(told.scores).map(([name, one]) => [name, two(one.rmse), two(one.mae), `${Math.round(100 * one.within_one)} %`, two(one.spearman)]);
  const left = Object.entries(told.left_out);
  return el("section", {class: "outcome"},
    el("h3", {}, "What it is worth"),
    worth({worth: told.words, doubt: told.doubt}),
    el("p", {class: "note"}, `${counted(told.photos, "photo")} of ${counted(told.subjects, "subject")}; no subject is both learnt from and tested on. ${inWindow(told.joined)}`),
    table(["", "RMSE", "MAE", "within 1.0", "Spearman"], rows),
    told.warnings.map((line) => el("p", {class: "caution"}, line)),
    left.length ? el("details", {}, el("summary", {}, `${counted(left.length, "photo")} left out`),
      el("ul", {}, left.slice(0, 50).map(([name, why]) => el("li", {}, el("bdi", {}, name), ": ", inWindow(why))))) : null,
    el("p", {class: "note"}, "The model's folder keeps file names, subjects and small pictures of skin: treat it as you treat the photographs."),
    el("div", {class: "acts"}, el("button", {type: "button", class: told.doubt ? null : "main", onclick: () => { gradeWith("own"); window_.show("grade"); }}, told.doubt ? "Grade with it all the same" : "Next: grade with it")));
}
