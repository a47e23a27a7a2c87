/** @jsxImportSource hono/jsx */
// The frame of every page people see.
import type { Child } from "hono/jsx";
import { raw } from "hono/html";
import { STYLE } from "./style.ts";

export interface LayoutProps {
  title: string;
  children?: Child;
}

export function Layout({ title, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <link rel="icon" href="data:," />
        <style>{raw(STYLE)}</style>
      </head>
      <body>
        <main>{children}</main>
      </body>
    </html>
  );
}
