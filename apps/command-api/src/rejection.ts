import { Problem } from '#libs/problems';

/** Refusals by the rules: the same request would be refused again, so they are answers, kept under its Idempotency-Key. */
type Refusal = 'already-exists' | 'not-found' | 'has-dependents' | 'reference-missing' | 'invalid';

/** Refusals of the moment, which are never kept: asking again may well succeed. */
type Interference = 'concurrent-change' | 'idempotency-key-in-use' | 'idempotency-key-reused' | 'precondition-failed';

export type RejectionCode = Refusal | Interference;

const refusals: readonly string[] = [
  'already-exists',
  'not-found',
  'has-dependents',
  'reference-missing',
  'invalid',
] satisfies Refusal[];

/** A command that was refused. `code` is the problem's type in every answer; `details` become members of its document. */
export class Rejection extends Problem {
  declare readonly code: RejectionCode;
  constructor(
    code: RejectionCode,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message, { extra: details, headers });
    this.name = 'Rejection';
  }

  /** Whether the rules refused, and would again. */
  get isAnswer(): boolean {
    return refusals.includes(this.code);
  }
}
