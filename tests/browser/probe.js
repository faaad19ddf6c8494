// Uses a report as a reader does, and writes what came of it into the page: `[[what, whether, seen], ...]`.
addEventListener("load", async () => {
  const found = [];
  const check = (what, holds, seen = "") => found.push([what, Boolean(holds), String(seen)]);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const click = element => element.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const point = (element, kind, x, y) =>
    element.dispatchEvent(new PointerEvent(kind, { bubbles: true, cancelable: true, clientX: x, clientY: y, pointerType: "mouse", button: 0 }));
  const middle = element => {
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  try {
    const charts = all("figure.chart").filter(figure => figure.querySelector("[data-r]"));
    check("there are charts with runs", charts.length > 1, charts.length);
    const [chart] = charts;
    const svg = chart.querySelector("svg");
    const mark = svg.querySelector("[data-r]");
    const tip = document.querySelector(".tip");

    mark.scrollIntoView({ block: "center" });
    point(svg, "pointermove", ...middle(mark));
    check("hover shows the run", !tip.hidden && /predicted/.test(tip.textContent) && /residual/.test(tip.textContent), tip.textContent);
    point(svg, "pointerleave", 0, 0);
    check("it goes when the pointer leaves", tip.hidden);

    point(svg, "pointerdown", ...middle(mark));
    point(svg, "pointerup", ...middle(mark));
    const id = mark.dataset.r;
    const holding = charts.filter(figure => figure.querySelector(`[data-r="${id}"]`));
    const lit = charts.filter(figure => figure.querySelector(".halo"));
    check("a selected run is highlighted in every chart that shows it", lit.length === holding.length && lit.length > 1, `${lit.length} of ${holding.length}`);
    check("the selection is shown", !document.querySelector(".chosen").hidden);
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    check("Escape clears it", !document.querySelector(".halo") && document.querySelector(".chosen").hidden);

    const key = chart.querySelector("g.key[data-s^=fitted]");
    const layer = all("g.data > g[data-s]", chart).find(layer => layer.dataset.s === key.dataset.s);
    click(key);
    check("the key hides a series", getComputedStyle(layer).display === "none" && key.getAttribute("aria-pressed") === "false");
    key.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    check("and shows it again, by keyboard", getComputedStyle(layer).display !== "none" && key.getAttribute("aria-pressed") === "true");

    const place = () => mark.getAttribute("cx");
    const tool = text => all(".tools button", chart).find(button => button.textContent.startsWith(text));
    const first = place();
    click(tool("+"));
    check("zoom moves marks", place() !== first);
    click(tool("Reset"));
    check("reset puts them back", Math.abs(place() - first) < 0.02, `${place()} ${first}`);
    click(tool("x:"));
    check("an axis can be linear", tool("x:").textContent === "x: linear" && place() !== first);
    check("its ticks are rewritten", all(".ticks.x text", chart).some(text => text.textContent));
    check("and nothing is without a place", !/NaN|Infinity|undefined/.test(svg.outerHTML));
    click(tool("x:"));
    check("and logarithmic again", Math.abs(place() - first) < 0.5, `${place()} ${first}`);
    click(tool("Reset"));

    chart.querySelector(".canvas").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    check("arrow keys go from run to run", !tip.hidden && document.querySelector("[role=status]").textContent.includes("row"));
    chart.querySelector(".canvas").dispatchEvent(new FocusEvent("blur"));

    const table = all("table").find(table => table.querySelectorAll(".sort").length > 1);
    const sort = table.querySelector(".sort"), head = sort.closest("th");
    const column = [...head.parentElement.children].indexOf(head);
    const texts = () => [...table.tBodies[0].rows].map(row => row.cells[column].textContent);
    click(sort);
    const up = texts();
    click(sort);
    check("a table sorts both ways", head.getAttribute("aria-sort") === "descending" && up.join() === texts().reverse().join(), up.join(" | "));

    const details = document.querySelector("details.runs");
    details.open = true;
    await new Promise(done => setTimeout(done, 50));
    const rows = () => all("tbody tr", details).filter(row => !row.hidden);
    check("the runs are a table", rows().length > 2, rows().length);
    const filter = details.querySelector("input[type=search]");
    if (filter) {
      const many = rows().length;
      filter.value = rows()[0].cells[0].textContent + "no such text";
      filter.dispatchEvent(new Event("input"));
      check("a table is filtered", rows().length < many);
      filter.value = "";
      filter.dispatchEvent(new Event("input"));
    }
    check("it fits the window", document.documentElement.scrollWidth <= innerWidth, `${document.documentElement.scrollWidth} of ${innerWidth}`);
  } catch (error) {
    check("the page can be used", false, error.stack);
  }
  if (window.axe) {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    check("axe finds nothing", violations.length === 0, violations.map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(" ; ")}`).join("\n"));
  }
  check("nothing failed", window.troubles.length === 0, window.troubles.join("\n"));
  check("nothing was asked for", performance.getEntriesByType("resource").length === 0);
  const result = document.createElement("pre");
  result.id = "probe";
  result.textContent = JSON.stringify(found);
  document.body.append(result);
});
