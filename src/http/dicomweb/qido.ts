import type { Archive, SearchAnswer } from '../../archive/queries.ts';
import type { QueryPath } from '../../archive/queries-request.ts';
import { inTurns } from '../../domain/in-turns.ts';
import { type AppContext, queryPairs } from '../context.ts';
import { acceptedTypes, negotiate, type Offer } from './accept.ts';

/** application/json is no DICOM type, but many a client sends it and means this. */
export const JSON_OFFERS: readonly Offer[] = [
  { form: 'single', type: 'application/dicom+json' },
  { form: 'single', type: 'application/json' },
];

/** Written in one turn of the event loop; some milliseconds. */
const ANSWERS_A_TURN = 250;

/** The entries of the request's Accept, from the query or the header. */
export function acceptedBy(ctx: AppContext): ReturnType<typeof acceptedTypes> {
  const parameter = queryPairs(ctx).find(([name]) => name === 'accept')?.[1];
  return acceptedTypes(ctx.get('Accept'), parameter);
}

/** GET studies, series, instances with a query: PS3.18 10.6. No match is an empty list and 200. */
export function qidoHandlers(archive: Archive) {
  const answered =
    (search: (ctx: AppContext) => Promise<SearchAnswer>) =>
    async (ctx: AppContext): Promise<void> => {
      const { type } = negotiate(acceptedBy(ctx), JSON_OFFERS);
      const { answers, more, limitIsOurs } = await search(ctx);
      if (more) ctx.set('Warning', `299 ${archive.serviceUrl} "${moreText(limitIsOurs)}"`);
      // Lists of patients belong in no cache but, if at all, the browser's own for this page.
      ctx.set({ 'Cache-Control': 'no-store', Vary: 'Accept, Authorization' });
      ctx.type = type;
      ctx.body = `[${(await inTurns(answers, ANSWERS_A_TURN, (answer) => JSON.stringify(answer))).join(',')}]`;
    };
  return {
    studies: answered((ctx) => archive.searchStudies(ctx.state.principal, queryPairs(ctx))),
    series: answered((ctx) => archive.searchSeries(ctx.state.principal, pathOf(ctx), queryPairs(ctx))),
    instances: answered((ctx) => archive.searchInstances(ctx.state.principal, pathOf(ctx), queryPairs(ctx))),
  };
}

/** PS3.18 8.3.4.4. */
const moreText = (limitIsOurs: boolean): string =>
  limitIsOurs
    ? 'The number of results exceeded the maximum supported by the server. Additional results can be requested.'
    : 'There are additional results that can be requested.';

function pathOf({ params }: AppContext): QueryPath {
  return {
    ...(params.study !== undefined && { studyInstanceUid: params.study }),
    ...(params.series !== undefined && { seriesInstanceUid: params.series }),
  };
}
