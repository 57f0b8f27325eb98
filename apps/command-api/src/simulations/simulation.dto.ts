import { FitsColumn, IfPresent } from '#libs/service';
import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, Max, Min } from 'class-validator';

export const kinds = ['students'] as const;
export const states = ['running', 'done', 'cancelled', 'failed'] as const;

/** Commands to be made up and sent as if by clients. */
export class SimulationBody {
  /** What is simulated: `students` registers random students. */
  @ApiProperty({ enum: kinds, example: 'students' })
  @IsIn(kinds)
  kind: (typeof kinds)[number];

  /**
   * How many commands, from 1 to 10 000 000.
   * @example 1000
   */
  @FitsColumn('integer')
  @Min(1)
  @Max(10_000_000)
  count: number;

  /**
   * Equal seeds make equal commands, from 0 to 4 294 967 295. Chosen at random where absent.
   * @example 7
   */
  @IfPresent()
  @FitsColumn('bigint')
  @Min(0)
  @Max(4_294_967_295)
  seed?: number;

  /**
   * Commands a second, from 0.001 to 100 000. As fast as they go where absent or null.
   * @example 50
   */
  @IsOptional()
  @FitsColumn('numeric(9,3)')
  @Min(0.001)
  @Max(100_000)
  rate?: number | null;
}

/** How far a simulation has come. */
export class SimulationResource {
  @ApiProperty({ format: 'uuid', example: '6f9d2e52-6a0b-4c55-9a7e-6f3f9e1b8f10' })
  id: string;

  @ApiProperty({ enum: kinds, example: 'students' })
  kind: string;

  @ApiProperty({ enum: states, example: 'running' })
  state: (typeof states)[number];

  @ApiProperty({ type: 'integer', description: 'Commands that were answered.', example: 420 })
  done: number;

  @ApiProperty({ type: 'integer', example: 1000 })
  total: number;

  @ApiProperty({ type: 'integer', example: 7 })
  seed: number;

  @ApiProperty({ type: 'number', nullable: true, description: 'Commands a second that were asked for.', example: 50 })
  rate: number | null;

  @ApiProperty({
    type: 'number',
    nullable: true,
    description: 'Commands a second since it was last begun.',
    example: 49.8,
  })
  measured_rate: number | null;

  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'When it will be done, at this rate.',
  })
  eta: string | null;

  @ApiProperty({ type: 'string', nullable: true, description: 'Code of the error that ended it.' })
  failure: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', example: '2026-03-01T08:00:00.123456Z' })
  created_at: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  finished_at: string | null;
}
