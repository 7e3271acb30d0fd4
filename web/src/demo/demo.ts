/**
 * The demo page's own script: shows the address to embed from, and switches between light, dark and
 * what the system says. The elements follow the page by themselves. The link that the server prints at its start carries a
 * moderator's token behind `#token=`: it goes to the elements and out of the address.
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

const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  for (const element of document.querySelectorAll("parlour-comments, parlour-chat, parlour-viewers, parlour-count")) {
    element.setAttribute("token", token);
  }
  history.replaceState(null, "", location.pathname + location.search);
}
