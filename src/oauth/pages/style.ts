// The look of the pages people see: no script, no font, no image from anywhere; light and dark; from 320 px up.

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f3f0; --card: #fff; --ink: #1c1b19; --soft: #65625b; --line: #e2dfd8;
  --accent: #2f5d50; --on-accent: #fff; --field: #fff; --edge: #8c887e;
  --warn-ground: #fdf3dc; --warn-ink: #6b4a00; --bad-ground: #fbe9e7; --bad-ink: #8f1d14; --good: #22694f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #141513; --card: #1e201d; --ink: #eeece6; --soft: #a8a59b; --line: #343731;
    --accent: #8fd0b5; --on-accent: #10231c; --field: #151714; --edge: #7f8278;
    --warn-ground: #362b12; --warn-ink: #f2d48a; --bad-ground: #3d1c19; --bad-ink: #ffb9b0; --good: #8fd0b5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 1rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { width: 100%; max-width: 28rem; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.75rem;
  box-shadow: 0 1px 2px rgb(0 0 0 / .04), 0 12px 32px rgb(0 0 0 / .06);
}
.brand { margin: 0 0 1.25rem; color: var(--soft); font-size: .8125rem; letter-spacing: .02em; }
.brand::before {
  content: ""; display: inline-block; width: .5rem; height: .5rem; border-radius: 50%;
  background: var(--accent); margin-right: .5rem;
}
h1 { margin: 0 0 .5rem; font-size: 1.4375rem; line-height: 1.25; font-weight: 650; letter-spacing: -.01em; text-wrap: balance; }
p { margin: 0 0 1rem; }
.lead, .hint { color: var(--soft); }
.hint { font-size: .875rem; margin: .375rem 0 0; }
h1, p, dd { overflow-wrap: anywhere; }
dl { margin: 1.25rem 0; border-top: 1px solid var(--line); }
dl > div { display: grid; grid-template-columns: 6.5rem 1fr; gap: .75rem; padding: .625rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); font-size: .875rem; line-height: 1.5rem; }
dd { margin: 0; }
dd small { display: block; color: var(--soft); font-size: .8125rem; }
dd small.good { color: var(--good); }
.note { border-radius: .625rem; padding: .75rem .875rem; font-size: .9375rem; }
.warn { background: var(--warn-ground); color: var(--warn-ink); }
.bad { background: var(--bad-ground); color: var(--bad-ink); }
label { display: block; font-weight: 600; font-size: .9375rem; margin: 1rem 0 .375rem; }
input {
  width: 100%; font: inherit; color: inherit; background: var(--field); padding: .625rem .75rem;
  border: 1px solid var(--edge); border-radius: .625rem;
}
fieldset { margin: 1rem 0; padding: 0; border: 0; }
legend { padding: 0; font-weight: 600; font-size: .9375rem; }
.choice { display: flex; gap: .625rem; margin: .375rem 0 0; padding: .25rem 0; font-weight: 400; overflow-wrap: anywhere; }
.choice input { width: 1.125rem; height: 1.125rem; margin: .1875rem 0 0; flex: none; accent-color: var(--accent); }
.actions { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; margin-top: 1.5rem; }
button {
  font: inherit; font-weight: 600; padding: .6875rem 1rem; border-radius: .625rem; cursor: pointer;
  border: 1px solid var(--edge); background: transparent; color: inherit;
}
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button:hover { filter: brightness(1.06); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.address {
  padding: .625rem .75rem; border: 1px solid var(--edge); border-radius: .625rem; background: var(--field);
  font: .9375rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; user-select: all;
}
code { white-space: nowrap; font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
footer { margin: 1rem .25rem 0; color: var(--soft); font-size: .8125rem; text-align: center; }
@media (max-width: 24rem) {
  body { padding: .5rem; }
  .card { padding: 1.125rem; border-radius: .75rem; }
  dl > div { grid-template-columns: 1fr; gap: 0; }
  .actions { grid-template-columns: 1fr; }
}
@media (forced-colors: active) { .note, button, .card { border: 1px solid; } }
`;
