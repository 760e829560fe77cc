// Keys, and the start.

// Letters that a list of grades does not know are the page's, so that j goes on right after a correction.
const isTyped = (event) => {
  const field = event.target.closest && event.target.closest("input:not([type=checkbox]), select, textarea");
  return Boolean(field) && !(field.id === "correct" && /^[a-z/?]$/.test(event.key));
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open || byId("print").open) return;
  if (!byId("paper").hidden) { if (event.key === "Escape") closePaper(); return; }
  if (isTyped(event)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const layer = layers.find((one) => one.key === event.key);
  const acts = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
    "/": () => byId("search").focus(), a: () => agree(inView()), c: () => inView() && byId("correct").focus(),
    "?": () => byId("help").showModal(), 0: toggleBare, z: () => setLarge(!large),
    b: blink, o: () => setOutlines(!outlinesOn), x: () => inView() && pick(current, !picked.has(current)),
  };
  const act = layer ? () => setLayer(layer.name, !on.has(layer.name)) : acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function start() {
  reread();
  rereadSeen();
  drawBlind();
  if (keeper) startKept();
  buildHead();
  buildFilters();
  const reader = keeper ? keeper.reader : memory.read(READER);
  byId("reader").value = typeof reader === "string" ? reader : "";
  byId("reader").addEventListener("change", (event) => memory.write(READER, event.target.value.trim()));
  byId("reader").addEventListener("keydown", leaveOnEnter);
  // A click, not a change: browsers tell of a change also where they put back what a box held before.
  byId("blind").addEventListener("click", (event) => setBlind(event.target.checked));
  window.addEventListener("pageshow", drawBlind);  // by now they have put it back
  byId("show-print").addEventListener("click", showPrint);
  byId("export").addEventListener("click", exportReview);
  byId("import").addEventListener("click", () => byId("import-file").click());
  byId("import-file").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (file) importReview(await file.text());
    event.target.value = "";
  });
  byId("show-help").addEventListener("click", () => byId("help").showModal());
  byId("scroll").addEventListener("scroll", () => drawRows(false), {passive: true});
  document.addEventListener("keydown", onKey);
  window.addEventListener("storage", onStorage);
  window.addEventListener("resize", () => drawRows(true));
  window.addEventListener("beforeprint", () => { printing = true; drawRows(true); });
  window.addEventListener("afterprint", () => { printing = false; drawRows(true); });
  refresh();
  drawProgress();
  const asked = Number(window.location.hash.slice(1)) - 1;
  open(Number.isInteger(asked) && asked >= 0 && asked < photos.length ? asked : 0);
}
start();
