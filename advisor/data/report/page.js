const flat = list => list.flat();
const MIN = (...a) => Math.min(...flat(a)), MAX = (...a) => Math.max(...flat(a));
const SUM = (...a) => flat(a).reduce((s, x) => s + x, 0);
const SUMPRODUCT = (a, b) => a.reduce((s, x, i) => s + x * b[i], 0);
const IF = (c, a, b) => c ? a : b, INT = Math.floor, ROUNDUP = x => Math.ceil(x), POWER = Math.pow;
const EXP = Math.exp, LN = Math.log, SQRT = Math.sqrt;
const months = (n, f) => Array.from({length: n}, (_, m) => f(m));

const $ = id => document.getElementById(id);
const DATA = JSON.parse($("data").textContent);
const START = DATA.figures.map(f => f.value);
const MODEL = DATA.model;
let inputs = START.slice();
let yearly = 1; // price of hosted tokens after a year over the price before; the model below reads it in every month

function outcome(x) {
  const v = run(x, {});
  if (!MODEL) return {v, d: null};
  let w = v;
  if (DATA.low !== null && x[DATA.volume] === START[DATA.volume]) {
    const low = x.slice(), kept = {};
    low[DATA.volume] = DATA.low;
    for (const r of DATA.roads) if (r.purchase !== null) kept[r.purchase] = v[r.purchase];
    w = run(low, kept);
  }
  const d = decide(v, w);
  d.verdict = DATA.outcomes[MODEL.ladder[d.place]];
  return {v, d};
}

function payback(saved, owed) {
  let total = 0;
  const sums = saved.map(s => total += s);
  if (!(total >= owed)) return null;
  const last = sums.findIndex(s => s >= owed);
  const before = last > 0 ? sums[last - 1] : 0, gained = sums[last] - before;
  return last + (gained > 0 ? Math.max(owed - before, 0) / gained : 0);
}

function present(saved, upfront) {
  const r = MODEL.annual_discount_share;
  return saved.reduce((s, x, m) => s + x / POWER(1 + r, (1 + m) / 12), 0) - upfront;
}

function words(x, digits = 3) {
  if (!isFinite(x)) return "-";
  const size = Math.abs(x);
  if (size >= 100) return x.toLocaleString("en", {maximumFractionDigits: 0});
  if (size >= 1 || size === 0) return x.toLocaleString("en", {minimumFractionDigits: 2, maximumFractionDigits: 2});
  return x.toLocaleString("en", {maximumSignificantDigits: digits});
}
const plain = x => x.toLocaleString("en", {maximumSignificantDigits: 4});
const money = usd => words(usd * DATA.rate);
const paid = usd => `${DATA.currency} ${money(usd)}`;

function cell(row, text, usd) {
  const td = row.insertCell();
  td.textContent = text;
  td.className = "n";
  if (usd !== undefined) { td.dataset.usd = usd; td.title = `USD ${usd.toFixed(2)}`; }
  return td;
}

const compared = () => MODEL ? DATA.roads.filter(r => MODEL.equal.includes(r.key) || MODEL.trained.includes(r.key)) : DATA.roads;

function costs(v) {
  const tasks = v[DATA.tasks], body = $("roads");
  const today = MODEL && DATA.roads.find(r => r.key === MODEL.today);
  const least = Math.min(...compared().map(r => v[r.lifetime]));
  body.replaceChildren();
  for (const road of DATA.roads) {
    const total = v[road.lifetime], upfront = v[road.upfront], bill = v[road.bill], row = body.insertRow();
    row.dataset.key = road.key;
    const best = total === least && compared().includes(road);
    if (best) row.className = "best";
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = road.title + (best ? " (cheapest of those weighed)" : compared().includes(road) ? "" : " (not weighed)");
    row.append(head);
    cell(row, money(upfront), upfront);
    cell(row, money(total / monthsOf()), total / monthsOf());
    cell(row, money(total), total);
    cell(row, money(total / tasks), total / tasks);
    cell(row, road.success ? money(total / tasks / road.success) : "-");
    if (!today || road === today) { cell(row, "-"); cell(row, "-"); cell(row, "-"); continue; }
    const saved = v[today.bill].map((x, m) => x - bill[m]), back = payback(saved, upfront);
    const share = 1 - total / v[today.lifetime];
    cell(row, share < -1 ? `costs ${(1 - share).toFixed(1)}x` : (100 * share).toFixed(0) + "%");
    const worth = present(saved, upfront);
    cell(row, money(worth), worth);
    cell(row, back === null ? "never" : back.toFixed(1));
  }
}

const HORIZON = DATA.sliders.find(s => s.id === "horizon");
const monthsOf = () => HORIZON ? Math.min(inputs[HORIZON.inputs[0]], DATA.horizon) : DATA.horizon;

function atVolume(volume) {
  const x = inputs.slice();
  x[DATA.volume] = volume;
  const v = run(x, {}), best = keys => Math.min(...keys.map(k => v[DATA.roads.find(r => r.key === k).lifetime]));
  return [best(MODEL.equal), best(MODEL.trained)];
}

function crossings(points) {
  const found = [], gap = volume => { const [h, o] = atVolume(volume); return o - h; };
  for (let i = 1; i < points.length; i++) {
    let [a, ga] = points[i - 1], [b, gb] = points[i];
    if ((ga < 0) === (gb < 0)) continue;
    for (let n = 0; n < 60; n++) {
      const middle = Math.sqrt(a * b);
      if ((gap(middle) < 0) === (ga < 0)) a = middle; else b = middle;
    }
    found.push({at: b, cheaper: gb < 0});
  }
  return found;
}

function cumulative(v) {
  const series = compared().map(road => {
    let total = v[road.upfront];
    const points = [[0, total]];
    v[road.bill].forEach((usd, m) => points.push([Math.min(m + 1, monthsOf()), total += usd]));
    return {title: road.title, points};
  });
  const month = MODEL ? meeting(v) : null;
  chart("curves", series, {title: "Cumulative cost by month of the roads that are compared", x: "months", y: `up: ${DATA.currency}`, each: monthsOf() > 30 ? 12 : monthsOf() > 12 ? 6 : 2,
    marks: month === null ? [] : [{x: month, text: month.toFixed(1)}]});
  if (MODEL) $("met").textContent = repaid(month);
}

const cheapest = (v, keys) => keys.map(k => DATA.roads.find(r => r.key === k)).reduce((a, b) => v[a.lifetime] <= v[b.lifetime] ? a : b);
function meeting(v) {
  const hosted = cheapest(v, MODEL.equal), own = cheapest(v, MODEL.trained);
  return payback(v[hosted.bill].map((usd, m) => usd - v[own.bill][m]), v[own.upfront] - v[hosted.upfront]);
}
function repaid(month) {
  const ends = [];
  if (DATA.low !== null && inputs[DATA.volume] === START[DATA.volume]) for (const volume of [DATA.high, DATA.low]) {
    const x = inputs.slice();
    x[DATA.volume] = volume;
    ends.push(meeting(run(x, {})));
  }
  const told = m => m === null ? "never" : m.toFixed(1);
  const range = ends.length ? ` (${told(ends[0])} to ${told(ends[1])} over the stated range of tasks)` : "";
  return (month === null ? "Training does not repay its up-front cost within these months" : `Training has repaid its up-front cost after ${told(month)} months`)
    + range + ", against the cheapest hosted road of equal quality.";
}

function sweep() {
  if (!MODEL) return;
  const centre = inputs[DATA.volume], reach = 30, steps = 120, hosted = [], own = [], gaps = [];
  for (let i = 0; i <= steps; i++) {
    const volume = centre / reach * (reach * reach) ** (i / steps), [h, o] = atVolume(volume);
    hosted.push([volume, h]); own.push([volume, o]); gaps.push([volume, o - h]);
  }
  const found = crossings(gaps);
  const marks = found.map(c => ({x: c.at, text: `${plain(c.at)}`}));
  marks.push({x: centre, text: "here", drop: 16});
  const stated = DATA.low !== null && centre === START[DATA.volume] ? [DATA.low, DATA.high] : null;
  chart("volumes", [{title: "cheapest hosted road of equal quality", points: hosted}, {title: "cheapest road that trains", points: own}],
    {title: "Lifetime cost against tasks a month", log: true, x: "tasks a month", y: `up: ${DATA.currency}, logarithmic`, marks, range: stated});
  const told = found.map(c => `${c.cheaper ? "cheaper from" : "dearer again from"} ${plain(c.at)}`);
  const band = stated ? " The band is the stated range of tasks." : "";
  $("crossing").textContent = (told.length ? `Training is ${told.join(", ")} tasks a month.`
    : `Training is ${gaps[0][1] < 0 ? "cheaper" : "never cheaper"} from ${plain(gaps[0][0])} to ${plain(gaps[steps][0])} tasks a month.`) + band;
  $("crossing").dataset.at = found.map(c => c.at).join(" ");
}

function flows(v) {
  const table = $("flows");
  table.replaceChildren();
  const head = table.createTHead().insertRow(), body = table.createTBody();
  for (const title of ["month", ...DATA.roads.map(r => r.title)]) {
    const th = document.createElement("th");
    th.scope = "col"; th.textContent = title; th.className = title === "month" ? "" : "n";
    head.append(th);
  }
  const first = body.insertRow();
  first.insertCell().textContent = "up-front";
  for (const r of DATA.roads) cell(first, money(v[r.upfront]), v[r.upfront]);
  const count = Math.max(0, ...DATA.roads.map(r => v[r.bill].length));
  for (let m = 0; m < count; m++) {
    const row = body.insertRow();
    row.insertCell().textContent = m + 1;
    for (const r of DATA.roads) cell(row, money(v[r.bill][m]), v[r.bill][m]);
  }
}

let waiting = false;
function show() {
  const {v, d} = outcome(inputs), changed = yearly !== 1 || inputs.some((x, i) => DATA.figures[i].free && x !== START[i]);
  costs(v);
  flows(v);
  $("badge").textContent = changed ? "What if: inputs changed" : "As advised";
  $("badge").className = changed ? "badge changed" : "badge";
  if (d) {
    const saved = d.hosted - d.own, [title, because] = changed ? d.verdict : DATA.advised;
    $("title").textContent = title;
    $("because").textContent = because;
    $("stake").textContent = `At stake over ${plain(monthsOf())} months: the cheapest road that trains would ` +
      `${saved >= 0 ? "save" : "cost"} ${paid(Math.abs(saved))} ${saved >= 0 ? "against" : "more than"} the cheapest hosted one of equal quality.`;
    for (const when of document.querySelectorAll(".when")) when.textContent = changed ? "As advised, before the change. " : "";
    $("stake").dataset.usd = saved;
    $("title").dataset.place = d.place;
  }
  if (!waiting) {
    waiting = true;
    requestAnimationFrame(() => { waiting = false; if (DATA.roads.length) { cumulative(outcome(inputs).v); sweep(); } });
  }
}

function place(slider, value) {
  const t = slider.log ? Math.log(value / slider.low) / Math.log(slider.high / slider.low) : (value - slider.low) / (slider.high - slider.low || 1);
  return Math.round(1000 * Math.min(1, Math.max(0, t)));
}
function valueAt(slider, position) {
  const t = position / 1000;
  const raw = slider.log ? slider.low * (slider.high / slider.low) ** t : slider.low + (slider.high - slider.low) * t;
  if (position === place(slider, slider.value)) return slider.value;
  return slider.id === "horizon" ? Math.max(1, Math.round(raw)) : Number(raw.toPrecision(3));
}
function set(slider, value) {
  slider.now = value;
  if (slider.inputs.length) for (const i of slider.inputs) inputs[i] = slider.factor ? START[i] * value : value;
  else yearly = value;
  $(slider.id + "-range").value = place(slider, value);
  $(slider.id + "-number").value = value;
  $(slider.id + "-range").setAttribute("aria-valuetext", `${plain(value)} ${slider.unit}`);
  for (const box of document.querySelectorAll("input[data-input]")) box.value = inputs[box.dataset.input];
}
function remember() {
  const told = DATA.sliders.filter(s => s.now !== s.value).map(s => `${s.id}=${s.now}`);
  DATA.figures.forEach((f, i) => {
    if (f.free && inputs[i] !== START[i] && !DATA.sliders.some(s => s.inputs.includes(i))) told.push(`${encodeURIComponent(f.name)}=${inputs[i]}`);
  });
  try { history.replaceState(null, "", told.length ? "#" + told.join("&") : location.pathname); } catch (_) { /* a file in a sandbox */ }
}
function recall() {
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    const slider = DATA.sliders.find(s => s.id === name), value = Number(text);
    const index = DATA.figures.findIndex(f => f.free && f.name === name);
    if (!isFinite(value)) continue;
    if (slider) set(slider, value); else if (index >= 0) inputs[index] = value;
  }
}
for (const slider of DATA.sliders) {
  $(slider.id + "-range").addEventListener("input", e => { set(slider, valueAt(slider, +e.target.value)); show(); remember(); });
  $(slider.id + "-number").addEventListener("change", e => {
    const value = Number(e.target.value), bad = e.target.value === "" || !isFinite(value) || value < 0 || (slider.log && value === 0)
      || (slider.id === "horizon" && (value > slider.high || value < 1));
    e.target.setAttribute("aria-invalid", bad);
    if (bad) { e.target.value = slider.now; return; }
    set(slider, value); show(); remember();
  });
  set(slider, slider.value);
}
$("reset").addEventListener("click", () => { inputs = START.slice(); for (const s of DATA.sliders) set(s, s.value); show(); remember(); });

$("every").addEventListener("toggle", e => {
  const body = $("numbers");
  if (!e.target.open || body.rows.length) return;
  DATA.figures.forEach((f, i) => {
    if (!f.free) return;
    const row = body.insertRow(), head = document.createElement("th"), box = document.createElement("input");
    head.scope = "row"; head.textContent = f.name; row.append(head);
    Object.assign(box, {type: "number", step: "any", value: inputs[i]});
    box.dataset.input = i;
    box.setAttribute("aria-label", f.name);
    box.addEventListener("change", () => { if (box.value !== "" && isFinite(+box.value)) { inputs[i] = +box.value; show(); remember(); } });
    row.insertCell().append(box);
    for (const text of [f.unit, f.letter, f.note + (f.on ? `, ${f.on}` : "")]) row.insertCell().textContent = text;
  });
});

function branch(index, called) {
  const f = DATA.figures[index], item = document.createElement("li");
  const value = Array.isArray(f.value) ? `${plain(f.value[0])} .. ${plain(f.value.at(-1))} (${f.value.length})` : plain(f.value);
  const text = `${called ? called + " = " : ""}${f.name}: ${value} ${f.unit} [${f.letter === "d" ? "d/" + f.grade : f.letter}] ${f.note}${f.on ? ", " + f.on : ""}`;
  const below = Object.entries(f.inputs);
  if (!below.length) { item.textContent = text; return item; }
  const fold = document.createElement("details"), head = document.createElement("summary"), list = document.createElement("ul");
  head.textContent = text;
  fold.append(head, list);
  fold.addEventListener("toggle", () => { if (fold.open && !list.children.length) for (const [name, i] of below) list.append(branch(i, name)); });
  item.append(fold);
  return item;
}
for (const road of DATA.roads) $("tree").append(branch(road.lifetime, road.title));

let wide = innerWidth;
addEventListener("resize", () => { if (innerWidth !== wide) { wide = innerWidth; show(); } });
addEventListener("beforeprint", () => document.querySelectorAll("details.print").forEach(d => d.open = true));
addEventListener("hashchange", () => { inputs = START.slice(); for (const s of DATA.sliders) set(s, s.value); recall(); show(); });
recall();
show();
