// Choosing events: a field that finds some among many, and a list that is greyed out while
// every event is chosen. Without this script all of it can be read and sent.

function find(events) {
  const box = events.querySelector("[data-find]");
  if (!box) return;
  box.hidden = false;
  const folded = new Map();
  for (const details of events.querySelectorAll("details")) folded.set(details, details.open);
  box.querySelector("input").addEventListener("input", ({ target }) => {
    const sought = target.value.trim().toLowerCase();
    for (const option of events.querySelectorAll(".choices .option")) {
      option.hidden = !option.textContent.toLowerCase().includes(sought);
    }
    for (const [details, wasOpen] of folded) {
      const isFound = details.querySelector(".option:not([hidden])") !== null;
      details.hidden = !isFound;
      details.open = sought ? isFound : wasOpen;
    }
  });
}

function scope(events) {
  const radios = [...events.querySelectorAll("[data-scope]")];
  if (!radios.length) return;
  const others = [...events.querySelectorAll("input, textarea")].filter((each) => !radios.includes(each));
  // What is disabled is not sent, so that a change of mind is no contradiction.
  const update = () => {
    const isEvery = radios.some((radio) => radio.value === "every" && radio.checked);
    for (const each of others) each.disabled = isEvery;
  };
  for (const radio of radios) radio.addEventListener("change", update);
  update();
}

export function chooseEvents(within) {
  for (const events of within.querySelectorAll(".events")) {
    find(events);
    scope(events);
  }
}
