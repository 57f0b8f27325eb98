import { ApiProblems } from '#libs/service';
import type { ProblemCode } from '#libs/problems';
import { applyDecorators, UseInterceptors } from '@nestjs/common';
import { ApiHeader, ApiResponse } from '@nestjs/swagger';
import type { Type } from '@nestjs/common';
import { AnswerCommand } from './answer-command.js';

const request = {
  actor: { name: 'X-Actor', description: 'Who asks; `anonymous` where absent.' },
  correlation: {
    name: 'X-Correlation-Id',
    description: 'Id under which logs and events are found; generated if absent.',
  },
  causation: { name: 'X-Causation-Id', description: 'Id of what caused this command.' },
  trace: { name: 'traceparent', description: 'W3C Trace Context.' },
  idempotency: {
    name: 'Idempotency-Key',
    description: 'Makes the command safe to repeat: within 24 hours the same key and body give the same answer.',
  },
  condition: { name: 'If-Match', description: 'ETags of the versions that may be changed, or `*`.' },
};

const text = { schema: { type: 'string' as const } };
const answer = {
  etag: { ETag: { description: 'The version, for `If-Match`.', ...text } },
  location: { Location: { description: 'Address of the new resource.', ...text } },
  always: {
    'Consistency-Token': { description: 'Queries that carry it see this change.', ...text },
    'Idempotency-Replayed': { description: '`true` where the answer is that of an earlier request.', ...text },
  },
};

interface CommandTerms {
  readonly status: 200 | 201 | 202 | 204;
  readonly description: string;
  /** Of the answer's body, if it has one. */
  readonly type?: Type;
  /** Whether it changes something that must exist. */
  readonly changes?: boolean;
  readonly problems?: readonly ProblemCode[];
}

const always: readonly ProblemCode[] = ['concurrent-change', 'idempotency-key-in-use', 'idempotency-key-reused'];
const withBody: readonly ProblemCode[] = ['unknown-field', 'too-large', 'unsupported-media-type'];

/** An operation that runs a command and gives its result as the answer, with all that it may refuse. */
export function ApiCommand({ status, description, type, changes = false, problems = [] }: CommandTerms) {
  const { condition, ...others } = request;
  const headers = Object.values(changes ? { ...others, condition } : others);
  return applyDecorators(
    UseInterceptors(AnswerCommand),
    ...headers.map((header) => ApiHeader({ ...header, required: false, schema: { type: 'string' } })),
    ApiResponse({
      status,
      description,
      ...(type && { type }),
      headers: {
        ...(type && status !== 202 && answer.etag),
        ...((status === 201 || status === 202) && answer.location),
        ...answer.always,
      },
    }),
    ApiProblems(
      ...always,
      ...(type ? withBody : []),
      ...(changes ? (['not-found', 'precondition-failed'] as const) : []),
      ...problems,
    ),
  );
}
