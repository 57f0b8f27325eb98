import { describe, expect, it } from '@jest/globals';
import { joinDocuments, type OpenApiDocument } from './join-documents.js';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const answer = (name: string) => ({ responses: { 200: { content: { 'application/json': { schema: ref(name) } } } } });

const document = (paths: Record<string, object>, schemas: Record<string, unknown> = {}): OpenApiDocument => ({
  openapi: '3.1.0',
  paths: paths as OpenApiDocument['paths'],
  components: { schemas },
});

const join = (commands: OpenApiDocument, queries: OpenApiDocument) =>
  joinDocuments(
    [
      { label: 'commands', prefix: '/api/commands', document: commands },
      { label: 'queries', prefix: '/api/queries', document: queries },
    ],
    { title: 'Both', version: '1' },
  );

describe('joined OpenAPI documents', () => {
  it('have the paths of both under their prefixes, from the root', () => {
    const joined = join(
      document({ '/v1/buildings': { get: answer('Building') } }, { Building: { type: 'object' } }),
      document({ '/v1/freshness': { get: answer('Freshness') } }, { Freshness: { type: 'object' } }),
    );
    expect(Object.keys(joined.paths)).toEqual(['/api/commands/v1/buildings', '/api/queries/v1/freshness']);
    expect(joined['servers']).toEqual([{ url: '/' }]);
    expect(Object.keys(joined.components!['schemas']!)).toEqual(['Building', 'Freshness']);
  });

  it('keep one copy of a component that is equal in both', () => {
    const problem = { type: 'object', properties: { code: { type: 'string' } } };
    const joined = join(document({}, { Problem: problem }), document({}, { Problem: problem }));
    expect(joined.components).toEqual({ schemas: { Problem: problem } });
  });

  it('tell apart what has one name and two meanings, and all that refers to it', () => {
    const list = { type: 'array', items: ref('Building') };
    const joined = join(
      document({ '/v1/buildings': { get: answer('List') } }, { List: list, Building: { type: 'object' } }),
      document({ '/v1/buildings': { get: answer('List') } }, { List: list, Building: { type: 'string' } }),
    );
    expect(joined.components!['schemas']).toEqual({
      CommandsList: { type: 'array', items: ref('CommandsBuilding') },
      CommandsBuilding: { type: 'object' },
      QueriesList: { type: 'array', items: ref('QueriesBuilding') },
      QueriesBuilding: { type: 'string' },
    });
    expect(joined.paths['/api/commands/v1/buildings']).toEqual({ get: answer('CommandsList') });
    expect(joined.paths['/api/queries/v1/buildings']).toEqual({ get: answer('QueriesList') });
  });

  it('follow the references of a discriminator', () => {
    const shape = (type: string) => ({ Base: { discriminator: { mapping: { a: ref('A').$ref } } }, A: { type } });
    const joined = join(document({}, shape('object')), document({}, shape('string')));
    expect(joined.components!['schemas']!['QueriesBase']).toEqual({
      discriminator: { mapping: { a: ref('QueriesA').$ref } },
    });
  });

  it('give every operation a name of its own, and leave those that had one', () => {
    const joined = join(
      document({
        '/health': { get: { operationId: 'getHealth' } },
        '/a': { parameters: [], post: { operationId: 'createA' } },
      }),
      document({ '/health': { get: { operationId: 'getHealth' } } }),
    );
    expect(joined.paths).toEqual({
      '/api/commands/health': { get: { operationId: 'commandsGetHealth' } },
      '/api/commands/a': { parameters: [], post: { operationId: 'createA' } },
      '/api/queries/health': { get: { operationId: 'queriesGetHealth' } },
    });
  });

  it('list a tag once', () => {
    const tagged = { ...document({}), tags: [{ name: 'service' }] };
    expect(join(tagged, tagged).tags).toEqual([{ name: 'service' }]);
  });
});
