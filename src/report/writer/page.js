// What a report does beyond text and pictures: hover, highlight, zoom, toggles, tables. It loads nothing.
(() => {
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (name, attributes = {}, text = "") => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
};
const draw = (name, attributes) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const button = (text, label, act) => {
  const element = make("button", { type: "button", "aria-label": label, title: label }, text);
  element.addEventListener("click", act);
  return element;
};
const save = (name, type, text) => {
  const link = make("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const cell = text => {
  // A spreadsheet must not take a text for a formula; a number with a sign is one.
  const safe = text.length > 1 && /^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? "'" + text : text;
  return /[",\n\r]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
};

// Numbers

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const power = e => "10" + (e < 0 ? "⁻" : "") + [...String(Math.abs(e))].map(d => RAISED[d]).join("");
const SUFFIXES = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"], [1, ""]];
const trim = text => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
const short = (value, counts) => {
  if (typeof value !== "number") return value === null ? "–" : String(value);
  const size = Math.abs(value);
  if (counts && size >= 1 && size < 1e16) {
    const [unit, suffix] = SUFFIXES.find(([unit]) => size >= unit);
    return (value < 0 ? "−" : "") + trim((size / unit).toPrecision(3)) + suffix;
  }
  if (size === 0) return "0";
  if (size < 1e-4 || size >= 1e6) {
    const [mantissa, exponent] = value.toExponential(2).split("e");
    const lead = trim(mantissa);
    return (lead === "1" ? "" : lead.replace("-", "−") + "·") + power(Number(exponent));
  }
  return trim(value.toPrecision(4)).replace("-", "−");
};
const number = text => {
  const found = text.trim().replaceAll("−", "-").match(/^[+-]?(\d[\d, ]*\.?\d*|\.\d+)(e[+-]?\d+)?\s*([KMBT])?\b/i);
  if (!found) return NaN;
  const unit = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 }[found[3]?.toUpperCase()] ?? 1;
  const sign = /^-/.test(text.trim().replaceAll("−", "-")) ? -1 : 1;
  return sign * Number(found[1].replace(/[, ]/g, "") + (found[2] ?? "")) * unit;
};

// Runs

// The addresses of headings have no underscore, so no heading has this one.
const holder = document.getElementById("lawfit_runs");
const runs = new Map();
for (const fit of holder ? JSON.parse(holder.textContent) : []) {
  runs.set(fit.fit, { columns: fit.columns, counts: fit.counts, by: new Map(fit.runs.map(([id, row, values]) => [id, { row, values }])) });
}
const facts = (fit, id) => {
  const known = runs.get(fit);
  const run = known?.by.get(id);
  if (!run) return [];
  return [["row", String(run.row)], ...known.columns.map((name, i) => [name, short(run.values[i], known.counts[i])])];
};
const selected = new Set();
const figures = [];
const tip = make("div", { class: "tip", hidden: "" });
const bar = make("div", { class: "chosen", hidden: "" });
const spoken = make("p", { class: "unseen", role: "status", "aria-live": "polite" });

const fill = (target, fit, id) => {
  const list = make("dl");
  for (const [name, value] of facts(fit, id)) list.append(make("dt", {}, name), make("dd", {}, value));
  target.replaceChildren(make("strong", {}, fit), list);
};
const sayRun = (fit, id) => { spoken.textContent = facts(fit, id).map(([name, value]) => `${name} ${value}`).join(", "); };
const showTip = (figure, id, x, y) => {
  if (id === null || !facts(figure.fit, id).length) { tip.hidden = true; return; }
  fill(tip, figure.fit, id);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - width - 8)) + "px";
  tip.style.top = Math.max(4, y + height + 20 > innerHeight ? y - height - 12 : y + 16) + "px";
};
const highlight = () => {
  figures.forEach(figure => figure.halos());
  for (const row of all("tr[data-run]")) row.classList.toggle("chosen-row", selected.has(Number(row.dataset.run)));
  const [last] = [...selected].slice(-1);
  if (last === undefined) { bar.hidden = true; return; }
  const fit = [...runs.keys()].find(name => runs.get(name).by.has(last));
  const list = make("dl");
  for (const [name, value] of facts(fit, last)) list.append(make("dt", {}, name), make("dd", {}, value));
  const head = make("strong", {}, selected.size > 1 ? `${selected.size} runs selected, the last:` : "Selected run:");
  bar.replaceChildren(head, list, button("Clear", "Clear the selection", () => { selected.clear(); highlight(); }));
  bar.hidden = false;
};
const toggleRun = (fit, id) => {
  if (selected.has(id)) selected.delete(id); else selected.add(id);
  highlight();
  sayRun(fit, id);
};

// Axes: the same ticks as the pictures have

const place = (axis, value) => (axis.scale === "log" ? Math.log(value) : value);
const pixel = (axis, value) => {
  const share = (place(axis, value) - place(axis, axis.low)) / (place(axis, axis.high) - place(axis, axis.low));
  return axis.from + Math.max(-20, Math.min(21, share)) * (axis.to - axis.from);
};
const value = (axis, at) => {
  const share = (at - axis.from) / (axis.to - axis.from);
  return axis.scale === "log" ? axis.low * (axis.high / axis.low) ** share : axis.low + share * (axis.high - axis.low);
};
const ticks = (axis, most) => {
  const { low, high } = axis;
  if (axis.scale === "log") {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    if (last - first >= 2) {
      const step = Math.floor((last - first) / most) + 1;
      return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => 10 ** (first + i * step));
    }
    if (high / low > 5) {
      const found = [];
      for (let e = first - 1; e <= last; e++) for (const lead of [1, 2, 5]) found.push(lead * 10 ** e);
      return found.filter(v => v >= low && v <= high);
    }
  }
  const rough = (high - low) / Math.min(most, 6), size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(m => m * size).find(s => s >= rough * 0.999) ?? size;
  const from = Math.ceil(low / step), to = Math.floor(high / step);
  return Array.from({ length: Math.max(0, Math.min(40, to - from + 1)) }, (_, i) => (from + i) * step);
};
const parse = text => {
  const [scale, low, high, from, to, counts] = text.split(" ");
  return { scale, low: +low, high: +high, from: +from, to: +to, counts: counts === "1" };
};

// A plot: what is drawn in it as values, so that it can be drawn on other axes

class Plot {
  constructor(element) {
    this.element = element;
    this.first = { x: parse(element.dataset.x), y: parse(element.dataset.y) };
    this.x = { ...this.first.x };
    this.y = { ...this.first.y };
    this.data = element.querySelector(".data");
    this.marks = all("[data-r]", this.data).map(mark => ({ mark, id: Number(mark.dataset.r), ...at(mark) }));
  }
  // Each element with its values; read once, before anything moves.
  items() {
    if (this.read) return this.read;
    const point = (x, y) => [value(this.first.x, x), value(this.first.y, y)];
    this.read = all("circle, path, text", this.data).filter(e => !e.classList.contains("halo")).map(element => {
      const transform = element.getAttribute("transform");
      if (element.tagName === "circle") return { element, kind: "circle", at: point(+element.getAttribute("cx"), +element.getAttribute("cy")) };
      if (element.tagName === "text") {
        const x = +element.getAttribute("x"), y = +element.getAttribute("y");
        return { element, kind: "text", at: point(x, y) };
      }
      if (transform) {
        const [x, y] = transform.match(/-?[\d.]+/g).map(Number);
        return { element, kind: "shape", at: point(x, y) };
      }
      const steps = [...element.getAttribute("d").matchAll(/([MLZ])(?:(-?[\d.]+) (-?[\d.]+))?/g)];
      return { element, kind: "path", steps: steps.map(([, letter, x, y]) => (letter === "Z" ? ["Z"] : [letter, ...point(+x, +y)])) };
    });
    return this.read;
  }
  move() {
    const to = ([x, y]) => [pixel(this.x, x), pixel(this.y, y)].map(v => (Number.isFinite(v) ? v.toFixed(2) : "-9999"));
    for (const item of this.items()) {
      const { element, kind } = item;
      if (kind === "path") {
        element.setAttribute("d", item.steps.map(([letter, ...point]) => (point.length ? letter + to(point).join(" ") : "Z")).join(""));
        continue;
      }
      const [x, y] = to(item.at);
      if (kind === "circle") { element.setAttribute("cx", x); element.setAttribute("cy", y); }
      else if (kind === "text") { element.setAttribute("x", x); element.setAttribute("y", y); }
      else element.setAttribute("transform", `translate(${x} ${y})`);
    }
    for (const mark of this.marks) Object.assign(mark, at(mark.mark));
    this.tick("x");
    this.tick("y");
  }
  tick(side) {
    const axis = this[side];
    if (axis.scale === "names") return;
    const group = this.element.querySelector(`.ticks.${side}`);
    this.still ??= {};
    const model = (this.still[side] ??= { text: group.querySelector("text")?.cloneNode(), line: group.querySelector("path")?.cloneNode() });
    if (!model.text) return;
    const room = Math.abs(axis.to - axis.from);
    group.replaceChildren();
    let taken = -Infinity;
    for (const tick of ticks(axis, Math.max(2, Math.floor(room / (side === "x" ? 58 : 34))))) {
      const where = pixel(axis, tick);
      const line = model.line.cloneNode(), text = model.text.cloneNode();
      const other = side === "x" ? this.y : this.x;
      line.setAttribute("d", side === "x" ? `M${where} ${other.to}L${where} ${other.from}` : `M${other.from} ${where}L${other.to} ${where}`);
      text.setAttribute(side, side === "x" ? where : where + 4.5);
      const label = short(tick, axis.counts);
      const half = side === "x" ? label.length * 3.6 : 0;
      if (side === "y" || where - half > taken) { text.textContent = label; taken = where + half + 5; }
      group.append(line, text);
    }
  }
  holds(x, y) {
    return x >= this.x.from && x <= this.x.to && y >= Math.min(this.y.from, this.y.to) && y <= Math.max(this.y.from, this.y.to);
  }
  nearest(x, y, reach) {
    let best = null, least = reach * reach;
    for (const mark of this.marks) {
      if (mark.mark.closest("[hidden], .off") || !this.holds(mark.x, mark.y)) continue;
      const distance = (mark.x - x) ** 2 + (mark.y - y) ** 2;
      if (distance < least) { least = distance; best = mark; }
    }
    return best;
  }
  zoom(factor) {
    for (const axis of [this.x, this.y]) {
      if (axis.scale === "names") continue;
      const middle = (axis.from + axis.to) / 2, half = (axis.to - axis.from) / 2 / factor;
      const [low, high] = [value(axis, middle - half), value(axis, middle + half)];
      if (high > low && Number.isFinite(high)) Object.assign(axis, { low, high });
    }
  }
  scale(side, scale) {
    const axis = this[side];
    if (axis.scale === "names" || axis.scale === scale) return;
    if (scale === "log" && axis.low <= 0) {
      const known = this.items().flatMap(item => (item.at ? [item.at] : item.steps.filter(s => s.length > 1).map(s => s.slice(1))));
      const positive = known.map(point => point[side === "x" ? 0 : 1]).filter(v => v > 0 && v <= axis.high);
      if (!positive.length) return;
      axis.low = Math.min(...positive) * 0.9;
    }
    axis.scale = scale;
  }
  reset() {
    this.items();
    Object.assign(this.x, this.first.x);
    Object.assign(this.y, this.first.y);
  }
}
const at = mark => {
  const transform = mark.getAttribute("transform");
  if (!transform) return { x: +mark.getAttribute("cx"), y: +mark.getAttribute("cy") };
  const [x, y] = transform.match(/-?[\d.]+/g).map(Number);
  return { x, y };
};

// A figure: its plots, its key, its tools

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.fit = figure.dataset.fit;
    this.canvas = figure.querySelector(".canvas");
    this.svg = figure.querySelector("svg");
    this.plots = all("g.plot", this.svg).map(plot => new Plot(plot));
    this.name = this.svg.getAttribute("aria-label");
    if (!this.plots.length) return;
    this.key();
    this.tools();
    this.pointer();
    this.keyboard();
  }
  key() {
    const entries = all("g.key", this.svg);
    this.svg.setAttribute("role", "group");
    for (const entry of entries) {
      const series = entry.dataset.s;
      const flip = () => {
        const off = entry.classList.toggle("faded");
        entry.setAttribute("aria-pressed", String(!off));
        for (const layer of all("g.data > g[data-s]", this.svg)) if (layer.dataset.s === series) layer.classList.toggle("off", off);
        this.halos();
      };
      for (const [name, to] of [["role", "button"], ["tabindex", "0"], ["aria-pressed", "true"], ["aria-label", `Show ${series}`]]) entry.setAttribute(name, to);
      const box = entry.getBBox();
      entry.prepend(draw("rect", { x: box.x - 3, y: box.y - 3, width: box.width + 6, height: box.height + 6, fill: "transparent", class: "target" }));
      entry.addEventListener("click", flip);
      entry.addEventListener("keydown", event => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); flip(); }
      });
    }
  }
  tools() {
    const bar = make("div", { class: "tools" });
    const change = act => () => { this.plots.forEach(plot => { plot.items(); act(plot); plot.move(); }); this.halos(); };
    bar.append(
      button("+", `Zoom in: ${this.name}`, change(plot => plot.zoom(1.5))),
      button("−", `Zoom out: ${this.name}`, change(plot => plot.zoom(1 / 1.5))),
      button("Reset", `Reset the axes: ${this.name}`, change(plot => plot.reset())),
    );
    for (const side of ["x", "y"]) {
      if (this.plots.every(plot => plot[side].scale === "names")) continue;
      const label = scale => `${side}: ${scale}`;
      const flip = button("", `Change the scale of ${side}: ${this.name}`, () => {
        const next = this.plots.some(plot => plot[side].scale === "log") ? "linear" : "log";
        change(plot => plot.scale(side, next))();
        show();
      });
      const show = () => {
        flip.textContent = label(this.plots.some(plot => plot[side].scale === "log") ? "log" : "linear");
        // A screen reader's label starts with the visible text.
        const said = `${flip.textContent}, change the scale: ${this.name}`;
        for (const name of ["aria-label", "title"]) flip.setAttribute(name, said);
      };
      show();
      bar.append(flip);
      bar.children[2].addEventListener("click", show);
    }
    bar.append(button("SVG", `Save the picture: ${this.name}`, () => {
      save(`${this.figure.dataset.file}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(this.svg));
    }));
    if (runs.has(this.fit)) bar.append(button("CSV", `Save the runs of ${this.fit}`, () => save(`${this.figure.dataset.file}.csv`, "text/csv", csvOf(this.fit))));
    this.change = change;
    this.canvas.before(bar);
  }
  where(event) {
    const box = this.svg.getBoundingClientRect(), view = this.svg.viewBox.baseVal;
    return [(event.clientX - box.left) * view.width / box.width, (event.clientY - box.top) * view.height / box.height, view.width / box.width];
  }
  pointer() {
    let start = null, frame = null;
    const under = event => {
      const [x, y, unit] = this.where(event);
      const plot = this.plots.find(plot => plot.holds(x, y));
      return { plot, x, y, mark: plot?.nearest(x, y, (event.pointerType === "touch" ? 26 : 14) * unit) ?? null };
    };
    this.svg.addEventListener("pointerdown", event => {
      const found = under(event);
      start = found.plot && event.button === 0 ? found : null;
    });
    this.svg.addEventListener("pointermove", event => {
      const found = under(event);
      if (start && event.pointerType !== "touch" && Math.hypot(found.x - start.x, found.y - start.y) > 6) {
        frame ??= start.plot.element.appendChild(draw("rect", { class: "frame" }));
        const limit = (v, axis) => Math.max(Math.min(axis.from, axis.to), Math.min(Math.max(axis.from, axis.to), v));
        const [x, y] = [limit(found.x, start.plot.x), limit(found.y, start.plot.y)];
        for (const [name, to] of [["x", Math.min(x, start.x)], ["y", Math.min(y, start.y)], ["width", Math.abs(x - start.x)], ["height", Math.abs(y - start.y)]]) frame.setAttribute(name, to);
        tip.hidden = true;
        event.preventDefault();
        return;
      }
      showTip(this, found.mark?.id ?? null, event.clientX, event.clientY);
      this.svg.style.cursor = found.mark ? "pointer" : found.plot ? "crosshair" : "";
    });
    this.svg.addEventListener("pointerleave", () => { tip.hidden = true; });
    addEventListener("pointerup", event => {
      if (!start) return;
      const { plot, mark } = start;
      start = null;
      if (frame) {
        const [x, y, width, height] = ["x", "y", "width", "height"].map(name => Number(frame.getAttribute(name)));
        frame.remove();
        frame = null;
        if (width > 6 && height > 6) {
          plot.items();
          const part = (axis, one, other) => {
            if (axis.scale === "names") return;
            const ends = [value(axis, one), value(axis, other)].sort((a, b) => a - b);
            [axis.low, axis.high] = ends;
          };
          part(plot.x, x, x + width);
          part(plot.y, y, y + height);
          plot.move();
          this.halos();
        }
      } else if (mark && event.target.closest?.("svg") === this.svg) {
        toggleRun(this.fit, mark.id);
      }
    });
    this.svg.addEventListener("dblclick", () => this.change(plot => plot.reset())());
  }
  keyboard() {
    const [plot] = this.plots;
    if (!plot.marks.length) return;
    const order = [...plot.marks].sort((a, b) => a.x - b.x || a.y - b.y);
    let current = -1;
    this.canvas.setAttribute("tabindex", "0");
    this.canvas.setAttribute("role", "group");
    this.canvas.setAttribute("aria-label", `${this.name}. Left and right arrow keys go from run to run, Enter selects one, plus and minus zoom, 0 resets.`);
    this.canvas.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) {
        current = (current + step + order.length) % order.length;
        const mark = order[current], box = mark.mark.getBoundingClientRect();
        showTip(this, mark.id, box.left, box.top);
        sayRun(this.fit, mark.id);
      } else if (event.key === "Enter" && current >= 0) toggleRun(this.fit, order[current].id);
      else if (event.key === "Escape") { tip.hidden = true; selected.clear(); highlight(); }
      else if (event.key === "+" || event.key === "=") this.change(plot => plot.zoom(1.5))();
      else if (event.key === "-") this.change(plot => plot.zoom(1 / 1.5))();
      else if (event.key === "0") this.change(plot => plot.reset())();
      else return;
      event.preventDefault();
    });
    this.canvas.addEventListener("blur", () => { tip.hidden = true; });
  }
  halos() {
    for (const plot of this.plots) {
      all(".halo", plot.data).forEach(halo => halo.remove());
      if (!selected.size) continue;
      for (const mark of plot.marks) {
        if (selected.has(mark.id) && !mark.mark.closest(".off")) plot.data.append(draw("circle", { class: "halo", cx: mark.x, cy: mark.y, r: 7 }));
      }
    }
  }
}

// Tables

const csvOf = fit => {
  const { columns, by } = runs.get(fit);
  const lines = [...by.values()].map(run => [run.row, ...run.values].map(v => cell(v === null ? "" : String(v))).join(","));
  return [["row", ...columns].map(cell).join(","), ...lines].join("\n") + "\n";
};
const textOf = element => {
  const copy = element.cloneNode(true);
  all(".interval", copy).forEach(part => part.before(" "));
  // A name such as val_loss is set with an index.
  all("sub", copy).forEach(part => part.before("_"));
  return copy.textContent.trim().replace(/\s+/g, " ");
};
const sorted = (table, column, down) => {
  const body = table.tBodies[0], rows = [...body.rows];
  const key = row => row.cells[column]?.dataset.value ?? row.cells[column]?.textContent.trim() ?? "";
  const numbers = rows.map(row => number(key(row)));
  const known = numbers.filter(v => !Number.isNaN(v)).length * 2 > rows.length;
  const order = rows.map((row, i) => [row, known ? numbers[i] : key(row)]);
  order.sort(([, a], [, b]) => {
    if (!known) return a.localeCompare(b, "en", { numeric: true }) * (down ? -1 : 1);
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return (a - b) * (down ? -1 : 1);
  });
  body.append(...order.map(([row]) => row));
};
// On a phone the title stands beside the value, which is one box whatever it contains.
const named = (cell, title) => {
  cell.dataset.label = title;
  if (cell.childNodes.length < 2) return;
  const box = make("div", {});
  box.append(...cell.childNodes);
  cell.append(box);
};
const table = (element, name) => {
  if (!element.tHead) {
    const head = element.createTHead();
    const first = element.tBodies[0]?.rows[0];
    if (!first || ![...first.cells].some(c => c.tagName === "TH")) { head.remove(); return; }
    head.append(first);
  }
  const heads = [...element.tHead.rows[0].cells];
  const rows = () => [...element.tBodies[0]?.rows ?? []];
  heads.forEach((head, column) => {
    const title = textOf(head);
    for (const row of rows()) if (row.cells[column]) named(row.cells[column], title);
    head.setAttribute("scope", "col");
    if (!title || rows().length < 2) return;
    const sort = make("button", { type: "button", class: "sort" });
    sort.append(...head.childNodes);
    head.append(sort);
    sort.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sorted(element, column, down);
    });
  });
  if (rows().length < 2) return;
  const text = separator => [element.tHead.rows[0], ...rows().filter(row => !row.hidden)]
    .map(row => [...row.cells].map(c => (separator === "," ? cell(textOf(c)) : textOf(c))).join(separator)).join("\n") + "\n";
  const tools = make("div", { class: "tools" });
  if (rows().length >= 8) {
    const filter = make("input", { type: "search", placeholder: "Filter", "aria-label": `Filter the table ${name}` });
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const row of rows()) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    tools.append(filter);
  }
  const copy = button("Copy", `Copy the table ${name}`, async () => {
    try { await navigator.clipboard.writeText(text("\t")); copy.textContent = "Copied"; }
    catch { copy.textContent = "Not allowed"; }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  tools.append(copy, button("CSV", `Save the table ${name}`, () => save(`${name.replace(/[^\w.-]+/g, "-") || "table"}.csv`, "text/csv", text(","))));
  (element.closest(".table") ?? element).before(tools);
};
const tableOfRuns = fit => {
  const { columns, counts, by } = runs.get(fit);
  const details = make("details", { class: "runs" });
  details.append(make("summary", {}, `Runs of ${fit} that the figures show (${by.size})`));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    const box = make("div", { class: "table" }), element = make("table");
    const head = element.createTHead().insertRow();
    for (const name of ["row", ...columns]) head.append(make("th", {}, name));
    const body = element.createTBody();
    for (const [id, run] of by) {
      const row = body.insertRow();
      row.dataset.run = id;
      [run.row, ...run.values].forEach((v, i) => {
        const c = row.insertCell();
        c.textContent = i ? short(v, counts[i - 1]) : v;
        if (typeof v === "number") c.dataset.value = v;
      });
      row.classList.toggle("chosen-row", selected.has(id));
      row.addEventListener("click", () => toggleRun(fit, id));
    }
    box.append(element);
    details.append(box);
    table(element, `runs of ${fit}`);
  });
  return details;
};

// The page

const theme = () => {
  const names = ["auto", "light", "dark"];
  let current = 0;
  const change = button("Theme: auto", "Theme: auto, change it to light or dark", () => {
    current = (current + 1) % names.length;
    change.textContent = `Theme: ${names[current]}`;
    for (const name of ["aria-label", "title"]) change.setAttribute(name, `${change.textContent}, change it`);
    if (current) document.documentElement.dataset.theme = names[current]; else delete document.documentElement.dataset.theme;
  });
  change.className = "theme";
  return change;
};
const nameOf = element => {
  let before = element;
  while (before) {
    for (let at = before.previousElementSibling; at; at = at.previousElementSibling) if (/^H[1-6]$/.test(at.tagName)) return at.textContent.trim();
    before = before.parentElement;
  }
  return "";
};
const main = document.querySelector("main");
main.prepend(theme());
main.append(tip, bar, spoken);
for (const element of all("main table")) table(element, nameOf(element.closest(".table") ?? element));
for (const figure of all("figure.chart")) figures.push(new Chart(figure));
const last = new Map(figures.map(chart => [chart.fit, chart.figure]));
for (const [fit, figure] of last) if (runs.has(fit)) figure.after(tableOfRuns(fit));
addEventListener("beforeprint", () => all("details:not(.runs)").forEach(details => { details.open = true; }));
addEventListener("keydown", event => { if (event.key === "Escape" && selected.size) { selected.clear(); highlight(); } });
document.documentElement.classList.add("scripted");
})();
