import { Controller, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Projector } from '../projector.js';
import { ApiBegins, operationController } from './operation-controller.js';
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

@ApiTags('operations')
@Controller('v1/resnapshots')
export class ResnapshotsController extends operationController<ResnapshotReport>({
  kind: 'resnapshot',
  name: 'Resnapshot',
  resource: ResnapshotResource,
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
    const run = async (_: unknown, signal: AbortSignal): Promise<ResnapshotReport> => ({
      position: await this.projector.resnapshot(signal),
    });
    return this.desk.begin<ResnapshotReport>({ kind: 'resnapshot', table: null }, { run }, query, reply);
  }
}
