/** Debezium's geometric values as Postgres prints them: numbers where it names them, else the points of its WKB. */
import { floatText } from './number-text.js';
import type { JsonValue } from './record.js';

type Fields = Readonly<Record<string, JsonValue>>;
type Point = readonly [x: string, y: string];

const texts: Readonly<Record<string, (value: Fields) => string>> = {
  point: (value) => pair([double(value['x']!), double(value['y']!)]),
  line: ({ a, b, c }) => `{${[a!, b!, c!].map(double).join(',')}}`,
  circle: ({ center, radius }) => `<${texts['point']!(center as Fields)},${double(radius!)}>`,
  lseg: (value) => `[${pointsOf(value).map(pair).join(',')}]`,
  // a ring of five, from the upper right corner over the lower left one
  box: (value) => [pointsOf(value)[0]!, pointsOf(value)[2]!].map(pair).join(','),
  path: (value) => {
    const points = pointsOf(value).map(pair).join(',');
    return (value['extensions'] as Fields)['closed'] === 'true' ? `(${points})` : `[${points}]`;
  },
  // a ring ends where it began
  polygon: (value) => `(${pointsOf(value).slice(0, -1).map(pair).join(',')})`,
};

export const geometricTypes: ReadonlySet<string> = new Set(Object.keys(texts));

export const geometryText = (value: JsonValue, type: string): string => texts[type]!(value as Fields);

const double = (value: JsonValue): string => floatText(value, 'float8');
const pair = ([x, y]: Point): string => `(${x},${y})`;

const [lineString, ofDoubles] = [2, 16];

/** Little-endian WKB (OGC 06-103r4, 8.2.3) of a line string, or of a polygon with one ring. */
function pointsOf(value: Fields): Point[] {
  const wkb = Buffer.from(value['wkb'] as string, 'base64');
  const counted = wkb.readUInt32LE(1) === lineString ? 5 : 9;
  return Array.from({ length: wkb.readUInt32LE(counted) }, (_, i) => {
    const at = counted + 4 + i * ofDoubles;
    return [double(wkb.readDoubleLE(at)), double(wkb.readDoubleLE(at + 8))];
  });
}
