/** @jsxImportSource hono/jsx */
// The page for an authorization request that cannot be answered to the app that made it.
import { Layout } from "./layout.tsx";

export interface ErrorPageProps {
  heading: string;
  explanation: string;
  advice: string;
}

export function ErrorPage({ heading, explanation, advice }: ErrorPageProps) {
  return (
    <Layout title={heading}>
      <div class="card">
        <p class="brand">mcp-expose</p>
        <h1>{heading}</h1>
        <p class="note bad">{explanation}</p>
        <p class="hint">{advice}</p>
      </div>
    </Layout>
  );
}
