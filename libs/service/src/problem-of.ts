/** Whatever went wrong, as a problem. What nobody foresaw is `internal`, and tells the client nothing. */
import { HttpException } from '@nestjs/common';
import { Problem, type ProblemCode } from '#libs/problems';

/** How Nest, Fastify and its plugins name a refusal: by its status. Their own sentences may show more than they should. */
const refusals: Readonly<Record<number, readonly [ProblemCode, string]>> = {
  400: ['malformed', 'The request cannot be read: its path or its body does not decode.'],
  404: ['not-found', 'Nothing has this address.'],
  406: ['not-acceptable', 'No representation of this resource is acceptable.'],
  413: ['too-large', 'The body is larger than this operation takes.'],
  414: ['not-found', 'Nothing has an address of this length.'],
  415: ['unsupported-media-type', 'The body has a Content-Type or Content-Encoding that this operation does not take.'],
  429: ['too-many-requests', 'Too many requests.'],
  503: ['unavailable', 'The service cannot answer now.'],
};

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const [code, detail] = refusals[statusOf(error) ?? 500] ?? ['internal', 'The service failed.'];
  return new Problem(code, detail, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : undefined;
}
