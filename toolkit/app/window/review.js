// The report page inside the window; reviews go straight to the reader's file.

import {acting, ask, byId, el, put, say} from "./page.js";

let reader = "", blind = false, frame = null, loaded = "", told = "", readers = [], notice = null;

export const review = {
  name: "review",
  title: "Review",
  ready: (state) => Boolean(state.study && state.study.page),
  done: (state) => Boolean(state.study && state.study.readers.length),

  draw(step, state, window_) {
    readers = state.study.readers;
    notice = window_.notice;
    const begin = acting(async () => {
      const name = step.querySelector("#reader").value.trim();
      if (!name) throw new Error("Enter your name first: a review tells who gave it.");
      reader = name;
      blind = step.querySelector("#blind").checked;
      review.draw(step, state, window_);
    });
    if (!reader) {
      frame = null;
      put(step,
        el("h2", {}, "Review"),
        el("p", {}, "Look at each photo with what was measured on it, and agree with its grade or correct it. Every verdict is written at once to a file of your own in the results folder."),
        el("p", {class: "note"}, "Decide which photos to review before you see the grades: if only odd ones are reviewed, the agreement is that of odd ones."),
        el("form", {class: "form inline", onsubmit: (event) => { event.preventDefault(); begin(); }},
          el("label", {}, "Reader ", el("input", {id: "reader", type: "text", placeholder: "your name", list: "readers", maxlength: 60, autocomplete: "off"})),
          el("datalist", {id: "readers"}, state.study.readers.map((name) => el("option", {value: name}))),
          el("label", {}, el("input", {id: "blind", type: "checkbox"}), "Blind: each grade stays hidden until I have given mine"),
          el("button", {class: "main"}, "Begin")));
      return;
    }
    const page = `${state.study.folder} ${state.study.page} ${reader}`;
    if (frame && frame.isConnected && page === loaded) return;  // the page that is being read is not loaded anew
    if (page !== loaded) told = "";
    loaded = page;
    frame = el("iframe", {title: "Report page", src: `report/?reader=${encodeURIComponent(reader)}${blind ? "&blind=true" : ""}`, onload: () => frame.focus()});  // so that its keys work at once
    const other = () => { reader = ""; review.draw(step, state, window_); };
    put(step, el("p", {class: "reading"}, "Reader ", el("b", {}, reader), el("span", {id: "kept", class: "soft"}, told),
      el("button", {type: "button", class: "quiet", onclick: other}, "another reader…")), frame);
  },
};

// The framed page has an origin of its own and may only send what was reviewed; one after the other, so that none is lost.
let last = Promise.resolve(), pending = 0;
const busy = (change) => {
  pending += change;
  if (byId("kept")) byId("kept").ariaBusy = String(pending > 0);
};
window.addEventListener("beforeunload", (event) => { if (pending) event.preventDefault(); });
window.addEventListener("message", (event) => {
  if (!frame || event.source !== frame.contentWindow || !event.data) return;
  const {rows, key, value} = event.data, name = reader;
  busy(1);
  last = last.then(async () => {
    try {
      if (typeof key === "string") await ask("memory", {reader: name, key, value});
      if (Array.isArray(rows)) {
        const kept = await ask("review", {reader: name, rows});
        told = ` · ${kept.reviews} reviewed, kept in ${kept.file}`;
        if (byId("kept")) byId("kept").textContent = told;
        if (readers.includes(name.trim()) !== kept.reviews > 0) await notice();  // other steps are open, or shut, from now on
      }
    } catch (error) {
      say(error.message);
      event.source.postMessage({problem: `Not kept: ${error.message}`}, "*");
    }
    busy(-1);
  });
});
