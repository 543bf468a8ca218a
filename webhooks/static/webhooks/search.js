// The key / leads to the search, from wherever nothing is being typed.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (document.getElementById("searchbar")) return; // the key of the admin's lists for their own
  const boxes = [...document.querySelectorAll('form[role="search"] input[type="search"]')];
  const box = boxes.find((each) => each.checkVisibility());
  if (!box) return;
  event.preventDefault(); // or it would be typed there
  box.focus();
  box.select();
});
