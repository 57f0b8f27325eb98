import { ApiProblems } from '#libs/service';
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Sse,
  type MessageEvent,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import {
  catchError,
  concat,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  filter,
  finalize,
  from,
  interval,
  map,
  merge,
  of,
  Subject,
  takeUntil,
  takeWhile,
  type Observable,
} from 'rxjs';
import { answerOnce } from '../event-store/answer-once.js';
import type { CommandContext } from '../event-store/command.js';
import { PrismaClient } from '../generated/prisma/client.js';
import { ApiCommand } from '../http/api-command.js';
import { Context } from '../http/command-context.js';
import { reading } from '../reading.js';
import { Rejection } from '../rejection.js';
import { SimulationRunner } from './simulation-runner.js';
import { cancelSimulation, createSimulation, readSimulation } from './simulation-store.js';
import { SimulationBody, SimulationResource } from './simulation.dto.js';

/** Milliseconds between looks for news of a simulation, which another process may be running. */
const LOOK_EVERY = 500;
/** Proxies cut a connection that says nothing. */
const HEARTBEAT_EVERY = 15_000;

@ApiTags('simulations')
@Controller('v1/simulations')
export class SimulationsController implements OnModuleDestroy {
  private readonly stopping = new Subject<void>();

  constructor(
    private readonly database: PrismaClient,
    private readonly runner: SimulationRunner,
  ) {}

  onModuleDestroy(): void {
    this.stopping.next();
  }

  @Post()
  @HttpCode(202)
  @ApiOperation({ operationId: 'startSimulation', summary: 'Send commands that are made up, as clients would' })
  @ApiCommand({ status: 202, description: 'It has begun, and goes on after a restart.', type: SimulationResource })
  async start(@Body() body: SimulationBody, @Context() context: CommandContext) {
    const result = await reading(
      answerOnce(this.database, context.idempotency, async (transaction) => {
        const simulation = await createSimulation(transaction, body, context);
        return { status: 202, headers: { Location: `/v1/simulations/${simulation.id}` }, body: simulation };
      }),
    );
    this.runner.look();
    return result;
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getSimulation', summary: 'How far a simulation is' })
  @ApiOkResponse({ type: SimulationResource })
  @ApiProblems('not-found')
  async one(@Param('id') id: string): Promise<SimulationResource> {
    const simulation = await reading(readSimulation(this.database, id));
    if (!simulation) throw missing();
    return simulation;
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ operationId: 'cancelSimulation', summary: 'Cancel a simulation; what it did stays' })
  @ApiCommand({ status: 204, description: 'It has ended, or had before.', problems: ['not-found'] })
  cancel(@Param('id') id: string, @Context() context: CommandContext) {
    return reading(
      answerOnce(this.database, context.idempotency, async (transaction) => {
        if (!(await cancelSimulation(transaction, id))) throw missing();
        return { status: 204 };
      }),
    );
  }

  /** Ends with the simulation: its last event tells the state it ended in. */
  @Sse(':id/events')
  @ApiOperation({ operationId: 'followSimulation', summary: 'Its progress as server-sent events, to its end' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({
    description: 'Events `progress`, each with the resource as its data.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  })
  @ApiProblems('not-found')
  async follow(@Param('id') id: string): Promise<Observable<MessageEvent>> {
    const now = await this.one(id);
    const news = interval(LOOK_EVERY).pipe(
      exhaustMap(() => from(readSimulation(this.database, id)).pipe(catchError(() => EMPTY))),
      filter((simulation) => simulation !== null),
    );
    const progress = concat(of(now), now.state === 'running' ? news : EMPTY).pipe(
      distinctUntilChanged((a, b) => a.done === b.done && a.state === b.state),
      takeWhile(({ state }) => state === 'running', true),
      map((simulation) => ({ type: 'progress', data: simulation })),
    );
    const ended = new Subject<void>();
    const heartbeat = interval(HEARTBEAT_EVERY).pipe(map(() => ({ comment: 'still here' })));
    return merge(progress.pipe(finalize(() => ended.next())), heartbeat.pipe(takeUntil(ended))).pipe(
      takeUntil(this.stopping),
    );
  }
}

const missing = () => new Rejection('not-found', 'There is no such simulation.');
