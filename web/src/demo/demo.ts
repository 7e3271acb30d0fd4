/**
 * The demo page's own script: shows the address to embed from, and switches between light, dark and
 * what the system says. The elements follow the page by themselves.
 */
const THEMES = ["auto", "light", "dark"] as const;

for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin;

const button = document.querySelector<HTMLButtonElement>("#theme");
if (button) {
  let chosen = 0;
  button.hidden = false;
  button.addEventListener("click", () => {
    chosen = (chosen + 1) % THEMES.length;
    const theme = THEMES[chosen]!;
    button.textContent = `Theme: ${theme}`;
    document.documentElement.dataset["theme"] = theme;
  });
}
