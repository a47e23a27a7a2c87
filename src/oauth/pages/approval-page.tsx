/** @jsxImportSource hono/jsx */
// The page on which a person decides whether an app may use the server: the security boundary of the whole thing
// (OAuth 2.1 §7.9; MCP security best practices, "Confused Deputy"). Whatever the app says about itself is shown as
// its claim; where the answer goes is what counts.
import { displayDestination, displayName } from "./display.ts";
import { Layout } from "./layout.tsx";
import type { PromptField, SignInPrompt } from "../sign-in/prompt.ts";

export interface ApprovalPageProps {
  /** What the client calls itself. */
  clientName: string | undefined;
  /** Whose document says so; absent when it is the client's own word. */
  clientHost: string | undefined;
  redirectUri: string;
  /** Whose callback the redirect URI is known to be. */
  assistant: string | undefined;
  isLoopback: boolean;
  serverName: string;
  resources: readonly string[];
  /** Scopes the person may leave out. */
  choices: readonly Choice[];
  staysConnected: boolean;
  /** What it asks of whoever signs in. */
  prompt: SignInPrompt;
  /** What went wrong with the last try. */
  problem: string | undefined;
  /** Hidden fields that make this page this browser's. */
  query: string;
  csrf: string;
}

export interface Choice {
  /** The name of its field. */
  name: string;
  label: string;
  isTicked: boolean;
}

export function ApprovalPage(props: ApprovalPageProps) {
  const ownName = displayName(props.clientName ?? "");
  const name = ownName || (props.assistant ?? props.clientHost ?? displayDestination(props.redirectUri));
  const server = displayName(props.serverName);
  const title = `Connect ${name} to ${server}?`;
  return (
    <Layout title={props.problem ? `Try again: ${title}` : title}>
      <div class="card">
        <p class="brand">mcp-expose</p>
        <h1>{title}</h1>
        <p class="lead">It will be able to use this server’s tools and see what they return.</p>
        <Facts {...props} name={name} isOwnName={ownName !== ""} />
        <Caution {...props} />
        <form method="post" action="/authorize">
          {props.problem && (
            <p class="note bad" role="alert" id="problem">
              {props.problem}
            </p>
          )}
          <input type="hidden" name="query" value={props.query} />
          <input type="hidden" name="csrf" value={props.csrf} />
          {props.choices.length > 0 && <Choices choices={props.choices} />}
          {props.prompt.fields.map((field, index) => (
            <Field {...field} isFirst={index === 0} />
          ))}
          {props.prompt.hint && <p class="hint">{props.prompt.hint}</p>}
          <div class="actions">
            <button class="main" type="submit" name="decision" value="approve">
              Approve
            </button>
            <button type="submit" name="decision" value="deny" formnovalidate>
              Deny
            </button>
          </div>
        </form>
      </div>
      <footer>
        You can take this back at any time with <code>mcp-expose grants</code>.
      </footer>
    </Layout>
  );
}

function Facts(props: FactsProps) {
  const {
    name,
    isOwnName,
    clientHost,
    redirectUri,
    assistant,
    isLoopback,
    resources,
    choices,
    staysConnected,
  } = props;
  return (
    <dl>
      <div>
        <dt>App</dt>
        <dd>
          {name}
          <small>{describeName(isOwnName, clientHost)}</small>
        </dd>
      </div>
      <div>
        <dt>Returns to</dt>
        <dd>
          {displayDestination(redirectUri)}
          {assistant && <small class="good">✓ belongs to {assistant}</small>}
          {isLoopback && <small>a program on your own computer</small>}
        </dd>
      </div>
      <div>
        <dt>Server</dt>
        <dd>
          {resources.map((resource) => (
            <div>{resource}</div>
          ))}
        </dd>
      </div>
      <div>
        <dt>Access</dt>
        <dd>
          {choices.length > 0
            ? "What you tick below, and everything that is not listed there"
            : "Tools, prompts and resources"}
          <small>
            {staysConnected ? "stays connected until you take it back" : "once, until it runs out"}
          </small>
        </dd>
      </div>
    </dl>
  );
}

type FactsProps = ApprovalPageProps & { name: string; isOwnName: boolean };

function describeName(isOwnName: boolean, clientHost: string | undefined): string {
  if (!isOwnName) return "it gives itself no name that can be read";
  return clientHost === undefined ? "the name it gives itself" : `as ${clientHost} describes it`;
}

function Caution({ redirectUri, assistant, isLoopback }: ApprovalPageProps) {
  if (assistant !== undefined) return null;
  return (
    <p class="note warn">
      {isLoopback ? (
        <>Any program on your computer can ask like this. Approve only if you just started one that should.</>
      ) : (
        <>
          <strong>{displayDestination(redirectUri)}</strong> is not an assistant that mcp-expose knows.
          Approve only if you just came from there and trust it.
        </>
      )}
    </p>
  );
}

function Choices({ choices }: Pick<ApprovalPageProps, "choices">) {
  return (
    <fieldset>
      <legend>It may also</legend>
      {choices.map(({ name, label, isTicked }) => (
        <label class="choice">
          <input type="checkbox" name={name} value="yes" checked={isTicked} />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

function Field({ name, label, isSecret, isRequired, autocomplete, hint, isFirst }: FieldProps) {
  return (
    <>
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        {...(isSecret && { type: "password" })}
        required={isRequired}
        autofocus={isFirst}
        autocomplete={autocomplete}
        autocapitalize="none"
        spellcheck={false}
        {...(hint !== undefined && { "aria-describedby": `${name}-hint` })}
      />
      {hint !== undefined && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
    </>
  );
}

type FieldProps = PromptField & { isFirst: boolean };
