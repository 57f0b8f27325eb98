import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';
import { PageInfo } from './page.dto.js';

/** Who changed something, and why. */
export class EventMetadataResource {
  @ApiProperty({ example: 'registrar' })
  actor: string;

  @ApiProperty({ example: 'ChangeStudent' })
  command: string;

  @ApiProperty({ format: 'uuid', example: '6f9d2e52-6a0b-4c55-9a7e-6f3f9e1b8f10' })
  command_id: string;

  @ApiProperty({ example: '0f8f3a52-6a0b-4c55-9a7e-6f3f9e1b8f10' })
  correlation_id: string;

  @ApiProperty({ type: String, nullable: true, example: null })
  causation_id: string | null;

  @ApiProperty({ type: String, nullable: true, example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' })
  traceparent: string | null;
}

/** Something that happened. */
export class EventResource {
  @ApiProperty({ type: 'integer', description: 'Place in the stream, from 1.', example: 2 })
  version: number;

  @ApiProperty({ example: 'MajorDeclared' })
  type: string;

  @ApiProperty({ type: 'integer', example: 1 })
  schema_version: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'The fields concerned, decimals as text.',
    example: { major: 'Mathematics' },
  })
  data: Record<string, unknown>;

  @ApiProperty()
  metadata: EventMetadataResource;

  @ApiProperty({ format: 'date-time', example: '2026-03-01T08:00:00.123456Z' })
  occurred_at: string;
}

export class EventPage {
  data: EventResource[];
  page: PageInfo;
}

export class EventQuery {
  @ApiPropertyOptional({ description: 'Events a page, from 1 to 1000.', default: '50' })
  @IsOptional()
  @Matches(/^([1-9]\d{0,2}|1000)$/, { message: 'a whole number from 1 to 1000' })
  limit?: string;

  @ApiPropertyOptional({ description: '`next_cursor` of the page before.' })
  @IsOptional()
  @Matches(/^\d{1,9}$/, { message: '`next_cursor` of the page before' })
  cursor?: string;
}
