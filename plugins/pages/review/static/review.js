// Keys of the review pages: from card to card, and what one says of the event in focus. Without it, all is done by links.
(() => {
  "use strict";

  const links = () => [...document.querySelectorAll("a[data-event]")];
  const inFocus = () => document.activeElement?.closest?.(".card.event");
  const remembered = "nightjar-review-event";

  const step = (by) => {
    const all = links();
    if (!all.length) return;
    const at = all.findIndex((link) => link.closest(".card") === inFocus());
    const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
    next.focus({ preventScroll: true });
    next.closest(".card").scrollIntoView({ block: "nearest" });
    if (next === all.at(-1)) document.querySelector(".cards > .more")?.scrollIntoView({ block: "end" });
  };

  const inRow = () => {
    const [first, ...rest] = links().map((link) => link.getBoundingClientRect().top);
    const others = rest.findIndex((top) => Math.abs(top - first) > 4);
    return others < 0 ? 1 : others + 1;
  };

  const moves = { j: () => step(1), k: () => step(-1), ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => step(inRow()), ArrowUp: () => step(-inRow()) };
  const typing = (node) => node.isContentEditable || /^(INPUT|TEXTAREA|SELECT|VIDEO)$/.test(node.tagName);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const arrow = event.key.startsWith("Arrow");
    if (moves[event.key] && links().length && (!arrow || inFocus())) {
      event.preventDefault();
      moves[event.key]();
    } else if (event.key === "f" || event.key === "c") {
      const place = inFocus() ?? document.querySelector(".say-box");
      const button = place?.querySelector(`[data-act="${event.key}"]`);
      if (!button) return;
      event.preventDefault();
      button.click();
    } else if (event.key === "/" && document.querySelector(".filter-box")) {
      event.preventDefault();
      const box = document.querySelector(".filter-box");
      box.open = true;
      box.querySelector("input, select").focus();
    }
  });

  // A word said while the one before is on its way waits for that: htmx would drop it with the form it came from.
  let waiting = "";
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.say.htmx-request") || !event.submitter) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = event.submitter.id;
  }, true);
  document.addEventListener("htmx:afterSettle", () => {
    const button = document.getElementById(waiting);
    waiting = "";
    button?.click();
  });

  // An address has only what was chosen.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.detail.elt.matches("form.filters")) return;
    const { parameters } = event.detail;
    for (const name of Object.keys(parameters)) {
      if (parameters[name] === "" || (name === "state" && parameters[name] === "current")) delete parameters[name];
    }
  });

  // Back from an event, the focus is where it was.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-event]");
    if (link) sessionStorage.setItem(remembered, link.id);
    const back = event.target.closest?.("a[data-back]");
    const from = document.referrer && new URL(document.referrer);
    if (back && from && from.origin === location.origin && from.pathname === new URL(back.href).pathname) {
      event.preventDefault();
      history.back();
    }
  });
  window.addEventListener("pageshow", () => {
    const link = document.getElementById(sessionStorage.getItem(remembered) ?? "");
    if (link?.matches("a[data-event]")) link.focus();
  });
})();
