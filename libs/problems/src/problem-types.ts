/** A kind of refusal or failure: its status, its title, and what its page tells whoever met it. */
export interface ProblemType {
  readonly status: number;
  readonly title: string;
  readonly explanation: string;
}

/** Every problem that any service answers with. The code is the last part of the problem's `type`. */
export const problemTypes = {
  malformed: {
    status: 400,
    title: 'The request cannot be read',
    explanation:
      'The body is no JSON, or the path does not decode. Nothing was done. Correct the request and send it again.',
  },
  'unknown-field': {
    status: 400,
    title: 'The body has a field that does not exist here',
    explanation:
      'Nothing was done: a field that is ignored would look like a field that was stored. Remove or rename it.',
  },
  'unknown-parameter': {
    status: 400,
    title: 'The query has a parameter that does not exist here',
    explanation: 'A parameter that is ignored would silently change what the answer means. Remove or rename it.',
  },
  'cursor-mismatch': {
    status: 400,
    title: 'The cursor belongs to another list',
    explanation:
      'A cursor pins the filters and the order it was made for. Repeat the request without it, or with the original filters and order.',
  },
  unauthenticated: {
    status: 401,
    title: 'Who is asking is not known',
    explanation: 'The request carries no credentials, or none that are valid. Send them as a Bearer token.',
  },
  forbidden: {
    status: 403,
    title: 'This is not allowed',
    explanation: 'The credentials are valid, but lack the scope that this operation wants.',
  },
  'not-found': {
    status: 404,
    title: 'Nothing is here',
    explanation: 'No resource has this address, or it was removed.',
  },
  quarantined: {
    status: 404,
    title: 'The value cannot be typed',
    explanation:
      'The key exists, but its present value does not fit its declared types, so no version of it is shown. The quarantine lists it.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This resource does not know the method',
    explanation: 'The `Allow` header lists the methods that it knows.',
  },
  'not-acceptable': {
    status: 406,
    title: 'No acceptable form',
    explanation: 'The resource has no representation that the `Accept` header allows.',
  },
  'already-exists': {
    status: 409,
    title: 'It exists already',
    explanation: 'Something with this key is there. Nothing was changed. Choose another key, or change what is there.',
  },
  'has-dependents': {
    status: 409,
    title: 'Others depend on it',
    explanation:
      'It cannot be removed while others refer to it; the answer counts them. Remove those first, or say `?cascade=true`.',
  },
  'concurrent-change': {
    status: 409,
    title: 'Somebody else changed it at the same time',
    explanation: 'Nothing was changed. Read it again and repeat the request.',
  },
  'already-running': {
    status: 409,
    title: 'The same work is under way already',
    explanation: 'Nothing was begun. `running` is the address of the work that is; wait for its end, or cancel it.',
  },
  'idempotency-key-in-use': {
    status: 409,
    title: 'A request with this Idempotency-Key is still running',
    explanation: 'Wait for a moment and repeat the same request: it will get the answer of the first.',
  },
  'precondition-failed': {
    status: 412,
    title: 'It is no longer what you saw',
    explanation: 'The `If-Match` header names another version than the present one. Read it again and decide anew.',
  },
  'too-large': {
    status: 413,
    title: 'The body is too large',
    explanation: 'Send less at once, or use an import, which streams any size.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body has a form that is not understood here',
    explanation: 'The `Content-Type` or `Content-Encoding` is none that this operation takes.',
  },
  invalid: {
    status: 422,
    title: 'The request says something that cannot be',
    explanation:
      'A value is missing, of the wrong type or out of range. Nothing was changed; `errors` lists every such value with what is wanted.',
  },
  'reference-missing': {
    status: 422,
    title: 'It refers to something that does not exist',
    explanation: 'Create what is referred to first. Nothing was changed.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    explanation: 'The key was used with a different body within the last 24 hours. Use a new key for a new request.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    explanation: 'Wait for as many seconds as `Retry-After` says.',
  },
  internal: {
    status: 500,
    title: 'The service failed',
    explanation: 'This is a fault of the service. Its log tells more under the correlation id of the answer.',
  },
  unavailable: {
    status: 503,
    title: 'The service cannot answer now',
    explanation: 'Something that the service needs is away, or it is starting or stopping. Try again a little later.',
  },
  'source-changed': {
    status: 503,
    title: 'The source is not the one it was',
    explanation:
      'The source database was replaced, restored or lost its place in the log. History goes on after a new snapshot of it.',
  },
  'source-unreadable': {
    status: 503,
    title: 'What the source sent cannot be read',
    explanation:
      'The source sent something that cannot be told from something else, or not be read at all. Nothing was skipped or guessed: the detail says where it stands and what leads past it.',
  },
  'not-yet-visible': {
    status: 503,
    title: 'The change is not visible yet',
    explanation: 'The change that the consistency token names has not arrived within the time to wait. Try again.',
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemCode = keyof typeof problemTypes;

export const problemCodes = Object.keys(problemTypes) as ProblemCode[];

export const isProblemCode = (text: string): text is ProblemCode => Object.hasOwn(problemTypes, text);
