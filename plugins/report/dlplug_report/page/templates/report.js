// Draws the curves of the page's data with BokehJS, and draws them again when a control is moved.
"use strict";
const drawn = JSON.parse(document.getElementById("drawn").textContent);
const controls = document.getElementById("controls");
const GREY = "#808891"; // read on white and on near black, so that neither the theme nor the printer matters
const views = new Map();

const floats = (packed) => new Float32Array(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)).buffer);

// An exponential mean that begins at the first value (the debiased one of TensorBoard).
function smoothed(values, weight) {
  let mean = 0;
  return Array.from(values, (value, index) => {
    mean = mean * weight + (1 - weight) * value;
    return mean / (1 - weight ** (index + 1));
  });
}

// Time in the unit that suits its length.
function clock(longest) {
  return longest < 300 ? ["seconds", 1] : longest < 10800 ? ["minutes", 60] : ["hours", 3600];
}

function settings() {
  const form = controls.elements;
  const hidden = [...document.querySelectorAll(".swatch:not(:checked)")].map((box) => Number(box.dataset.group));
  return {
    axis: form.axis.value,
    log: form.log.checked,
    smoothing: Number(form.smoothing.value),
    seeds: form.seeds ? form.seeds.checked : true,
    hidden: new Set(hidden),
  };
}

// The lines of a figure under the settings: groups of several seeds as a band, unless each seed is asked for.
function lines(figure, now) {
  const banded = new Set(now.seeds ? [] : figure.bands.map((band) => band.group));
  const found = [];
  for (const band of figure.bands) {
    if (banded.has(band.group) && !now.hidden.has(band.group) && now.axis in band.axes) {
      const axis = band.axes[now.axis];
      const { label, colour } = drawn.groups[band.group];
      found.push({ label, colour, x: floats(axis.x), y: floats(axis.middle), low: floats(axis.low), high: floats(axis.high), seeds: floats(axis.seeds) });
    }
  }
  for (const curve of figure.curves) {
    const group = drawn.groups.findIndex((one) => curve.run in one.runs);
    if (!banded.has(group) && !now.hidden.has(group) && now.axis in curve.x) {
      const { runs, colour } = drawn.groups[group];
      found.push({ label: runs[curve.run], colour, x: floats(curve.x[now.axis]), y: floats(curve.y) });
    }
  }
  return found;
}

function draw(figure, now) {
  const shown = lines(figure, now);
  const longest = shown.reduce((most, line) => line.x.reduce((a, b) => Math.max(a, b), most), 0);
  const [word, unit] = now.axis === "seconds" ? clock(longest) : [now.axis === "step" ? "steps" : drawn.unit, 1];
  const plot = Bokeh.Plotting.figure({
    height: 270, sizing_mode: "stretch_width", tools: "box_zoom,pan,wheel_zoom,reset,save", toolbar_location: "above",
    x_axis_label: word, y_axis_type: now.log ? "log" : "linear",
    background_fill_color: null, border_fill_color: null, outline_line_color: GREY, outline_line_alpha: 0.3,
  });
  plot.toolbar.logo = null;
  plot.toolbar.autohide = true;
  if (matchMedia("(pointer: coarse)").matches) plot.toolbar.active_drag = null; // a finger scrolls the page
  for (const axis of [plot.xaxis, plot.yaxis]) {
    Object.assign(axis, { axis_line_color: GREY, major_tick_line_color: GREY, minor_tick_line_color: null, major_label_text_color: GREY, axis_label_text_color: GREY, axis_label_text_font_style: "normal" });
  }
  plot.xaxis.formatter = new Bokeh.NumeralTickFormatter({ format: "0.[00]a" });
  for (const grid of [plot.xgrid, plot.ygrid]) Object.assign(grid, { grid_line_color: GREY, grid_line_alpha: 0.25 });
  const positive = (values) => (now.log ? Array.from(values, (value) => (value > 0 ? value : NaN)) : values);
  const renderers = [];
  for (const line of shown) {
    const x = Array.from(line.x, (value) => value / unit);
    const data = { x, y: positive(smoothed(line.y, now.smoothing)), value: Array.from(line.y), seeds: Array.from(line.seeds ?? x, (n) => (line.seeds ? n : 1)), label: x.map(() => line.label) };
    if (line.low) {
      Object.assign(data, { low: positive(smoothed(line.low, now.smoothing)), high: positive(smoothed(line.high, now.smoothing)) });
    }
    const source = new Bokeh.ColumnDataSource({ data });
    if (line.low) plot.varea({ field: "x" }, { field: "low" }, { field: "high" }, { source, fill_color: line.colour, fill_alpha: 0.2 });
    if (now.smoothing > 0 && !line.low) {
      const raw = new Bokeh.ColumnDataSource({ data: { x, y: positive(line.y) } });
      plot.line({ field: "x" }, { field: "y" }, { source: raw, line_color: line.colour, line_alpha: 0.25 });
    }
    renderers.push(plot.line({ field: "x" }, { field: "y" }, { source, name: "curve", line_color: line.colour, line_width: 2 }));
    if (x.length <= 30) plot.scatter({ field: "x" }, { field: "y" }, { source, size: 5, fill_color: line.colour, line_color: null });
  }
  const tooltips = [["run", "@label"], [word, "@x{0,0.[00]}"], [figure.name, "@value{0,0.[0000]}"]];
  if (now.smoothing > 0) tooltips.push(["smoothed", "@y{0,0.[0000]}"]);
  if (shown.some((line) => line.low)) tooltips.push(["seeds", "@seeds"]);
  plot.add_tools(new Bokeh.HoverTool({ renderers, tooltips, line_policy: "nearest" }));
  if (drawn.target && drawn.target.metric === figure.name) {
    plot.add_layout(new Bokeh.Span({ location: drawn.target.bar, dimension: "width", line_color: GREY, line_dash: "dashed", line_width: 1.5 }));
  }
  return plot;
}

// One drawing at a time; what was asked for while one went on is drawn after it.
let asked = 0;
async function drawAll() {
  const mine = ++asked;
  const now = settings();
  for (const place of document.querySelectorAll(".plot")) {
    const plot = draw(drawn.figures[Number(place.dataset.figure)], now);
    views.get(place)?.remove();
    place.replaceChildren();
    views.set(place, await Bokeh.Plotting.show(plot, place));
    if (mine !== asked) return;
  }
  document.body.dataset.drawn = String(mine);
}

function openNamed() {
  const named = document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) named.open = true;
}

if (controls) {
  controls.addEventListener("input", () => { controls.elements.shown.value = controls.elements.smoothing.value; });
  controls.addEventListener("change", drawAll);
  controls.addEventListener("submit", (event) => event.preventDefault());
  for (const box of document.querySelectorAll(".swatch")) box.addEventListener("change", drawAll);
  drawAll();
}
addEventListener("hashchange", openNamed);
openNamed();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
