// What callers will hear is shown while it is typed; without this script, once it is saved.
for (const typed of document.querySelectorAll("[data-preview]")) {
  const preview = document.getElementById(typed.dataset.preview);
  typed.addEventListener("input", () => {
    preview.textContent = (typed.value.trim() || typed.placeholder) + preview.dataset.after;
  });
}
