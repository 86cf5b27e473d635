// What all pages share: ways into Airflow, local times, keys, copying, and errors of htmx. No page needs it to be read.
(() => {
  "use strict";

  // Airflow shows us in a frame that may not navigate the window, so the window follows a link of its own.
  const follow = (event) => {
    const link = event.target.closest?.("a[data-airflow]");
    if (!link || window.parent === window || event.defaultPrevented) return;
    let outside;
    try {
      outside = window.parent.document;
    } catch {
      return; // of another origin: a plain link then
    }
    event.preventDefault();
    const copy = outside.createElement("a");
    copy.href = link.href;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) {
      copy.target = "_blank";
      copy.rel = "noopener";
    }
    outside.body.append(copy);
    copy.click();
    copy.remove();
  };
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", (event) => event.button === 1 && follow(event));

  // <time data-local> gets the reader's own time beside it, on request.
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const addTimes = (root) => {
    for (const time of root.querySelectorAll("time[data-local]:not([title])")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) time.title = `Your time: ${format.format(at)}`;
    }
  };

  // An element with data-key="n" and data-key-name="Next" is followed, pressed or focused by that key.
  const dialog = document.getElementById("keys");
  const typing = (node) => node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName);
  const showKeys = () => {
    const list = dialog.querySelector("dl");
    for (const old of list.querySelectorAll("[data-of-page]")) old.remove();
    for (const node of document.querySelectorAll("[data-key][data-key-name]")) {
      const line = document.createElement("div");
      line.dataset.ofPage = "";
      const key = document.createElement("dt");
      key.append(Object.assign(document.createElement("kbd"), { textContent: node.dataset.key }));
      line.append(key, Object.assign(document.createElement("dd"), { textContent: node.dataset.keyName }));
      list.append(line);
    }
    dialog.showModal();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog?.open) return;
    if (event.key === "?") {
      event.preventDefault();
      showKeys();
      return;
    }
    const node = [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === event.key);
    if (!node) return;
    event.preventDefault();
    if (typing(node)) node.focus();
    else node.click();
  });
  document.querySelector("[data-keys]")?.addEventListener("click", showKeys);

  // A short message, read aloud where one listens.
  const notice = document.getElementById("notice");
  const tell = (text) => {
    notice.textContent = text;
    window.clearTimeout(tell.timer);
    tell.timer = window.setTimeout(() => notice.replaceChildren(), 8000);
  };

  // <button data-copy="#yaml"> copies the text of that element.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    const source = button && document.querySelector(button.dataset.copy);
    if (!source) return;
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      tell("Copied.");
    } catch {
      window.getSelection().selectAllChildren(source); // without https there is no clipboard
      tell("Selected: copy it with the keyboard.");
    }
  });

  // On a phone the line of pages is longer than the screen.
  document.querySelector(".top [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // What the server refuses, or does not answer, is said; htmx would keep still.
  document.addEventListener("htmx:responseError", (event) => {
    const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    tell(answer.querySelector(".notice, main p")?.textContent ?? `The server answered ${event.detail.xhr.status}.`);
  });
  document.addEventListener("htmx:sendError", () => tell("The server does not answer."));
  document.addEventListener("htmx:load", (event) => addTimes(event.detail.elt));
  addTimes(document);
})();
