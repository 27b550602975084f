/* EasyPhoto inside a WebUI: pictures are handed from its galleries to our templates, and from our portraits to its
   img2img, inpaint and Extras. The files go through the fields that a user would drop them into. */
(function () {
  "use strict";
  if (window.easyphotoSending) return;
  window.easyphotoSending = true;

  const PLACES = { // where a portrait can go: the field there, and the host's function that opens the tab
    img2img: { field: "#img2img_image", open: "switch_to_img2img" },
    inpaint: { field: "#img2maskimg", open: "switch_to_inpaint" },
    extras: { field: "#extras_image", open: "switch_to_extras" },
  };
  const PATIENCE = 5000; // milliseconds until a field that was emptied takes a file

  const root = () => (window.gradioApp ? window.gradioApp() : document);

  function words() {
    const told = root().querySelector("[data-ep-send]");
    return told ? JSON.parse(told.dataset.epSend) : null;
  }

  function button(text, title) {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", textContent: text, title: title });
    return made;
  }

  /* An address of this page or a data URL as a file. */
  async function fileOf(address, name) {
    const data = await (await fetch(address)).blob();
    const ending = (data.type.split("/")[1] || "png").replace("jpeg", "jpg");
    return new File([data], name + "." + ending, { type: data.type || "image/png" });
  }

  async function inputOf(place) {
    const end = Date.now() + PATIENCE;
    let emptied = false;
    while (Date.now() < end) {
      const input = root().querySelector(place + " input[type=file]");
      if (input) return input;
      const clear = root().querySelector(place + " button[aria-label='Clear'], " + place + " button[aria-label='Remove Image']");
      if (clear && !emptied) { clear.click(); emptied = true; }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return null;
  }

  async function drop(file, place) {
    const input = await inputOf(place);
    if (!input) return;
    const carried = new DataTransfer();
    carried.items.add(file);
    input.files = carried.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  async function sendPortrait(name) {
    const picture = root().querySelector("#ep-lightbox .ep-lightbox-now img");
    if (!picture || !picture.src) return;
    const place = PLACES[name], file = await fileOf(picture.src, "portrait");
    root().querySelector("#ep-lightbox").close();
    if (window[place.open]) window[place.open]();
    await drop(file, place.field);
  }

  /* The one that is shown large, else the first. */
  function chosen(gallery) {
    const find = (list) => root().querySelector("#" + gallery + " " + list);
    return find(".preview img[data-testid='detailed-image']") || find(".preview > img, .preview .image-button img") || find("img");
  }

  async function sendTemplate(gallery) {
    const picture = chosen(gallery);
    if (!picture) return;
    const file = await fileOf(picture.src, "generated");
    const tab = [...root().querySelectorAll("#tabs > .tab-nav > button")].find((one) => one.textContent.trim() === "EasyPhoto");
    if (tab) tab.click();
    const inner = root().querySelector("#ep-tab-portrait-button") || root().querySelectorAll("#ep-tabs > .tab-nav > button")[2];
    if (inner) inner.click();
    await drop(file, "#ep-portrait-upload");
  }

  function add() {
    const say = words();
    if (!say || !root().querySelector("#tab_img2img")) return; // a page of our own has nowhere to send to
    for (const tab of ["txt2img", "img2img", "extras"]) {
      const row = root().querySelector("#image_buttons_" + tab + " .form") || root().querySelector("#image_buttons_" + tab);
      if (!row || row.querySelector(".ep-send")) continue;
      const made = button("👤", say.template);
      made.className = "lg secondary gradio-button tool ep-send";
      made.addEventListener("click", () => sendTemplate(tab + "_gallery"));
      row.append(made);
    }
    const bar = root().querySelector(".ep-lightbox-bar");
    if (!bar || bar.querySelector(".ep-send")) return;
    for (const name of Object.keys(PLACES)) {
      const made = button("→ " + say[name], say.send);
      made.className = "ep-btn ep-send";
      made.addEventListener("click", () => sendPortrait(name));
      bar.insertBefore(made, bar.lastElementChild);
    }
  }

  /* The program fills our tab when the page is asked for. Where the WebUI opened a browser before it had told us so, the
     tab is empty, and the page is asked for again: there is nothing in it yet that could be lost. */
  let asked = false;
  function askAgain() {
    const place = root().querySelector("#easyphoto-place"), key = "easyphoto-asked-again";
    if (!place || asked) return;
    asked = true;
    const times = Number(sessionStorage.getItem(key) || 0);
    if (place.querySelector("#easyphoto")) sessionStorage.removeItem(key);
    else if (times < 5) {
      sessionStorage.setItem(key, String(times + 1));
      setTimeout(() => window.location.reload(), 1000);
    }
  }

  if (window.onAfterUiUpdate) window.onAfterUiUpdate(() => { add(); askAgain(); }); // of the host
  else document.addEventListener("DOMContentLoaded", add);
})();
