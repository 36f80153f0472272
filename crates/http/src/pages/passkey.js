// Passkeys are the one thing on these pages that needs a script: it asks the browser, and posts what it answers.
"use strict";

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function useOne({ challenge, relyingParty }) {
  const { id, type, response } = await navigator.credentials.get({
    publicKey: {
      challenge: bytesOf(challenge),
      rpId: relyingParty,
      userVerification: "required",
      timeout: 300000,
    },
  });
  return {
    id,
    type,
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      authenticatorData: textOf(response.authenticatorData),
      signature: textOf(response.signature),
      userHandle: response.userHandle ? textOf(response.userHandle) : null,
    },
  };
}

async function makeOne({ challenge, relyingParty, userHandle, userName, displayName }) {
  const { id, type, response } = await navigator.credentials.create({
    publicKey: {
      challenge: bytesOf(challenge),
      rp: { id: relyingParty, name: "Ward" },
      user: { id: bytesOf(userHandle), name: userName, displayName },
      pubKeyCredParams: [
        { type: "public-key", alg: -7 },
        { type: "public-key", alg: -8 },
        { type: "public-key", alg: -257 },
      ],
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
      timeout: 300000,
    },
  });
  return {
    id,
    type,
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      attestationObject: textOf(response.attestationObject),
    },
  };
}

for (const button of document.querySelectorAll("button[data-passkey]")) {
  const field = button.form.elements.passkey;
  const problem = button.nextElementSibling;
  button.hidden = !window.PublicKeyCredential;
  button.addEventListener("click", async () => {
    problem.hidden = true;
    button.disabled = true;
    try {
      const ask = button.dataset.passkey === "make" ? makeOne : useOne;
      field.value = JSON.stringify(await ask(button.dataset));
      button.form.submit();
    } catch {
      problem.hidden = false;
      button.disabled = false;
    }
  });
}
