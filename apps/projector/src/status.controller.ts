import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty } from '@nestjs/swagger';
import { ApiProblems } from '#libs/service';
import type { FoldStatus } from './folding/fold-schedule.js';
import { instant } from './instant.js';
import { Operations, operationKinds, type OperationKind } from './operations/operations.js';
import { Projector } from './projector.js';
import { explained } from './remedy.js';
import { known, lagOf } from './watch/source-report.js';
import { SourceWatch } from './watch/source-watch.js';

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

export class SlotView {
  @ApiProperty({ example: 'migsbyu' })
  slot: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'As in pg_replication_slots.wal_status; null: there is no such slot.',
    example: 'reserved',
  })
  status: string | null;

  @ApiProperty({ description: 'Whether somebody reads it.', example: true })
  active: boolean;

  @ApiProperty({ type: 'integer', description: 'Bytes of its log that the server keeps for it.', example: 16_777_216 })
  retained_bytes: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The most that it keeps (max_slot_wal_keep_size); null: no limit.',
    example: 4_294_967_296,
  })
  limit_bytes: number | null;
}

export class TopicView {
  @ApiProperty({ example: 'migsbyu' })
  topic: string;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Offset of the next record to come.', example: 4800 })
  end: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Offset of the next record to be read.', example: 4711 })
  consumed: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Records that are not read yet.', example: 89 })
  lag: number | null;
}

export class ConnectorView {
  @ApiProperty({ example: 'migsbyu' })
  connector: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Connect’s word; null: there is none.',
    example: 'RUNNING',
  })
  state: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Of its task.', example: 'RUNNING' })
  task: string | null;
}

/** Each part null where it is not of this way, or does not answer. */
export class SourceView {
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Seconds since the source’s clock stood where the lake is complete.',
    example: 0.8,
  })
  lag_seconds: number | null;

  @ApiProperty({ type: SlotView, nullable: true })
  slot: SlotView | null;

  @ApiProperty({ type: TopicView, nullable: true })
  topic: TopicView | null;

  @ApiProperty({ type: ConnectorView, nullable: true })
  connector: ConnectorView | null;

  @ApiProperty({ type: [String], description: 'What is wrong on the way from the source, and what to do.' })
  troubles: string[];
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

  @ApiProperty({ type: SourceView, description: 'The way from the source, looked at every two seconds.' })
  source: SourceView;

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
    private readonly watch: SourceWatch,
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
      source: sourceView(this.watch),
      tables: (running?.folding.status ?? []).map(viewOf),
      operations: this.operations.running.map(({ kind, id, table, done, total }) => ({ kind, id, table, done, total })),
    };
  }
}

const viewOf = ({ table, position, drifted, failure }: FoldStatus): TableView => ({
  ...{ table, folded: position, drifted },
  fold_error: failure && explained(failure, failure.cause),
});

function sourceView({ report, lag }: SourceWatch): SourceView {
  const [slot, topic, connector] = [known(report.slot), known(report.topic), known(report.connector)];
  return {
    lag_seconds: lag,
    slot: slot && {
      ...{ slot: slot.slot, status: slot.status, active: slot.active },
      ...{ retained_bytes: slot.retained, limit_bytes: slot.limit },
    },
    topic: topic && { topic: topic.topic, end: topic.end, consumed: topic.consumed, lag: lagOf(topic) },
    connector: connector && {
      connector: connector.connector,
      ...{ state: connector.status?.connector ?? null, task: connector.status?.task ?? null },
    },
    troubles: report.troubles.map(({ detail }) => detail),
  };
}
