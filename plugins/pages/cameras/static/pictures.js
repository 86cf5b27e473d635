// A picture that the server cannot give is said so in its place.
(() => {
  "use strict";
  const say = (image) => {
    const box = Object.assign(document.createElement("span"), { className: "no-picture" });
    box.append(Object.assign(document.createElement("span"), { textContent: `${image.alt} — it cannot be read` }));
    image.replaceWith(box);
  };
  for (const image of document.querySelectorAll("img[data-picture]")) {
    if (image.complete && image.src && !image.naturalWidth && image.loading !== "lazy") say(image);
    else image.addEventListener("error", () => say(image), { once: true });
  }
})();
