// Where objects stood, as dots below the areas: filled for a threat, hollow for any other.
(() => {
  "use strict";
  const section = document.querySelector("[data-areas]");
  const drawing = section?.querySelector("svg.shapes");
  const choice = section?.querySelector("input[data-feet]");
  if (!drawing || !choice) return;
  const make = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);
  const dots = make("g");
  dots.setAttribute("class", "feet");
  drawing.querySelector("svg").after(dots); // above the areas, below the corners
  const tell = (text) => {
    section.querySelector("[data-told]").textContent = text;
  };
  const dot = (foot) => {
    const circle = make("circle");
    const attributes = { class: foot.threat ? "threat" : "harmless", cx: `${foot.x * 100}%`, cy: `${foot.y * 100}%`, r: 4 };
    for (const [key, value] of Object.entries(attributes)) circle.setAttribute(key, value);
    return circle;
  };
  choice.addEventListener("change", async () => {
    dots.replaceChildren();
    if (!choice.checked) return;
    try {
      const response = await fetch(`${section.dataset.areas}/feet`);
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const { feet } = await response.json();
      dots.replaceChildren(...feet.map(dot));
      const threats = feet.filter((foot) => foot.threat).length;
      tell(feet.length ? `${feet.length} objects stood here; the ${threats} filled dots were threats.` : "Nothing was seen this week.");
    } catch (error) {
      choice.checked = false;
      tell(`This cannot be shown: ${error.message}.`);
    }
  });
})();
