// Drawing areas and masks on the picture, by pointer, touch and keys. The server says the YAML and what is wrong with it.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const STEP = 0.005; // of the picture, for an arrow key; with Shift ten times as far
  const NEAR = 14; // pixels from the first corner within which a press closes the shape
  const EDGE = 0.01; // of the picture: so near its edge, a press means the edge
  const section = document.querySelector("[data-areas]");
  const canvas = section?.querySelector(".canvas");
  const given = canvas?.querySelector("svg.shapes");
  if (!given) return;

  const shapes = new window.nightjarShapes.Shapes(
    [...given.querySelectorAll("polygon")].map((node) => ({
      kind: node.classList.contains("mask") ? "mask" : "area",
      name: node.dataset.name,
      corners: node.getAttribute("points").split(" ").map((point) => point.split(",").map(Number)),
    })),
  );
  const parts = ["[data-shapes]", "[data-told]", "#yaml", "[data-problems]", "[data-copy]", "input[data-one-line]", "[data-undo]", "[data-reset]"];
  const [list, told, yaml, problems, copy, oneLine, undo, reset] = parts.map((each) => section.querySelector(each));
  let written = { lines: yaml.textContent, line: yaml.dataset.oneLine };
  let cross = null; // where the next corner is set by keys; null until an arrow key is pressed
  let focused = null; // number of the corner that has the focus
  let dragged = null;
  let faults = new Map(); // sentences by the number of their shape
  let asked = 0;
  let timer;

  const make = (name, attributes, ...children) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const element = (name, properties, ...children) => {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  };
  const percent = (value) => `${(value * 100).toFixed(2)}%`;
  const titled = (shape, number) =>
    shape.kind === "area" ? shape.name || "unnamed area" : `mask ${shapes.all.slice(0, number + 1).filter((each) => each.kind === "mask").length}`;
  const tell = (text) => {
    told.textContent = text;
  };

  // The picture: polygons stretch with it, corners and names keep their size.
  const stretched = make("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", width: "100%", height: "100%" });
  const above = make("g", {});
  const drawing = make("svg", { class: "shapes editing", tabindex: "0", role: "group" });
  drawing.append(stretched, ...[...given.querySelectorAll(".false-box")].map((node) => node.cloneNode(true)), above);
  given.replaceWith(drawing);

  const draw = () => {
    stretched.replaceChildren();
    above.replaceChildren();
    for (const [number, shape] of shapes.all.entries()) {
      const chosen = number === shapes.selected;
      const points = shape.corners.map((corner) => corner.join(",")).join(" ");
      const kind = `${shape.kind}${chosen ? " chosen" : ""}${faults.has(number) ? " wrong" : ""}`;
      stretched.append(make(shape.open ? "polyline" : "polygon", { class: kind, points, "data-shape": number }));
      if (shape.corners.length) {
        const [x, y] = [0, 1].map((axis) => shape.corners.reduce((sum, corner) => sum + corner[axis], 0) / shape.corners.length);
        const text = `${faults.has(number) ? "⚠ " : ""}${titled(shape, number)}`;
        above.append(make("text", { class: shape.kind, x: percent(x), y: percent(y), "text-anchor": "middle", dy: "4" }, text));
      }
    }
    const chosen = shapes.chosen;
    if (chosen) {
      const { corners } = chosen;
      const edges = chosen.open ? corners.length - 1 : corners.length;
      for (let number = 0; number < edges; number += 1) {
        const [a, b] = [corners[number], corners[(number + 1) % corners.length]];
        stretched.append(make("line", { class: "edge", x1: a[0], y1: a[1], x2: b[0], y2: b[1], "data-edge": number }));
      }
      for (const [number, [x, y]] of corners.entries()) {
        const label = `Corner ${number + 1} of ${corners.length} of ${titled(chosen, shapes.selected)}: ${(x * 100).toFixed(1)} % from the left, ${(y * 100).toFixed(1)} % from the top`;
        const at = { cx: percent(x), cy: percent(y) };
        const corner = make("g", { class: "corner", tabindex: "0", role: "button", "aria-label": label, "data-corner": number });
        corner.append(make("circle", { ...at, r: 20, class: "reach" }), make("circle", { ...at, r: 6, class: "dot" }));
        above.append(corner);
        if (number === focused) corner.focus({ preventScroll: true });
      }
    }
    drawing.classList.toggle("open", Boolean(shapes.drawing));
    if (shapes.drawing && cross) {
      const [x, y] = cross.map(percent);
      above.append(make("g", { class: "cross" }, make("line", { x1: x, x2: x, y1: "0", y2: "100%" }), make("line", { x1: "0", x2: "100%", y1: y, y2: y })));
    }
    drawing.setAttribute("aria-label", shapes.drawing
      ? "The picture. Arrow keys move the cross, Space adds a corner, Enter closes the area, Escape stops"
      : "The picture with its areas and masks. Tab leads to the corners of the chosen one");
    undo.disabled = !shapes.before.length;
    reset.disabled = !shapes.changed;
  };

  const listed = () => {
    const rows = shapes.all.map((shape, number) => {
      const chosen = number === shapes.selected;
      const choose = element("button", { type: "button", textContent: `${titled(shape, number)}` });
      choose.setAttribute("aria-pressed", String(chosen));
      choose.addEventListener("click", () => change(() => select(number)));
      const row = element("li", {}, choose, element("span", { className: "soft", textContent: `${shape.corners.length} corners${shape.open ? ", unfinished" : ""}` }));
      if (chosen) {
        row.className = "chosen";
        if (shape.kind === "area") {
          const name = element("input", { value: shape.name, maxLength: 64, pattern: "[A-Za-z0-9_]{1,64}", autocomplete: "off", spellcheck: false });
          name.addEventListener("change", () => change(() => shapes.rename(name.value.trim())));
          row.append(element("label", {}, "Name ", name));
        }
        if (shape.open) {
          const close = element("button", { type: "button", className: "act", textContent: "Close it", disabled: shape.corners.length < window.nightjarShapes.LEAST });
          close.addEventListener("click", closeShape);
          row.append(close);
        }
        const remove = element("button", { type: "button", textContent: "Remove" });
        remove.addEventListener("click", () => change(() => shapes.remove(number), `${titled(shape, number)} is removed.`));
        row.append(remove);
      }
      for (const text of faults.get(number) ?? []) row.append(element("p", { className: "wrong", textContent: text }));
      return row;
    });
    list.replaceChildren(...(rows.length ? rows : [element("li", { className: "soft", textContent: "None: draw one." })]));
  };

  const write = () => {
    yaml.textContent = oneLine.checked ? written.line : written.lines;
  };

  // What the rules would say: asked when the hand rests, and only the newest answer counts.
  const check = () => {
    window.clearTimeout(timer);
    yaml.setAttribute("aria-busy", "true");
    copy.disabled = true;
    timer = window.setTimeout(async () => {
      const { query, numbers } = shapes.address();
      const mine = (asked += 1);
      let answer;
      try {
        const response = await fetch(`${section.dataset.areas}/areas?${query}`, { headers: { Accept: "application/json" } });
        if (!response.ok) throw new Error(response.status === 401 ? "log in again" : `the server answered ${response.status}`);
        answer = await response.json();
      } catch (error) {
        if (mine === asked) tell(`The areas could not be checked: ${error.message}. Change something to try again.`);
        return;
      }
      if (mine !== asked) return;
      written = { lines: answer.yaml || "# no areas and no masks\n", line: answer.one_line };
      write();
      yaml.removeAttribute("aria-busy");
      copy.disabled = answer.problems.length > 0;
      faults = new Map();
      const others = [];
      for (const { shape, text } of [...answer.problems, ...answer.warnings]) {
        if (shape === null) others.push(text);
        else faults.set(numbers[shape], [...(faults.get(numbers[shape]) ?? []), text]);
      }
      problems.replaceChildren(...others.map((text) => element("li", { textContent: text })));
      const count = answer.problems.length;
      if (count) tell(`${count} problem${count === 1 ? "" : "s"}: the rules would be refused.`);
      else if (shapes.changed && !shapes.drawing) tell("The rules would take these areas.");
      draw();
      if (!list.contains(document.activeElement)) listed();
    }, 200);
  };

  const change = (act, text) => {
    act();
    draw();
    listed();
    check();
    if (text) tell(text);
  };
  const select = (number) => {
    if (shapes.drawing && shapes.drawing.corners.length < window.nightjarShapes.LEAST) return;
    if (shapes.drawing) shapes.close();
    shapes.selected = number;
    focused = null;
  };
  const set = (corner) => {
    let added = false;
    change(() => (added = shapes.add(corner)));
    tell(added ? progress() : "An area has at most 100 corners.");
  };
  const progress = () => {
    const count = shapes.drawing.corners.length;
    const hint = count < window.nightjarShapes.LEAST ? "" : " Enter, or a press on the first corner, closes it.";
    return `${count} corner${count === 1 ? "" : "s"}.${hint}`;
  };
  const closeShape = () => {
    if (!shapes.drawing) return;
    if (!shapes.close()) tell("An area has at least three corners.");
    else change(() => {}, "Closed. Drag a corner to move it, press an edge to add one.");
  };
  const begin = (kind) => {
    if (shapes.drawing) shapes.remove();
    cross = null;
    focused = null;
    change(() => shapes.begin(kind), "Press on the picture for each corner. With keys: arrows move the cross, Space adds a corner, Enter closes.");
    drawing.focus({ preventScroll: true });
    canvas.scrollIntoView({ block: "nearest" });
  };

  // Pointer and touch.
  const place = (event) => {
    const box = drawing.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return at.map((value) => (value < EDGE ? 0 : value > 1 - EDGE ? 1 : value));
  };
  const isNearFirst = (event) => {
    const box = drawing.getBoundingClientRect();
    const [x, y] = shapes.drawing.corners[0];
    return Math.hypot(event.clientX - box.left - x * box.width, event.clientY - box.top - y * box.height) < NEAR;
  };
  drawing.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const corner = event.target.closest("[data-corner]");
    const { edge, shape } = event.target.dataset;
    if (shapes.drawing && shapes.drawing.corners.length >= window.nightjarShapes.LEAST && isNearFirst(event)) closeShape();
    else if (corner) {
      shapes.remember();
      focused = dragged = Number(corner.dataset.corner);
      drawing.setPointerCapture(event.pointerId);
      draw();
    } else if (shapes.drawing) {
      set(place(event));
    } else if (edge !== undefined) {
      focused = dragged = Number(edge) + 1;
      if (!shapes.add(place(event), Number(edge))) return;
      drawing.setPointerCapture(event.pointerId);
      draw();
    } else if (shape !== undefined) change(() => select(Number(shape)));
    else return;
    event.preventDefault();
  });
  drawing.addEventListener("pointermove", (event) => {
    if (dragged === null) return;
    shapes.move(dragged, place(event));
    draw();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    drawing.addEventListener(name, () => {
      if (dragged === null) return;
      dragged = null;
      shapes.forgetNothing();
      change(() => {});
    });
  }

  // Keys.
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  drawing.addEventListener("focusin", (event) => {
    const corner = event.target.closest("[data-corner]");
    focused = corner ? Number(corner.dataset.corner) : null;
  });
  drawing.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEP * (event.shiftKey ? 10 : 1);
    const arrow = ARROWS[event.key];
    if (arrow && focused !== null) {
      if (!event.repeat) shapes.remember();
      const [x, y] = shapes.chosen.corners[focused];
      change(() => shapes.move(focused, [x + arrow[0] * step, y + arrow[1] * step]));
    } else if (arrow && shapes.drawing) {
      cross = (cross ?? [0.5, 0.5]).map((value, axis) => Math.min(1, Math.max(0, value + arrow[axis] * step * 2)));
      draw();
    } else if (event.key === " " && shapes.drawing) set((cross ??= [0.5, 0.5]));
    else if (event.key === "Enter" && shapes.drawing) closeShape();
    else if (event.key === "Escape" && shapes.drawing) change(() => shapes.remove(), "Not drawn.");
    else if ((event.key === "Delete" || event.key === "Backspace") && shapes.chosen?.corners.length) {
      const number = focused ?? (shapes.drawing ? shapes.chosen.corners.length - 1 : null);
      if (number === null) return;
      if (!shapes.removeCorner(number)) tell("An area has at least three corners.");
      else {
        if (focused !== null) focused = shapes.chosen.corners.length ? Math.max(0, number - 1) : null;
        change(() => {});
        if (focused === null) drawing.focus({ preventScroll: true });
      }
    } else if (event.key === "+" && focused !== null) {
      change(() => {
        if (shapes.addBehind(focused)) focused += 1;
      });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  oneLine.addEventListener("change", write);
  for (const node of section.querySelectorAll("[data-acts]")) node.hidden = false;
  for (const button of section.querySelectorAll("[data-new]")) button.addEventListener("click", () => begin(button.dataset.new));
  undo.addEventListener("click", () => change(() => shapes.undo(), "Undone."));
  reset.addEventListener("click", () => change(() => (shapes.remember(), shapes.reset()), "As in force."));
  window.addEventListener("beforeunload", (event) => shapes.changed && event.preventDefault());
  draw();
  listed();
})();
