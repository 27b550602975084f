/* EasyPhoto: the few things the page does in the browser. No library, no network; one random number is stored.
   - buttons and selects inside our HTML write a message into a hidden field that the program listens to
   - the visible panel is asked for news: every second while something runs, else less and less until it is used
   - files carried by the page are handed to the browser once
   - pasted pictures and those of the camera go into the visible panel's field for files
   - a press that is held on a portrait shows its template; a click opens it large, with zoom, side by side and arrow keys
   - the server keeps photos, verdicts and name for the browser that has that number, so that a reload loses nothing
   - the page's title has the percentage of what runs; at its end comes a notification where the user has allowed it
   - keyboard focus survives a refresh of the HTML around it
   - while a page of our own is being put together its cards keep out of sight, so that nothing jumps
   Inside a WebUI all of this happens in our own tab, and only while it is shown. */
(function () {
  "use strict";
  if (window.easyphotoReady) return;
  window.easyphotoReady = true;

  const FAST = 1000, SLOW = 4000, UNSEEN = 5000, ASLEEP = 60000;
  const PANELS = ["quick", "train", "portrait", "people", "models", "doctor"];
  const delivered = new Set(), widths = new Map();
  const PICTURES = "image/*,.heic,.heif,.tif,.tiff,.bmp,.webp"; // for the file dialog; what was dropped is judged by the program
  const GO = "#ep-quick-go, #ep-train-start, #ep-portrait-go";
  let counter = 0, opened = "", lastKey = "", lastTick = 0, awaited = "", calm = SLOW, watched = null;

  const QUIET = 250, LONGEST = 5000; // milliseconds without a change until the page counts as laid; give up waiting

  function hideWhileLaying() {
    const html = document.documentElement;
    let last = 0;
    const begun = performance.now();
    const watcher = new MutationObserver(() => { last = performance.now(); });
    const style = document.createElement("style"); // gradio ties style.css to its own container, so not there
    style.textContent = ".easyphoto .ep-columns, .easyphoto .ep-columns * { visibility: hidden; }";
    document.head.append(style);
    watcher.observe(html, { childList: true, subtree: true });
    const timer = setInterval(function () {
      const now = performance.now(), laid = document.querySelector("#ep-quick-go") && now - last > QUIET;
      if (!laid && now - begun < LONGEST) return;
      clearInterval(timer);
      watcher.disconnect();
      style.remove();
    }, 50);
  }
  if (!window.gradioApp && !document.querySelector("#ep-quick-go")) hideWhileLaying();

  const root = () => (window.gradioApp ? window.gradioApp() : document);
  const byId = (id) => root().querySelector("#" + CSS.escape(id));

  function say(box, message) {
    const field = byId(box) && byId(box).querySelector("textarea, input");
    if (!field) return;
    const kind = field.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    const text = JSON.stringify(Object.assign({ n: Date.now() + "-" + (counter += 1) }, message));
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function messageOf(element) {
    const message = JSON.parse(element.dataset.epMessage);
    if (element.dataset.epWith) {
      const typed = document.getElementById(element.dataset.epWith) || byId(element.dataset.epWith);
      message.text = typed ? typed.value : "";
    }
    if (element.dataset.epValue) message[element.dataset.epValue] = element.value;
    return message;
  }

  function openTab(name) {
    const place = PANELS.indexOf(name), shown = (list) => [...root().querySelectorAll("#ep-tabs > " + list)];
    const tab = byId("ep-tab-" + name + "-button") || shown(".tab-nav > button")[place];
    const measured = shown("* > .visually-hidden > button")[place]; // on a phone some tabs lie in a menu, in changing order
    const inMenu = shown("* > .overflow-menu > .overflow-dropdown > button");
    const button = tab || (measured && inMenu.find((one) => one.textContent === measured.textContent));
    if (button) button.click();
    lastTick = 0;
  }

  document.addEventListener("click", function (event) {
    const target = event.target.closest && event.target.closest("[data-ep-box], [data-ep-copy], [data-ep-camera], [data-ep-notify]");
    if (!target || target.tagName === "SELECT") return;
    event.preventDefault();
    if (target.dataset.epCamera) return openCamera(target);
    if (target.dataset.epNotify !== undefined) return void Notification.requestPermission().then(showStatus);
    if (target.dataset.epCopy) return copy(target);
    const message = messageOf(target);
    if (message.tab) openTab(message.tab);
    if (target.dataset.epKey) remember(() => root().querySelector('[data-ep-key="' + CSS.escape(target.dataset.epKey) + '"]'));
    if (target.dataset.epOpen) openShot(target.dataset.epOpen);
    say(target.dataset.epBox, message);
    if (message.do === "cancel") target.disabled = true;
  });

  /* A double click on Start, Make portraits or Generate asks for one job. */
  document.addEventListener("click", function (event) {
    if (event.detail < 2 || !event.target.closest || !event.target.closest(GO)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
  }, true);

  document.addEventListener("click", function (event) {
    const target = event.target.closest && event.target.closest("[data-ep-theme]");
    if (!target) return;
    const theme = target.dataset.epTheme, address = new URL(location.href);
    document.body.classList.toggle("dark", theme === "dark");
    address.searchParams.set("__theme", theme); // gradio's own name: the choice outlives a reload
    history.replaceState(history.state, "", address);
    showTheme();
  });

  function showTheme() {
    const dark = String(document.body.classList.contains("dark"));
    root().querySelectorAll("[data-ep-theme]").forEach((button) => {
      const held = button.dataset.epTheme === "dark" ? dark : String(dark === "false");
      if (button.getAttribute("aria-pressed") !== held) button.setAttribute("aria-pressed", held);
    });
  }

  /* What somebody has folded or unfolded stays so when the HTML around it is made anew. */
  const folds = new Map();
  document.addEventListener("toggle", function (event) {
    const name = event.target.dataset && event.target.dataset.epFold;
    if (name && event.target.isConnected) folds.set(name, event.target.open);
  }, true);

  /* Fields whose value is not the default carry a mark. */
  function markChanged() {
    root().querySelectorAll("#easyphoto [data-ep-marked]").forEach((field) => { delete field.dataset.epMarked; });
    root().querySelectorAll("#easyphoto [data-ep-changed]").forEach((note) => {
      note.dataset.epChanged.split(" ").forEach((id) => { const field = byId(id); if (field) field.dataset.epMarked = ""; });
    });
  }

  /* The field that a button has opened takes the focus, once. */
  function focusOpened() {
    const field = root().querySelector("[data-ep-opened]"), name = field ? field.id : "";
    if (name && name !== opened) field.focus();
    opened = name;
  }

  document.addEventListener("change", function (event) {
    const target = event.target;
    if (target.tagName === "SELECT" && target.dataset.epBox) say(target.dataset.epBox, messageOf(target));
  });

  document.addEventListener("change", function (event) {
    const field = event.target.type === "file" && event.target.closest(".ep-upload[id]");
    if (field) remember(() => byId(field.id));
  }, true);

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    const go = event.target.id && root().querySelector('[data-ep-with="' + CSS.escape(event.target.id) + '"]');
    if (go) go.click();
  });

  document.addEventListener("input", function (event) {
    if (!event.target.classList || !event.target.classList.contains("ep-range")) return;
    event.target.closest(".ep-compare").style.setProperty("--at", event.target.value);
  });

  // A press that is held shows the template instead of the portrait.
  const HOLD = 250; // milliseconds after which a press is no click
  let held = null, holding = 0, heldLong = false;

  function press(target) {
    const place = target.closest && target.closest(".ep-compare, .ep-lightbox-view");
    if (!place || target.closest(".ep-range")) return;
    heldLong = false;
    holding = setTimeout(() => { held = place; heldLong = true; place.classList.add("ep-held"); }, HOLD);
  }

  function release() {
    clearTimeout(holding);
    if (held) held.classList.remove("ep-held");
    held = null;
  }

  document.addEventListener("pointerdown", (event) => press(event.target));
  for (const end of ["pointerup", "pointercancel", "dragend"]) document.addEventListener(end, release);
  document.addEventListener("click", function (event) { // before the listener that writes messages
    if (heldLong && event.target.closest && event.target.closest(".ep-open")) { event.stopImmediatePropagation(); event.preventDefault(); }
    heldLong = false;
  }, true);
  document.addEventListener("contextmenu", function (event) { // a long touch would open the browser's menu
    if (held && event.target.closest && event.target.closest(".ep-compare, .ep-lightbox-view")) event.preventDefault();
  });

  // The window over the page that shows one portrait large.
  let large = "";
  const lightbox = () => byId("ep-lightbox");
  const shots = () => [...root().querySelectorAll(".ep-shot-card")].filter((card) => card.offsetParent !== null);

  function openShot(id) {
    const box = lightbox(), cards = shots(), at = cards.findIndex((card) => card.dataset.epShot === id);
    if (!box || at < 0) return;
    large = id;
    const [now, was] = [".ep-open > img", ".ep-was img"].map((part) => (cards[at].querySelector(part) || {}).src || "");
    fillShot(now, was);
    box.querySelector(".ep-lightbox-title").textContent =
      cards[at].querySelector("h3").textContent + " · " + (at + 1) + " / " + cards.length;
    if (!box.open) { box.showModal(); zoom("fit"); box.querySelector(".ep-lightbox-view").focus(); }
  }

  function fillShot(now, was) {
    const box = lightbox();
    box.querySelector(".ep-lightbox-now img").src = now;
    box.querySelector(".ep-lightbox-was img").src = was || now;
    box.classList.toggle("ep-single", !was);
    const side = box.querySelector("[data-ep-side]");
    side.disabled = !was;
  }

  function turn(by) {
    const cards = shots(), at = cards.findIndex((card) => card.dataset.epShot === large);
    const next = cards[at + by];
    if (next) next.querySelector(".ep-open").click();
  }

  function zoom(how) {
    const box = lightbox(), view = box.querySelector(".ep-lightbox-view");
    box.querySelectorAll("[data-ep-zoom]").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.epZoom === how)));
    view.dataset.zoom = how;
    view.querySelectorAll("img").forEach((image) => {
      const size = () => { image.style.width = how === "fit" ? "" : (image.naturalWidth * Number(how)) / window.devicePixelRatio + "px"; };
      image.onload = size;
      if (image.complete) size();
    });
  }

  function lightboxClick(event) {
    const box = lightbox(), target = event.target.closest && event.target.closest("button, dialog");
    if (!box || !target || !box.contains(target)) return;
    if (target === box || target.dataset.epShut !== undefined) return box.close();
    if (target.dataset.epZoom) return zoom(target.dataset.epZoom);
    if (target.dataset.epTurn) return turn(Number(target.dataset.epTurn));
    if (target.dataset.epSide !== undefined) {
      target.setAttribute("aria-pressed", String(box.classList.toggle("ep-side")));
    }
  }
  document.addEventListener("click", lightboxClick);
  document.addEventListener("keydown", function (event) {
    const box = lightbox();
    if (!box || !box.open) return;
    const view = box.querySelector(".ep-lightbox-view");
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") { turn(event.key === "ArrowRight" ? 1 : -1); event.preventDefault(); }
    if (event.key === "b" || event.key === "B") view.classList.add("ep-held");
  });
  document.addEventListener("keyup", function (event) {
    if (event.key === "b" || event.key === "B") lightbox() && lightbox().querySelector(".ep-lightbox-view").classList.remove("ep-held");
  });

  function showFull(full) {
    if (delivered.has(full)) return;
    delivered.add(full);
    if (full.dataset.epFull === large && lightbox() && lightbox().open && full.dataset.epAfter) {
      fillShot(full.dataset.epAfter, full.dataset.epBefore);
    }
  }

  document.addEventListener("focusin", function (event) {
    const held = event.target.closest && event.target.closest("[data-ep-key]");
    lastKey = held ? held.dataset.epKey : "";
  });

  /* A button that cannot work yet is marked as disabled and says what is missing; a press says the same. */
  const typed = (id) => { const field = byId(id) && byId(id).querySelector("textarea, input"); return field && field.value.trim(); };
  const ticked = (id) => { const field = byId(id) && byId(id).querySelector("input"); return field && field.checked; };
  const there = (selector) => root().querySelector(selector);
  const TESTS = {
    "ep-quick-go": {
      photos: () => there("#ep-quick-photos .ep-thumb"), consent: () => ticked("ep-quick-consent"),
      templates: () => there("#ep-quick-templates .ep-tile[aria-pressed=true]"),
    },
    "ep-train-check": { photos: () => there("#ep-train-photos .ep-photo") },
    "ep-train-start": {
      photos: () => there("#ep-train-photos .ep-photo:not(.ep-is-bad)"), name: () => typed("ep-train-person"),
      consent: () => ticked("ep-train-consent"), model: () => !there("#ep-train-models .ep-notice"),
    },
    "ep-portrait-go": {
      templates: () => there("#ep-portrait-templates .ep-tile[aria-pressed=true]") || ticked("ep-portrait-from-text"), person: () => there("#ep-portrait-faces .ep-select"),
      model: () => !there("#ep-portrait-models .ep-notice"),
    },
  };

  function showNeeds() {
    const texts = there("[data-ep-needs]");
    if (!texts) return;
    const words = JSON.parse(texts.dataset.epNeeds);
    for (const [id, tests] of Object.entries(TESTS)) {
      const button = byId(id);
      if (!button || button.offsetParent === null) continue;
      const missing = Object.keys(tests).filter((name) => !tests[name]()).map((name) => words[name]);
      setIfOther(button, "aria-disabled", String(missing.length > 0));
      setIfOther(button, "title", missing.join(" "));
      sayWhy(button, missing.join(" "));
    }
  }

  /* The reason stands under the main buttons; others have it as their description. */
  function sayWhy(button, why) {
    if (!button.matches(GO)) return;
    let line = byId(button.id + "-why");
    if (!line) {
      line = document.createElement("p");
      line.id = button.id + "-why";
      line.className = "ep-why";
      button.after(line);
      button.setAttribute("aria-describedby", line.id);
    }
    if (line.textContent !== why) line.textContent = why;
  }
  for (const changed of ["input", "change"]) {
    document.addEventListener(changed, (event) => { if (watched && watched.contains(event.target)) showNeeds(); });
  }

  /* What went wrong is shown beside the button that was pressed; a main button has its place for that. */
  const PATIENT = 20000; // milliseconds that an answer may take
  let pressed = null, problemShown = null; // {find, at}; {origin, copy}

  function remember(find) {
    const old = root().querySelector("[id$=-problem] .ep-notice.ep-bad"); // of an earlier press, until the answer is there
    pressed = { find, at: Date.now(), before: old };
  }

  function showProblem() {
    if (problemShown && !problemShown.origin.isConnected) { // another answer has come
      problemShown.copy.remove();
      problemShown = null;
    }
    if (problemShown && !problemShown.copy.isConnected) {
      problemShown.origin.classList.remove("ep-hidden");
      problemShown = null;
    }
    if (!pressed || Date.now() - pressed.at > PATIENT) return;
    const places = "#ep-quick-problem, #ep-train-problem, #ep-portrait-problem, #ep-people-told, #ep-status-problem";
    const origin = [...root().querySelectorAll(places)].flatMap((place) => [...place.querySelectorAll(".ep-notice.ep-bad")])[0];
    const beside = pressed.find();
    if (!origin || pressed.before === origin || !beside || beside.closest(".ep-action-bar")) return;
    const copied = origin.cloneNode(true);
    copied.removeAttribute("role"); // it has been read out where it stood
    copied.classList.add("ep-beside");
    (beside.closest(".ep-row, .ep-actions, .ep-segs, .ep-photo, .ep-template, .ep-upload") || beside).after(copied);
    origin.classList.add("ep-hidden");
    problemShown = { origin, copy: copied };
    pressed = null;
    const place = copied.getBoundingClientRect();
    if (place.top < 0 || place.bottom > window.innerHeight) copied.scrollIntoView({ block: "nearest" });
  }

  function copy(button) {
    const text = (document.getElementById(button.dataset.epCopy) || byId(button.dataset.epCopy)).textContent;
    const said = button.textContent;
    const done = () => {
      button.textContent = button.dataset.epDone;
      setTimeout(() => { button.textContent = said; }, 1600);
    };
    if (navigator.clipboard && window.isSecureContext) return void navigator.clipboard.writeText(text).then(done);
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    done();
  }

  /* Gives files to a field as if they had been chosen there; false where the field takes none now. */
  function bring(field, files) {
    const input = field && field.querySelector("input[type=file]");
    if (!files.length || !input) return false;
    const held = new DataTransfer();
    files.forEach((file) => held.items.add(file));
    input.files = held.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  function pasted(event) {
    const pictures = [...((event.clipboardData || {}).files || [])].filter((file) => file.type.startsWith("image/"));
    const name = panel(), field = !["people", "doctor"].includes(name) && byId("ep-" + name + "-upload");
    if (bring(field, pictures)) event.preventDefault();
  }
  document.addEventListener("paste", pasted);

  /* The camera: a dialog with its picture; what is taken goes into the field that the button names. */
  function openCamera(button) {
    const words = button.dataset, dialog = document.createElement("dialog");
    dialog.className = "ep-camera";
    dialog.innerHTML = "<video autoplay playsinline muted></video><p role='status'></p><div class='ep-row'>" +
      "<button type='button' class='ep-btn ep-primary' disabled></button><button type='button' class='ep-btn'></button></div>";
    const video = dialog.querySelector("video"), told = dialog.querySelector("p");
    const [take, close] = dialog.querySelectorAll("button");
    dialog.setAttribute("aria-label", button.textContent.trim());
    take.textContent = words.epTake;
    close.textContent = words.epClose;
    byId("easyphoto").append(dialog);
    dialog.showModal();
    let stream = null, count = 0;
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      if (stream) stream.getTracks().forEach((track) => track.stop());
      dialog.remove();
    });
    take.addEventListener("click", () => {
      const still = document.createElement("canvas");
      still.width = video.videoWidth;
      still.height = video.videoHeight;
      still.getContext("2d").drawImage(video, 0, 0);
      still.toBlob((blob) => {
        count += 1;
        const name = "camera " + Date.now() + ".jpg";
        if (bring(byId(words.epCamera), [new File([blob], name, { type: "image/jpeg" })])) told.textContent = words.epTaken + " " + count;
      }, "image/jpeg", 0.95);
    });
    const wanted = { video: { width: { ideal: 1920 }, height: { ideal: 1080 }, facingMode: "user" } };
    navigator.mediaDevices.getUserMedia(wanted).then((given) => {
      stream = given;
      if (!dialog.isConnected) return given.getTracks().forEach((track) => track.stop());
      video.srcObject = given;
      video.addEventListener("loadeddata", () => { take.disabled = false; });
    }).catch(() => { told.textContent = words.epRefused; });
  }

  function deliver(link) {
    const mark = link.dataset.epDelivery + "@" + (link.closest("[id]") || {}).id;
    if (delivered.has(link)) return;
    delivered.add(link);
    const [head, data] = link.getAttribute("href").split(",");
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type: head.slice(5).replace(";base64", "") }));
    const out = document.createElement("a");
    out.href = url;
    out.download = link.getAttribute("download");
    out.dataset.epMark = mark;
    document.body.append(out);
    out.click();
    out.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  function follow() {
    if (!awaited) return;
    const job = root().querySelector("#ep-" + awaited + "-jobs [data-ep-live]");
    if (!job) return;
    awaited = "";
    const place = job.getBoundingClientRect();
    if (place.top < 0 || place.bottom > window.innerHeight) job.scrollIntoView({ block: "center" });
  }

  function grow(bar) {
    const name = bar.dataset.epBar, now = bar.dataset.epWidth, before = widths.get(name);
    widths.set(name, now);
    if (before === undefined || before === now || bar.dataset.epSeen) return;
    bar.dataset.epSeen = "1";
    bar.style.width = before + "%";
    void bar.offsetWidth;
    bar.style.width = now + "%";
  }

  function afterChange() {
    root().querySelectorAll("a.ep-delivery").forEach(deliver);
    root().querySelectorAll(".ep-full").forEach(showFull);
    root().querySelectorAll("[data-ep-bar]").forEach(grow);
    root().querySelectorAll("#easyphoto .ep-upload").forEach(nameUpload);
    const camera = navigator.mediaDevices && navigator.mediaDevices.getUserMedia; // only over https and on this machine
    root().querySelectorAll("#easyphoto [data-ep-camera]").forEach((button) => { button.hidden = !camera; });
    showProblem();
    showNeeds();
    sought.forEach((_, place) => seek(place));
    root().querySelectorAll("#easyphoto [data-ep-fold]").forEach((one) => {
      const held = folds.get(one.dataset.epFold);
      if (held !== undefined && one.open !== held) one.open = held;
    });
    markChanged();
    follow();
    showStatus();
    showTheme();
    const banner = root().querySelector(".ep-banner[lang]");
    if (banner) document.documentElement.lang = banner.lang;
    if (lastKey && (document.activeElement === document.body || !document.activeElement)) {
      const again = root().querySelector('[data-ep-key="' + CSS.escape(lastKey) + '"]');
      if (again) again.focus({ preventScroll: true });
    }
    focusOpened();
  }

  /* A field for files is called what stands in it; gradio calls all of them the same, in English. */
  function nameUpload(field) {
    const label = field.querySelector("label, [data-testid=block-label]");
    const name = label ? label.textContent.trim() : "";
    field.querySelectorAll("button[aria-label]:not(.clear-status *), input[type=file]").forEach((one) => {
      if (name && one.getAttribute("aria-label") !== name) one.setAttribute("aria-label", name);
    });
    const kinds = field.classList.contains("ep-takes-pictures") ? PICTURES : ".zip";
    field.querySelectorAll("input[type=file]").forEach((one) => { if (one.accept !== kinds) one.accept = kinds; });
  }

  // Search among the templates; what is sought survives a refresh of the tiles.
  const sought = new Map(); // id of the tiles' place -> {text, tag}

  function placeOf(part) {
    const place = part.closest("[id^=ep-][id$=-templates]");
    return place ? place.id : "";
  }

  function seek(place) {
    const box = byId(place), what = sought.get(place);
    if (!box || !what) return;
    const text = box.querySelector("[data-ep-find]");
    if (text && text.value !== what.text && document.activeElement !== text) text.value = what.text;
    box.querySelectorAll("[data-ep-tag]").forEach((one) => setIfOther(one, "aria-pressed", String(one.dataset.epTag === what.tag)));
    let seen = 0;
    box.querySelectorAll("[data-ep-words]").forEach((tile) => {
      const words = tile.dataset.epWords;
      const fits = what.text.toLowerCase().split(/\s+/).every((word) => words.includes(word)) && (!what.tag || (" " + words + " ").includes(" " + what.tag + " "));
      if (tile.hidden === fits) tile.hidden = !fits;
      seen += fits;
    });
    const none = box.querySelector("[data-ep-none]");
    if (none && none.hidden === !seen) none.hidden = Boolean(seen);
  }

  function setIfOther(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }

  function soughtIn(place) {
    if (!sought.has(place)) sought.set(place, { text: "", tag: "" });
    return sought.get(place);
  }

  document.addEventListener("input", function (event) {
    if (!event.target.matches || !event.target.matches("[data-ep-find]")) return;
    const place = placeOf(event.target);
    soughtIn(place).text = event.target.value.trim();
    seek(place);
  });
  document.addEventListener("click", function (event) {
    const chip = event.target.closest && event.target.closest("[data-ep-tag]");
    if (!chip) return;
    const place = placeOf(chip), what = soughtIn(place);
    what.tag = what.tag === chip.dataset.epTag ? "" : chip.dataset.epTag;
    seek(place);
  });

  // The browser's own number, by which the server knows its draft.
  let told = 0;

  function browserToken() {
    const made = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    try {
      const kept = localStorage.getItem("easyphoto-browser");
      if (/^[0-9a-f]{32}$/.test(kept || "")) return kept;
      const token = made();
      localStorage.setItem("easyphoto-browser", token);
      return token;
    } catch (error) {
      return ""; // storage is switched off: a reload loses the draft
    }
  }

  function tellBrowser() {
    if (Date.now() - told < 1500) return;
    for (const name of ["quick", "train"]) {
      const answer = byId("ep-" + name + "-draft-read");
      if (!answer || answer.querySelector("[data-ep-draft-read]")) continue;
      const browser = browserToken();
      if (!browser) return;
      told = Date.now();
      say("ep-" + name + "-draft-box", { browser });
    }
  }

  // News that are asked for beside the draft may come after it and show a page without it.
  const loadedAt = Date.now();

  function awaitsDraft(name) {
    const answer = byId("ep-" + name + "-draft-read");
    return answer && !answer.querySelector("[data-ep-draft-read]") && Date.now() - loadedAt < 15000 && browserToken() !== "";
  }

  function panel() {
    return PANELS.find((name) => {
      const box = byId("ep-" + name + "-poll");
      const place = box && box.parentElement && box.closest(".tabitem, [role=tabpanel], #easyphoto");
      return place && place.offsetParent !== null;
    });
  }

  /* The question tells what the page shows: an answer that came late may have replaced a newer one. */
  function beat(name) {
    const shown = {};
    root().querySelectorAll('[data-ep-shows^="' + name + ' "]').forEach((one) => {
      const [, part, mark] = one.dataset.epShows.split(" ");
      shown[part] = mark;
    });
    say("ep-" + name + "-poll", { shown });
  }

  function ask() {
    if (!watched || (!document.hidden && watched.offsetParent === null)) return;
    const live = root().querySelector("#easyphoto [data-ep-live], #easyphoto .ep-busy, #easyphoto [data-ep-ended]");
    if (document.hidden && !live) return;
    const now = Date.now(), pause = document.hidden ? UNSEEN : live ? FAST : calm;
    if (now - lastTick < pause - 50) return;
    const used = live || calm === SLOW || !lastTick, name = !document.hidden && panel();
    lastTick = now;
    statusNext = !statusNext;
    calm = live ? SLOW : Math.min(calm * 2, ASLEEP);
    if (used || statusNext || !name) beat("status"); // a page that nobody uses asks for one of them at a time
    if (name && (used || !statusNext) && !awaitsDraft(name)) beat(name);
  }

  // Percentage in the page's title, and a notification at the end where the user has allowed it.
  let followed = "", plainTitle = "", statusNext = false;

  function showStatus() {
    const strip = root().querySelector("#ep-status [data-ep-status]");
    const percent = strip && strip.dataset.epPercent;
    const title = document.title.replace(/^\d+% · /, "");
    if (percent !== undefined && percent !== null) { plainTitle = title; document.title = percent + "% · " + title; }
    else if (plainTitle) { document.title = plainTitle; plainTitle = ""; }
    const allowed = "Notification" in window ? Notification.permission : "denied";
    root().querySelectorAll("[data-ep-notify]").forEach((button) => { button.hidden = allowed !== "default"; });
    if (strip && strip.dataset.epLive) followed = strip.dataset.epStatus;
    if (strip && strip.dataset.epEnded && followed === strip.dataset.epStatus) {
      followed = "";
      if (document.hidden && allowed === "granted") new Notification("EasyPhoto", { body: strip.dataset.epTold });
    }
  }

  function wake(again) {
    calm = SLOW;
    if (again) lastTick = 0;
  }

  const observer = new MutationObserver(afterChange);

  function look() {
    const home = byId("easyphoto");
    if (home) tellBrowser();
    if (home && home === watched && !document.hidden) showNeeds(); // the program may have set a field
    if (home === watched) return ask();
    observer.disconnect();
    watched = home;
    if (home) observer.observe(home, { childList: true, subtree: true });
    afterChange();
  }

  function begin() {
    document.addEventListener("click", (event) => {
      if (event.target.closest && event.target.closest("[role=tab], .tab-nav > button")) { wake(true); setTimeout(ask, 60); }
    });
    document.addEventListener("click", (event) => {
      const own = event.isTrusted && event.target.closest && event.target.closest("#easyphoto button[id^=ep-]");
      if (own && own.matches(GO + ", [role=tab]")) pressed = null; // its problem has a place beside it; a tab has none
      else if (own) remember(() => byId(own.id));
      const go = event.target.closest && event.target.closest(GO);
      if (go) { awaited = go.id.split("-")[1]; wake(true); }
    });
    for (const used of ["pointerdown", "keydown", "drop"]) {
      document.addEventListener(used, (event) => { if (watched && watched.contains(event.target)) wake(false); });
    }
    document.addEventListener("visibilitychange", () => { wake(true); ask(); });
    setInterval(look, 250);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
