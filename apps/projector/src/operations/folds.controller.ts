import { HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Projector } from '../projector.js';
import type { Operation } from './operation.js';
import { ApiBegins, operationController, OperationsOf } from './operation-controller.js';
import { OperationDesk } from './operation-desk.js';
import { OperationResource, WaitQuery } from './operation.dto.js';
import { projectionOf } from './projection-of.js';

export class FoldReport {
  @ApiProperty({ type: 'integer', description: 'Position up to which every table is folded.', example: 4711 })
  folded: number;
}

/** A fold of everything that the changelog held when it began. */
export class FoldResource extends OperationResource {
  @ApiProperty({ type: FoldReport, nullable: true })
  report: FoldReport | null;
}

@OperationsOf('folds')
export class FoldsController extends operationController<FoldReport>({
  kind: 'fold',
  name: 'Fold',
  resource: FoldResource,
  cancelled: 'what was folded before stays folded, and no answer changes',
}) {
  constructor(
    desk: OperationDesk,
    private readonly projector: Projector,
  ) {
    super(desk);
  }

  @Post()
  @HttpCode(202)
  @ApiBegins(
    'startFold',
    'Fold every table up to the changelog’s end, without waiting until it is worth it',
    FoldResource,
  )
  start(@Query() query: WaitQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    const { folding } = projectionOf(this.projector);
    const run: Operation<FoldReport>['run'] = async (progress, signal) => {
      await folding.foldNow({ progress, signal });
      return { folded: folding.folded };
    };
    return this.desk.begin<FoldReport>({ kind: 'fold', table: null }, { run }, query, reply);
  }
}
