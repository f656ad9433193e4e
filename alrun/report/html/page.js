// The script of a report's page, behind that of its tables: a target of one's own, and values at the
// pointer. What it computes are means by the definitions of alrun/report/comparison.py.

document.documentElement.classList.add("has-script");
const data = JSON.parse(document.getElementById("data").textContent);
const axis = data.axis ?? "labels";

// ---- Labels to a target

/** Return the nearest number with so many decimals; halves to the even one, as Python rounds. */
function rounded(value, digits = 0) {
  const scaled = value * 10 ** digits;
  const below = Math.floor(scaled);
  const isHalf = scaled - below === 0.5 && Number.isInteger(value * 2 ** (digits + 1));
  if (!isHalf) return (value < 0 ? -1 : 1) * Number(Math.abs(value).toFixed(digits));
  return (below % 2 === 0 ? below : below + 1) / 10 ** digits;
}

function isAt(score, target) {
  return data.greater ? score >= target : score <= target;
}

/** What a target can be: the range and the steps of the slider, the name, and its score in a seed. */
const [lowest, highest] = data.range;
const step = highest - lowest > 2 ? 0.01 : 0.001;
const share = { min: 50, max: 100, step: 0.5, first: 95 };
const kinds = {
  score: {
    label: "as a score", min: Math.floor(lowest / step) * step, max: highest, step,
    first: Number((lowest + 0.8 * (highest - lowest)).toFixed(3)),
    name: (number) => `${data.greater ? "" : "at most "}${number}`,
    score: (number) => number,
    isKnown: () => true,
  },
  full: {
    ...share, label: "% of full", name: (number) => `${number}% of full`,
    score: (number, group, seed) => shared(number, 0, levelsOf(group).get(seed).ceiling),
    isKnown: (group) => data.greater && hasLevel(group, "ceiling"),
  },
  between: {
    ...share, label: "% between floor and full",
    name: (number) => `${number}% between floor and full`,
    score: (number, group, seed) => {
      const { floor, ceiling } = levelsOf(group).get(seed);
      return shared(number, floor, ceiling);
    },
    isKnown: (group) => kinds.full.isKnown(group) && hasLevel(group, "floor"),
  },
  end: {
    label: `${data.baseline}@end`, name: () => `${data.baseline}@end`,
    score: (number, group) => group.end, isKnown: (group) => group.end !== null,
  },
};

/** Return a share, in %, of the way from the floor to the ceiling; see `scores_of`. */
function shared(number, floor, ceiling) {
  return (floor + (number / 100) * (ceiling - floor)) * (1 - data.rounding);
}

/** Return floor and ceiling by seed. */
function levelsOf(group) {
  group.bySeed ??= new Map(data.levels[group.levels].map(([seed, floor, ceiling]) =>
    [seed, { floor, ceiling }]));
  return group.bySeed;
}

function hasLevel(group, kind) {
  return [...levelsOf(group).values()].every((one) => one[kind] !== null);
}

/** Return the fewest labels of a run whose score is at the target as long as it must be. */
function labelsToTarget(run, target, grids) {
  const [, , grid, divisor, numbers] = run;
  const labels = grids[grid];
  for (let first = 0; first + data.sustain <= labels.length; first++) {
    let place = first;
    while (place < first + data.sustain
      && isAt(divisor ? numbers[place] / divisor : numbers[place], target)) place++;
    if (place === first + data.sustain) return labels[first];
  }
  return Infinity;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Return reached, runs, budget, mean labels and saving of each strategy at a score by seed. */
function readOff(group, scoreOf) {
  const found = group.runs.map((run) => ({
    strategy: run[0], seed: run[1], labels: labelsToTarget(run, scoreOf(run[1]), group.grids),
    last: group.grids[run[2]].at(-1),
  }));
  const out = found.filter((run) => run.labels === Infinity);
  const budget = out.length
    ? Math.min(...out.map((run) => run.last))
    : Math.max(...found.map((run) => run.labels));
  const runsOf = (name) => found.filter((run) => data.strategies[run.strategy] === name);
  const bySeed = new Map(runsOf(data.baseline).map((run) => [run.seed, run]));
  return data.strategies.filter((name) => runsOf(name).length).map((name) => {
    const all = runsOf(name);
    const both = name === data.baseline ? [] : all.filter((run) => bySeed.has(run.seed));
    const mine = both.length ? both : all;
    const theirs = both.map((run) => bySeed.get(run.seed));
    const cut = (runs) => runs.map((run) => Math.min(run.labels, budget));
    const reached = mine.filter((run) => run.labels <= budget).length;
    const isReached = reached > 0 || theirs.some((run) => run.labels <= budget);
    const base = theirs.length ? mean(cut(theirs)) : NaN;
    const meanLabels = mean(cut(mine));
    const saving = theirs.length && isReached && base > 0 ? 1 - meanLabels / base : NaN;
    return { name, reached, runs: mine.length, budget, meanLabels, saving };
  });
}

function labelsText(value) {
  if (axis === "cost" && value < 1000) return String(Number(value.toPrecision(4)));
  const digits = value < 10 ? 1 : 0;
  return rounded(value, digits).toFixed(digits);
}

function percentText(share) {
  const text = rounded(100 * share).toFixed(0);
  return text === "-0" ? "0" : text;
}

function cell(text, kind, scope) {
  const made = make(scope ? "th" : "td", { textContent: text, className: kind });
  if (scope) made.scope = scope;
  return made;
}

function showReadOut(place, kind, number) {
  const group = data.groups[Number(place.dataset.group)];
  if (!group.runs.length) {
    place.textContent = "The curves are too many to be read here; name a target with --target.";
    return;
  }
  if (!kind.isKnown(group)) {
    place.textContent = `No references are known here, so ${kind.label} has no value.`;
    return;
  }
  const scoreOf = (seed) => kind.score(number, group, seed);
  const value = mean([...levelsOf(group).keys()].map(scoreOf));
  const floor = mean([...levelsOf(group).values()].map((one) => one.floor));
  const isLow = hasLevel(group, "floor") && isAt(rounded(floor, 9), rounded(value, 9));
  const shown = kind === kinds.score ? "" : ` (${value.toFixed(3)})`;
  const caption = make("caption", {},
    make("b", { textContent: `Read off at ${data.metric} ${kind.name(number)}${shown}` }),
    make("span", { className: "note", textContent: "Means only, without intervals and tests; "
      + "a run that does not reach the target counts as the budget (within)."
      + (isLow ? " At or below the floor: no learning is needed." : "") }));
  const header = make("tr", {}, ...["strategy", "reached", "within", `mean ${axis}`, "saving"]
    .map((name, n) => cell(name, n ? "number" : "", "col")));
  const rows = readOff(group, scoreOf).map((row) => {
    const switched = data.strategies.indexOf(row.name);
    return make("tr", { className: numberOf[switched] },
      cell(data.labels[switched], "", "row"), cell(`${row.reached}/${row.runs}`, "number"),
      cell(String(row.budget), "number"), cell(labelsText(row.meanLabels), "number"),
      cell(savingText(row, isLow), "number"));
  });
  place.replaceChildren(make("table", {}, caption, make("thead", {}, header),
    make("tbody", {}, ...rows)));
}

/** Return a saving in %, in brackets where no learning is needed for it. */
function savingText(row, isLow) {
  if (row.name === data.baseline) return "";
  if (Number.isNaN(row.saving)) return "not estimable";
  const text = `${percentText(row.saving)} %`;
  return isLow ? `(${text})` : text;
}

// The class of each strategy, by which it is switched on and off.
const numberOf = data.switches.map((n) => `strategy-${n}`);

/** Return the kind and the number of a target that was computed, a score if there is one. */
function firstTarget() {
  const shares = [[/^([\d.]+)% of full$/, "full"], [/^([\d.]+)% between floor and full$/, "between"]];
  const scores = data.targets.filter((text) => !Number.isNaN(Number(text)));
  if (scores.length) return ["score", Number(scores[0])];
  for (const text of data.targets) {
    const found = shares.find(([pattern]) => pattern.test(text));
    if (found) return [found[1], Number(text.match(found[0])[1])];
  }
  return ["score", kinds.score.first];
}

function setUpTarget() {
  const choice = document.getElementById("target-kind");
  const slider = document.getElementById("target");
  const exact = document.getElementById("target-exact");
  const numbers = {};
  const show = () => {
    const kind = kinds[choice.value];
    const number = Number(numbers[choice.value]);
    slider.setAttribute("aria-valuetext", `${data.metric} ${kind.name(number)}`);
    for (const place of document.querySelectorAll(".chapter:not([hidden]) .read-out")) {
      showReadOut(place, kind, number);
    }
  };
  const choose = () => {
    const { min, max, step, first } = kinds[choice.value];
    const isNumber = first !== undefined;
    slider.hidden = exact.hidden = !isNumber;
    if (!isNumber) return;
    Object.assign(slider, { min, max, step });
    exact.value = numbers[choice.value] ??= first;
    slider.value = exact.value;
  };
  slider.addEventListener("input", () => {
    exact.value = numbers[choice.value] = Number(Number(slider.value).toFixed(3));
    show();
  });
  exact.addEventListener("input", () => {
    const isShare = choice.value !== "score";
    const number = Number(exact.value);
    if (exact.value === "" || Number.isNaN(number)) return;
    if (isShare && !(number > 0 && number <= 100)) return;
    slider.value = numbers[choice.value] = number;
    show();
  });
  for (const [value, kind] of Object.entries(kinds)) {
    if (data.groups.some(kind.isKnown)) {
      choice.append(make("option", { value, textContent: kind.label }));
    }
  }
  const [kind, number] = firstTarget();
  if (data.groups.some(kinds[kind].isKnown)) {
    choice.value = kind;
    numbers[kind] = number;
  }
  choice.addEventListener("change", () => {
    choose();
    show();
  });
  choose();
  return show;
}

// ---- Regret at an error cost, by the definitions of alrun/report/stopping/rows.py

/** Return the mean over the runs of a cell of what their cheapest round costs. */
function leastCost(cell, errorCost) {
  const { runs, grids } = data.groups[cell.group];
  const seeds = new Set(cell.seeds);
  const own = runs.filter((run) => run[0] === cell.strategy && seeds.has(run[1]));
  return mean(own.map(([, , grid, divisor, numbers]) => numbers.reduce((least, score, place) =>
    Math.min(least, data.stopping.label * grids[grid][place]
      + errorCost * (1 - (divisor ? score / divisor : score))), Infinity)));
}

function showRegrets(place, errorCost) {
  const group = Number(place.dataset.stopping);
  if (!data.groups[group].runs.length) {
    place.textContent = "The curves are too many to be read here; name a cost with alrun stopping.";
    return;
  }
  const caption = make("caption", {},
    make("b", { textContent: `Mean regret at an error cost of ${errorCost}` }),
    make("span", { className: "note", textContent: "Means only, without intervals; a run that a "
      + "rule never stops counts as stopped at its end." }));
  const header = make("tr", {}, ...["strategy", "rule", "stopped", "mean labels", data.metric,
    "regret"].map((name, n) => cell(name, n < 2 ? "" : "number", "col")));
  const rows = data.stopping.cells.filter((one) => one.group === group).flatMap((one) => {
    const least = leastCost(one, errorCost);
    return one.rules.map(([rule, stopped, labels, score]) => {
      const regret = data.stopping.label * labels + errorCost * (1 - score) - least;
      return make("tr", { className: numberOf[one.strategy] },
        cell(data.labels[one.strategy], ""), cell(rule, "", "row"),
        cell(`${stopped}/${one.seeds.length}`, "number"), cell(labelsText(labels), "number"),
        cell(score.toFixed(3), "number"), cell(rounded(Math.max(regret, 0)).toFixed(0), "number"));
    });
  });
  place.replaceChildren(make("table", {}, caption, make("thead", {}, header),
    make("tbody", {}, ...rows)));
}

/** Let every slider of the error cost move the others, and fill the tables that are shown. */
function setUpErrorCosts() {
  const sliders = [...document.querySelectorAll(".error-cost")];
  const fields = [...document.querySelectorAll(".error-cost-exact")];
  if (!sliders.length) return () => {};
  const show = () => {
    const cost = fields[0].value;
    if (cost === "" || !(Number(cost) >= 0)) return;
    for (const place of document.querySelectorAll(".chapter:not([hidden]) .regrets")) {
      showRegrets(place, Number(cost));
    }
  };
  const follow = (cost) => {
    for (const one of fields) one.value = cost;
    for (const one of sliders) {
      one.value = Math.log10(cost);
      one.setAttribute("aria-valuetext", `error cost ${cost}`);
    }
    show();
  };
  for (const one of sliders) {
    one.addEventListener("input", () => follow(Number((10 ** one.value).toPrecision(3))));
  }
  for (const one of fields) one.addEventListener("input", () => follow(one.value));
  return show;
}

// ---- One group at a time

function setUpGroups(onShow) {
  const select = document.getElementById("group");
  const chapters = [...document.querySelectorAll(".chapter")];
  const show = () => {
    chapters.forEach((one, n) => {
      one.hidden = select.value !== "all" && select.value !== String(n);
    });
    onShow();
  };
  select.addEventListener("change", show);
  if (location.hash.startsWith("#group-")) select.value = location.hash.slice(7);
  show();
}

// ---- Values at the pointer

function setUpCurves(svg) {
  const group = data.groups[Number(svg.dataset.curves)];
  const [left, right, top, bottom, x0, x1, y0, y1] = group.box;
  const width = svg.viewBox.baseVal.width - left - right;
  const values = make("output", { className: "values" });
  const cursor = svg.querySelector(".cursor");
  const drawn = [...svg.querySelectorAll(".curve")];
  svg.closest("figure").append(values);
  svg.tabIndex = 0;
  let place = 0;
  const isShown = (n) => getComputedStyle(drawn[n]).display !== "none";

  function show(nearest) {
    const labels = group.labels[place];
    const x = left + ((labels - x0) / (x1 - x0)) * width;
    cursor.setAttribute("d", `M${x} ${top}V${bottom}`);
    const lines = group.lines.filter((line, n) => isShown(n)).map((line) => {
      const half = line.half[place];
      const band = half === null ? "" : ` ± ${half.toFixed(3)}`;
      return `${line.mean[place].toFixed(3)}${band}  ${data.labels[line.strategy]}`;
    });
    const amount = axis === "cost" ? `a cost of ${labelsText(labels)}` : `${labels} labels`;
    values.textContent = [amount, ...lines].join("\n");
    svg.classList.toggle("isolated", nearest !== null);
    drawn.forEach((one, n) => one.classList.toggle("shown", n === nearest));
  }
  function clear() {
    values.textContent = "";
    cursor.setAttribute("d", "");
    svg.classList.remove("isolated");
  }
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const labels = x0 + (((event.clientX - box.left) * scale - left) / width) * (x1 - x0);
    place = group.labels.reduce((best, n, at) =>
      Math.abs(n - labels) < Math.abs(group.labels[best] - labels) ? at : best, 0);
    const height = y1 - (((event.clientY - box.top) * scale - top) / (bottom - top)) * (y1 - y0);
    const away = group.lines.map((line, n) =>
      isShown(n) ? Math.abs(line.mean[place] - height) : Infinity);
    const least = Math.min(...away);
    show(least < (y1 - y0) / 12 ? away.indexOf(least) : null);
  });
  svg.addEventListener("pointerleave", clear);
  svg.addEventListener("blur", clear);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    place = Math.min(Math.max(place + step, 0), group.labels.length - 1);
    show(null);
  });
}

function setUpSwitches() {
  for (const label of document.querySelectorAll("label[data-strategy]")) {
    const own = `strategy-${label.dataset.strategy}`;
    const isolate = (isOn) => {
      for (const svg of document.querySelectorAll(".curves")) {
        svg.classList.toggle("isolated", isOn);
        for (const one of svg.querySelectorAll(".curve")) {
          one.classList.toggle("shown", one.classList.contains(own));
        }
      }
    };
    label.addEventListener("pointerenter", () => isolate(true));
    label.addEventListener("pointerleave", () => isolate(false));
  }
}

document.querySelectorAll("[data-curves]").forEach(setUpCurves);
setUpSwitches();
const showTarget = setUpTarget();
const showCosts = setUpErrorCosts();
setUpGroups(() => {
  showTarget();
  showCosts();
});
