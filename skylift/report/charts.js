// Draws what skylift/report/plot.cpp left on the page, with Chart.js, in the page's own colours. On paper too.
"use strict";
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (value) => Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(1) : String(Number(value.toPrecision(4)));

  const axis = (title, range) => ({
    type: "linear", title: { display: Boolean(title), text: title }, grid: {}, ticks: { callback: number, maxRotation: 0 },
    ...(range ? { min: range[0], max: range[1] } : {}),
  });

  const line = (drawing) => ({
    type: "line",
    data: {
      datasets: drawing.series.map((series) => ({
        label: series.name, borderColor: series.colour, backgroundColor: series.colour, borderWidth: 1.6,
        pointRadius: series.points.length > 30 ? 0 : 2, pointHitRadius: 8,
        data: series.points.map((point) => point ? { x: point[0], y: point[1] } : { x: NaN, y: NaN }),
      })),
    },
    options: {
      interaction: { mode: "nearest", axis: "x", intersect: false },
      plugins: { legend: { display: drawing.series.length > 1, labels: { boxWidth: 12, boxHeight: 2 } } },
      scales: { x: axis(drawing.x, drawing.x_range), y: axis(drawing.y, drawing.y_range) },
    },
  });

  const bar = (drawing) => ({
    type: "bar",
    data: {
      labels: drawing.bars.map((one) => one.name),
      datasets: [{ data: drawing.bars.map((one) => one.value), backgroundColor: drawing.bars.map((one) => one.colour) }],
    },
    options: {
      indexAxis: "y",
      plugins: { legend: { display: false } },
      scales: { x: axis("", drawing.x_range), y: { grid: { display: false }, ticks: { autoSkip: false } } },
    },
  });

  const charts = [];
  for (const figure of document.querySelectorAll("figure.chart")) {
    const data = figure.querySelector("script");
    if (!data) continue;
    const drawing = JSON.parse(data.textContent);
    const chart = drawing.kind === "line" ? line(drawing) : bar(drawing);
    Object.assign(chart.options, { responsive: true, maintainAspectRatio: false, animation: false,
                                   devicePixelRatio: Math.max(2, window.devicePixelRatio) });
    charts.push(new Chart(figure.querySelector("canvas"), chart));
  }

  const paint = () => {
    for (const chart of charts) {
      chart.options.color = colour("--ink");
      for (const scale of Object.values(chart.options.scales)) {
        scale.ticks.color = colour("--soft");
        scale.grid.color = colour("--line");
        if (scale.title) scale.title.color = colour("--soft");
      }
      chart.resize();
      chart.update("none");
    }
  };
  paint();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  window.matchMedia("print").addEventListener("change", paint);
  document.documentElement.dataset.charts = charts.length;
})();
