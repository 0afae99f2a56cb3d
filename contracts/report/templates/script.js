"use strict";
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

const form = document.querySelector(".filter");
const rows = [...document.querySelectorAll(".rules tbody tr")];
const sections = [...document.querySelectorAll(".section")];
const chosen = (name) => new Set([...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value));
const opened = new Map(sections.map((section) => [section, section.open]));
form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => {
  const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const [states, grades] = [chosen("state"), chosen("grade")];
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const fits = states.has(row.dataset.state) && grades.has(row.dataset.grade) && words.every((word) => text.includes(word));
    row.hidden = !fits;
    shown += fits;
  }
  const isFiltered = shown < rows.length;
  for (const section of sections) {
    const isEmpty = !section.querySelector("tbody tr:not([hidden])");
    section.hidden = isEmpty;
    section.open = isFiltered ? !isEmpty : opened.get(section);
  }
  form.querySelector("output").textContent = isFiltered ? `${shown} of ${rows.length} rules` : "";
});

// A link to what stands in something closed opens it first.
const open = () => {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let node = place; node; node = node.parentElement) {
    if (node.tagName === "DETAILS") node.open = true;
  }
  place?.scrollIntoView();
};
addEventListener("hashchange", open);
if (location.hash) open();
addEventListener("beforeprint", () => { for (const each of document.querySelectorAll("details")) each.open = true; });
