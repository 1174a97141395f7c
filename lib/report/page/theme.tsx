import { useLayoutEffect, useState } from "preact/hooks";

type Theme = "light" | "dark";

/** Light or dark as the system is, until the button says otherwise. */
export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(() =>
    matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
  );
  const [asked, setAsked] = useState(false);
  useLayoutEffect(() => {
    if (asked) document.documentElement.dataset.theme = theme;
  }, [asked, theme]);
  useLayoutEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => setTheme((now) => (asked ? now : query.matches ? "dark" : "light"));
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, [asked]);
  const other = theme === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      class="theme"
      onClick={() => {
        setAsked(true);
        setTheme(other);
      }}
    >
      <span aria-hidden="true">{theme === "dark" ? "\u2600" : "\u263e"}</span> {other}
    </button>
  );
}
