/* What Alpine's build for a policy without unsafe-eval has to be told about unfold's pages.

It reads one expression at a time, with no globals, no function literals and no statements
(docs/adr/0011). The names that unfold's expressions take from the window are given to the
component around the whole page; the few expressions that it cannot read are said again in
words that it can. tests/browser/test_policy.py reads every expression of every page. */

const SAID_AGAIN = [
  ["body", "x-init", "begin()"],
  ["[x-on\\:click^='sidebarDesktopOpen = ']", "x-on:click", "sidebarDesktopOpen = !sidebarDesktopOpen"],
  ["[x-ref=searchInputCommand]", "x-on:keydown.enter.prevent", "choose($event)"],
];

function wholePage() {
  return {
    // Of the window, only what is asked for: the parser refuses the window itself.
    window: { location: { pathname: location.pathname, search: location.search } },
    localStorage: {
      getItem: (name) => localStorage.getItem(name),
      setItem: (name, value) => localStorage.setItem(name, value),
    },
    begin() {
      this.activeTab = getCurrentTab() || this.activeTab || "";
      this.$watch("sidebarDesktopOpen", (open) =>
        localStorage.setItem("sidebarDesktopOpen", open ? "1" : "0"));
    },
  };
}

const palette = {
  choose(event) {
    if (!event.metaKey && !event.ctrlKey) this.selectItem(false, false);
  },
};

document.addEventListener("alpine:init", () => {
  for (const [where, attribute, expression] of SAID_AGAIN) {
    document.querySelectorAll(where).forEach((element) => {
      if (element.hasAttribute(attribute)) element.setAttribute(attribute, expression);
    });
  }
  // unfold's own components are functions of the window.
  Alpine.data("theme", (chosen) => ({ ...theme(chosen), ...wholePage() }));
  Alpine.data("searchForm", () => searchForm());
  Alpine.data("searchCommand", () => ({ ...searchCommand(), ...palette }));
});

// htmx would add a style element of its own, and evaluate filters of triggers. Neither is used.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;

// Django's two lists to choose between name their filters with a span that has no role. They
// are made when the page has loaded, too.
window.addEventListener("load", () => setTimeout(() => {
  document.querySelectorAll(".help-tooltip[aria-label]:not([role])").forEach((span) =>
    span.setAttribute("role", "img"));
}));
