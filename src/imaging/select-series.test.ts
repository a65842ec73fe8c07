import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ENHANCED_MR,
  frameAt,
  MPRAGE,
  makeSeries,
  SECONDARY_CAPTURE,
  T2_SERIES,
} from '../../test/harness/series-fixture.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { InstanceHeader, PatientHeader, SeriesHeader, SeriesOfInstances } from '../domain/instance.ts';
import { selectSeries } from './select-series.ts';

const failure = (input: readonly SeriesOfInstances[]): NeuroInsightError => {
  try {
    selectSeries(input);
  } catch (error) {
    if (error instanceof NeuroInsightError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

const chosen = (input: readonly SeriesOfInstances[]): string => selectSeries(input).selected.seriesInstanceUid;

describe('the choice', () => {
  it('is the same whatever order series and instances come in', () => {
    const study = [
      makeSeries({ number: 1, description: 'localizer', slices: 3, step: 10 }),
      makeSeries({ number: 2 }),
      makeSeries({ number: 4 }),
      makeSeries({ number: 5, acquisition: { ...MPRAGE, imageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND'] } }),
      T2_SERIES,
    ];
    const answer = selectSeries(study);
    const shuffled = fc
      .shuffledSubarray(study, { minLength: study.length })
      .chain((list) =>
        fc.tuple(
          ...list.map((one) =>
            fc
              .shuffledSubarray([...one.instances], { minLength: one.instances.length })
              .map((instances) => ({ ...one, instances })),
          ),
        ),
      );
    fc.assert(
      fc.property(shuffled, (input) => {
        expect(selectSeries(input)).toEqual(answer);
      }),
      { numRuns: 25 },
    );
  });
});

describe('one series with several images at each position', () => {
  const twice = (change: (instance: InstanceHeader) => InstanceHeader): SeriesOfInstances => {
    const one = makeSeries();
    const again = one.instances.map((instance) =>
      change({ ...instance, sopInstanceUid: `${instance.sopInstanceUid}.9` }),
    );
    return { ...one, instances: [...one.instances, ...again] };
  };

  it('gives its magnitude images and says what it left out', () => {
    const imageType = ['ORIGINAL', 'PRIMARY', 'P', 'ND'];
    const mixed = twice((instance) => ({ ...instance, acquisition: { ...instance.acquisition, imageType } }));
    const { selected, leftOut } = selectSeries([mixed]);
    expect(selected.instances).toHaveLength(176);
    expect(selected.instances.every(({ acquisition }) => acquisition.imageType[2] === 'M')).toBe(true);
    expect(leftOut).toEqual(['176 images of the same series: phase image']);
  });

  it('gives the first echo of a multi-echo acquisition', () => {
    const mixed = twice((instance) => ({ ...instance, acquisition: { ...instance.acquisition, echoTime: 1.7 } }));
    const { selected, leftOut } = selectSeries([mixed]);
    expect(new Set(selected.instances.map(({ acquisition }) => acquisition.echoTime))).toEqual(new Set([1.7]));
    expect(leftOut).toEqual(['176 images of the same series: later echo']);
  });

  it('gives the frames of one time point of an enhanced instance', () => {
    const [first] = makeSeries({ slices: 1, sopClassUid: ENHANCED_MR }).instances;
    const frames = Array.from({ length: 120 }, (_, k) => ({
      ...frameAt(k % 60, 1),
      frameNumber: k + 1,
      temporalPositionIndex: k < 60 ? 1 : 2,
    }));
    const { selected } = selectSeries([{ seriesInstanceUid: '1.2.3.2', instances: [{ ...first!, frames }] }]);
    expect(selected.instances).toHaveLength(1);
    expect(selected.instances[0]!.frames.map(({ temporalPositionIndex }) => temporalPositionIndex)).toEqual(
      Array.from({ length: 60 }, () => selected.instances[0]!.frames[0]!.temporalPositionIndex),
    );
  });

  it('takes a file that was copied twice for one image', () => {
    const one = makeSeries();
    const { selected, leftOut } = selectSeries([{ ...one, instances: [...one.instances, ...one.instances] }]);
    expect(selected.instances).toHaveLength(176);
    expect(leftOut).toEqual([]);
  });

  it('yields to a clean series when nothing tells the doubled images apart', () => {
    const doubled = twice((instance) => instance);
    expect(chosen([doubled, makeSeries({ number: 8, step: 1.2, slices: 140 })])).toBe('1.2.3.8');
    expect(selectSeries([doubled]).selected.instances).toHaveLength(352);
  });

  it('is a dynamic series from five time points on', () => {
    const one = makeSeries({ slices: 40 });
    const instances = [1, 2, 3, 4, 5, 6].flatMap((time) =>
      one.instances.map((instance) => ({
        ...instance,
        sopInstanceUid: `${instance.sopInstanceUid}.${time}`,
        frames: [{ ...instance.frames[0]!, temporalPositionIndex: time }],
      })),
    );
    expect(failure([{ ...one, instances }]).message).toContain('6 images at each position: dynamic series');
  });

  it('leaves a screenshot in the series aside', () => {
    const one = makeSeries();
    const screenshot = {
      ...one.instances[0]!,
      sopInstanceUid: '1.2.9',
      sopClassUid: SECONDARY_CAPTURE,
      frames: [{ frameNumber: 1, rescaleSlope: 1, rescaleIntercept: 0 }],
    };
    const { selected, leftOut } = selectSeries([{ ...one, instances: [screenshot, ...one.instances] }]);
    expect(selected.instances).toHaveLength(176);
    expect(leftOut).toEqual(['1 images of the same series: secondary capture']);
  });

  it('tells how many images each reason is about when none can be used', () => {
    const imageType = ['ORIGINAL', 'PRIMARY', 'P'];
    const mixed = twice((instance) => ({ ...instance, acquisition: { ...instance.acquisition, imageType } }));
    const agent = {
      ...mixed,
      instances: mixed.instances.map((one) => ({
        ...one,
        acquisition: { ...one.acquisition, contrastBolusAgent: 'Dotarem' },
      })),
    };
    const message = failure([agent]).message;
    expect(message).toContain('contrast agent given (series 2)');
    expect(message).toContain('176 of 352 images: phase image (series 2)');
  });
});

describe('a study without a series to measure', () => {
  const line = (input: readonly SeriesOfInstances[]): [string, string] => {
    const { kind, message } = failure(input);
    expect(message).not.toContain('\n');
    return [kind, message];
  };

  it('is named as only CT', () => {
    expect(line([makeSeries({ modality: 'CT' }), makeSeries({ number: 3, modality: 'CT' })])).toEqual([
      'no-usable-series',
      'the study holds only CT, no MR series: modality CT is not MR (series 2, 3)',
    ]);
  });

  it('is named as only T2', () => {
    expect(line([T2_SERIES])[1]).toMatch(
      /^the study holds only T2-weighted MR series: TE 90 ms: T2-weighted \(series 3\)/,
    );
  });

  it('is named as enhanced when the only good T1 was taken after contrast agent', () => {
    const enhanced = makeSeries({ acquisition: { ...MPRAGE, contrastBolusAgent: 'Gadovist' } });
    expect(line([enhanced, T2_SERIES])[1]).toMatch(
      /^the only T1-weighted 3D series was taken after contrast agent: contrast agent given \(series 2\)/,
    );
  });

  it('has no pixel data when no series has any', () => {
    expect(line([makeSeries({ pixels: false })])[0]).toBe('no-pixel-data');
  });

  it('is told its planes where every slice has another one', () => {
    const radial = makeSeries({
      slices: 120,
      alter: (one, k) => {
        const [c, s] = [Math.cos(k / 20), Math.sin(k / 20)];
        return { ...one, frames: [{ ...one.frames[0]!, imageOrientationPatient: [c, s, 0, -s, c, 0] }] };
      },
    });
    expect(line([radial])[1]).toContain('64 orientations: localizer');
  });

  it('says so of an empty input and of an empty series', () => {
    expect(line([])).toEqual(['no-usable-series', 'the input holds no series']);
    expect(line([{ seriesInstanceUid: '1.2', instances: [] }])[1]).toContain('no images (series without number)');
    const unnumbered = makeSeries({ modality: 'CT', series: { seriesNumber: undefined } as Partial<SeriesHeader> });
    expect(line([unnumbered])[1]).toContain('modality CT is not MR (series without number)');
  });

  it('never quotes the free text of the header', () => {
    const named = makeSeries({
      description: 'Smith^John T2',
      series: { bodyPartExamined: 'SMITH' },
      acquisition: {},
      modality: 'M\nR',
    });
    expect(line([named])[1]).not.toMatch(/smith/i);
  });

  it('keeps the line short for a study of many series', () => {
    const many = Array.from({ length: 40 }, (_, k) => makeSeries({ number: k + 10, slices: (k % 15) + 1 }));
    expect(line(many)[1].length).toBeLessThan(600);
  });
});

describe('an input of more than one study or patient', () => {
  const other = (patient: PatientHeader): SeriesOfInstances => makeSeries({ number: 5, patient });

  it.each([
    ['two Patient IDs', { patientId: 'P2', patientName: 'Doe^Jane' }],
    ['a missing ID beside another name', { patientName: 'Roe^Richard' }],
  ])('is refused for %s', (_case, patient) => {
    const error = failure([makeSeries(), other(patient)]);
    expect(error.kind).toBe('mixed-patients');
    expect(error.message).not.toMatch(/P2|Roe|Doe/);
  });

  it('is refused for two issuers of one ID', () => {
    const [a, b] = ['A', 'B'].map((issuerOfPatientId, k) =>
      makeSeries({ number: k + 1, patient: { patientId: 'P1', issuerOfPatientId } }),
    );
    expect(failure([a!, b!]).kind).toBe('mixed-patients');
  });

  it('is one patient whose name was corrected or padded', () => {
    expect(
      chosen([
        makeSeries(),
        { ...T2_SERIES, instances: other({ patientId: 'P1 ', patientName: 'DOE^JANE^^' }).instances },
      ]),
    ).toBeDefined();
    expect(chosen([makeSeries(), other({ patientName: 'DOE^JANE^^ ' })])).toBe('1.2.3.5');
  });

  it('is refused for two studies', () => {
    expect(failure([makeSeries(), makeSeries({ number: 6, studyUid: '1.2.4' })]).kind).toBe('mixed-studies');
  });
});
