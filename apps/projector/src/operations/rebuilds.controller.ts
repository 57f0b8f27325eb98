import { Body, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { Projector } from '../projector.js';
import type { Operation } from './operation.js';
import { ApiBegins, operationController, OperationsOf } from './operation-controller.js';
import { OperationDesk } from './operation-desk.js';
import { OperationResource, WaitQuery } from './operation.dto.js';
import { projectionOf } from './projection-of.js';
import { RebuildResult } from './rebuild-result.dto.js';
import { refuseUnknownTable } from './unknown-table.js';

export class RebuildBody {
  /**
   * A source table of the catalog.
   * @example halls
   */
  @IsString()
  table: string;
}

/** A table's versions made anew from the whole changelog, and put into its place by one commit. */
export class RebuildResource extends OperationResource {
  @ApiProperty({ type: RebuildResult, nullable: true })
  report: RebuildResult | null;
}

@OperationsOf('rebuilds')
export class RebuildsController extends operationController<RebuildResult>({
  kind: 'rebuild',
  name: 'Rebuild',
  resource: RebuildResource,
  cancelled: 'the table stays as it was',
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
    'startRebuild',
    'Make a table’s versions anew from the whole changelog; changes and queries go on meanwhile',
    RebuildResource,
  )
  start(@Body() { table }: RebuildBody, @Query() query: WaitQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    const { rebuilds } = projectionOf(this.projector);
    refuseUnknownTable(table, rebuilds.tables);
    const run: Operation<RebuildResult>['run'] = (progress, signal) => rebuilds.rebuild(table, progress, signal);
    return this.desk.begin<RebuildResult>({ kind: 'rebuild', table }, { run }, query, reply);
  }
}
