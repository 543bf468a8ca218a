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
    if (document.hidden || element.contains(document.activeElement)) {
      return follow(element, enliven);
    }
    const fresh = await asked(element.dataset.live);
    if (!fresh) return; // logged out, or gone: reloading the page says which
    for (const open of element.querySelectorAll("details[open][id]")) {
      const same = fresh.querySelector(`#${CSS.escape(open.id)}`);
      if (same) same.open = true;
    }
    enliven(fresh);
    element.replaceWith(fresh);
    follow(fresh, enliven);
  }, seconds * 1000);
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
