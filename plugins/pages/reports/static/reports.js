// A report's frame is as high as the report, so that there is one scroll bar, and has the theme of the page around it.
(() => {
  "use strict";
  const frame = document.querySelector("iframe.report");
  if (!frame) return;

  // The report knows the system's theme only: its rules for dark are switched on or off where Airflow's is another.
  let darkRules = null; // pairs of a rule and its own condition
  const themed = () => {
    const theme = document.documentElement.dataset.theme;
    const inside = frame.contentDocument;
    if (!inside?.documentElement) return;
    darkRules ??= [...inside.styleSheets]
      .flatMap((sheet) => [...sheet.cssRules])
      .filter((rule) => /prefers-color-scheme: dark/.test(rule.media?.mediaText ?? ""))
      .map((rule) => [rule, rule.media.mediaText]);
    inside.documentElement.style.colorScheme = theme ?? "";
    for (const [rule, own] of darkRules) rule.media.mediaText = { dark: "all", light: "not all" }[theme] ?? own;
  };
  const fit = () => {
    const root = frame.contentDocument?.documentElement;
    if (!root) return;
    frame.style.height = "0";
    frame.style.height = `${root.scrollHeight}px`;
  };
  const ready = () => {
    darkRules = null;
    themed();
    fit();
  };
  frame.addEventListener("load", ready);
  window.addEventListener("resize", fit);
  new MutationObserver(themed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  if (frame.contentDocument?.readyState === "complete") ready();
})();
