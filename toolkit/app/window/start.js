// The window: which step is on screen, and what is under way.

import {acting, ask, byId, el, fileName, put, say} from "./page.js";
import {showWork} from "./work.js";
import {photographs} from "./photographs.js";
import {experts} from "./experts.js";
import {training} from "./training.js";
import {grading} from "./grading.js";
import {review} from "./review.js";
import {agreement} from "./agreement.js";
import {trial} from "./trial.js";

const STEPS = [photographs, experts, training, grading, review, agreement, trial];
const WAIT_MS = 500;
let state = null, shown = STEPS[0], followed = 0;

// What steps may do: read the state anew, show a step, follow a job until it ends.
const window_ = {
  async refresh(told) {
    state = told || await ask("state");
    draw();
  },
  show(name) {
    shown = STEPS.find((step) => step.name === name);
    say("");
    draw();
    byId("step").focus();
    acting(notice)();
  },
  // After something was written meanwhile: by the report page, in another window or by a command.
  notice,
  follow,
};

async function notice() {
  const before = state, {study} = await ask("state");
  if (before !== state || JSON.stringify(study) === JSON.stringify(state.study)) return;
  state = {...state, study};
  draw();
}

function draw() {
  byId("where").textContent = state.study ? `${fileName(state.study.photos)} → ${fileName(state.study.folder)}` : "no study chosen";
  byId("where").title = state.study ? `${state.study.photos}\n${state.study.folder}` : "";
  put(byId("steps"), ...STEPS.map((step) => el("li", {},
    el("button", {type: "button", "aria-current": step === shown ? "step" : null, disabled: !step.ready(state),
      class: step.done(state) ? "done" : null, title: step.title, onclick: () => window_.show(step.name)}, el("span", {}, step.title)))));
  byId("steps").querySelector("[aria-current]").scrollIntoView({block: "nearest", inline: "center"});
  drawWork();
  document.body.dataset.step = shown.name;
  acting(() => shown.draw(byId("step"), state, window_))();
}

function drawWork() {
  showWork(byId("work"), state.job, acting(async () => { state.job = await ask("cancel", {}); drawWork(); }));
}

// Only what moves is drawn while a job runs; when it has ended the step shows what came of it.
function follow(job) {
  state.job = job;
  draw();
  if (followed) return;
  followed = window.setInterval(async () => {
    try {
      state.job = await ask("job");
    } catch (error) {
      say(error.message);
      return;
    }
    if (["running", "stopping"].includes(state.job.state)) { drawWork(); return; }
    window.clearInterval(followed);
    followed = 0;
    await window_.refresh();
  }, WAIT_MS);
}

byId("close").addEventListener("click", acting(async () => {
  await ask("close", {});
  document.body.replaceChildren(el("main", {class: "closed"}, el("h1", {}, "The window is closed."),
    el("p", {}, "What was under way has been stopped and kept. You can close this tab. toolkit app opens the window again.")));
}));

acting(async () => {
  await window_.refresh();
  if (state.job && ["running", "stopping"].includes(state.job.state)) follow(state.job);
})();
