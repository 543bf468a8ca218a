// A part of a page that is not over yet is asked for again until it is.
//
// The element says by itself where to ask and in how many seconds; one that has ended says
// neither. What a reader has opened stays open. The rest of the page that tells of the same,
// marked `data-live-end`, was read before that end and is read once more at it.
export function start(enliven) {
  for (const element of document.querySelectorAll("[data-live]")) follow(element, enliven);
}

function follow(element, enliven) {
  if (!element.dataset.live) return;
  const seconds = Number(element.dataset.liveSeconds);
  window.setTimeout(async () => {
    if (document.hidden || isBeingRead(element)) return follow(element, enliven);
    const fresh = await asked(element.dataset.live);
    if (!fresh) return;
    const focused = element.contains(document.activeElement)
      && document.activeElement.closest("details[id]");
    enliven(fresh);
    keepOpen(element, fresh);
    element.replaceWith(fresh);
    if (focused) document.querySelector(`#${focused.id} > summary`)?.focus();
    follow(fresh, enliven);
    if (!fresh.dataset.live) readOnceMore(enliven);
  }, seconds * 1000);
}

async function readOnceMore(enliven) {
  const stale = document.querySelectorAll("[data-live-end]");
  const page = stale.length && await parsed(location.href);
  if (!page) return;
  for (const element of stale) {
    const fresh = page.getElementById(element.id);
    if (!fresh || isBeingRead(element) || element.contains(document.activeElement)) continue;
    enliven(fresh);
    keepOpen(element, fresh);
    element.replaceWith(document.adoptNode(fresh));
  }
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
  const part = (await parsed(address))?.body.firstElementChild;
  return part ? document.adoptNode(part) : null;
}

async function parsed(address) {
  try {
    const response = await fetch(address, { redirect: "manual" });
    // The session is over, or may no longer see this: the page shows what it knows no more.
    if (response.type === "opaqueredirect" || response.status === 403) location.reload();
    if (!response.ok) return null;
    return new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    return null;
  }
}
