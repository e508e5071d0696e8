// Pictures are sent while the form is still written, in steps that go on where they stopped (tus
// 1.0, https://tus.io). Without this file they are sent with the form.
"use strict";

const STEP = 512 * 1024;
const TRIES = 6;
const SPOKEN = { "Tus-Resumable": "1.0.0" };

for (const field of document.querySelectorAll("input[data-uploads]")) {
  const chooser = document.getElementById(field.dataset.of);
  const list = document.createElement("ul");
  list.className = "uploads plain-list";
  list.setAttribute("aria-live", "polite");
  chooser.after(list);
  let under_way = 0;

  function take() {
    const files = [...chooser.files];
    chooser.value = ""; // they are on their way: the form need not send them again
    for (const file of files) start(file);
  }
  chooser.addEventListener("change", take);
  take(); // what was chosen before this script was there

  chooser.form.addEventListener("submit", (event) => {
    if (under_way === 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    list.dataset.wanted = "yes";
    list.querySelector("progress")?.scrollIntoView({ block: "center" });
  }, true);

  async function start(file) {
    const row = list.appendChild(document.createElement("li"));
    const name = row.appendChild(document.createElement("span"));
    name.textContent = file.name;
    const bar = row.appendChild(document.createElement("progress"));
    bar.max = file.size;
    bar.value = 0;
    bar.setAttribute("aria-label", `Sending ${file.name}`);
    under_way += 1;
    try {
      const id = await send(file, (sent) => { bar.value = sent; });
      field.value = `${field.value} ${id}`.trim();
      const drawn = document.createElement("img");
      drawn.src = `/media/${id}/160.webp`;
      drawn.alt = "";
      drawn.width = drawn.height = 48;
      bar.replaceWith(" sent; save to keep it ");
      row.prepend(drawn, " ");
    } catch (problem) {
      bar.replaceWith(`: ${problem.message}`);
      row.className = "wrong";
    } finally {
      under_way -= 1;
      if (under_way === 0 && list.dataset.wanted) {
        delete list.dataset.wanted;
        if (!list.querySelector(".wrong")) chooser.form.requestSubmit();
      }
    }
  }

  async function send(file, told) {
    const key = `upload:${file.name}:${file.size}:${file.lastModified}`;
    const upload = await resumed(key) ?? await begun(file);
    sessionStorage.setItem(key, JSON.stringify(upload));
    let at = upload.at ?? 0;
    let tries = 0;
    while (at < file.size) {
      try {
        const answer = await fetch(upload.url, {
          method: "PATCH",
          headers: { ...SPOKEN, "Upload-Offset": String(at),
            "Content-Type": "application/offset+octet-stream" },
          body: file.slice(at, at + STEP),
        });
        if (answer.status === 409) {
          at = (await offset(upload.url)) ?? 0;
        } else if (!answer.ok) {
          if (answer.status < 500) sessionStorage.removeItem(key);
          throw await refusal(answer);
        } else {
          at = Number(answer.headers.get("Upload-Offset"));
        }
        tries = 0;
      } catch (problem) {
        if (problem.final || ++tries > TRIES) throw problem;
        await new Promise((later) => { setTimeout(later, 500 * 2 ** tries); });
        at = (await offset(upload.url).catch(() => null)) ?? at;
      }
      told(at);
    }
    sessionStorage.removeItem(key);
    return upload.id;
  }

  async function begun(file) {
    const answer = await fetch(field.dataset.uploads, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ contentType: file.type, sizeBytes: file.size }),
    });
    if (!answer.ok) throw await refusal(answer);
    return answer.json();
  }

  async function resumed(key) {
    const known = sessionStorage.getItem(key);
    if (!known) return null;
    const upload = JSON.parse(known);
    const at = await offset(upload.url).catch(() => null);
    return at === null ? null : { ...upload, at };
  }
}

async function offset(url) {
  const answer = await fetch(url, { method: "HEAD", headers: SPOKEN });
  return answer.ok ? Number(answer.headers.get("Upload-Offset")) : null;
}

async function refusal(answer) {
  let detail = "It could not be sent.";
  try { detail = (await answer.json()).detail ?? detail; } catch { /* a page, not a document */ }
  const problem = new Error(detail);
  problem.final = answer.status < 500;
  return problem;
}
