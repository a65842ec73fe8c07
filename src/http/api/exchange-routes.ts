import type { z } from 'zod';
import type { DestinationState } from '../../exchange/deliveries.ts';
import type { OutboxRow } from '../../ports/index.ts';
import { type ApiRoute, route } from './route.ts';
import {
  Delivery,
  DeliveryList,
  DeliveryListQuery,
  DeliveryParams,
  DestinationList,
  DestinationParams,
  DestinationView,
} from './schemas.ts';
import type { DeliveryService } from './services.ts';

const tag = 'destinations';

const destinationView = ({ profile, ...state }: DestinationState): z.input<typeof DestinationView> => ({
  ...state,
  profile: profile ?? null,
});

function deliveryView(row: OutboxRow): z.input<typeof Delivery> {
  const { id, destination, runId, payload, state, attempt, createdAt, notBefore } = row;
  return {
    id,
    destination,
    runId,
    kind: payload.kind,
    state,
    attempt,
    createdAt,
    notBefore,
    deliveredAt: row.deliveredAt ?? null,
    lastError: row.lastError ?? null,
  };
}

export function exchangeRoutes(deliveries: DeliveryService): readonly ApiRoute[] {
  return [
    route({
      method: 'get',
      path: '/destinations',
      operationId: 'listDestinations',
      tag,
      summary: 'Where results are sent, and how much waits or was given up',
      scope: ['s', 'Endpoint'],
      response: DestinationList,
      handle: async ({ principal }) => ({
        destinations: (await deliveries.destinations(principal)).map(destinationView),
      }),
    }),
    route({
      method: 'get',
      path: '/destinations/{name}',
      operationId: 'readDestination',
      tag,
      summary: 'One destination',
      scope: ['r', 'Endpoint'],
      params: DestinationParams,
      response: DestinationView,
      errors: ['not-found'],
      handle: async ({ principal, params }) => destinationView(await deliveries.destination(principal, params.name)),
    }),
    route({
      method: 'get',
      path: '/deliveries',
      operationId: 'listDeliveries',
      tag,
      summary: 'What was sent or is to be sent, newest first',
      scope: ['s', 'Endpoint'],
      query: DeliveryListQuery,
      response: DeliveryList,
      errors: ['not-found'],
      handle: async ({ principal, query: { destination, state, limit, offset } }) => {
        const filter = {
          ...(destination === undefined ? {} : { destination }),
          ...(state === undefined ? {} : { state }),
        };
        return { deliveries: (await deliveries.list(principal, { ...filter, limit, offset })).map(deliveryView) };
      },
    }),
    route({
      method: 'post',
      path: '/deliveries/{id}/requeue',
      operationId: 'requeueDelivery',
      tag,
      summary: 'Send a delivery again that was given up',
      scope: ['u', 'Endpoint'],
      params: DeliveryParams,
      response: Delivery,
      errors: ['not-found', 'conflict', 'storage-full'],
      handle: async ({ principal, params }) => deliveryView(await deliveries.requeue(principal, params.id)),
    }),
  ];
}
