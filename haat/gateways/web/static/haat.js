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

// The search box offers what may be meant while one types: a combobox with a list (ARIA 1.2).
const find = document.querySelector("form.find input[type=search]");
if (find) {
  const list = document.createElement("ul");
  const said = document.createElement("span");
  let asked = null;
  let timer = 0;
  let active = -1;
  list.id = "find-list";
  list.className = "find-list";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  said.className = "hidden";
  said.setAttribute("role", "status");
  find.form.append(list, said);
  for (const [name, value] of Object.entries({
    role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": list.id,
  })) find.setAttribute(name, value);

  const choose = (place) => {
    active = place;
    [...list.children].forEach((one, at) => one.setAttribute("aria-selected", at === place));
    if (place < 0) find.removeAttribute("aria-activedescendant");
    else find.setAttribute("aria-activedescendant", list.children[place].id);
    list.children[place]?.scrollIntoView({ block: "nearest" });
  };
  const close = () => {
    clearTimeout(timer);
    asked?.abort();
    list.hidden = true;
    find.setAttribute("aria-expanded", "false");
    choose(-1);
  };
  const show = (items) => {
    list.replaceChildren(...items.map((item, at) => {
      const option = document.createElement("li");
      const kind = document.createElement("span");
      option.id = `find-${at}`;
      option.setAttribute("role", "option");
      option.dataset.href = item.href;
      kind.className = "kind";
      kind.textContent = item.kind;
      option.append(item.text, kind);
      return option;
    }));
    list.hidden = !items.length;
    find.setAttribute("aria-expanded", String(!list.hidden));
    said.textContent = items.length ? `${items.length} suggestions` : "";
    choose(-1);
  };
  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const words = find.value.trim();
    if (words.length < 2) return close();
    try {
      const answer = await fetch(`/search/complete?q=${encodeURIComponent(words)}`, {
        signal: asked.signal, headers: { accept: "application/json" },
      });
      if (answer.ok) show((await answer.json()).items);
    } catch { /* typed on, or away: the box searches all the same */ }
  };
  find.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  find.addEventListener("keydown", (event) => {
    const last = list.children.length - 1;
    if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "ArrowDown" && list.hidden) ask();
    else if (list.hidden) return;
    else if (event.key === "ArrowDown") choose(active < last ? active + 1 : -1);
    else if (event.key === "ArrowUp") choose(active < 0 ? last : active - 1);
    else if (event.key === "Enter" && active >= 0) location.assign(list.children[active].dataset.href);
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) location.assign(option.dataset.href);
  });
  find.addEventListener("blur", close);
}

// Where one is, the browser knows, when it is asked for it.
const near = document.querySelector(".near select[name=near]");
if (near && navigator.geolocation) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button plain";
  button.textContent = "Use my place";
  button.addEventListener("click", () => navigator.geolocation.getCurrentPosition(({ coords }) => {
    const here = `${coords.latitude.toFixed(3)},${coords.longitude.toFixed(3)}`;
    near.prepend(new Option("My place", here, true, true));
  }));
  near.closest(".field").after(button);
}
