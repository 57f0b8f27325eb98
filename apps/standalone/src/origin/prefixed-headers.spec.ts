import { describe, expect, it } from '@jest/globals';
import { withPrefix } from './prefixed-headers.js';

const told = (headers: Record<string, string | string[]>) => withPrefix(headers, '/api/commands');

describe('addresses that a service tells', () => {
  it('begin with its place under the origin', () => {
    expect(told({ location: '/v1/buildings/B1', 'content-location': '/v1/buildings' })).toEqual({
      location: '/api/commands/v1/buildings/B1',
      'content-location': '/api/commands/v1/buildings',
    });
  });

  it('get the prefix in each target of a Link, in one header or several', () => {
    const one = '</v1/buildings?cursor=a,b>; rel="next", </v1/buildings>; rel="first"';
    const prefixed = '</api/commands/v1/buildings?cursor=a,b>; rel="next", </api/commands/v1/buildings>; rel="first"';
    expect(told({ link: one })).toEqual({ link: prefixed });
    expect(told({ link: [one, '</v1>; rel="up"'] })).toEqual({ link: [prefixed, '</api/commands/v1>; rel="up"'] });
  });

  it('stay as they are where they are no path of the service', () => {
    const elsewhere = { location: 'https://example.com/v1', link: '<//example.com/v1>; rel="next"', etag: '"</v1>"' };
    expect(told(elsewhere)).toEqual(elsewhere);
    expect(told({ location: '../buildings' })).toEqual({ location: '../buildings' });
  });
});
