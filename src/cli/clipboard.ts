// Copies by way of the terminal (OSC 52, https://invisible-island.net/xterm/ctlseqs/ctlseqs.html), which also works over SSH.
// A terminal does not say whether it has done it.

/** The sequence that copies `text`. */
export function renderCopy(text: string, isTmux: boolean): string {
  const copy = `\x1b]52;c;${Buffer.from(text).toString("base64")}\x07`;
  // tmux takes it itself with `set-clipboard on`, or hands it on with `allow-passthrough on`; it drops the other one.
  return isTmux ? `${copy}\x1bPtmux;${copy.replaceAll("\x1b", "\x1b\x1b")}\x1b\\` : copy;
}
