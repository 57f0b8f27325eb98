import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { assertFree } from './ports.js';

describe('a port', () => {
  it('that is taken is named with the variable that changes it, and is free again afterwards', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(assertFree(port, '127.0.0.1', 'PORT')).rejects.toMatchObject({
      code: 'port-in-use',
      message: `Port ${port} is taken by another program. Stop that one, or set PORT to another port (0: any free one).`,
    });
    other.close();
    await once(other, 'close');
    await assertFree(port, '127.0.0.1', 'PORT');
    await assertFree(port, '127.0.0.1', 'PORT'); // asking does not take it
  });

  it('0 is always free', async () => {
    await expect(assertFree(0, '127.0.0.1', 'PORT')).resolves.toBeUndefined();
  });
});
