// The form of rules: a problem leads to its line in the text, a file is read into it, refusals are shown in place.
(() => {
  "use strict";
  const text = document.getElementById("rules-text");
  const file = document.querySelector('input[type="file"][name="file"]');

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#answer a[data-line]");
    if (!link || !text) return;
    event.preventDefault();
    const lines = text.value.split("\n");
    const number = Math.min(Number(link.dataset.line), lines.length);
    const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
    text.focus();
    text.setSelectionRange(start, start + lines[number - 1].length);
    const height = text.scrollHeight / Math.max(1, lines.length);
    text.scrollTop = Math.max(0, (number - 4) * height);
    text.scrollIntoView({ block: "center" });
  });

  file?.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen || chosen.size > 1048576) return; // the server says that it is too large
    text.value = await chosen.text();
    file.value = "";
    text.focus();
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    if (target.id !== "answer" || xhr.status < 400) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  });
})();
