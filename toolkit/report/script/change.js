// Its change from baseline: both charts of the skin, in turn at the same place, and what became of each spot.

const BECAME = [["gone", "gone"], ["fainter", "fainter"], ["darker", "darker"], ["new", "new"]];
const BLINK_MS = 700;
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
let outlinesOn = true, blinking = 0;

function stopBlinking() {
  window.clearInterval(blinking);
  blinking = 0;
}

const percent = (share) => `${signed(100 * share, 0)} %`;
const spotsOf = (count) => `${count} ${count === 1 ? "spot" : "spots"}`;

function changeBlock(photo, told) {
  stopBlinking();
  const change = told.change;
  if (!change || isHidden(photos[change.number])) return null;  // it would tell of a grade that is to stay hidden
  const heading = el("h3", {}, `Change from ${change.visit || "baseline"}`);
  const toBaseline = el("button", {type: "button", class: "quiet", title: change.photo, onclick: () => open(change.number)}, "open the baseline photo");
  if (!change.counts) {
    return el("section", {class: "change", id: "change"}, heading, el("p", {class: "soft"}, `Not compared: ${change.note || "there is no result"}. `, toBaseline));
  }
  return el("section", {class: "change", id: "change"}, heading, changeWords(photo, change),
    change.pictures ? panels(photo, change) : el("p", {class: "soft"}, `No picture: ${change.problem}`),
    el("p", {class: "soft"}, `Both charts show the face upright at one scale, the later one moved to where the skin lay at ${change.visit || "baseline"} and matched to it in overall colour. `
      + "The third shows where skin is darker or paler against the skin around it: by more than 0.03 OD, in full colour from 0.1 OD on. At the rim light makes differences too. "
      + "Spots are those that the network finds at either visit. One counts as changed only where it differs by more than two photographs of the same spot do; else it is the same, also where only one of the photos has it outlined. "
      + "So these numbers are not the difference of the numbers of spots that the two photos have by themselves. ", toBaseline));
}

function changeWords(photo, change) {
  const {gone, fainter, same, darker} = change.counts, fresh = change.counts.new;
  const some = [[gone, "gone"], [fainter, "fainter"], [darker, "darker"], [fresh, "new"]].filter(([count]) => count);
  const all = gone + fainter + same + darker + fresh;
  const first = !all ? "No spots at either visit."
    : `${spotsOf(all)} found at either visit: ${some.map(([count, word]) => `${count} ${word}`).join(", ")}${some.length ? "; " : ""}${same} the same, as far as two photographs can tell.`;
  const dark = change.darkness_change === null || change.darkness_change === undefined ? ""
    : ` Together the spots are ${Math.abs(change.darkness_change) < 0.005 ? "as dark as before" : `${Math.abs(100 * change.darkness_change).toFixed(0)} % ${change.darkness_change < 0 ? "paler" : "darker"}`}.`;
  const before = change.baseline_od, after = change.later_od;
  return el("div", {class: "change-words"},
    change.grade_change === null ? null : el("p", {}, el("b", {}, `Grade ${figure(change.grade, 2)} → ${figure(photo.grade, 2)}`), ` (${signed(change.grade_change, 2)}${
      change.lower === null ? "" : `, interval ${signed(change.lower)} to ${signed(change.upper)}`})`),
    el("p", {}, first + dark),
    el("p", {class: "soft"}, `Predicted pigment ${before.toFixed(4)} → ${after.toFixed(4)} OD${before > 0.001 ? ` (${percent(after / before - 1)})` : ""}, on ${figure(change.common_cm2, 0)} cm² of skin that both photos show.`));
}

function panels(photo, change) {
  const drawn = change.layers, w = drawn.width, h = drawn.height;
  const chart = (which) => svg("image", {class: `chart-${which}`, href: change.pictures[which], width: w, height: h});
  const marks = () => svg("g", {class: "change-marks", transform: "scale(.5)", visibility: outlinesOn ? "visible" : "hidden"},
    BECAME.map(([kind]) => outlined(kind, drawn[kind])));
  const panel = (id, label, ...inside) => el("figure", {class: "chart"},
    svg("svg", {id, onclick: (event) => event.currentTarget.closest(".pair").classList.toggle("large"), viewBox: `0 0 ${w} ${h}`, width: w, height: h, role: "img", "aria-label": label}, ...inside));
  const base = change.visit || "baseline", now = photo.visit || "this photo";
  const left = panel("chart-before", `skin at ${base}`, chart("baseline"), marks());
  const right = panel("chart-after", `skin at ${now}`, chart("later"), chart("baseline"), marks());
  const apart = panel("chart-difference", `where the skin is darker or paler at ${now} than at ${base}`, chart("difference"), marks());
  const shown = el("figcaption", {id: "chart-shown"}, now);
  left.append(el("figcaption", {}, base));
  right.append(shown);
  apart.append(el("figcaption", {}, el("span", {class: "paler"}, "paler"), ", ", el("span", {class: "darker"}, "darker")));
  const over = right.querySelector(".chart-baseline");
  const show = (baseline) => {
    over.setAttribute("visibility", baseline ? "visible" : "hidden");
    shown.textContent = baseline ? base : now;
    right.classList.toggle("earlier", baseline);
  };
  show(false);
  const turn = () => show(over.getAttribute("visibility") === "hidden");
  const button = el("button", {type: "button", id: "blink", "aria-pressed": "false", "aria-label": "Blink: both visits in turn at the same place", onclick: () => {
    if (calm.matches) { stopBlinking(); turn(); button.setAttribute("aria-pressed", String(shown.textContent === base)); return; }
    if (blinking) { stopBlinking(); show(false); } else { turn(); blinking = window.setInterval(turn, BLINK_MS); }
    button.setAttribute("aria-pressed", String(Boolean(blinking)));
  }}, el("kbd", {}, "b"), " Blink");
  const counted = [...BECAME, ["same", "the same"]].map(([kind, word]) => el("span", {},
    kind === "same" ? null : svg("svg", {class: "swatch", width: 22, height: 12, viewBox: "0 0 44 24", "aria-hidden": "true"},
      svg("path", {class: "casing", d: "M2 12h40"}), svg("path", {class: `line l-${kind}`, d: "M2 12h40"})),
    `${word} `, el("b", {}, String(change.counts[kind])), el("small", {}, `${figure(change.cm2[kind], 2)} cm²`)));
  return el("div", {class: "charts"},
    el("div", {class: "change-legend"}, button,
      el("label", {}, el("input", {type: "checkbox", id: "box-change", "aria-label": "outlines of what changed", checked: outlinesOn,
        onchange: (event) => setOutlines(event.target.checked)}), el("kbd", {}, "o"), "outlines"), counted),
    el("div", {class: "pair"}, left, right, apart),
    drawn.hidden ? el("p", {class: "soft"}, `${drawn.hidden} of the smallest outlines are not drawn.`) : null);
}

function setOutlines(state) {
  outlinesOn = state;
  for (const marks of byId("detail").querySelectorAll(".change-marks")) marks.setAttribute("visibility", state ? "visible" : "hidden");
  const box = byId("box-change");
  if (box) box.checked = state;
}

const blink = () => { const button = byId("blink"); if (button) button.click(); };
