import { describe, expect, it } from '@jest/globals';
import { lakeFolder } from './lake-folder.js';

describe('the folder behind LAKE_URL', () => {
  it.each([
    ['file:///var/lib/lake', '/var/lib/lake'],
    ['file:///my%20lake/S%C3%BCd', '/my lake/Süd'],
    ['file:///my lake/Süd', '/my lake/Süd'],
    ['file:///100%25/%23%3F', '/100%/#?'],
  ])('%s is %s', (url, folder) => {
    expect(lakeFolder(url)).toBe(folder);
  });

  it.each([
    'lake',
    '/var/lib/lake',
    's3://bucket/lake',
    'file:lake',
    'file://host/lake',
    'file:///lake#1',
    'file:///lake?1',
    'file:///a%2Fb',
    'file:///100%',
  ])('is not guessed from %s', (url) => {
    expect(() => lakeFolder(url)).toThrow(expect.objectContaining({ code: 'unsupported-lake', url }));
  });
});
