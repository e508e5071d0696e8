// Passkeys: asks the browser, and sends its answer with a form of the page. Without a browser that
// knows them the forms stay hidden, and everything else works as it does.
"use strict";

(() => {
  const known =
    window.PublicKeyCredential &&
    PublicKeyCredential.parseCreationOptionsFromJSON &&
    PublicKeyCredential.parseRequestOptionsFromJSON;
  if (!known) return;

  const asked = async (path) => {
    const answer = await fetch(path, { method: "POST" });
    if (answer.redirected) {
      location.assign(answer.url);
      return null;
    }
    if (!answer.ok) throw new Error("The market does not answer; try again.");
    return answer.json();
  };

  const make = async ({ options }) =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
    });

  const show = async ({ options }) =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    });

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const said = form.querySelector("[role=status]");
      said.textContent = "";
      try {
        const given = await asked(form.dataset.passkey);
        if (given === null) return;
        const credential = await (form.dataset.kind === "new" ? make : show)(given);
        form.elements.state.value = given.state;
        form.elements.credential.value = JSON.stringify(credential.toJSON());
        form.submit();
      } catch (error) {
        said.textContent =
          error.name === "NotAllowedError" ? "Nothing was done." : error.message;
      }
    });
  }
})();
