// What the theme leaves undone: a table or a block of code that scrolls must be reachable by keyboard, and have a name.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".search-button-field")) button.removeAttribute("aria-label");  // its text says more
  for (const arrow of document.querySelectorAll(".bd-sidenav summary, .navbar-nav summary")) {
    const page = arrow.closest("li")?.querySelector("a")?.textContent.trim();
    arrow.setAttribute("aria-label", `Pages below ${page}`);
  }
  const reachable = () => {
    for (const box of document.querySelectorAll("pre, .pst-scrollable-table-container, .bd-article table, mjx-container")) {
      const scrolls = box.scrollWidth > box.clientWidth + 1;
      if (scrolls && !box.hasAttribute("tabindex")) box.tabIndex = 0;
    }
  };
  reachable();
  addEventListener("load", reachable);
  addEventListener("resize", reachable);
});
