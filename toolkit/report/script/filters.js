// Filters above the table.

const chosen = new Set();  // severities
const FILTERS = [
  {name: "subject", label: "Subject", any: "subject", values: unique("subject"),
   fits: (photo, value) => photo.subject === value},
  {name: "visit", label: "Visit", any: "visit", values: data.visits.map((visit) => visit.label),
   fits: (photo, value) => photo.visit === value},
  {name: "side", label: "Side", any: "side", values: unique("side"), fits: (photo, value) => photo.side === value},
  {name: "state", label: "State", any: "state", options: [["flagged", "flagged only"], ["open", "not yet reviewed"],
    ["done", "reviewed"], ["corrected", "corrected"], ["blind", "read blind"]], fits: (photo, value) => ({
      flagged: photo.flag === "failed" || photo.flag === "flagged", open: !isReviewed(photo), done: isReviewed(photo),
      corrected: isReviewed(photo) && reviewOf(photo).verdict === "corrected",
      blind: isReviewed(photo) && reviewOf(photo).verdict === "blind"})[value]},
  {name: "missing", label: "Not measured", any: "region", options: [["any", "a region not measured"],
    ...Object.entries(REGIONS).map(([region, name]) => [region, `no ${name}`])],
   fits: (photo, value) => (value === "any" ? photo.missing.length > 0 : photo.missing.includes(value))},
  hasExpert && {name: "apart", label: "Difference from the expert", any: "diff.", options: [["0.5", "0.5 or more from the expert"],
    ["1", "1 or more from the expert"], ["2", "2 or more from the expert"]],
   fits: (photo, value) => difference(photo) !== null && Math.abs(difference(photo)) >= Number(value) - 1e-9},
].filter(Boolean);

function unique(name) {
  return [...new Set(photos.map((photo) => photo[name]))].filter(Boolean)
    .sort((a, b) => a.localeCompare(b, undefined, {numeric: true}));
}

function buildFilters() {
  for (const severity of [...SEVERITIES, ""]) {
    const count = photos.filter((photo) => photo.severity === severity).length;
    if (!severity && !count) continue;
    byId("chips").append(el("button", {type: "button", class: "chip", "aria-pressed": "false", disabled: !count,
      onclick: (event) => {
        const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
        event.currentTarget.setAttribute("aria-pressed", String(on));
        if (on) chosen.add(severity); else chosen.delete(severity);
        refresh();
      }}, el("span", {class: `severity s-${severity || "failed"}`}, severity || "not graded"), el("b", {}, String(count))));
  }
  for (const one of FILTERS) {
    const options = one.options || one.values.map((value) => [value, value]);
    if (!one.options && options.length < 2) continue;
    byId("selects").append(el("select", {id: `filter-${one.name}`, "aria-label": one.label, onchange: refresh},
      el("option", {value: ""}, one.any), options.map(([value, label]) => el("option", {value}, label))));
  }
  byId("search").addEventListener("input", refresh);
  byId("search").addEventListener("keydown", leaveOnEnter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => window.setTimeout(() => {
    chosen.clear();
    for (const chip of byId("chips").children) chip.setAttribute("aria-pressed", "false");
    refresh();
  }));
}

function filter() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const active = FILTERS.map((one) => [one, byId(`filter-${one.name}`)]).filter(([, select]) => select && select.value);
  for (const select of byId("selects").children) select.classList.toggle("active", Boolean(select.value));
  return (whole) => {
    const photo = visible(whole);
    if (chosen.size && !chosen.has(photo.severity)) return false;
    if (!active.every(([one, select]) => one.fits(photo, select.value))) return false;
    const hay = `${photo.photo} ${photo.subject} ${photo.side} ${photo.visit} ${photo.quality} ${photo.note}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  };
}
