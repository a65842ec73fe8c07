import { describe, expect, it } from '@jest/globals';
import { bytesOf, codeAt, type DataSet, itemOf, itemsOf, readDicom } from '../../test/harness/dicom-reading.ts';
import { type FixtureOptions, makeResultFixture } from '../../test/harness/result-fixture.ts';
import { digestOf } from '../domain/identity.ts';
import type { AnalysisResult } from '../domain/result.ts';
import { buildSegmentation } from './seg.ts';
import { buildStructuredReport } from './sr.ts';

function build(options: FixtureOptions = {}, change: Partial<AnalysisResult> = {}) {
  const fixture = makeResultFixture(options);
  const result = { ...fixture.result, ...change };
  return { ...fixture, result, file: readDicom(buildStructuredReport(result)) };
}

const CONTENT = 'x0040a730';
const CONCEPT = 'x0040a043';
const contentOf = (item: DataSet) => itemsOf(item, CONTENT);
const named = (item: DataSet, code: string) =>
  contentOf(item).filter((child) => child.elements[CONCEPT] && codeAt(child, CONCEPT) === code);
const numberOf = (item: DataSet) => Number(itemOf(item, 'x0040a300').string('x0040a30a'));
const unitOf = (item: DataSet) => codeAt(itemOf(item, 'x0040a300'), 'x004008ea');
const textOf = (item: DataSet) => Buffer.from(bytesOf(item, 'x0040a160')).toString('utf8').trim();

function groupsOf(file: DataSet): DataSet[] {
  return named(named(file, 'DCM 126010')[0]!, 'DCM 125007');
}

/** Every content item below the root. */
function allItems(item: DataSet): DataSet[] {
  return contentOf(item).flatMap((child) => [child, ...allItems(child)]);
}

describe('buildStructuredReport', () => {
  it('is an unverified, preliminary TID 1500 report', () => {
    const { file } = build();
    expect(file.string('x00080016')).toBe('1.2.840.10008.5.1.4.1.1.88.34');
    expect(codeAt(file, CONCEPT)).toBe('DCM 126000');
    expect(itemOf(file, 'x0040a504').string('x0040db00')).toBe('1500');
    expect(file.string('x0040a493')).toBe('UNVERIFIED');
    expect(file.string('x0040a496')).toBe('PRELIMINARY');
    expect(file.string('x0040a491')).toBe('COMPLETE');
    expect(codeAt(named(file, 'DCM 121049')[0]!, 'x0040a168')).toBe('RFC5646 en-US');
    expect(codeAt(named(file, 'DCM 121005')[0]!, 'x0040a168')).toBe('DCM 121007');
    expect(codeAt(named(file, 'DCM 121058')[0]!, 'x0040a168')).toBe('LN 25056-3');
  });

  it('gives each side its own volume, and never the other one', () => {
    const { file, result } = build();
    const [left, right] = groupsOf(file) as [DataSet, DataSet];
    for (const [group, laterality, side] of [
      [left, 'SCT 7771000', result.left],
      [right, 'SCT 24028007', result.right],
    ] as const) {
      const site = named(group, 'SCT 363698007')[0]!;
      expect(codeAt(site, 'x0040a168')).toBe('SCT 5366008');
      expect(codeAt(named(site, 'SCT 272741003')[0]!, 'x0040a168')).toBe(laterality);
      const volumes = named(group, 'SCT 118565006');
      expect(volumes).toHaveLength(1);
      expect(numberOf(volumes[0]!)).toBe(side.volumeMm3);
      expect(unitOf(volumes[0]!)).toBe('UCUM mm3');
      expect(codeAt(named(volumes[0]!, 'SCT 370129005')[0]!, 'x0040a168')).toBe('DCM 126030');
      expect(numberOf(named(group, '99NEUROINSIGHT hippo-volume-ant')[0]!)).toBe(side.anteriorVolumeMm3);
      expect(numberOf(named(group, '99NEUROINSIGHT hippo-volume-pos')[0]!)).toBe(side.posteriorVolumeMm3);
    }
    expect(result.left.volumeMm3).not.toBe(result.right.volumeMm3);
  });

  it('points at the segment of the same side by number and by tracking UID', () => {
    const { file, result, labels } = build();
    const segments = itemsOf(readDicom(buildSegmentation(result, labels)), 'x00620002');
    for (const group of groupsOf(file)) {
      const reference = itemOf(named(group, 'DCM 121191')[0]!, 'x00081199');
      expect(reference.string('x00081155')).toBe(result.identifiers.segUid);
      const number = reference.uint16('x0062000b')!;
      const segment = segments.find((item) => item.uint16('x00620004') === number)!;
      expect(named(group, 'DCM 112040')[0]!.string('x0040a124')).toBe(segment.string('x00620021'));
      const laterality = codeAt(itemOf(segment, 'x0062000f'), 'x00620011');
      expect(codeAt(named(named(group, 'SCT 363698007')[0]!, 'SCT 272741003')[0]!, 'x0040a168')).toBe(laterality);
      expect(named(group, 'DCM 121232')[0]!.string('x0040a124')).toBe(result.series.seriesInstanceUid);
    }
  });

  it('names the population and the authority beside every percentile and z-score', () => {
    const { file } = build();
    for (const group of groupsOf(file)) {
      for (const code of ['DCM 121415', 'DCM 121416']) {
        const position = named(group, code)[0]!;
        expect(textOf(named(position, 'DCM 121405')[0]!)).toBe('19 793 healthy adults aged 46 to 82');
        expect(textOf(named(position, 'DCM 121406')[0]!)).toMatch(/^Example norms 1: Nobis/);
      }
    }
    const [left, right] = groupsOf(file) as [DataSet, DataSet];
    expect(numberOf(named(left, 'DCM 121415')[0]!)).toBe(62.4);
    expect(numberOf(named(right, 'DCM 121415')[0]!)).toBe(21.7);
    expect(numberOf(named(right, 'DCM 121416')[0]!)).toBe(-0.782);
  });

  it('says both sides together, and the head, as derived measurements', () => {
    const { file, result } = build();
    const derived = named(file, 'DCM 126011')[0]!;
    const asymmetry = named(derived, '99NEUROINSIGHT asymmetry-index')[0]!;
    expect(numberOf(asymmetry)).toBeCloseTo(result.asymmetryIndex, 12);
    expect(unitOf(asymmetry)).toBe('UCUM 1');
    expect(numberOf(named(derived, '99NEUROINSIGHT left-right-ratio')[0]!)).toBeCloseTo(result.leftRightRatio, 12);
    expect(numberOf(named(derived, '99NEUROINSIGHT icv')[0]!)).toBe(1_432_500);
  });

  it('says what is withheld and why in words, and gives no number for it', () => {
    const { file } = build({ withheld: true });
    expect(file.string('x0040a491')).toBe('PARTIAL');
    expect(file.string('x0040a492')).toContain('percentiles');
    const items = allItems(file).filter((item) => item.elements[CONCEPT]);
    const codes = items.map((item) => codeAt(item, CONCEPT));
    for (const absent of [
      'DCM 121415',
      'DCM 121416',
      '99NEUROINSIGHT icv',
      '99NEUROINSIGHT percent-of-icv',
      'SCT 373098007',
    ]) {
      expect(codes).not.toContain(absent);
    }
    const reasons = items.filter((item) => codeAt(item, CONCEPT) === '99NEUROINSIGHT value-withheld').map(textOf);
    expect(reasons).toContain('Percentile and z-score: The age of the patient is not known.');
    expect(reasons).toContain('Intracranial volume: The head is cut: the intracranial volume cannot be measured.');
    expect(items.some((item) => item.string('x0040a040') === 'NUM' && Number.isNaN(numberOf(item)))).toBe(false);
  });

  it.each([
    ['pass', 'DCM 111237'],
    ['review', 'DCM 111236'],
    ['fail', 'DCM 111235'],
  ] as const)('says a quality of "%s" in each group as %s', (verdict, code) => {
    const { quality } = makeResultFixture().result;
    const { file } = build({}, { quality: { ...quality, verdict } });
    for (const group of groupsOf(file)) {
      expect(codeAt(named(group, 'DCM 111052')[0]!, 'x0040a168')).toBe(code);
    }
  });

  it('says that it is for research only', () => {
    const evaluations = named(build().file, 'UMLS C0034375')[0]!;
    expect(textOf(named(evaluations, '99NEUROINSIGHT limitation')[0]!)).toMatch(/^Research use only/);
  });

  it('names the side of a sclerosis call only when there is one', () => {
    const call = (file: DataSet) =>
      textOf(named(named(file, 'UMLS C0034375')[0]!, '99NEUROINSIGHT sclerosis-side')[0]!);
    expect(call(build().file)).toMatch(/^Not called: /);
    expect(call(build({}, { sclerosis: { call: 'left', reason: 'below the limit' } }).file)).toBe(
      'left: below the limit',
    );
  });

  it.each(['classic', 'enhanced'] as const)(
    'has everything it points at in its evidence, once (%s source)',
    (source) => {
      const { file, result } = build({ source });
      const evidence = itemsOf(itemOf(file, 'x0040a375'), 'x00081115').flatMap((series) =>
        itemsOf(series, 'x00081199').map((item) => item.string('x00081155')!),
      );
      const pointed = allItems(file).flatMap((item) =>
        item.elements.x00081199 ? [itemOf(item, 'x00081199').string('x00081155')!] : [],
      );
      expect([...new Set(pointed)].sort()).toEqual([...evidence].sort());
      expect(new Set(evidence).size).toBe(evidence.length);
      expect(evidence).toHaveLength(source === 'classic' ? 41 : 2);
      expect(evidence).toContain(result.identifiers.segUid);
    },
  );

  it('names its private coding scheme, which the SEG does not use', () => {
    const { file, result, labels } = build();
    expect(itemOf(file, 'x00080110').string('x00080102')).toBe('99NEUROINSIGHT');
    expect(readDicom(buildSegmentation(result, labels)).elements.x00080110).toBeUndefined();
  });

  it('is the same, byte for byte, when it is built again', () => {
    const { result } = makeResultFixture();
    expect(digestOf([buildStructuredReport(result)])).toBe(digestOf([buildStructuredReport(result)]));
  });
});
