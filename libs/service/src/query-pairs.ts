import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { queryParameters } from '#libs/list-query';

export const readQueryPairs = (_data: unknown, context: ExecutionContext): [string, string][] =>
  queryParameters(context.switchToHttp().getRequest<FastifyRequest>().url);

/**
 * A handler's argument: all parameters of the query in their sequence, as `parseListQuery` takes them. The handler
 * answers for unknown names itself.
 */
export const QueryPairs = createParamDecorator(readQueryPairs);
