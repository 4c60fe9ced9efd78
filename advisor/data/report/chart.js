"use strict";
const SVG = "http://www.w3.org/2000/svg";
function draw(parent, tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

const DASHES = ["", "8 4", "2 4", "10 3 2 3", "1 3", "14 4", "6 2 1 2", "4 4", "12 2"];
const dash = i => DASHES[(i + Math.floor(i / 9)) % 9];
const short = x => Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 3}).format(x);

/* Round numbers from `low` to `high`: steps of 1, 2, 2.5 or 5; on a logarithmic axis powers of ten, with 2 and 5 where few. */
function ticks(low, high, log, each) {
  if (log) {
    const digits = high / low < 300 ? [1, 2, 5] : [1], found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
      for (const digit of digits) found.push(digit * 10 ** power);
    return found.filter(x => x >= low * (1 - 1e-9) && x <= high * (1 + 1e-9));
  }
  const raw = (high - low) / 4 || 1, size = 10 ** Math.floor(Math.log10(raw));
  const step = each || [1, 2, 2.5, 5, 10].map(n => n * size).find(n => n >= raw * (1 - 1e-9)), found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(n * step + 0);
  return found;
}

/* Lines over an axis; `axis`: title, x, y, log, each (step of x), marks [{x, text, drop}], range [from, to]. As wide as its place: letters stay letters. */
function chart(id, series, axis) {
  const svg = $(id), W = Math.max(300, Math.min(720, svg.clientWidth || 640)), H = 320, L = 56, B = 42, T = 14, R = 14;
  svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
  svg.replaceChildren();
  draw(svg, "title", {}, axis.title);
  const xs = series.flatMap(s => s.points.map(p => p[0])), ys = series.flatMap(s => s.points.map(p => p[1] * DATA.rate));
  const scale = axis.log ? Math.log10 : x => x, low = Math.min(...xs), high = Math.max(...xs);
  const tall = axis.log ? y => Math.log10(Math.max(y, 1e-6)) : y => y;
  const most = Math.max(...ys) || 1, least = axis.log ? Math.min(...ys) : Math.min(0, ...ys);
  const X = x => L + (W - L - R) * (scale(x) - scale(low)) / (scale(high) - scale(low) || 1);
  const Y = y => H - B - (H - B - T) * (tall(y) - tall(least)) / (tall(most) - tall(least) || 1);
  if (axis.range) {
    const [from, to] = axis.range.map(x => X(Math.min(high, Math.max(low, x))));
    draw(svg, "rect", {class: "range", x: from, width: Math.max(1, to - from), y: T, height: H - B - T});
  }
  for (const y of ticks(least, most, axis.log)) {
    draw(svg, "line", {class: "axis", x1: L, x2: W - R, y1: Y(y), y2: Y(y)});
    draw(svg, "text", {x: L - 6, y: Y(y) + 4, "text-anchor": "end"}, short(y));
  }
  for (const x of ticks(low, high, axis.log, axis.each))
    draw(svg, "text", {x: X(x), y: H - B + 16, "text-anchor": X(x) > W - 40 ? "end" : "middle"}, short(x));
  draw(svg, "text", {x: W - R, y: H - 6, "text-anchor": "end"}, axis.x);
  draw(svg, "text", {x: 4, y: H - 6}, axis.y);
  series.forEach((s, i) => draw(svg, "path", {class: "curve", stroke: `var(--c${i % 9})`, "stroke-dasharray": dash(i),
    d: s.points.map((p, n) => `${n ? "L" : "M"}${X(p[0]).toFixed(1)} ${Y(p[1] * DATA.rate).toFixed(1)}`).join("")}));
  for (const mark of axis.marks || []) {
    const late = X(mark.x) > W * .7;
    draw(svg, "line", {class: "cross", x1: X(mark.x), x2: X(mark.x), y1: T, y2: H - B});
    draw(svg, "text", {x: X(mark.x) + (late ? -5 : 5), y: T + 12 + (mark.drop || 0), "text-anchor": late ? "end" : "start"}, mark.text);
  }
  key(id, series);
}

function key(id, series) {
  const list = $(id + "-key");
  list.replaceChildren();
  series.forEach((s, i) => {
    const item = document.createElement("li"), line = document.createElementNS(SVG, "svg");
    line.setAttribute("viewBox", "0 0 32 8");
    line.setAttribute("aria-hidden", "true");
    draw(line, "path", {class: "curve", stroke: `var(--c${i % 9})`, "stroke-dasharray": dash(i), d: "M0 4L32 4"});
    item.append(line, s.title);
    list.append(item);
  });
}
