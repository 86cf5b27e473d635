// Draws a chart from each table with data-chart, beside it: the table stays, as the text of the same, behind a button.
(() => {
  "use strict";
  if (typeof Chart === "undefined") return;

  // A colour as the page has it now: charts are drawn on a canvas, which knows no variables of style sheets.
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.className = name;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  const value = (cell) => {
    const text = cell.textContent.replaceAll(",", "").trim();
    return Number(text) || null; // none draws no bar
  };

  const readTable = (table) => {
    const rows = [...table.tBodies[0].rows];
    const heads = [...table.tHead.rows[0].cells];
    return {
      labels: rows.map((row) => row.cells[0].textContent.trim()),
      series: heads
        .map((head, column) => ({ name: head.textContent.trim(), colour: head.dataset.series, column }))
        .filter((each) => each.colour)
        .map((each) => ({ ...each, values: rows.map((row) => value(row.cells[each.column])) })),
    };
  };

  const settings = (read) => {
    const ink = colour("soft");
    const line = getComputedStyle(document.querySelector("table.data td")).borderBottomColor;
    const scale = { ticks: { color: ink, maxRotation: 0, autoSkip: true, precision: 0 }, grid: { color: line } };
    return {
      type: "bar",
      data: {
        labels: read.labels,
        datasets: read.series.map((each) => ({
          label: each.name,
          data: each.values,
          backgroundColor: colour(`series-${each.colour}`),
          minBarLength: 2,
        })),
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        scales: { x: { ...scale, grid: { display: false } }, y: { ...scale, beginAtZero: true } },
        plugins: { legend: { labels: { color: ink, boxWidth: 12 } } },
      },
    };
  };

  const draw = (table) => {
    const read = readTable(table);
    const place = document.createElement("div");
    place.className = "chart";
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${table.dataset.chart}, as a chart. The button after it shows the numbers.`);
    place.append(canvas);
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const frame = table.parentElement;
    frame.before(place, button);
    let chart = new Chart(canvas, settings(read));
    const show = (asTable) => {
      frame.hidden = !asTable;
      place.hidden = asTable;
      button.textContent = asTable ? "As a chart" : "As a table";
    };
    show(false);
    button.addEventListener("click", () => show(place.hidden === false));
    return () => {
      chart.destroy();
      chart = new Chart(canvas, settings(read));
    };
  };

  const again = [...document.querySelectorAll("table[data-chart]")].map(draw);
  const redraw = () => again.forEach((each) => each());
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
