"use strict";
(() => {
  const page = document.documentElement;
  const form = document.querySelector(".filter");
  const rules = [...document.querySelectorAll(".rule")];
  const groups = [...document.querySelectorAll(".verdict")];
  const count = form.querySelector(".count");
  const head = document.getElementById("rules");
  const names = ["strength", "chapter", "property", "kind"];
  const said = document.getElementById("said");
  const texts = new Map();
  page.classList.add("live");

  const textOf = (rule) => {
    if (!texts.has(rule)) {
      const others = rule.querySelector(".links")?.textContent ?? ""; // who looks for a rule does not look for those
      texts.set(rule, rule.textContent.replace(others, "").toLowerCase());
    }
    return texts.get(rule);
  };

  const filter = () => {
    const verdicts = new Set([...form.elements.verdict ? form.querySelectorAll("[name=verdict]:checked") : []].map((box) => box.value));
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = names.map((name) => [name, form.elements[name].value]).filter(([, value]) => value !== "*");
    let left = 0;
    for (const rule of rules) {
      const shown = (!verdicts.size || verdicts.has(rule.dataset.verdict))
        && wanted.every(([name, value]) => rule.dataset[name] === value)
        && words.every((word) => textOf(rule).includes(word));
      rule.hidden = !shown;
      left += shown;
    }
    for (const group of groups) {
      const shown = group.querySelectorAll(".rule:not([hidden])").length;
      group.hidden = !shown;
      group.querySelector(".n").textContent = shown;
    }
    document.querySelector(".none").hidden = left > 0;
    count.textContent = left === rules.length ? `${left} rules` : `${left} of ${rules.length} rules`;
    for (const cell of document.querySelectorAll(".cell")) {
      const on = cell.dataset.property === form.elements.property.value && cell.dataset.kind === form.elements.kind.value;
      cell.setAttribute("aria-pressed", String(on));
    }
  };

  // The filter as a fragment, so that a view can be sent to others and Back leads to the one before. Ids hold no "=".
  const told = () => {
    const found = new URLSearchParams();
    const verdicts = [...form.querySelectorAll("[name=verdict]:checked")].map((box) => box.value);
    if (verdicts.length) found.set("verdict", verdicts.join(" "));
    for (const name of names) if (form.elements[name].value !== "*") found.set(name, form.elements[name].value);
    if (form.elements.words.value.trim()) found.set("words", form.elements.words.value.trim());
    return found.toString();
  };

  const tell = (step) => {
    const state = told();
    if (!state && !location.hash.includes("=")) return; // the address of a rule stays
    try {
      history[step](null, "", state ? `#${state}` : location.pathname + location.search);
    } catch { /* too many steps in a short time: the next one tells */ }
  };

  const filterAnew = (step) => {
    filter();
    tell(step);
  };

  const recall = () => {
    const hash = location.hash.slice(1);
    if (!hash.includes("=")) return openTarget();
    const found = new URLSearchParams(hash);
    form.reset();
    const verdicts = (found.get("verdict") || "").split(" ");
    for (const box of form.querySelectorAll("[name=verdict]")) box.checked = verdicts.includes(box.value);
    for (const name of names) {
      const wanted = found.get(name);
      if ([...form.elements[name].options].some((option) => option.value === wanted)) form.elements[name].value = wanted;
    }
    form.elements.words.value = found.get("words") || "";
    filter();
  };

  const go = (fill) => {
    form.reset();
    fill();
    filterAnew("pushState");
    head.scrollIntoView();
    head.focus({ preventScroll: true });
  };

  const setOpen = (open) => {
    for (const rule of rules) if (!open || !rule.hidden) rule.open = open;
  };

  const copy = async (button) => {
    const text = button.parentElement.querySelector("code").textContent;
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.className = "clip";
      area.value = text;
      button.after(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const label = button.dataset.label || button.textContent;
    button.dataset.label = label;
    button.textContent = done ? "Copied" : "Not copied";
    said.textContent = button.textContent;
    setTimeout(() => { button.textContent = label; said.textContent = ""; }, 1600);
  };

  const openTarget = () => {
    const target = document.getElementById(location.hash.slice(1)); // ids are plain: nothing to decode
    if (!target || !target.classList.contains("rule")) {
      if (!location.hash) { form.reset(); filter(); } // Back to where there was no filter
      return;
    }
    if (target.hidden) { form.reset(); filter(); }
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => filterAnew("replaceState"));
  form.querySelector(".clear").addEventListener("click", () => {
    form.reset();
    filterAnew("replaceState");
  });
  form.querySelector(".open-all").addEventListener("click", () => setOpen(true));
  form.querySelector(".close-all").addEventListener("click", () => setOpen(false));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) {
      const link = event.target.closest("a[href^='#']");
      if (link && link.getAttribute("href") === location.hash) openTarget();
      return;
    }
    if (button.classList.contains("copy")) copy(button);
    if (button.classList.contains("cell")) {
      go(() => {
        form.elements.property.value = button.dataset.property;
        form.elements.kind.value = button.dataset.kind;
      });
      const shown = rules.filter((rule) => !rule.hidden);
      if (shown.length === 1) shown[0].open = true;
    }
    if (button.classList.contains("only")) go(() => { form.querySelector(`[name=verdict][value="${button.dataset.only}"]`).checked = true; });
  });
  addEventListener("hashchange", recall); // a link, a hand, or Back
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll(".rule.found:not([open]), .causes details:not([open]), .more:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
  filter(); // a browser keeps the fields over a reload
  if (location.hash) recall();
})();
