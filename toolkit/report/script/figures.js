// The figures beside it.

// How the regions and the side make up the grade.
function sideInWords(photo) {
  if (photo.grade === null) return "";
  if (isOfRegions) return `The grade is the mean of its regions, ${data.run.weights === "equal" ? "all counting alike" : "weighed as in the mMASI"}.`;
  return photo.explanation ? `The grade lies ${photo.explanation}.`
    : "The grade counts all skin that the photo shows, also temple, nose, upper lip and jaw: it is not the mean of its regions.";
}

function regionBlock(photo, told) {
  if (!told.regions.length) return null;
  const rows = [...told.regions, {name: photo.side === "both" ? "whole face" : "whole side", grade: photo.grade, whole: true}];
  return el("section", {class: "regions"}, el("h3", {}, "Regions and side"), el("table", {}, el("tbody", {}, rows.map((region) =>
    el("tr", {class: region.whole ? "whole" : null}, el("th", {scope: "row"}, region.name),
      region.grade === null || region.grade === undefined
        ? el("td", {colspan: 2, class: "soft"}, `not measured: ${region.reason || "no skin"}`)
        : [el("td", {class: "number"}, figure(region.grade)), el("td", {}, svg("svg", {class: "bar", width: 118, height: 12, viewBox: "0 0 118 12", "aria-hidden": "true"},
            svg("rect", {class: "track", width: 118, height: 6, y: 3, rx: 3}),
            svg("rect", {class: "filled", width: Math.max(2, at(region.grade, 118)), height: 6, y: 3, rx: 3})))])))),
    el("p", {class: "soft"}, sideInWords(photo)));
}

function qualityBlock(photo, told) {
  const notes = photo.note ? photo.note.split("; ") : [];
  if (photo.grade === null) notes.length = 0;  // told above
  const good = !photo.quality || photo.quality === "ok";
  return el("section", {class: "quality"}, el("h3", {}, "Picture"),
    el("ul", {}, el("li", {class: good ? "" : "warn"}, good ? (photo.quality ? "quality ok" : "quality not known") : photo.quality),
      told.colour ? el("li", {}, told.colour) : null,
      notes.map((note) => el("li", {class: "warn"}, note.replaceAll("_", " ")))));
}

function visitBlock(photo) {
  const series = photos.map((one, number) => ({one: visible(one), number}))
    .filter(({one}) => one.subject === photo.subject && one.side === photo.side && one.visit && one.grade !== null)
    .sort((a, b) => visitRank.get(a.one.visit) - visitRank.get(b.one.visit));
  const heading = el("h3", {}, `Over the visits${photo.side ? `, ${photo.side}` : ""}`);
  const unread = photos.some((one) => one !== photo && one.subject === photo.subject && one.side === photo.side && one.visit && isHidden(one));
  if (series.length < 2) {
    return el("section", {class: "visits"}, heading, el("p", {class: "soft"}, unread ? "Other visits are shown once you have graded them." : "No other visit of this subject and side."));
  }
  const days = series.map(({one}) => data.visits[visitRank.get(one.visit)].days);
  const timed = days.every((day) => day !== null) && new Set(days).size > 1;
  const rank = [...new Set(series.map(({one}) => visitRank.get(one.visit)))];
  const width = 270, height = 132, left = 22, right = 14, top = 8, bottom = 22;
  const span = timed ? [Math.min(...days), Math.max(...days)] : [0, Math.max(1, rank.length - 1)];
  const x = (place) => {
    const value = timed ? days[place] : rank.indexOf(visitRank.get(series[place].one.visit));
    return left + 12 + ((value - span[0]) / (span[1] - span[0])) * (width - left - right - 24);
  };
  const y = (grade) => top + (1 - clamp(grade, 0, TOP) / TOP) * (height - top - bottom);
  const labels = new Map();  // one label per visit, none over another
  let free = -Infinity;
  series.forEach(({one}, place) => {
    const short = one.visit.replace("Baseline", "Base").replace("Week ", "W").replace("Day ", "D").replace("Month ", "M").replace("Visit ", "V");
    const room = short.length * 6 + 6;
    if (!labels.has(one.visit) && x(place) - room / 2 >= free) { labels.set(one.visit, [x(place), short]); free = x(place) + room / 2; }
  });
  return el("section", {class: "visits"}, heading,
    svg("svg", {class: "plot", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "grades over the visits, with intervals"},
      [0, 3, 6, 9].map((grade) => [svg("line", {class: "grid", x1: left, x2: width - right, y1: y(grade), y2: y(grade)}),
        svg("text", {class: "tick", x: left - 6, y: y(grade) + 3.5, "text-anchor": "end"}, String(grade))]),
      [...labels.values()].map(([place, label]) => svg("text", {class: "tick", x: place, y: height - 6, "text-anchor": "middle"}, label)),
      svg("polyline", {class: "course", points: series.map(({one}, place) => `${x(place).toFixed(1)},${y(one.grade).toFixed(1)}`).join(" ")}),
      series.map(({one, number}, place) => {
        const own = ownGrade(reviewOf(one));
        return svg("g", {class: number === current ? "visit current" : "visit", tabindex: "0", role: "button",
            "aria-label": `${one.visit}: ${figure(one.grade)}, interval ${figure(one.lower)} to ${figure(one.upper)}`,
            onclick: () => open(number), onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(number); } }},
          svg("title", {}, `${one.visit}: ${figure(one.grade)} (${figure(one.lower)} to ${figure(one.upper)})`),
          svg("rect", {class: "target", x: x(place) - 11, width: 22, y: top, height: height - top - bottom}),
          svg("line", {class: "error", x1: x(place), x2: x(place), y1: y(one.lower), y2: y(one.upper)}),
          one.expert === null ? null : expertMark(x(place), y(one.expert), 5),
          own === null ? null : correctedMark(x(place), y(own), 5),
          svg("circle", {class: "value", cx: x(place), cy: y(one.grade), r: number === current ? 5 : 3.6}));
      })));
}

function alikeBlock(told) {
  if (!told.alike.length) return null;
  const rows = told.alike.map((region) => el("tr", {}, el("th", {scope: "row"}, region.name),
    el("td", {class: "own"}, ownPatch(told, region.region)),
    region.references.map((one) => el("td", {}, el("figure", {class: "thumb", title: `reference photo ${one.photo}, distance ${figure(one.distance, 2)}`},
      thumbnail(one), el("figcaption", {}, el("b", {}, figure(one.grade))))))));
  return el("section", {class: "alike"}, el("h3", {}, "Looks most like these"),
    el("p", {class: "soft"}, data.thumbnails
      ? "Each patch beside the graded references that the network finds most alike, nearest first; the grade of each beneath. "
      : "This model keeps no pictures of its references; their grades stand beneath each patch, nearest first. ", weightOfReferences()),
    el("div", {class: "scroll-x"}, el("table", {}, el("thead", {}, el("tr", {}, el("td", {}), el("th", {scope: "col"}, "this photo"),
      el("th", {scope: "colgroup", colspan: 3}, "graded references"))), el("tbody", {}, rows))));
}

// References and classical figures are a second opinion: how much of the grade can rest on them depends on the model.
const isOfRegions = ["mmasi", "equal"].includes(data.run.weights);
const restOfGrade = isOfRegions ? 0 : Math.round(100 * ((data.shares.booster || 0) + (data.shares.ridge || 0)));

function weightOfReferences() {
  if (!("curve" in data.shares)) return "";
  return restOfGrade ? `They are one part of what makes up ${restOfGrade} % of the grade; the rest is the pigment that the network sees.`
    : "They show what the network finds alike and are no part of this grade, which is the pigment that the network sees alone.";
}

function thumbnail(one) {
  const source = data.references ? data.references[one.number] : data.thumbnails ? `references/${String(one.number).padStart(5, "0")}.jpg` : "";
  return source ? el("img", {src: source, alt: `reference graded ${figure(one.grade)}`, loading: "lazy"}) : el("span", {class: "no-thumb"}, "no picture");
}

// The patch is cut out of the picture as it was for the measurement: turned upright, black where it was not measured.
function ownPatch(told, region) {
  const patch = (told.layers.patches || []).find((one) => one.region === region);
  if (!patch || !told.picture) return el("span", {class: "no-thumb"}, "no picture");
  const [w, h] = patch.size, side = 96 / Math.max(w, h);
  return svg("svg", {class: "thumb-own", viewBox: `0 0 ${w} ${h}`, width: w * side, height: h * side, role: "img", "aria-label": `${REGIONS[region]} of this photo`},
    svg("rect", {width: w, height: h, fill: "#000"}),
    svg("g", {transform: `matrix(${patch.matrix.join(" ")})`}, svg("image", {href: told.picture, width: told.layers.width, height: told.layers.height}),
      svg("path", {transform: "scale(.5)", d: patch.unmeasured, fill: "#000", stroke: "#000", "stroke-width": 1, "fill-rule": "evenodd"})));
}

function reasonBlock(photo, told) {
  if (!told.reasons.length) return null;
  const isStart = (reason) => reason.kind === "usual_grade";
  const most = Math.max(0.05, ...told.reasons.filter((reason) => !isStart(reason)).map((reason) => Math.abs(reason.added)));
  const half = 60;
  return el("section", {class: "reasons"}, el("h3", {}, "What this grade is made of"),
    el("p", {class: "soft"}, "Each line is what one figure adds to the grade, in grades; what moves it by less than 0.05 stands together in the last line."
      + (isOfRegions ? "" : " Usual is what is usual in the training study.")
      + (restOfGrade ? " Figures count together: with the others as they are, one near the usual may add, and more of one may lower." : "")),
    el("table", {}, el("tbody", {}, told.reasons.map((reason) => {
      const length = (Math.abs(reason.added) / most) * (half - 2);
      return el("tr", {}, el("td", {class: "words"}, reason.text, el("small", {}, reason.behind)),
        el("td", {}, isStart(reason) ? null : svg("svg", {class: "push", width: 2 * half, height: 14, viewBox: `0 0 ${2 * half} 14`, "aria-hidden": "true"},
          svg("line", {class: "axis", x1: half, x2: half, y1: 0, y2: 14}),
          svg("rect", {class: reason.added < 0 ? "lower" : "raise", x: reason.added < 0 ? half - length : half, width: Math.max(1, length), y: 3, height: 8, rx: 2}))),
        el("td", {class: "number"}, isStart(reason) ? figure(reason.added, 2) : signed(reason.added, 2)));
    })), el("tfoot", {}, el("tr", {}, el("td", {class: "words"}, "the grade"), el("td", {}), el("td", {class: "number"}, figure(photo.grade, 2))))));
}
