import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class LiveAnswer {
  @ApiProperty({ example: 'live' })
  status: 'live';
}

export class ReadyCheck {
  @ApiProperty({ description: 'What the service needs.', example: 'database' })
  name: string;

  @ApiProperty({ enum: ['up', 'down'], example: 'up' })
  status: 'up' | 'down';

  @ApiPropertyOptional({ description: 'Why it is down, or what is not as it should be although it is up.' })
  detail?: string;
}

export class ReadyAnswer {
  @ApiProperty({ example: 'ready' })
  status: 'ready';

  @ApiProperty({ type: [ReadyCheck] })
  checks: ReadyCheck[];
}

/** One bad value; exactly one of `pointer`, `parameter` and `header` says where it stands. */
export class BadValue {
  @ApiPropertyOptional({ description: 'JSON pointer into the body.', example: '/name' })
  pointer?: string;

  @ApiPropertyOptional({ description: 'Name of a path or query parameter.' })
  parameter?: string;

  @ApiPropertyOptional({ description: 'Name of a header.' })
  header?: string;

  @ApiProperty({ description: 'What is wrong, for programs.', example: 'missing' })
  code: string;

  @ApiProperty({ description: 'What is wrong, for people.', example: '/name is missing; wanted is text.' })
  detail: string;

  @ApiPropertyOptional({ description: 'What came, shortened; absent where nothing came.', type: Object })
  got?: unknown;

  @ApiPropertyOptional({ description: 'What would be accepted.', example: 'text' })
  wanted?: string;
}

/** A refusal or failure (RFC 9457). */
export class ProblemAnswer {
  @ApiProperty({ description: 'Address of a page that explains the code.', example: '/problems/invalid' })
  type: string;

  @ApiProperty({ example: 'The request says something that cannot be' })
  title: string;

  @ApiProperty({ type: 'integer', example: 422 })
  status: number;

  @ApiProperty({ example: '/name is missing; wanted is text.' })
  detail: string;

  @ApiProperty({ description: 'The last part of `type`.', example: 'invalid' })
  code: string;

  @ApiProperty({ description: 'As in the header `X-Correlation-Id`.', example: '0f8f3a52-6a0b-4c55-9a7e-6f3f9e1b8f10' })
  correlation_id: string;

  @ApiPropertyOptional({ type: [BadValue] })
  errors?: BadValue[];
}
