import type { Archive } from '../../archive/queries.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { PictureEncoder } from '../../ports/index.ts';
import { type AppContext, type AppRouter, createRouter } from '../context.ts';
import { qidoHandlers } from './qido.ts';
import { type StowDeps, stowHandler } from './stow.ts';
import { wadoHandlers } from './wado.ts';
import { frameHandlers } from './wado-frames.ts';
import { renderedHandlers } from './wado-rendered.ts';

type Handler = (ctx: AppContext) => Promise<void>;
type Row = readonly [path: string, get: Handler | undefined, post?: Handler];

export interface DicomwebDeps extends StowDeps {
  readonly archive: Archive;
  /** Without one there are no pictures: their addresses are unknown. */
  readonly pictures?: PictureEncoder;
}

const STUDY = '/studies/:study';
const SERIES = `${STUDY}/series/:series`;
const INSTANCE = `${SERIES}/instances/:instance`;

/** The DICOMweb service (PS3.18 chapter 10): one row an address, and what it does by method. HEAD follows GET. */
export function dicomwebRoutes({ archive, pictures, ...storing }: DicomwebDeps): AppRouter {
  const store = stowHandler(storing);
  const qido = qidoHandlers(archive);
  const wado = wadoHandlers(archive);
  const frames = frameHandlers(archive);
  const table: readonly Row[] = [
    ['/studies', qido.studies, store],
    ['/series', qido.series],
    ['/instances', qido.instances],
    [`${STUDY}/series`, qido.series],
    [`${STUDY}/instances`, qido.instances],
    [`${SERIES}/instances`, qido.instances],
    [STUDY, wado.retrieve, store],
    [SERIES, wado.retrieve],
    [INSTANCE, wado.retrieve],
    [`${STUDY}/metadata`, wado.metadata],
    [`${SERIES}/metadata`, wado.metadata],
    [`${INSTANCE}/metadata`, wado.metadata],
    [`${INSTANCE}/frames/:frames`, frames.frames],
    [`${INSTANCE}/bulkdata/*place`, frames.bulkData],
    ...(pictures ? pictureRows(archive, pictures) : []),
  ];
  const router = createRouter('/dicomweb');
  for (const [path, get, post] of table) {
    if (get) router.get(path, get);
    if (post) router.post(path, post);
    router.all(path, refuseMethod([...(get ? ['GET', 'HEAD'] : []), ...(post ? ['POST'] : []), 'OPTIONS']));
  }
  return router;
}

function pictureRows(archive: Archive, pictures: PictureEncoder): readonly Row[] {
  const { rendered, thumbnail } = renderedHandlers(archive, pictures);
  const frame = `${INSTANCE}/frames/:frames`;
  return [
    [`${INSTANCE}/rendered`, rendered],
    [`${frame}/rendered`, rendered],
    ...[STUDY, SERIES, INSTANCE, frame].map((path): Row => [`${path}/thumbnail`, thumbnail]),
  ];
}

/** 405 with what there is (RFC 9110 15.5.6); OPTIONS gets the same list as its answer. */
function refuseMethod(allowed: readonly string[]): Handler {
  return async (ctx) => {
    ctx.set('Allow', allowed.join(', '));
    if (ctx.method !== 'OPTIONS') {
      throw new NeuroInsightError('method-not-allowed', 'this address does not take the method');
    }
    ctx.status = 204;
  };
}
