import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NeuroInsightError } from '../domain/errors.ts';
import type {
  AcquisitionHeader,
  FrameHeader,
  InstanceHeader,
  PatientHeader,
  SeriesHeader,
  SeriesOfInstances,
} from '../domain/instance.ts';
import { selectSeries } from './select-series.ts';

const MR_IMAGE = '1.2.840.10008.5.1.4.1.1.4';
const ENHANCED_MR = '1.2.840.10008.5.1.4.1.1.4.1';
const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';
const AXIAL = [1, 0, 0, 0, 1, 0] as const;
const CORONAL = [1, 0, 0, 0, 0, -1] as const;

interface Wanted {
  readonly number?: number;
  readonly description?: string;
  readonly modality?: string;
  readonly sopClassUid?: string;
  readonly slices?: number;
  readonly step?: number;
  readonly pixel?: number;
  readonly acquisition?: Partial<AcquisitionHeader>;
  readonly series?: Partial<SeriesHeader>;
  readonly patient?: PatientHeader;
  readonly studyUid?: string;
  readonly pixels?: false;
  readonly alter?: (instance: InstanceHeader, index: number) => InstanceHeader;
}

const MPRAGE: Partial<AcquisitionHeader> = {
  imageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND', 'NORM'],
  mrAcquisitionType: '3D',
  scanningSequence: ['GR', 'IR'],
  sequenceVariant: ['SK', 'SP', 'MP'],
  sequenceName: '*tfl3d1_16ns',
  repetitionTime: 2300,
  echoTime: 2.98,
  inversionTime: 900,
  flipAngle: 9,
};

const frameAt = (z: number, pixel: number): FrameHeader => ({
  frameNumber: 1,
  imagePositionPatient: [-100, -100, z],
  imageOrientationPatient: [...AXIAL],
  pixelSpacing: [pixel, pixel],
  rescaleSlope: 1,
  rescaleIntercept: 0,
});

/** One series; without wishes a 176-slice MPRAGE of 1 mm. */
function series(wanted: Wanted = {}): SeriesOfInstances {
  const { number = 2, description = 't1_mprage_sag_p2_iso', slices = 176, step = 1, pixel = 1 } = wanted;
  const seriesInstanceUid = `1.2.3.${number}`;
  const { pixels, alter = (instance: InstanceHeader) => instance } = wanted;
  const instances = Array.from({ length: slices }, (_, index): InstanceHeader => {
    const instance: InstanceHeader = {
      sopClassUid: wanted.sopClassUid ?? MR_IMAGE,
      sopInstanceUid: `${seriesInstanceUid}.${index + 1}`,
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      patient: wanted.patient ?? { patientId: 'P1', patientName: 'Doe^Jane' },
      study: { studyInstanceUid: wanted.studyUid ?? '1.2.3' },
      series: {
        seriesInstanceUid,
        seriesNumber: number,
        seriesDescription: description,
        modality: wanted.modality ?? 'MR',
        frameOfReferenceUid: '1.2.3.99',
        ...wanted.series,
      },
      acquisition: { imageType: [], scanningSequence: [], sequenceVariant: [], ...(wanted.acquisition ?? MPRAGE) },
      frames: [frameAt(index * step, pixel)],
      ...(pixels !== false && {
        pixels: {
          rows: 256,
          columns: 256,
          bitsAllocated: 16,
          bitsStored: 12,
          highBit: 11,
          pixelRepresentation: 0,
          samplesPerPixel: 1,
          photometricInterpretation: 'MONOCHROME2',
        },
      }),
    };
    return alter(instance, index);
  });
  return { seriesInstanceUid, instances };
}

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

const T2 = series({
  number: 3,
  description: 't2_tse_tra',
  slices: 30,
  step: 5,
  acquisition: { scanningSequence: ['SE'], repetitionTime: 5000, echoTime: 90 },
});

describe('the series to measure', () => {
  const accepted: [string, string, Partial<AcquisitionHeader>][] = [
    ['Siemens MPRAGE', 't1_mprage_sag_p2_iso', MPRAGE],
    ['Siemens shorthand MPR', 't1_mpr_ns_sag', { ...MPRAGE, imageType: ['ORIGINAL', 'PRIMARY', 'M'] }],
    [
      'GE BRAVO',
      'Ax 3D BRAVO',
      { scanningSequence: ['GR'], repetitionTime: 8.2, echoTime: 3.2, inversionTime: 450, flipAngle: 12 },
    ],
    [
      'GE FSPGR',
      'SAG 3D FSPGR',
      { scanningSequence: ['RM'], repetitionTime: 7.3, echoTime: 3, inversionTime: 400, flipAngle: 11 },
    ],
    [
      'GE SPGR without inversion',
      'COR SPGR',
      { scanningSequence: ['GR'], repetitionTime: 24, echoTime: 6, flipAngle: 30 },
    ],
    [
      'Philips TFE',
      'sT1W_3D_TFE',
      {
        imageType: ['ORIGINAL', 'PRIMARY', 'M_FFE', 'M', 'FFE'],
        scanningSequence: ['GR'],
        repetitionTime: 8.1,
        echoTime: 3.7,
        flipAngle: 8,
      },
    ],
    ['VIBE', 't1_vibe_tra', { scanningSequence: ['GR'], repetitionTime: 20, echoTime: 4, flipAngle: 25 }],
    [
      'MP2RAGE UNI with the times of its second inversion',
      't1_mp2rage_sag_UNI_Images',
      { ...MPRAGE, repetitionTime: 5000, inversionTime: 2500 },
    ],
    ['T1 SPACE', 't1_space_sag', { scanningSequence: ['SE'], repetitionTime: 700, echoTime: 12 }],
    ['sequence name only', 'Sag 3D', { sequenceName: '*tfl3d1_16ns', scanningSequence: [] }],
    [
      'timing only',
      'series 4',
      { scanningSequence: ['GR', 'IR'], repetitionTime: 2300, echoTime: 3, inversionTime: 900 },
    ],
    ['Acquisition Contrast only', 'Brain 3D', { acquisitionContrast: 'T1' }],
    ['NIfTI import without any time', 'T1w (NIfTI import)', { imageType: ['DERIVED', 'SECONDARY'] }],
    ['BIDS name', 'sub-01_ses-02_T1w', {}],
    ['T1 for epilepsy', '3D T1 EPI', MPRAGE],
    ['contrast agent tag that says none', 't1_mprage', { ...MPRAGE, contrastBolusAgent: 'NONE' }],
    ['name that says before contrast', 'T1 MPRAGE pre contrast', MPRAGE],
    [
      'T1 FLAIR by name with T1 times',
      'T1 FLAIR 3D',
      { scanningSequence: ['SE', 'IR'], repetitionTime: 2500, echoTime: 9, inversionTime: 750 },
    ],
  ];
  it.each(accepted)('may be %s', (_name, description, acquisition) => {
    expect(chosen([series({ number: 7, description, acquisition }), T2])).toBe('1.2.3.7');
  });

  it('may lack its modality where the SOP class says MR', () => {
    const silent = series({ series: { modality: undefined } as Partial<SeriesHeader> });
    expect(chosen([silent])).toBe('1.2.3.2');
  });

  it('may be one enhanced instance with a frame for each slice', () => {
    const [first] = series({
      slices: 1,
      sopClassUid: ENHANCED_MR,
      acquisition: { acquisitionContrast: 'T1' },
    }).instances;
    const frames = Array.from({ length: 160 }, (_, k) => ({ ...frameAt(k, 1), frameNumber: k + 1 }));
    const enhanced = { seriesInstanceUid: '1.2.3.2', instances: [{ ...first!, frames }] };
    expect(selectSeries([enhanced]).selected.instances[0]).toBe(enhanced.instances[0]);
  });

  it('is the same whatever order series and instances come in', () => {
    const study = [
      series({ number: 1, description: 'localizer', slices: 3, step: 10 }),
      series({ number: 2 }),
      series({ number: 4 }),
      series({ number: 5, acquisition: { ...MPRAGE, imageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND'] } }),
      T2,
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

describe('a series that is passed over', () => {
  const others: [string, Wanted][] = [
    ['modality CT is not MR', { modality: 'CT' }],
    ['secondary capture', { sopClassUid: SECONDARY_CAPTURE }],
    ['not an MR image object', { sopClassUid: '1.2.840.10008.5.1.4.1.1.4.2' }],
    ['no pixel data', { pixels: false }],
    ['body part KNEE is not the head', { series: { bodyPartExamined: 'KNEE' } }],
    [
      'derived image: multiplanar reconstruction',
      { acquisition: { ...MPRAGE, imageType: ['DERIVED', 'SECONDARY', 'MPR'] } },
    ],
    [
      'derived image: named a reconstruction',
      { description: 'T1 MPR cor', acquisition: { ...MPRAGE, imageType: ['DERIVED', 'SECONDARY', 'OTHER'] } },
    ],
    ['phase image', { acquisition: { ...MPRAGE, imageType: ['ORIGINAL', 'PRIMARY', 'P', 'ND'] } }],
    ['diffusion', { acquisition: { ...MPRAGE, diffusionBValue: 1000 } }],
    ['named a parameter map', { description: 'T1 map sag' }],
    ['named one inversion of MP2RAGE', { description: 't1_mp2rage_sag_INV1' }],
    ['named a localizer', { description: 'AAHScout t1' }],
    [
      'TE 90 ms: T2-weighted',
      { description: 'series 9', acquisition: { scanningSequence: ['SE'], repetitionTime: 5000, echoTime: 90 } },
    ],
    [
      'TE 90 ms: T2-weighted',
      { description: 'T1 by name', acquisition: { scanningSequence: ['SE'], repetitionTime: 5000, echoTime: 90 } },
    ],
    [
      'inversion recovery with TI 2500 ms and TE 120 ms: FLAIR-like',
      {
        description: 'dark fluid',
        acquisition: { scanningSequence: ['SE', 'IR'], repetitionTime: 9000, echoTime: 120, inversionTime: 2500 },
      },
    ],
    [
      'gradient echo with TE 20 ms: T2*-weighted',
      {
        description: 'fl3d',
        acquisition: { scanningSequence: ['GR'], repetitionTime: 28, echoTime: 20, flipAngle: 15 },
      },
    ],
    [
      'TI 2500 ms with short TE: proton-density-like inversion image',
      { description: 'mp2rage', acquisition: { ...MPRAGE, inversionTime: 2500 } },
    ],
    [
      'TI 150 ms in a spin echo: STIR-like',
      {
        description: 'series 9',
        acquisition: { scanningSequence: ['SE', 'IR'], repetitionTime: 4000, echoTime: 28, inversionTime: 150 },
      },
    ],
    [
      'TR 3000 ms and TE 12 ms without inversion: proton-density-weighted',
      { description: 'series 9', acquisition: { scanningSequence: ['SE'], repetitionTime: 3000, echoTime: 12 } },
    ],
    ['acquisition contrast: T2-weighted', { description: 'series 9', acquisition: { acquisitionContrast: 'T2' } }],
    ['named T2-weighted', { description: 't2_space_sag', acquisition: {} }],
    ['contrast agent given', { acquisition: { ...MPRAGE, contrastBolusAgent: 'Gadovist' } }],
    ['named as taken after contrast agent', { description: 'T1 MPRAGE +C' }],
    ['only 3 slices', { slices: 3 }],
    ['slice step 5.0 mm', { slices: 30, step: 5 }],
    ['pixels of 3.0 mm', { pixel: 3 }],
    ['covers only 20 mm', { slices: 40, step: 0.5 }],
    ['nothing in the header says T1-weighted', { description: 'series 9', acquisition: {} }],
    [
      'no position, orientation or pixel spacing',
      {
        alter: (one, k) =>
          k === 5 ? { ...one, frames: [{ frameNumber: 1, rescaleSlope: 1, rescaleIntercept: 0 }] } : one,
      },
    ],
    [
      '2 orientations: localizer',
      {
        alter: (one, k) =>
          k % 2 ? { ...one, frames: [{ ...one.frames[0]!, imageOrientationPatient: [...CORONAL] }] } : one,
      },
    ],
  ];
  it.each(others)('is told "%s"', (reason, wanted) => {
    const other = series({ number: 9, ...wanted });
    const { selected, rejected } = selectSeries([series(), other]);
    expect(selected.seriesInstanceUid).toBe('1.2.3.2');
    expect(rejected).toHaveLength(1);
    expect(rejected[0]).toMatchObject({ seriesInstanceUid: '1.2.3.9', seriesNumber: 9 });
    expect(rejected[0]!.reasons).toContain(reason);
  });

  const lesser: [string, Wanted][] = [
    ['derived image', { acquisition: { ...MPRAGE, imageType: ['DERIVED', 'PRIMARY', 'M', 'ND', 'NORM'] } }],
    ['not intensity-normalised', { acquisition: { ...MPRAGE, imageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND'] } }],
    ['larger voxels', { step: 1.4, slices: 126 }],
    ['smaller field of view', { slices: 90 }],
    ['2D acquisition', { acquisition: { ...MPRAGE, mrAcquisitionType: '2D' } }],
    ['3D turbo spin echo', { description: 't1_space_sag' }],
    ['uniform image of MP2RAGE', { description: 'mp2rage_UNI' }],
    ['missing slices', { alter: (one, k) => (k > 80 ? { ...one, frames: [frameAt(k + 3, 1)] } : one) }],
    [
      'several frames of reference',
      { alter: (one, k) => (k > 80 ? { ...one, series: { ...one.series, frameOfReferenceUid: '1.9' } } : one) },
    ],
    ['an equal, earlier repeat', {}],
  ];
  it.each(lesser)('is usable but less because of: %s', (reason, wanted) => {
    const { selected, rejected } = selectSeries([series({ number: 1, ...wanted }), series({ number: 2 })]);
    expect(selected.seriesInstanceUid).toBe('1.2.3.2');
    expect(rejected[0]!.reasons.join()).toContain('usable, but series 2 is preferred');
    expect(rejected[0]!.reasons.join()).toContain(reason);
  });
});

describe('one series with several images at each position', () => {
  const twice = (change: (instance: InstanceHeader) => InstanceHeader): SeriesOfInstances => {
    const one = series();
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
    const [first] = series({ slices: 1, sopClassUid: ENHANCED_MR }).instances;
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
    const one = series();
    const { selected, leftOut } = selectSeries([{ ...one, instances: [...one.instances, ...one.instances] }]);
    expect(selected.instances).toHaveLength(176);
    expect(leftOut).toEqual([]);
  });

  it('yields to a clean series when nothing tells the doubled images apart', () => {
    const doubled = twice((instance) => instance);
    expect(chosen([doubled, series({ number: 8, step: 1.2, slices: 140 })])).toBe('1.2.3.8');
    expect(selectSeries([doubled]).selected.instances).toHaveLength(352);
  });

  it('is a dynamic series from five time points on', () => {
    const one = series({ slices: 40 });
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
    const one = series();
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
    expect(line([series({ modality: 'CT' }), series({ number: 3, modality: 'CT' })])).toEqual([
      'no-usable-series',
      'the study holds only CT, no MR series: modality CT is not MR (series 2, 3)',
    ]);
  });

  it('is named as only T2', () => {
    expect(line([T2])[1]).toMatch(/^the study holds only T2-weighted MR series: TE 90 ms: T2-weighted \(series 3\)/);
  });

  it('is named as enhanced when the only good T1 was taken after contrast agent', () => {
    const enhanced = series({ acquisition: { ...MPRAGE, contrastBolusAgent: 'Gadovist' } });
    expect(line([enhanced, T2])[1]).toMatch(
      /^the only T1-weighted 3D series was taken after contrast agent: contrast agent given \(series 2\)/,
    );
  });

  it('has no pixel data when no series has any', () => {
    expect(line([series({ pixels: false })])[0]).toBe('no-pixel-data');
  });

  it('says so of an empty input and of an empty series', () => {
    expect(line([])).toEqual(['no-usable-series', 'the input holds no series']);
    expect(line([{ seriesInstanceUid: '1.2', instances: [] }])[1]).toContain('no images (series without number)');
  });

  it('never quotes the free text of the header', () => {
    const named = series({
      description: 'Smith^John T2',
      series: { bodyPartExamined: 'SMITH' },
      acquisition: {},
      modality: 'M\nR',
    });
    expect(line([named])[1]).not.toMatch(/smith/i);
  });

  it('keeps the line short for a study of many series', () => {
    const many = Array.from({ length: 40 }, (_, k) => series({ number: k + 10, slices: (k % 15) + 1 }));
    expect(line(many)[1].length).toBeLessThan(600);
  });
});

describe('an input of more than one study or patient', () => {
  const other = (patient: PatientHeader): SeriesOfInstances => series({ number: 5, patient });

  it.each([
    ['two Patient IDs', { patientId: 'P2', patientName: 'Doe^Jane' }],
    ['a missing ID beside another name', { patientName: 'Roe^Richard' }],
  ])('is refused for %s', (_case, patient) => {
    const error = failure([series(), other(patient)]);
    expect(error.kind).toBe('mixed-patients');
    expect(error.message).not.toMatch(/P2|Roe|Doe/);
  });

  it('is refused for two issuers of one ID', () => {
    const [a, b] = ['A', 'B'].map((issuerOfPatientId, k) =>
      series({ number: k + 1, patient: { patientId: 'P1', issuerOfPatientId } }),
    );
    expect(failure([a!, b!]).kind).toBe('mixed-patients');
  });

  it('is one patient whose name was corrected or padded', () => {
    expect(
      chosen([series(), { ...T2, instances: other({ patientId: 'P1 ', patientName: 'DOE^JANE^^' }).instances }]),
    ).toBeDefined();
    expect(chosen([series(), other({ patientName: 'DOE^JANE^^ ' })])).toBe('1.2.3.5');
  });

  it('is refused for two studies', () => {
    expect(failure([series(), series({ number: 6, studyUid: '1.2.4' })]).kind).toBe('mixed-studies');
  });
});
