import { ApiProperty } from '@nestjs/swagger';

const instant = { type: String, format: 'date-time', example: '2026-03-01T08:00:00.123456Z' } as const;
const position = { type: 'integer', format: 'int64', example: 4712 } as const;

export class FoldAnswer {
  @ApiProperty({ description: 'The source table.' })
  table: string;

  @ApiProperty({ ...position, description: 'Last position that is folded into its versions.' })
  position: number;

  @ApiProperty({
    description: 'Age of the oldest change that is not folded yet, in seconds; 0 if all are.',
    example: 12.5,
  })
  age_seconds: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      "How the catalog entry that its versions are made by differs from this service's; null if it does not.",
    example: null,
  })
  drift: string | null;
}

/** What the projector vouches for: everything that the source had committed by then is in the lake. */
export class WatermarkAnswer {
  @ApiProperty({
    description: 'The life of the source that `lsn` belongs to.',
    type: 'object',
    additionalProperties: true,
  })
  epoch: Record<string, unknown>;

  @ApiProperty({ description: 'As Postgres prints it.', example: '0/16B3748' })
  lsn: string;

  @ApiProperty({ ...position, description: 'Last position in the lake at that time.' })
  position: number;

  @ApiProperty({ ...instant, description: "The source's clock then." })
  source_time: string;

  @ApiProperty({ ...instant, description: 'Answers as of then or earlier are final.' })
  time: string;
}

export class FreshnessAnswer {
  @ApiProperty({ ...position, description: 'Last position that answers show.' })
  position: number;

  @ApiProperty({
    ...instant,
    nullable: true,
    description: 'When its transaction became effective; null in an empty lake.',
  })
  time: string | null;

  @ApiProperty({
    type: 'integer',
    format: 'int64',
    nullable: true,
    description: 'Positions in the lake that answers do not show yet; null where that is not known.',
    example: 0,
  })
  lag_positions: number | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    description:
      'Seconds since the moment of the source up to which answers are complete; null before the first watermark.',
    example: 1.2,
  })
  lag_seconds: number | null;

  @ApiProperty({ type: [FoldAnswer] })
  folds: FoldAnswer[];

  @ApiProperty({ type: WatermarkAnswer, nullable: true })
  watermark: WatermarkAnswer | null;

  @ApiProperty({ description: 'As `/health/ready` says.' })
  ready: boolean;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'What keeps the answers from going on now, however short that is; null if nothing does.',
    example: null,
  })
  problem: string | null;
}
