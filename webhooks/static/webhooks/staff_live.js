// A part of a page that is not over yet is asked for again until it is.
//
// The element says by itself where to ask and in how many seconds; one that has ended says
// neither. What a reader has opened stays open.
export function start(enliven) {
  for (const element of document.querySelectorAll("[data-live]")) follow(element, enliven);
}

function follow(element, enliven) {
  if (!element.dataset.live) return;
  const seconds = Number(element.dataset.liveSeconds);
  window.setTimeout(async () => {
    if (document.hidden || isBeingRead(element)) return follow(element, enliven);
    const fresh = await asked(element.dataset.live);
    if (!fresh) return; // logged out, or gone: reloading the page says which
    const focused = element.contains(document.activeElement)
      && document.activeElement.closest("details[id]");
    enliven(fresh);
    keepOpen(element, fresh);
    element.replaceWith(fresh);
    if (focused) document.querySelector(`#${focused.id} > summary`)?.focus();
    follow(fresh, enliven);
  }, seconds * 1000);
}

function isBeingRead(element) {
  const selection = document.getSelection();
  return !selection.isCollapsed && element.contains(selection.anchorNode);
}

// An element that is new opens as the server has it, one that was there as the reader has.
function keepOpen(former, fresh) {
  for (const details of former.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`#${details.id}`);
    if (same) same.open = details.open;
  }
}

async function asked(address) {
  try {
    const response = await fetch(address, { redirect: "error" });
    if (!response.ok) return null;
    const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
    return document.adoptNode(parsed.body.firstElementChild);
  } catch {
    return null;
  }
}
