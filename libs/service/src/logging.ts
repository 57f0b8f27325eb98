import { RequestMethod } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Params } from 'nestjs-pino';
import { pino, type DestinationStream } from 'pino';

const quiet = new Set(['/health/live', '/health/ready', '/metrics']);

/**
 * JSON lines on stdout. A request's line has method, path, status and correlation id: no body, no header, no query, since
 * any of them may hold somebody's name.
 */
export function logging(service: string, level: string, destination?: DestinationStream): Params {
  const serializers = {
    req: (request: IncomingMessage) => ({ method: request.method, path: pathOf(request) }),
    res: (response: { statusCode: number }) => ({ status: response.statusCode }),
    err: loggedError,
  };
  const options = { level, base: { service }, timestamp: pino.stdTimeFunctions.isoTime };
  const logger = destination ? pino(options, destination) : pino(options);
  return {
    // The module's own default, `{/*splat}`, gets a slash from @fastify/middie and then matches nothing.
    forRoutes: [{ path: '*path', method: RequestMethod.ALL }],
    pinoHttp: {
      logger,
      wrapSerializers: false,
      serializers,
      quietReqLogger: false,
      customAttributeKeys: { responseTime: 'duration_ms' },
      customProps: (request) => ({ correlation_id: request.id }),
      customLogLevel: (_request, response) => (isFailure(response) ? 'error' : 'info'),
      customSuccessMessage: () => 'request completed',
      customErrorMessage: () => 'request failed',
      // pino-http makes an error of its own for every status from 500 on.
      customErrorObject: (_request, response, _error, line: object) =>
        response.err ? line : { ...line, err: undefined },
      autoLogging: { ignore: (request) => quiet.has(pathOf(request)) },
    },
  };
}

const pathOf = (request: IncomingMessage & { originalUrl?: string }): string =>
  (request.originalUrl ?? request.url ?? '').replace(/\?.*$/, '');

const isFailure = (response: ServerResponse) => response.statusCode === 500 || response.err !== undefined;

/** What Postgres says of the failing row or key is somebody's data: it stays out of logs as well. */
function loggedError(error: unknown) {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code } = error as NodeJS.ErrnoException;
  return { type: error.name, code, message: withoutRows(error.message), stack: withoutRows(error.stack ?? '') };
}

const withoutRows = (text: string) =>
  text.replace(/(Failing row contains|Key) ?\(.*/g, '$1 …').replace(/(DETAIL|"?detail"?):.*/g, '$1: …');
