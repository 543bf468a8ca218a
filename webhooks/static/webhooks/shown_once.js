// A page that is left may come back from the browser's memory as it stood: what was to be
// shown once is taken out of it before.
window.addEventListener("pagehide", () => {
  for (const element of document.querySelectorAll("[data-shown-once]")) {
    element.textContent = "no longer shown";
  }
});

for (const button of document.querySelectorAll("[data-copy]")) {
  // The clipboard is there on https and on localhost only.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  });
}
