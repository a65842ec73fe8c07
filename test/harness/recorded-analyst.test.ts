import { beforeAll, describe, expect, it } from '@jest/globals';
import { readInstanceHeader } from '../../src/dicom/instance.ts';
import type { Analyst } from '../../src/ports/index.ts';
import { SharpImageEncoder } from '../../src/render/sharp-image-encoder.ts';
import { secondaryCaptureUid } from '../../src/report/secondary-capture.ts';
import { openRecordedAnalyst } from './recorded-analyst.ts';
import { STUDY, sourceRow } from './run-world.ts';

const instances = [2, 1].map((number) =>
  sourceRow(number, {
    attributes: {
      study: {
        '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Doe^Jane' }] },
        '00100020': { vr: 'LO', Value: ['P-7'] },
      },
      series: {},
      instance: {},
    },
  }),
);
const date = '2026-11-24T08:00:00.000Z';
const never = async (): Promise<undefined> => undefined;
const signal = new AbortController().signal;

describe('the recorded analyst', () => {
  let analyst: Analyst;
  beforeAll(async () => {
    analyst = await openRecordedAnalyst({ encoder: new SharpImageEncoder() });
  });

  it('makes the same bytes of the same instances, in whatever order they are given', async () => {
    const steps: string[] = [];
    const one = await analyst.analyse({ instances, date, dateOfEarlierRun: never }, (step) => steps.push(step), signal);
    const again = { instances: [...instances].reverse(), date, dateOfEarlierRun: never };
    const two = await analyst.analyse(again, () => {}, signal);
    expect(two.files.map(({ bytes }) => Buffer.from(bytes))).toEqual(one.files.map(({ bytes }) => Buffer.from(bytes)));
    expect(steps).toEqual(['read-headers', 'assemble', 'model-space', 'segment', 'measure', 'encode']);
  });

  it('writes objects of the study and the patient that it was given, under the identifiers of its result', async () => {
    const { result, files } = await analyst.analyse({ instances, date, dateOfEarlierRun: never }, () => {}, signal);
    const headerOf = (name: string) => readInstanceHeader(files.find((file) => file.name === name)!.bytes);
    expect(headerOf('seg.dcm').sopInstanceUid).toBe(result.identifiers.segUid);
    expect(headerOf('sr.dcm').sopInstanceUid).toBe(result.identifiers.srUid);
    expect(headerOf('report.dcm').sopInstanceUid).toBe(result.identifiers.pdfUid);
    expect(headerOf('overlay/01.dcm').sopInstanceUid).toBe(secondaryCaptureUid(result, 1));
    expect(headerOf('seg.dcm')).toMatchObject({
      study: { studyInstanceUid: STUDY },
      patient: { patientName: 'Doe^Jane', patientId: 'P-7' },
    });
  });

  it('takes the date of an earlier equal run, stops when told to, and refuses a study without images', async () => {
    const earlier = { instances, date, dateOfEarlierRun: async () => '2026-01-01T00:00:00.000Z' };
    expect((await analyst.analyse(earlier, () => {}, signal)).result.createdAt).toBe('2026-01-01T00:00:00.000Z');
    const empty = { instances: [], date, dateOfEarlierRun: never };
    await expect(analyst.analyse(empty, () => {}, signal)).rejects.toMatchObject({ kind: 'no-usable-series' });
    await expect(analyst.analyse(earlier, () => {}, AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
