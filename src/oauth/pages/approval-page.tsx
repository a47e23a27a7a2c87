/** @jsxImportSource hono/jsx */
// The page on which a person decides whether an app may use the server: the security boundary of the whole thing
// (OAuth 2.1 §7.9; MCP security best practices, "Confused Deputy"). What the app says about itself is shown as
// its claim; the address that the answer goes to is what counts.
import { displayDestination, displayName } from "./display.ts";
import { Layout } from "./layout.tsx";
import type { PromptField, SignInPrompt } from "../sign-in/prompt.ts";

export interface ApprovalPageProps {
  /** The name the client gives itself. */
  clientName: string | undefined;
  /** The host whose document gives that name; absent when the client itself does. */
  clientHost: string | undefined;
  redirectUri: string;
  /** The well-known assistant that the redirect URI belongs to. */
  assistant: string | undefined;
  isLoopback: boolean;
  serverName: string;
  resources: readonly string[];
  /** Scopes the person may leave out. */
  choices: readonly Choice[];
  staysConnected: boolean;
  /** The fields of the sign-in. */
  prompt: SignInPrompt;
  /** Why the last attempt failed. */
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
        You can revoke access at any time with <code>mcp-expose grants</code>.
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
            ? "What you tick below, and everything not listed there"
            : "Tools, prompts and resources"}
          <small>
            {staysConnected
              ? "stays connected until you revoke access"
              : "ends by itself; the app must then ask again"}
          </small>
        </dd>
      </div>
    </dl>
  );
}

type FactsProps = ApprovalPageProps & { name: string; isOwnName: boolean };

function describeName(isOwnName: boolean, clientHost: string | undefined): string {
  if (!isOwnName) return "the app gives no readable name";
  return clientHost === undefined ? "a name the app chose for itself" : `according to ${clientHost}`;
}

function Caution({ redirectUri, assistant, isLoopback }: ApprovalPageProps) {
  if (assistant !== undefined) return null;
  return (
    <p class="note warn">
      {isLoopback ? (
        <>
          Any program on your computer can send this request. Approve only if you just started one that needs
          access.
        </>
      ) : (
        <>
          mcp-expose does not know <strong>{displayDestination(redirectUri)}</strong>. Approve only if you
          just came from there and you trust it.
        </>
      )}
    </p>
  );
}

function Choices({ choices }: Pick<ApprovalPageProps, "choices">) {
  return (
    <fieldset>
      <legend>Also allow</legend>
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
