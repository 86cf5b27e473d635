// Why a task failed is the last line of its log. Airflow's own API gives the log, to who may read logs.
(() => {
  "use strict";
  const sentence = (lines) => {
    const said = lines.filter((line) => typeof line.event === "string" && !line.event.startsWith("::"));
    const errors = said.filter((line) => line.level === "error");
    return (errors.length ? errors : said).at(-1)?.event;
  };
  const tell = async (node) => {
    try {
      const answer = await fetch(node.dataset.log, { headers: { Accept: "application/json" } });
      const text = answer.ok && sentence((await answer.json()).content);
      if (text) node.textContent = text;
    } catch {
      // The page says already that the log has it, and links to it.
    }
  };
  document.querySelectorAll("[data-log]").forEach(tell);
})();
