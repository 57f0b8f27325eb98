import { Controller, Get, Inject, Res, type Type } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Table } from '#libs/catalog';
import { nextPageUrl } from '#libs/list-query';
import { QueryPairs } from '#libs/service';
import { asOfAnswer, asOfHeaders, type Answered } from '../as-of/answer.js';
import { READER, type Reader } from '../follower/reader.js';
import { listVersions, oneVersion, versionHistory, type VersionRequest } from './version-answers.js';
import { historyListSpec, versionListSpec } from './version-fields.js';
import { DescribeHistory, DescribeList, DescribeOne, DescribeTable } from './version-operations.js';
import type { VersionPage, VersionRow } from './version-query.js';

type Pairs = VersionRequest['parameters'];

/** `v1/dimensions/<table>` or `v1/relationships/<table>`. */
export const versionsPath = ({ kind, table }: Table): string => `v1/${kind}s/${table}`;

/** The controller of a catalog entry. */
export function versionsController(table: Table): Type {
  const [listSpec, historySpec] = [versionListSpec(table), historyListSpec(table)];
  const key = table.key.map((name) => `:${name}`).join('/');

  @DescribeTable(table)
  @Controller(versionsPath(table))
  class VersionsController {
    constructor(@Inject(READER) private readonly reader: Reader) {}

    @DescribeList(table, listSpec)
    @Get()
    async list(@QueryPairs() pairs: Pairs, @Res({ passthrough: true }) reply: FastifyReply) {
      return sendPage(reply, await listVersions(this.reader, table, listSpec, asked(reply, pairs)));
    }

    @DescribeOne(table)
    @Get(key)
    async one(@QueryPairs() pairs: Pairs, @Res({ passthrough: true }) reply: FastifyReply) {
      return sendVersion(reply, await oneVersion(this.reader, table, asked(reply, pairs)));
    }

    @DescribeHistory(table, historySpec)
    @Get(`${key}/history`)
    async history(@QueryPairs() pairs: Pairs, @Res({ passthrough: true }) reply: FastifyReply) {
      return sendPage(reply, await versionHistory(this.reader, table, historySpec, asked(reply, pairs)));
    }
  }
  return VersionsController;
}

const asked = ({ request }: FastifyReply, parameters: Pairs): VersionRequest => ({
  parameters,
  path: request.params as Record<string, string>,
  token: request.headers['consistency-token']?.toString(),
});

function sendVersion(reply: FastifyReply, { cut, value }: Answered<VersionRow>) {
  void reply.headers(asOfHeaders(cut));
  return { data: value, as_of: asOfAnswer(cut) };
}

function sendPage(reply: FastifyReply, { cut, value }: Answered<VersionPage>) {
  const next = value.page.next_cursor;
  void reply.headers(asOfHeaders(cut));
  if (next !== null) void reply.header('Link', `<${nextPageUrl(reply.request.url, next)}>; rel="next"`);
  return { ...value, as_of: asOfAnswer(cut) };
}
