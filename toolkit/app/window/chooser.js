// The dialog in which folders and files are chosen, among those that the window may look into.

import {acting, ask, byId, counted, el, put} from "./page.js";

const SIGNS = {folder: "▸", model: "◆", table: "▦", photo: "▫"};

let here = "";  // where something was last chosen

// What `kind` ("folder", "table", "model") of thing is chosen; gives its path, or null where nothing is.
export function choose({title, kind, start = "", make = false}) {
  const dialog = byId("chooser");
  return new Promise((resolve) => {
    let open = "";
    const done = (path) => {
      dialog.close();
      if (path) here = open;
      resolve(path);
    };
    put(dialog);
    const go = acting(async (path) => {
      dialog.inert = true;  // no click of a hurry chooses the folder before
      try { draw(await ask(`folder?path=${encodeURIComponent(path)}`)); } finally { dialog.inert = false; }
    });
    const choosable = (entry) => entry.kind === kind;
    const opens = (entry) => entry.kind === "folder" || (entry.kind === "model" && kind === "folder");

    function line(entry) {
      const usable = choosable(entry) || opens(entry);
      const act = opens(entry) ? () => go(entry.path) : () => done(entry.path);
      return el("li", {}, el("button", {type: "button", class: `entry ${entry.kind}`, disabled: !usable, onclick: act},
        el("span", {class: "sign", "aria-hidden": "true"}, SIGNS[entry.kind]), el("bdi", {}, entry.name)));
    }

    function draw(listing) {
      open = (kind === "folder" && listing.up) || listing.path || "";  // beside a folder lies what belongs to it
      const seen = listing.entries.filter((entry) => entry.kind !== "photo");
      const here = [listing.photos ? counted(listing.photos, "photograph") : "", listing.more ? `${listing.more} more entries are not shown` : ""];
      const name = el("input", {type: "text", "aria-label": "Name of the new folder", placeholder: "name of a new folder", maxlength: 120});
      const makeFolder = acting(async () => draw(await ask("folder", {parent: listing.path, name: name.value.trim()})));
      put(dialog,
        el("h2", {id: "chooser-title"}, title),
        el("p", {class: "place"},
          el("button", {type: "button", disabled: !listing.up && !listing.path, onclick: () => go(listing.up)}, "↑ Up"),
          el("bdi", {class: "soft"}, listing.path || "Folders that this window may look into")),
        el("ul", {class: "entries"}, seen.map(line),
          seen.length ? null : el("li", {class: "soft"}, listing.photos ? "photographs alone" : "nothing to choose here")),
        el("p", {class: "soft"}, here.filter(Boolean).join("; ")),
        make && listing.path ? el("p", {class: "place"}, name, el("button", {type: "button", onclick: makeFolder}, "Make folder")) : null,
        el("div", {class: "acts"},
          el("button", {type: "button", onclick: () => done(null)}, "Cancel"),
          kind === "folder" ? el("button", {type: "button", class: "main", disabled: !listing.path, onclick: () => done(listing.path)}, "Choose this folder") : null));
    }

    dialog.oncancel = () => resolve(null);
    go(here || start).then(() => dialog.childElementCount || go("")).then(() => (dialog.childElementCount ? dialog.showModal() : resolve(null)));
  });
}
