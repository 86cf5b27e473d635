// The theme of Airflow around us (light, dark or the system's), set before the page is drawn, and followed; and whether
// it is around us at all.
(() => {
  "use strict";
  const set = () => {
    let theme = null;
    try {
      theme = window.localStorage.getItem("theme"); // where next-themes of Airflow's UI keeps it
    } catch {
      // no storage: the system decides
    }
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  set();
  if (window.parent !== window) document.documentElement.dataset.framed = ""; // Airflow's navigation is around us
  window.addEventListener("storage", (event) => event.key === null || event.key === "theme" ? set() : undefined);
})();
