import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty } from '@nestjs/swagger';
import { ApiProblems } from '#libs/service';
import type { FoldStatus } from './folding/fold-schedule.js';
import { instant } from './instant.js';
import { Operations, operationKinds, type OperationKind } from './operations/operations.js';
import { Projector } from './projector.js';
import { explained } from './remedy.js';

export class WatermarkView {
  @ApiProperty({
    description: 'Everything that the source had committed up to here is in the lake.',
    example: '0/16B3748',
  })
  lsn: string;

  @ApiProperty({ description: 'Last position in the lake then.', example: 4711 })
  position: number;

  @ApiProperty({ description: 'The source’s clock then.', example: '2026-03-01T08:00:00.123456Z' })
  source_time: string;

  @ApiProperty({ description: 'Answers as of this time are final.', example: '2026-03-01T08:00:00.123456Z' })
  time: string;
}

export class TableView {
  @ApiProperty({ description: 'Source table.', example: 'halls' })
  table: string;

  @ApiProperty({ type: 'integer', description: 'Position up to which its versions hold every change.', example: 4000 })
  folded: number;

  @ApiProperty({
    description: 'Whether another catalog entry made its versions. Its changes wait in the changelog for its rebuild.',
    example: false,
  })
  drifted: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Why it is not folded, until it is.' })
  fold_error: string | null;
}

export class RunningOperation {
  @ApiProperty({ enum: operationKinds, example: 'rebuild' })
  kind: OperationKind;

  @ApiProperty({ format: 'uuid', example: '6f9d2e52-6a0b-4c55-9a7e-6f3f9e1b8f10' })
  id: string;

  @ApiProperty({ type: String, nullable: true, description: 'Source table; null: all of them.', example: 'halls' })
  table: string | null;

  @ApiProperty({ type: 'integer', example: 420 })
  done: number;

  @ApiProperty({ type: 'integer', nullable: true, example: 1000 })
  total: number | null;
}

export class ProjectorView {
  @ApiProperty({
    enum: ['opening', 'streaming', 'retry', 'standby', 'park', 'stopped'],
    description: 'What the projector is doing; `park`: the source has changed, and only a resnapshot leads on.',
  })
  state: string;

  @ApiProperty({ type: String, nullable: true, description: 'The failure that it recovers from or waits behind.' })
  error: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why the last fold failed; it is tried again.' })
  fold_error: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Last position in the changelog.', example: 4711 })
  position: number | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Position up to which every table is folded.',
    example: 4000,
  })
  folded: number | null;

  @ApiProperty({ type: WatermarkView, nullable: true })
  watermark: WatermarkView | null;

  @ApiProperty({ type: [TableView], description: 'None while no lake is open.' })
  tables: TableView[];

  @ApiProperty({ type: [RunningOperation], description: 'What is running of what was asked for.' })
  operations: RunningOperation[];
}

@Controller('v1')
export class StatusController {
  constructor(
    private readonly projector: Projector,
    private readonly operations: Operations,
  ) {}

  @Get('status')
  @ApiOperation({ operationId: 'getProjectorStatus', summary: 'What the projector does, and how far it is.' })
  @ApiOkResponse({ type: ProjectorView })
  @ApiProblems()
  status(): ProjectorView {
    const { state, error, foldError } = this.projector.status;
    const { running } = this.projector;
    const watermark = running?.watermark.describe() ?? null;
    return {
      state,
      error: error && explained(error),
      fold_error: foldError && explained(foldError, foldError.cause),
      position: running?.appender.lastPosition ?? null,
      folded: running?.folding.folded ?? null,
      watermark: watermark && {
        ...watermark,
        source_time: instant(watermark.source_time),
        time: instant(watermark.time),
      },
      tables: (running?.folding.status ?? []).map(viewOf),
      operations: this.operations.running.map(({ kind, id, table, done, total }) => ({ kind, id, table, done, total })),
    };
  }
}

const viewOf = ({ table, position, drifted, failure }: FoldStatus): TableView => ({
  ...{ table, folded: position, drifted },
  fold_error: failure && explained(failure, failure.cause),
});
