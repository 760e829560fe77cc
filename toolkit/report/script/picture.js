// Its picture and layers.

const layers = [
  {name: "landmarks", title: "landmarks", key: "1"},
  {name: "patches", title: "patches", key: "2"},
  {name: "spots", title: "spots that the network found", key: "3"},
  {name: "rejected", title: "rejected", key: "4"},
  {name: "unmeasured", title: "not measured", key: "5"},
  {name: "pigment", title: "network’s pigment", key: "6"},
  {name: "classical", title: "threshold regions", key: "7"},
];
const keptLayers = memory.read(LAYERS);
const on = new Set(Array.isArray(keptLayers) ? keptLayers : ["patches", "spots"]);
let bare = null, large = false, pictures = 0;

function setLayer(name, state) {
  if (state) on.add(name); else on.delete(name);
  bare = null;
  memory.write(LAYERS, [...on]);
  showLayers();
}

function showLayers() {
  for (const {name} of layers) {
    for (const group of document.querySelectorAll(`.layer-${name}`)) group.setAttribute("visibility", on.has(name) ? "visible" : "hidden");
    const box = byId(`box-${name}`);
    if (box) box.checked = on.has(name);
  }
}

function toggleBare() {
  if (bare === null) { bare = [...on]; on.clear(); } else { bare.forEach((name) => on.add(name)); bare = null; }
  showLayers();
}

function setLarge(state) {
  large = state;
  const look = byId("detail").querySelector(".look");
  if (look) look.classList.toggle("large", large);
}

// Each outline twice: a dark casing under the colour, so that it stands out from any skin.
const outlined = (kind, d) => (d ? [svg("path", {class: `casing`, d}), svg("path", {class: `line l-${kind}`, d})] : []);

function pictureBlock(photo, told) {
  if (!told.picture) {
    return el("figure", {class: "picture missing"}, el("p", {}, el("b", {}, "No picture: "), told.problem || photo.note || "there is none"));
  }
  const drawn = told.layers, w = drawn.width, h = drawn.height;
  const number = pictures += 1;  // several pictures may stand on one page
  const halves = (name, ...children) => svg("g", {class: `layer-${name}`, transform: "scale(.5)"}, ...children);
  const dots = [];
  const points = drawn.landmarks || [];
  for (let i = 0; i < points.length; i += 2) dots.push(svg("circle", {class: "dot", cx: points[i], cy: points[i + 1], r: 4.4}));
  const patches = drawn.patches || [];
  const picture = svg("svg", {class: "photo", width: w, height: h, viewBox: `0 0 ${w} ${h}`, role: "img",
      "aria-label": `photograph of ${whereOf(photo)}`, onclick: () => setLarge(!large)},
    svg("defs", {},
      svg("pattern", {id: `hatch-${number}`, width: 9, height: 9, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
        svg("rect", {width: 9, height: 9, class: "hatch-ground"}), svg("rect", {width: 2.2, height: 9, class: "hatch-line"})),
      svg("clipPath", {id: `frame-${number}`}, svg("rect", {width: w, height: h})),
      told.pigment ? svg("mask", {id: `predicted-${number}`, maskUnits: "userSpaceOnUse", x: 0, y: 0, width: w, height: h},
        svg("image", {href: told.pigment, width: w, height: h, preserveAspectRatio: "none"})) : null),
    svg("image", {href: told.picture, width: w, height: h}),
    photo.hidden ? null : svg("g", {"clip-path": `url(#frame-${number})`},
      svg("g", {class: "layer-pigment"}, told.pigment ? svg("rect", {class: "predicted", width: w, height: h, mask: `url(#predicted-${number})`}) : null),
      halves("unmeasured", drawn.unmeasured ? svg("path", {fill: `url(#hatch-${number})`, d: drawn.unmeasured, "fill-rule": "evenodd"}) : null),
      halves("patches", patches.map((patch) => outlined("patch", patch.outline))),
      halves("classical", outlined("classical", drawn.classical)),
      halves("spots", outlined("pigment", drawn.spots)),
      halves("rejected", outlined("mole", drawn.mole), outlined("blood", drawn.blood), outlined("shadow", drawn.shadow)),
      halves("landmarks", dots)));
  return el("figure", {class: "picture"}, picture);
}

// What stands for each layer: swatches and words.
function layerParts(told) {
  const counts = told.layers.counts;
  const swatch = (kind) => svg("svg", {class: "swatch", width: 22, height: 12, viewBox: "0 0 44 24", "aria-hidden": "true"},
    kind === "landmarks" ? [10, 22, 34].map((x) => svg("circle", {class: "dot", cx: x, cy: 12, r: 4.4}))
      : kind === "unmeasured" ? svg("rect", {fill: `url(#hatch-${pictures})`, width: 44, height: 24})
      : kind === "network" ? svg("rect", {class: "predicted", width: 44, height: 24})
      : [svg("path", {class: "casing", d: "M2 12h40"}), svg("path", {class: `line l-${kind}`, d: "M2 12h40"})]);
  const found = `${counts.pigment}, ${(100 * told.layers.share).toFixed(1)} % of the skin`;
  return {
    landmarks: [[swatch("landmarks"), "landmarks"]],
    patches: [[swatch("patch"), "patches"]],
    spots: [[swatch("pigment"), told.pigment ? `spots that the network found: ${found}` : "spots that the network found: none kept"]],
    rejected: [[swatch("mole"), `moles ${counts.mole}`], [swatch("blood"), `redness ${counts.blood}`], [swatch("shadow"), `shadow ${counts.shadow}`]],
    unmeasured: [[swatch("unmeasured"), "left out: hair, eyes, shine"]],
    pigment: [[swatch("network"), told.pigment ? `network’s pigment, full at ${data.pigment_top} OD` : "network’s pigment: none kept"]],
    classical: [[swatch("classical"), `threshold regions (classical, for comparison): ${counts.classical}`]],
  };
}

function legendBlock(photo, told) {
  if (!told.picture) return null;
  if (!told.layers.patches) return el("p", {class: "layers soft"}, `Nothing was measured here: ${photo.note || "no face was found"}.`);
  const parts = layerParts(told);
  return el("section", {class: "layers", "aria-label": "Layers of the picture"}, el("h3", {}, "Layers"),
    el("fieldset", {},
      layers.map(({name, title, key}) => el("label", {}, el("input", {type: "checkbox", id: `box-${name}`, "aria-label": title,
        onchange: (event) => setLayer(name, event.target.checked)}), el("kbd", {}, key),
        el("span", {class: "what"}, parts[name].map(([mark, words]) => el("span", {}, mark, words)))))),
    el("p", {class: "soft"}, "The grade follows the pigment that the network sees (6); 3 outlines its spots. Threshold regions (7) ",
      restOfGrade ? `are one part of what makes up ${restOfGrade} % of it.` : "do not move it."),
    told.layers.hidden ? el("p", {class: "soft"}, `${told.layers.hidden} of the smallest outlines are not drawn.`) : null,
    told.problem ? el("p", {class: "soft"}, told.problem) : null);
}
