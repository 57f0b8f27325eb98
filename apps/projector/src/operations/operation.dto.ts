import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { operationStates, type OperationState } from './operations.js';

/** How far an operation has come, or what it came to. */
export class OperationResource {
  @ApiProperty({ format: 'uuid', example: '6f9d2e52-6a0b-4c55-9a7e-6f3f9e1b8f10' })
  id: string;

  @ApiProperty({ type: String, nullable: true, description: 'Source table; null: all of them.', example: 'halls' })
  table: string | null;

  @ApiProperty({ enum: operationStates, example: 'running' })
  state: OperationState;

  @ApiProperty({ type: 'integer', description: 'Changes or rows that are done.', example: 420 })
  done: number;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Of so many; null: not known.', example: 1000 })
  total: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Code of the error that ended it.', example: null })
  failure: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'That error in words.', example: null })
  error: string | null;

  @ApiProperty({ format: 'date-time', example: '2026-03-01T08:00:00.123456Z' })
  created_at: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  finished_at: string | null;
}

export class WaitQuery {
  @ApiPropertyOptional({
    enum: ['true', 'false'],
    default: 'false',
    description: '`true`: answer when it has ended, however.',
  })
  @IsOptional()
  @IsIn(['true', 'false'])
  wait?: string;
}
