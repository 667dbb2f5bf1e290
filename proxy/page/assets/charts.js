// Charts of the status page, as SVG: lines over time, and the strip of slots. A few plain functions: a library would be
// ten times as much code to keep, for two kinds of pictures.
"use strict";
const SlotlessCharts = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  function shape(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // The next of 1, 2, 5, 10, 20 … that is not below.
  function roundUp(value) {
    if (!(value > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].find((step) => step * power >= value) * power;
  }

  // series: [{values, className}], times: one for each value. label: for who does not see it.
  function lines({ times, series, spanMillis, format, label }) {
    const width = 600, height = 120, top = 16, bottom = 104;
    const most = roundUp(Math.max(0, ...series.flatMap((each) => each.values)));
    const end = times.length ? times[times.length - 1] : 0;
    const x = (time) => width - ((end - time) / spanMillis) * width;
    const y = (value) => bottom - (value / most) * (bottom - top);
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
    for (const part of [0, 0.5, 1]) {
      svg.append(shape("line", { class: "grid", x1: 0, x2: width, y1: y(most * part), y2: y(most * part) }));
    }
    if (times.length > 1) {
      series.forEach((each, index) => {
        const points = each.values.map((value, i) => `${x(times[i]).toFixed(1)},${y(value).toFixed(1)}`);
        if (index === 0) {
          const area = `${x(times[0]).toFixed(1)},${bottom} ${points.join(" ")} ${width},${bottom}`;
          svg.append(shape("polygon", { class: "a0", points: area }));
        }
        svg.append(shape("polyline", { class: each.className, points: points.join(" ") }));
      });
    }
    return { svg, most: format(most) };
  }

  // ranges: [{from, to, className, title}], marks: slots that are on their way.
  function strip({ slots, ranges, marks, label }) {
    const svg = shape("svg", { viewBox: `0 0 ${slots} 34`, preserveAspectRatio: "none", role: "img", "aria-label": label });
    for (const range of ranges) {
      const rect = shape("rect", { class: range.className, x: range.from, y: 0, width: range.to - range.from + 1, height: 34 });
      rect.append(shape("title", {}, range.title));
      svg.append(rect);
    }
    const wide = slots / 400;
    for (const slot of marks) {
      svg.append(shape("rect", { class: "fmoving", x: Math.max(0, slot - wide / 2), y: 0, width: wide, height: 12 }));
    }
    return svg;
  }

  // A square of a colour, for a legend.
  function swatch(className) {
    return shape("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, shape("rect", { class: className, width: 12, height: 12, rx: 2 }));
  }

  return { lines, strip, swatch };
})();
