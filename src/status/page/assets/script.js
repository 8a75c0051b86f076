// Filters the rows of the page while one types. Everything works without it: then the form asks the server.
"use strict";
(() => {
  const form = document.querySelector("form.filter");
  if (!form) return;
  const rows = [...document.querySelectorAll("section.targets > details.target")];
  const shown = document.getElementById("shown");
  const whole = form.hasAttribute("data-whole");
  const { q, health, job } = form.elements;
  let waiting = 0;

  const narrow = () => {
    const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const data = row.dataset;
      const fits =
        (!health.value || data.health === health.value) &&
        (!job.value || data.job === job.value) &&
        words.every((word) => data.text.includes(word));
      row.hidden = !fits;
      if (fits) count += 1;
    }
    shown.textContent = count.toLocaleString("en-US");
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  };

  // Rows that the server left out are not here: then it has to be asked.
  const changed = () => (whole ? narrow() : form.requestSubmit());

  q.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(changed, whole ? 60 : 500);
  });
  for (const choice of [health, job]) choice.addEventListener("change", changed);
  form.addEventListener("submit", (event) => {
    if (whole) {
      event.preventDefault();
      narrow();
    }
  });
  form.classList.add("live");

  const unfold = () => {
    const row = location.hash && document.getElementById(location.hash.slice(1));
    if (row instanceof HTMLDetailsElement) row.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
