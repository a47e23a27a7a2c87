// What the approval page asks of a person who signs in, as data: pages/ renders it and knows nothing of what it is for.

export interface SignInPrompt {
  /** None where people sign in at another site. */
  readonly fields: readonly PromptField[];
  /** What the page says below the fields. */
  readonly hint?: string;
  /** What the page says when a sign-in fails. Never says which field was wrong. */
  readonly wrong: string;
}

export interface PromptField {
  /** The field's name in the form; not one of the form's own (`query`, `csrf`, `decision`, `scope:…`). */
  readonly name: string;
  readonly label: string;
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  /** What a password manager may fill in (HTML, "Autofill detail tokens"). */
  readonly autocomplete: "off" | "username" | "current-password";
  readonly hint?: string;
}
