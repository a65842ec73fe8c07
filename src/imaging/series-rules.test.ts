import { describe, expect, it } from '@jest/globals';
import {
  CORONAL,
  ENHANCED_MR,
  frameAt,
  MPRAGE,
  makeSeries,
  SECONDARY_CAPTURE,
  T2_SERIES,
  type WantedSeries,
} from '../../test/harness/series-fixture.ts';
import type { AcquisitionHeader, SeriesHeader } from '../domain/instance.ts';
import { selectSeries } from './select-series.ts';

const chosen = (input: Parameters<typeof selectSeries>[0]): string => selectSeries(input).selected.seriesInstanceUid;

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
    expect(chosen([makeSeries({ number: 7, description, acquisition }), T2_SERIES])).toBe('1.2.3.7');
  });

  it('may lack its modality where the SOP class says MR', () => {
    const silent = makeSeries({ series: { modality: undefined } as Partial<SeriesHeader> });
    expect(chosen([silent])).toBe('1.2.3.2');
  });

  it('may be one enhanced instance with a frame for each slice', () => {
    const [first] = makeSeries({
      slices: 1,
      sopClassUid: ENHANCED_MR,
      acquisition: { acquisitionContrast: 'T1' },
    }).instances;
    const frames = Array.from({ length: 160 }, (_, k) => ({ ...frameAt(k, 1), frameNumber: k + 1 }));
    const enhanced = { seriesInstanceUid: '1.2.3.2', instances: [{ ...first!, frames }] };
    expect(selectSeries([enhanced]).selected.instances[0]).toBe(enhanced.instances[0]);
  });
});

describe('a series that is passed over', () => {
  const others: [string, WantedSeries][] = [
    ['modality CT is not MR', { modality: 'CT' }],
    ['secondary capture', { sopClassUid: SECONDARY_CAPTURE }],
    ['not an MR image object', { sopClassUid: '1.2.840.10008.5.1.4.1.1.4.2' }],
    ['no pixel data', { pixels: false }],
    ['no pixel data', { pixels: false, alter: (one) => ({ ...one, frames: [] }) }],
    ['modality SR is not MR', { modality: 'SR', pixels: false, alter: (one) => ({ ...one, frames: [] }) }],
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
    const other = makeSeries({ number: 9, ...wanted });
    const { selected, rejected } = selectSeries([makeSeries(), other]);
    expect(selected.seriesInstanceUid).toBe('1.2.3.2');
    expect(rejected).toHaveLength(1);
    expect(rejected[0]).toMatchObject({ seriesInstanceUid: '1.2.3.9', seriesNumber: 9 });
    expect(rejected[0]!.reasons).toContain(reason);
  });

  const lesser: [string, WantedSeries][] = [
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
    const { selected, rejected } = selectSeries([makeSeries({ number: 1, ...wanted }), makeSeries({ number: 2 })]);
    expect(selected.seriesInstanceUid).toBe('1.2.3.2');
    expect(rejected[0]!.reasons.join()).toContain('usable, but series 2 is preferred');
    expect(rejected[0]!.reasons.join()).toContain(reason);
  });
});
