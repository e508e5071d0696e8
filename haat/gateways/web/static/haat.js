// Comfort only: every page works without this file.
"use strict";

// A form that only chooses something is sent as soon as it is chosen.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (form && event.target.matches("select, input[type=radio]")) form.requestSubmit();
});

// A form that changes something is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 8000);
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Menus close when something else is wanted.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// What is to be typed elsewhere can be copied.
for (const one of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button plain";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${one.dataset.copy}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(one.dataset.value || one.textContent.trim());
    button.textContent = "Copied";
  });
  one.after(" ", button);
}

// What was wrong is read first.
document.getElementById("problems")?.focus();

// On a wide screen there is room for filters.
if (matchMedia("(min-width: 56rem)").matches) {
  for (const box of document.querySelectorAll("details.filter-box")) box.open = true;
}

// On a phone the place where one stands may be outside of the row of sections.
const here = document.querySelector(".subnav [aria-current]");
if (here) {
  const row = here.closest(".subnav");
  row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}
