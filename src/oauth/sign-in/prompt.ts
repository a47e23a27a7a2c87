// The fields of a sign-in, as data: pages/ renders them without knowing which way to sign in they belong to.

export interface SignInPrompt {
  /** None where people sign in at another site. */
  readonly fields: readonly PromptField[];
  /** Text below the fields. */
  readonly hint?: string;
  /** The error message of a failed sign-in. It must not say which field was wrong. */
  readonly wrong: string;
}

export interface PromptField {
  /** The field's name in the form; not one of the form's own (`query`, `csrf`, `decision`, `scope:…`). */
  readonly name: string;
  readonly label: string;
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  /** Which value a password manager may fill in (HTML, "Autofill detail tokens"). */
  readonly autocomplete: "off" | "username" | "current-password";
  readonly hint?: string;
}
