// For tests that the compiler runs: `Holds<Equal<A, B>>` fails the type check where A and B differ.

/** An optional member that only one of two objects has makes no difference here: their keys want a comparison of their own. */
export type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

export type Holds<T extends true> = T;
