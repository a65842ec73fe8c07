import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  createExchangeWorld,
  DESTINATIONS,
  type ExchangeWorld,
  SITE,
  toEhr,
  toPacs,
} from '../../test/harness/exchange-world.ts';
import type { Principal } from '../ports/index.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';

const engineer: Principal = {
  kind: 'api-key',
  id: 'key-1',
  name: 'engineer',
  site: SITE,
  scopes: 'system/Endpoint.rus',
  address: '127.0.0.1',
};

let world: ExchangeWorld;
let deliveries: Deliveries;
let nudges: number;

beforeEach(async () => {
  world = await createExchangeWorld();
  nudges = 0;
  const [pacs, ehr] = DESTINATIONS;
  deliveries = createDeliveries({
    ...world.deps,
    destinations: [{ ...pacs!, url: 'https://pacs.example/dicom-web?token=s3cret#x' }, ehr!],
    onQueued: () => nudges++,
  });
});

describe('what is told of destinations', () => {
  it('is how their deliveries stand, without what a URL may hide', async () => {
    await world.queue(toPacs('a'), toPacs('b', { state: 'dead' }), toPacs('c', { state: 'delivered' }));
    expect(await deliveries.destinations(engineer)).toEqual([
      {
        name: 'pacs',
        kind: 'dicomweb',
        url: 'https://pacs.example/dicom-web',
        profile: undefined,
        pending: 1,
        dead: 1,
      },
      { name: 'ehr', kind: 'fhir', url: 'https://ehr.example/', profile: 'transaction', pending: 0, dead: 0 },
    ]);
    expect(await deliveries.destination(engineer, 'pacs')).toMatchObject({ pending: 1, dead: 1 });
    expect(await world.audit()).toEqual(['api/destination-read 0', 'api/destination-list 0']);
  });

  it('is nothing of one that is not configured', async () => {
    await expect(deliveries.destination(engineer, 'gone')).rejects.toMatchObject({ kind: 'not-found' });
    const query = { destination: 'gone', limit: 10, offset: 0 };
    await expect(deliveries.list(engineer, query)).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('is told to those alone who may know', async () => {
    const other = { ...engineer, scopes: 'system/Patient.cruds' };
    const asked = [
      deliveries.destinations(other),
      deliveries.destination(other, 'pacs'),
      deliveries.list(other, { limit: 10, offset: 0 }),
      deliveries.requeue(other, 'a'),
    ];
    for (const answer of asked) await expect(answer).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('lists deliveries by destination and state', async () => {
    await world.queue(toPacs('a'), toPacs('b', { state: 'dead' }), toEhr('c'));
    const page = { limit: 10, offset: 0 };
    const ids = async (query: object): Promise<string[]> =>
      (await deliveries.list(engineer, { ...page, ...query })).map(({ id }) => id).sort();
    expect(await ids({})).toEqual(['a', 'b', 'c']);
    expect(await ids({ destination: 'pacs' })).toEqual(['a', 'b']);
    expect(await ids({ state: 'dead' })).toEqual(['b']);
  });
});

describe('a delivery that was given up', () => {
  it('is sent again from its first attempt, and the run is completed then', async () => {
    await world.queue(toPacs('a', { state: 'dead', attempt: 20, lastError: 'pacs answered 400' }));
    world.advance(60);
    expect(await deliveries.requeue(engineer, 'a')).toMatchObject({ state: 'pending', attempt: 0, version: 2 });
    expect(nudges).toBe(1);
    expect(await world.delivery().deliverDue(new AbortController().signal)).toBe(1);
    expect(await world.outbox('a')).toMatchObject({ state: 'delivered', lastError: undefined });
    expect((await world.run()).state).toBe('completed');
    expect(await world.audit()).toContain('api/delivery-requeue 0');
  });

  it('is not one that waits or was delivered, nor one that is not there', async () => {
    await world.queue(toPacs('a'), toPacs('b', { state: 'delivered' }));
    for (const id of ['a', 'b'])
      await expect(deliveries.requeue(engineer, id)).rejects.toMatchObject({ kind: 'conflict' });
    await expect(deliveries.requeue(engineer, 'none')).rejects.toMatchObject({ kind: 'not-found' });
    expect(nudges).toBe(0);
  });

  it('is queued once when two ask for it', async () => {
    await world.queue(toPacs('a', { state: 'dead' }));
    const asked = await Promise.allSettled([deliveries.requeue(engineer, 'a'), deliveries.requeue(engineer, 'a')]);
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(nudges).toBe(1);
  });
});
