import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem, problemDocument, problemMediaType } from '#libs/problems';
import { correlationHeader } from './correlation.js';
import { problemOf } from './problem-of.js';
import type { Routes } from './routes.js';

/** Every error of every request ends here, those of Fastify's and Nest's included. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly routes: Routes) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
    sendProblem(request.is404 ? this.missing(request) : error, request, reply);
  }

  private missing(request: FastifyRequest): Problem {
    const path = request.url.replace(/\?.*$/, '');
    const methods = this.routes.methodsOf(path);
    if (methods.length === 0) return new Problem('not-found', `Nothing has the address ${path}.`);
    const allowed = methods.join(', ');
    const detail = `${path} does not know ${request.method}; it knows ${allowed}.`;
    return new Problem('method-not-allowed', detail, { headers: { Allow: allowed } });
  }
}

/** Answers with the problem; where the answer has begun, only breaking it off tells the client that it is not whole. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error);
  // The request's log line shows `err` (pino-http). A foreseen refusal needs none, but what caused it may.
  const logged = problem.code === 'internal' ? error : problem.status >= 500 ? problem.parts.cause : undefined;
  if (logged !== undefined) reply.raw.err = logged instanceof Error ? logged : new Error(String(logged));
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  void reply
    .code(problem.status)
    .headers({ ...problem.headers, [correlationHeader]: request.id, 'cache-control': 'no-store' })
    .type(problemMediaType)
    .send(problemDocument(problem, request.id));
}
