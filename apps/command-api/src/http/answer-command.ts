import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { CommandResult } from '../event-store/command.js';
import { tokenHeader } from '../event-store/idempotency.js';

/** Turns what came of a command into the HTTP answer: a kept answer is given again as it was. */
@Injectable()
export class AnswerCommand implements NestInterceptor<CommandResult<unknown>> {
  intercept(context: ExecutionContext, next: CallHandler<CommandResult<unknown>>): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      map(({ answer, replayed, token }) => {
        void reply.code(answer.status).headers({ ...answer.headers, ...tokenHeader(token) });
        if (replayed) void reply.header('Idempotency-Replayed', 'true');
        return answer.body;
      }),
    );
  }
}
