import { problemTypes, type ProblemCode } from './problem-types.js';

/** Where in the request a bad value stands: a JSON pointer into the body, a path or query parameter, or a header. */
export type ErrorPlace = { readonly pointer: string } | { readonly parameter: string } | { readonly header: string };

/** One bad value of a request. `got` is absent where nothing came. */
export type ValueError = ErrorPlace & {
  readonly code: string;
  readonly detail: string;
  readonly got?: unknown;
  readonly wanted?: string;
};

export interface ProblemParts {
  readonly errors?: readonly ValueError[];
  /** Members of the document beyond those of RFC 9457, like the counts of dependents. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Seconds after which to try again: the `Retry-After` header. */
  readonly retryAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Logged, never answered. */
  readonly cause?: unknown;
}

/** What a service answers instead of success. Its message is for the client: no SQL, no path, nobody else's data. */
export class Problem extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly parts: ProblemParts = {},
  ) {
    super(detail, { cause: parts.cause });
    this.name = 'Problem';
  }

  get status(): number {
    return problemTypes[this.code].status;
  }

  /** The headers that the answer must carry. */
  get headers(): Record<string, string> {
    const { headers, retryAfter } = this.parts;
    return { ...headers, ...(retryAfter === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfter)) }) };
  }
}

/** 422 with every bad value. The detail is readable alone, for clients that show nothing else. */
export function invalid(errors: readonly ValueError[]): Problem {
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new Problem('invalid', `${errors[0]?.detail ?? 'The request is invalid.'}${more}`, { errors });
}
