// The first step: which photographs, and where results go.

import {acting, ask, counted, el, pathMark, put} from "./page.js";
import {choose} from "./chooser.js";

export const photographs = {
  name: "photographs",
  title: "Photographs",
  ready: () => true,
  done: (state) => Boolean(state.study),

  draw(step, state, window_) {
    const study = state.study;
    const take = async (asked) => window_.refresh(await ask("study", asked));
    const choosePhotos = acting(async () => {
      const path = await choose({title: "Folder of photographs", kind: "folder", start: study ? study.photos : ""});
      if (path) await take({photos: path});
    });
    const chooseFolder = acting(async () => {
      const path = await choose({title: "Folder for the results", kind: "folder", make: true, start: study.folder});
      if (path) await take({photos: study.photos, folder: path});
    });
    const openEarlier = acting(async () => {
      const path = await choose({title: "Results folder of an earlier study", kind: "folder"});
      if (path) await take({folder: path});
    });
    put(step,
      el("h2", {}, "Photographs"),
      el("p", {}, "Choose the folder that holds the study's photographs: half faces with everything but skin painted out, or whole faces. They are never changed, and nothing leaves this computer."),
      el("div", {class: "acts"},
        el("button", {type: "button", class: study ? null : "main", onclick: choosePhotos}, study ? "Choose another folder…" : "Choose a folder…"),
        study ? null : el("button", {type: "button", onclick: openEarlier}, "Open an earlier study…")),
      study ? el("dl", {class: "facts"},
        el("dt", {}, "Photographs"), el("dd", {}, el("b", {}, counted(study.count, "photo")), " in ", pathMark(study.photos)),
        el("dt", {}, "Results go to"), el("dd", {}, pathMark(study.folder), " ",
          el("button", {type: "button", class: "quiet", onclick: chooseFolder}, "change…"))) : null,
      study ? el("div", {class: "acts"}, el("button", {type: "button", class: "main", onclick: () => window_.show("experts")}, "Next: experts' grades"),
        el("button", {type: "button", onclick: () => window_.show("grade")}, "Only grade")) : null);
  },
};
