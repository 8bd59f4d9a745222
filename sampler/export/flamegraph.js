// SPDX-License-Identifier: Apache-2.0
// The flame graph's script: zoom, search, reset, details under the mouse.
//
// The document is complete without it.  Each frame is <svg class="f" x% width% y> with a <title> ("label\nfigures"), a <rect>
// and a <text>; frames stand in preorder.  Names are only ever read from and written to text nodes and input values.
"use strict";
(function () {
  const ROW = 17, FINE_ROWS = 400, MIN_ROW = 3, TOP = 90, CHAR = 7.23, KEEP_ABOVE = 12, SIDES = 0.98;
  const XHTML = "http://www.w3.org/1999/xhtml";
  const HALF = /[\ud800-\udbff]$/; // the first half of a character outside the basic plane, at a cut
  const root = document.documentElement, id = (name) => document.getElementById(name);
  const bar = id("bar"), detail = id("detail"), found = id("found");
  let zoomed = 0, picked = -1, hits = 0, timer = 0;

  // What each frame is: place and width in percent of the whole, depth, parent.
  const frames = [], path = [], indexOf = new Map();
  for (const node of document.querySelectorAll("svg.f")) {
    const title = node.querySelector("title").textContent, cut = title.lastIndexOf("\n"), depth = +node.dataset.d;
    path[depth] = frames.length;
    indexOf.set(node, frames.length);
    frames.push({
      node: node, text: node.querySelector("text"), label: title.slice(0, cut), figures: title.slice(cut + 1), depth: depth,
      x: parseFloat(node.getAttribute("x")), w: parseFloat(node.getAttribute("width")), parent: depth ? path[depth - 1] : -1,
      last: 0, hit: false,
    });
  }
  for (let i = frames.length - 1; i >= 0; i--) { // last: the last frame of the subtree
    const frame = frames[i];
    frame.last = Math.max(frame.last, i);
    if (frame.parent >= 0) frames[frame.parent].last = Math.max(frames[frame.parent].last, frame.last);
  }

  const squeezed = frames.some((frame) => frame.depth >= FINE_ROWS) ? "; so deep a picture is squeezed, and unfolds on zoom" : "";
  const idle = detail.textContent || "Point at a frame for its figures, click to zoom" + squeezed;
  const pageWidth = () => root.getBoundingClientRect().width || 1200;
  const isAbove = (i, focus) => i < focus && frames[i].last >= focus;

  // The label, cut to what fits; the nested <svg> would cut it anyway, in the middle of a letter.
  function fit(frame, pixels) {
    const room = Math.floor((pixels - 7) / CHAR);
    const text = room < 3 ? "" : frame.label.length <= room ? frame.label : frame.label.slice(0, room - 1).replace(HALF, "") + "\u2026";
    if (frame.text.textContent !== text) frame.text.textContent = text;
  }

  // Puts every frame in its place: the zoomed one fills the width, the nearest above it stay as full rows.
  function layout() {
    const focus = frames[zoomed], width = pageWidth() * SIDES;
    const skipped = Math.max(0, focus.depth - KEEP_ABOVE); // rows of ancestors left out of view
    let deepest = focus.depth;
    for (let i = zoomed; i <= focus.last; i++) deepest = Math.max(deepest, frames[i].depth);
    const rows = deepest + 1 - skipped, row = rows <= FINE_ROWS ? ROW : Math.max(MIN_ROW, Math.floor(FINE_ROWS * ROW / rows));
    frames.forEach((frame, i) => {
      const above = isAbove(i, zoomed), inside = i >= zoomed && i <= focus.last;
      const shown = inside || (above && (frame.depth >= skipped || !i));
      frame.node.classList.toggle("hidden", !shown);
      frame.node.classList.toggle("above", above);
      if (!shown) return;
      const x = inside ? (frame.x - focus.x) / focus.w * 100 : 0, w = inside ? frame.w / focus.w * 100 : 100;
      frame.node.setAttribute("x", x + "%");
      frame.node.setAttribute("width", w + "%");
      frame.node.setAttribute("y", TOP + Math.max(0, frame.depth - skipped) * row);
      frame.node.setAttribute("height", row);
      fit(frame, row < 12 ? 0 : w / 100 * width);
    });
    root.setAttribute("height", TOP + rows * row + 20);
  }

  // The address names the view, so that it can be passed on: #z=FRAME&s=TEXT
  function remember() {
    const parts = new URLSearchParams();
    if (zoomed) parts.set("z", zoomed);
    if (input.value) parts.set("s", input.value);
    try {
      history.replaceState(null, "", parts.toString() ? "#" + parts : location.pathname);
    } catch (refused) { /* a viewer without addresses */ }
  }

  function zoom(i) {
    zoomed = i;
    layout();
    clearButton.disabled = !zoomed && !input.value;
    remember();
  }

  function describe(i) {
    detail.textContent = i < 0 ? idle : frames[i].figures + "  \u2014  " + frames[i].label;
  }

  function pick(i) {
    if (picked >= 0) frames[picked].node.classList.remove("pick");
    picked = i;
    if (i >= 0) frames[i].node.classList.add("pick");
    describe(i);
  }

  // Plain text, or a regular expression if it is one; case does not matter.
  function matcher(text) {
    const plain = text.toLowerCase();
    let pattern = null;
    try {
      pattern = new RegExp(text, "i");
    } catch (invalid) { /* then only the plain text counts */ }
    return (label) => label.toLowerCase().includes(plain) || (pattern !== null && pattern.test(label));
  }

  // Marks what matches; the share counts nested matches once.
  function search(text) {
    const matches = text ? matcher(text) : () => false, cache = new Map();
    let share = 0, until = -1;
    hits = 0;
    frames.forEach((frame, i) => {
      if (!cache.has(frame.label)) cache.set(frame.label, matches(frame.label));
      frame.hit = i > 0 && cache.get(frame.label);
      frame.node.classList.toggle("hit", frame.hit);
      if (!frame.hit) return;
      hits++;
      if (i > until) {
        share += frame.w;
        until = frame.last;
      }
    });
    root.classList.toggle("searching", hits > 0);
    found.textContent = !text ? "" : !hits ? "No match" :
      "Matched: " + share.toFixed(2) + " % of the time, " + hits + (hits > 1 ? " frames" : " frame");
    clearButton.disabled = !zoomed && !text;
    remember();
  }

  function reset() {
    input.value = "";
    search("");
    pick(-1);
    zoom(0);
  }

  // ---- the tools: made here, so that a viewer without scripts shows no dead buttons ----
  const make = (name, attributes) => {
    const element = document.createElementNS(XHTML, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  const input = make("input", {
    id: "search", type: "search", placeholder: "Search (Ctrl-F)", title: "Text or regular expression", spellcheck: "false",
  });
  const clearButton = make("button", { id: "reset", type: "button", title: "Show everything, no search (Esc)" });
  const tools = make("div", { id: "tools" });
  clearButton.textContent = "Reset";
  tools.append(input, clearButton);
  const holder = document.createElementNS(root.namespaceURI, "foreignObject");
  for (const [key, value] of [["x", 0], ["y", 10], ["width", "100%"], ["height", 30]]) holder.setAttribute(key, value);
  holder.append(tools);
  bar.append(holder);

  // The tools take the right end of the title's line.
  function place() {
    const width = pageWidth(), room = Math.min(300, width / 2);
    holder.setAttribute("x", width - room - 12);
    holder.setAttribute("width", room);
    id("title-box").setAttribute("width", Math.max(60, width - room - 40));
    layout();
  }

  // ---- what the user does ----
  const frameOf = (target) => {
    const node = target.closest ? target.closest("svg.f") : null;
    return node ? indexOf.get(node) : -1;
  };
  root.addEventListener("click", (event) => {
    const i = frameOf(event.target);
    if (i >= 0) {
      pick(i);
      zoom(i);
    }
  });
  root.addEventListener("mouseover", (event) => {
    const i = frameOf(event.target);
    describe(i === undefined || i < 0 ? picked : i);
  });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    if (frames.length > 5000) timer = setTimeout(() => search(input.value), 150); // not at every key
    else search(input.value);
  });
  clearButton.addEventListener("click", reset);

  // Arrows walk from frame to frame: up to the caller, down to the widest callee, left and right among siblings.
  function step(key) {
    const at = frames[Math.max(picked, 0)], siblings = [], children = [];
    if (picked < 0) return zoomed;
    frames.forEach((frame, i) => {
      if (frame.parent === picked) children.push(i);
      if (picked && frame.parent === at.parent) siblings.push(i);
    });
    if (key === "ArrowUp") return Math.max(at.parent, 0);
    if (key === "ArrowDown") return children.reduce((best, i) => (best < 0 || frames[i].w > frames[best].w ? i : best), -1);
    return siblings[siblings.indexOf(picked) + (key === "ArrowLeft" ? -1 : 1)];
  }
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "f" && document.activeElement !== input) {
      event.preventDefault(); // a second Ctrl-F is the browser's
      input.focus();
      input.select();
    } else if (event.key === "Escape") {
      reset();
      input.blur();
    } else if (document.activeElement !== input && event.key.startsWith("Arrow")) {
      const i = step(event.key);
      event.preventDefault();
      if (i >= 0) {
        if (i < zoomed || i > frames[zoomed].last) zoom(i);
        pick(i);
        frames[i].node.scrollIntoView({ block: "nearest" });
      }
    } else if (event.key === "Enter" && picked >= 0 && document.activeElement !== clearButton) {
      if (document.activeElement !== input) zoom(picked);
    }
  });
  addEventListener("resize", place);
  addEventListener("scroll", () => bar.setAttribute("transform", "translate(0 " + Math.max(0, scrollY) + ")"));

  const wanted = new URLSearchParams(location.hash.slice(1)), wantedFrame = Number(wanted.get("z"));
  input.value = wanted.get("s") || "";
  if (Number.isInteger(wantedFrame) && wantedFrame > 0 && wantedFrame < frames.length) zoomed = wantedFrame;
  place();
  search(input.value);
  describe(-1);
})();
