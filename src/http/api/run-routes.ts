import type { z } from 'zod';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { RunQuery, RunRow } from '../../ports/index.ts';
import { sendRunEvents } from './events.ts';
import { type ApiRoute, rawRoute, route } from './route.ts';
import { FileParams, Run, RunList, RunListQuery, RunLog, RunParams, RunRequest } from './schemas.ts';
import type { Runs } from './services.ts';

export interface RunRoutesDeps {
  readonly runs: Runs;
  readonly publicUrl: string;
  readonly heartbeatMs?: number;
}

const tag = 'runs';

/** What the API tells of a run. */
export function runView(row: RunRow, publicUrl: string): z.input<typeof Run> {
  const self = `${publicUrl}/api/v1/runs/${row.id}`;
  const { id, studyInstanceUid, state, cause, percent, attempt, cancelRequested, createdAt, notBefore, result } = row;
  return {
    id,
    studyInstanceUid,
    state,
    cause,
    step: row.step ?? null,
    percent,
    attempt,
    cancelRequested,
    createdAt,
    notBefore,
    startedAt: row.startedAt ?? null,
    finishedAt: row.finishedAt ?? null,
    failure: row.failure === undefined ? null : { kind: row.failure.kind, message: row.failure.message },
    result: result === undefined ? null : resultView(result),
    links: {
      self,
      log: `${self}/log`,
      events: `${self}/events`,
      study: `${publicUrl}/dicomweb/studies/${studyInstanceUid}`,
      report: result === undefined ? null : `${publicUrl}/fhir/R4/${result.diagnosticReport}`,
      files: Object.keys(row.files).map((name) => ({
        name,
        href: `${self}/files/${encodeURIComponent(name)}`,
        contentType: contentTypeOf(name),
      })),
    },
  };
}

// Field by field, so that what is added to the row for the server's own use is not handed out by accident.
function resultView(result: NonNullable<RunRow['result']>): z.input<typeof Run>['result'] {
  const { analysisKey, segSopInstanceUid, srSopInstanceUid, pdfSopInstanceUid } = result;
  const { diagnosticReport, patient, leftVolumeMm3, rightVolumeMm3, qualityVerdict } = result;
  return {
    analysisKey,
    segSopInstanceUid,
    srSopInstanceUid,
    pdfSopInstanceUid,
    diagnosticReport,
    patient,
    leftVolumeMm3,
    rightVolumeMm3,
    qualityVerdict,
  };
}

const TYPES: readonly (readonly [suffix: string, type: string])[] = [
  ['bundle.json', 'application/fhir+json'],
  ['.json', 'application/json'],
  ['.pdf', 'application/pdf'],
  ['.png', 'image/png'],
  ['.dcm', 'application/dicom'],
  ['.gz', 'application/gzip'],
];

function contentTypeOf(name: string): string {
  return TYPES.find(([suffix]) => name.endsWith(suffix))?.[1] ?? 'application/octet-stream';
}

/** What a browser may show in place; the rest is saved. */
const SHOWN: ReadonlySet<string> = new Set(['application/pdf', 'image/png']);

export function runRoutes(deps: RunRoutesDeps): readonly ApiRoute[] {
  const { runs, publicUrl } = deps;
  const view = (row: RunRow): z.input<typeof Run> => runView(row, publicUrl);
  return [
    route({
      method: 'post',
      path: '/runs',
      operationId: 'requestRun',
      tag,
      summary: 'Have a study measured; the run that is there already, if there is one',
      scope: ['c', 'Task'],
      body: RunRequest,
      status: 202,
      response: Run,
      errors: ['not-found', 'no-usable-series', 'overloaded', 'storage-full'],
      handle: async ({ principal, body }, ctx) => {
        const row = await runs.request(principal, body);
        ctx.set('Location', `${publicUrl}/api/v1/runs/${row.id}`);
        return view(row);
      },
    }),
    route({
      method: 'get',
      path: '/runs',
      operationId: 'listRuns',
      tag,
      summary: 'Runs, newest first',
      scope: ['s', 'Task'],
      query: RunListQuery,
      response: RunList,
      handle: async ({ principal, query }) => {
        const { rows, total } = await runs.list(principal, query as RunQuery);
        return { total, runs: rows.map(view) };
      },
    }),
    route({
      method: 'get',
      path: '/runs/{id}',
      operationId: 'readRun',
      tag,
      summary: 'One run: state, step, percent, failure, result, links',
      scope: ['r', 'Task'],
      params: RunParams,
      response: Run,
      errors: ['not-found'],
      handle: async ({ principal, params }) => view(await runs.get(principal, params.id)),
    }),
    ...followRoutes(deps),
    ...changeRoutes(deps),
  ];
}

/** What is known of one run beside its row. */
function followRoutes({ runs, publicUrl, heartbeatMs }: RunRoutesDeps): readonly ApiRoute[] {
  return [
    route({
      method: 'get',
      path: '/runs/{id}/log',
      operationId: 'readRunLog',
      tag,
      summary: 'What happened to a run, line by line',
      scope: ['r', 'Task'],
      params: RunParams,
      response: RunLog,
      errors: ['not-found'],
      handle: async ({ principal, params }) => {
        const lines = await runs.log(principal, params.id);
        return { lines: lines.map(({ at, level, message }) => ({ at, level, message })) };
      },
    }),
    rawRoute({
      method: 'get',
      path: '/runs/{id}/events',
      operationId: 'watchRun',
      tag,
      summary: 'The run and each of its changes as server-sent events, until it has ended',
      scope: ['r', 'Task'],
      params: RunParams,
      contentTypes: ['text/event-stream'],
      errors: ['not-found', 'not-acceptable', 'overloaded'],
      write: async ({ principal, params }, ctx) => {
        if (ctx.accepts('text/event-stream') === false) {
          throw new NeuroInsightError('not-acceptable', 'events come as text/event-stream');
        }
        const rows = runs.subscribe(principal, params.id);
        const view = (row: RunRow): unknown => runView(row, publicUrl);
        await sendRunEvents(ctx, { rows, view, ...(heartbeatMs === undefined ? {} : { heartbeatMs }) });
      },
    }),
    rawRoute({
      method: 'get',
      path: '/runs/{id}/files/{name}',
      operationId: 'readRunFile',
      tag,
      summary: 'A file that the run made: report.pdf, bundle.json, measurements.json ...',
      scope: ['r', 'Task'],
      params: FileParams,
      contentTypes: [...new Set(TYPES.map(([, type]) => type))],
      errors: ['not-found'],
      write: async ({ principal, params }, ctx) => {
        const bytes = await runs.file(principal, params.id, params.name);
        const type = contentTypeOf(params.name);
        ctx.body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        ctx.set('Content-Type', type);
        // The name was matched against letters, digits, dots, hyphens and underscores: it needs no escape.
        ctx.set('Content-Disposition', `${SHOWN.has(type) ? 'inline' : 'attachment'}; filename="${params.name}"`);
      },
    }),
  ];
}

function changeRoutes({ runs, publicUrl }: RunRoutesDeps): readonly ApiRoute[] {
  const changes = [
    ['cancel', 'cancelRun', 'Stop a run that has not ended'],
    ['requeue', 'requeueRun', 'Queue a run again that is dead, refused or cancelled'],
  ] as const;
  return changes.map(([change, operationId, summary]) =>
    route({
      method: 'post',
      path: `/runs/{id}/${change}`,
      operationId,
      tag,
      summary,
      scope: ['u', 'Task'],
      params: RunParams,
      response: Run,
      errors: ['not-found', 'conflict', 'overloaded', 'storage-full'],
      handle: async ({ principal, params }) => runView(await runs[change](principal, params.id), publicUrl),
    }),
  );
}
