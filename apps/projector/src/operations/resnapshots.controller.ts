import { HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Projector } from '../projector.js';
import type { Operation } from './operation.js';
import { ApiBegins, operationController, OperationsOf } from './operation-controller.js';
import { OperationDesk } from './operation-desk.js';
import { OperationResource, WaitQuery } from './operation.dto.js';

export class ResnapshotReport {
  @ApiProperty({ type: 'integer', description: 'Last position of the snapshot in the changelog.', example: 4711 })
  position: number;
}

/** A new epoch of the source, begun by a snapshot that is compared with what the lake has. */
export class ResnapshotResource extends OperationResource {
  @ApiProperty({ type: ResnapshotReport, nullable: true })
  report: ResnapshotReport | null;
}

@OperationsOf('resnapshots')
export class ResnapshotsController extends operationController<ResnapshotReport>({
  kind: 'resnapshot',
  name: 'Resnapshot',
  resource: ResnapshotResource,
  cancelled: 'the source goes on where the lake stands',
}) {
  constructor(
    desk: OperationDesk,
    private readonly projector: Projector,
  ) {
    super(desk);
  }

  /** Asked for while the projector is parked, too: that is what it is for. */
  @Post()
  @HttpCode(202)
  @ApiBegins(
    'startResnapshot',
    'Open a new epoch of the source: a snapshot of every captured table, compared with what the lake has',
    ResnapshotResource,
  )
  start(@Query() query: WaitQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    const run: Operation<ResnapshotReport>['run'] = async (progress, signal) => ({
      position: await this.projector.resnapshot(signal, progress),
    });
    return this.desk.begin<ResnapshotReport>({ kind: 'resnapshot', table: null }, { run }, query, reply);
  }
}
