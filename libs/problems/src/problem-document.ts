import { problemTypes } from './problem-types.js';
import type { Problem, ValueError } from './problem.js';

export const problemMediaType = 'application/problem+json';

/** RFC 9457, "Members of a Problem Details Object", and this product's own: `code`, `correlation_id`, `errors`. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly correlation_id: string;
  readonly errors?: readonly ValueError[];
  readonly [extra: string]: unknown;
}

export function problemDocument(problem: Problem, correlationId: string): ProblemDocument {
  const { errors, extra } = problem.parts;
  return {
    ...extra,
    type: `/problems/${problem.code}`,
    title: problemTypes[problem.code].title,
    status: problem.status,
    detail: problem.detail,
    code: problem.code,
    correlation_id: correlationId,
    ...(errors && { errors: errors.map(printable) }),
  };
}

const longestEcho = 200;

/** What came is told back, but not at any length; a number that JSON cannot say is told as text. */
function printable(error: ValueError): ValueError {
  if (error.got === undefined) return error;
  if (typeof error.got === 'number' && !Number.isFinite(error.got)) return { ...error, got: String(error.got) };
  const text = typeof error.got === 'string' ? error.got : JSON.stringify(error.got);
  return text.length <= longestEcho ? error : { ...error, got: `${text.slice(0, longestEcho)}…` };
}
