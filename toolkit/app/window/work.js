// How far long work is, in the head of the window.

import {counted, duration, el, inWindow, put} from "./page.js";

const STAGES = {
  grading: "Grading", change: "Comparing visits", report: "Drawing the report page", patches: "Reading photographs",
  "looking for earlier results": "Looking for earlier results", agreement: "Comparing graders", trial: "Analysing the trial",
};
export const isUnderWay = (job) => Boolean(job) && ["running", "stopping"].includes(job.state);

// The nodes stay while a job runs: a button that is made anew under the pointer misses the click.
export function showWork(box, job, stop) {
  if (!isUnderWay(job)) { put(box); return; }
  if (!box.children.length) {
    put(box, el("span", {class: "told"}), el("progress", {"aria-label": "how far it is"}), el("button", {type: "button", onclick: stop}, "Stop"));
  }
  const [told, bar, button] = box.children;
  const stage = STAGES[job.stage] || job.stage || "Starting";
  const left = job.left_s === null ? "" : `, ${duration(job.left_s)} left`;
  const far = job.total ? ` ${job.done} of ${job.total}${left}` : "";
  told.textContent = job.state === "stopping" ? `Stopping after what is under way (${stage.toLowerCase()}${far})` : `${stage}${far}`;
  bar.max = job.total || 1;
  if (job.total) bar.value = job.done; else bar.removeAttribute("value");
  button.disabled = job.state === "stopping";
}

// How the last job of this kind ended, where it did not end well.
export function ending(job, kind) {
  if (!job || job.kind !== kind) return null;
  if (job.state === "failed") return el("p", {class: "problem", role: "alert"}, inWindow(job.error));
  if (job.state === "stopped") {
    const told = job.result ? ` ${job.result.graded} of ${counted(job.result.photos, "photo")} have a grade.` : "";
    return el("p", {class: "note"}, kind === "grading" ? `Stopped.${told} What is done is kept: start again to go on.` : "Stopped.");
  }
  return null;
}
