import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { isProblemCode, Problem, problemPage } from '#libs/problems';
import { ApiProblems } from './api-problems.js';
import { Readiness } from './health.js';
import { LiveAnswer, ReadyAnswer } from './service.dto.js';

/** What every service has beside its work: its health, its figures, and the pages behind its problems. */
@ApiTags('service')
@Controller()
export class ServiceController {
  constructor(
    private readonly readiness: Readiness,
    private readonly registry: Registry,
  ) {}

  @Get('health/live')
  @ApiOperation({ operationId: 'getLiveness', summary: 'Whether the process runs; if not, restart it' })
  @ApiOkResponse({ type: LiveAnswer })
  @ApiProblems()
  live(): LiveAnswer {
    return { status: 'live' };
  }

  @Get('health/ready')
  @ApiOperation({ operationId: 'getReadiness', summary: 'Whether it can answer; if not, send it no requests' })
  @ApiOkResponse({ type: ReadyAnswer })
  @ApiProblems('source-changed', 'source-unreadable')
  async ready(): Promise<ReadyAnswer> {
    return { status: 'ready', checks: await this.readiness.check() };
  }

  @Get('metrics')
  @ApiExcludeEndpoint()
  @ApiProduces('text/plain')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics(): Promise<string> {
    return this.registry.metrics();
  }

  @Get('problems/:code')
  @ApiExcludeEndpoint()
  @ApiProduces('text/html')
  @Header('content-type', 'text/html; charset=utf-8')
  problem(@Param('code') code: string): string {
    if (!isProblemCode(code)) throw new Problem('not-found', `No problem has the code ${code}.`);
    return problemPage(code);
  }
}
