// Makes the staff pages livelier; every one of them works without.
import { chooseEvents } from "./events.js";
import { start as startLive } from "./staff_live.js";

const parts = {
  month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
};
const thisYear = new Intl.DateTimeFormat(undefined, parts);
const anyYear = new Intl.DateTimeFormat(undefined, { year: "numeric", ...parts });

// The server writes UTC, which stays on hover.
export function localTimes(within) {
  for (const element of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    const isRecent = moment.getFullYear() === new Date().getFullYear();
    element.textContent = (isRecent ? thisYear : anyYear).format(moment);
  }
}

// A button beside a text; without the script the text can be selected all the same.
export function copyButtons(within) {
  if (!navigator.clipboard) return; // there on https and on localhost only
  for (const button of within.querySelectorAll("button[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copies);
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    });
  }
}

// A page that is left may come back from the browser's memory as it was, so what is shown once
// is taken out of it before.
window.addEventListener("pagehide", () => {
  for (const element of document.querySelectorAll("[data-shown-once]")) {
    element.textContent = "no longer shown";
  }
});

function enliven(within) {
  localTimes(within);
  copyButtons(within);
}

enliven(document);
chooseEvents(document);
startLive(enliven);
