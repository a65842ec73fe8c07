import { describe, expect, it } from '@jest/globals';
import type { DicomMatch, DicomMatchRow, DicomQuery, InstanceSelector, QueryLevel } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { fuzzy, type Indexed, range, rowOf, type TAGS, text, uids } from './dicom-searches.ts';
import { openedStore } from './opened-store.ts';

/** Behaviour of every DicomIndex's query, whatever keeps the rows. */
export function describeDicomIndex(name: string, open: () => Promise<Store>): void {
  describe(`DicomIndex: ${name}`, () => {
    const { store, newSite } = openedStore(open);

    const stored = async (instances: readonly Indexed[], site = newSite()): Promise<string> => {
      await store().ledger.commit({ site, instances: instances.map(rowOf) });
      return site;
    };
    const search = (site: string, level: QueryLevel, where: readonly DicomMatch[], given: Partial<DicomQuery> = {}) =>
      store().dicom.query(site, { level, where, limit: 100, offset: 0, ...given });
    const uidOf = (row: DicomMatchRow): string => row.sopInstanceUid ?? row.seriesInstanceUid ?? row.studyInstanceUid;
    const found = async (site: string, level: QueryLevel, ...where: DicomMatch[]): Promise<string[]> =>
      (await search(site, level, where)).map(uidOf);
    /** A study for each value of the keyword; says which of them are found, as letters a, b, c, ... */
    const among = async (
      keyword: keyof typeof TAGS,
      values: readonly (string | number | undefined)[],
      match: DicomMatch,
    ): Promise<string> => {
      const site = await stored(
        values.map((value, i) => ({ study: `1.${100 + i}`, uid: `1.${100 + i}.1.1`, values: { [keyword]: value } })),
      );
      const rows = await search(site, 'instance', [match]);
      return rows
        .map(({ studyInstanceUid }) => String.fromCharCode(97 + Number(studyInstanceUid.slice(2)) - 100))
        .sort()
        .join('');
    };

    describe('text', () => {
      const names = [
        'Müller^Eva',
        'MULLER^ADAM',
        'Müller-Meier^Eva^Maria',
        'Yamada^Tarou=山田^太郎=やまだ^たろう',
        'Wang^XiaoDong=王^小東',
        '100%^[Odd]_*?^',
        undefined,
      ];
      it.each<[string, string]>([
        ['muller^eva', 'a'],
        ['MÜLLER^EVA', 'a'],
        ['Muller*', 'abc'],
        ['mul?er^*', 'ab'],
        ['*eva*', 'ac'],
        ['?', ''],
        ['*', 'abcdefg'],
        ['**', 'abcdefg'],
        ['Müller', ''],
        ['yamada^tarou', 'd'],
        ['山田*', 'd'],
        ['山田^太郎', 'd'],
        ['??^太郎', 'd'],
        ['?^小東', 'e'],
        ['*小東', 'e'],
        ['やまだ^たろう', 'd'],
        ['100%*', 'f'],
        ['%', ''],
        ['1__%*', ''],
        ['*[Odd]*', 'f'],
        ['*[a-z]*', ''],
        ["*'*", ''],
        ['*_??^', 'f'],
        ['muller*^eva*maria', 'c'],
        ['muller-meier^e*', 'c'],
      ])('finds names by %s', async (pattern, expected) => {
        expect(await among('PatientName', names, text('PatientName', pattern))).toBe(expected);
        const physicians = text('ReferringPhysicianName', pattern);
        expect(await among('ReferringPhysicianName', names, physicians)).toBe(expected);
      });

      it('takes a wide asterisk for what it is', async () => {
        expect(await among('StudyDescription', ['head * x', 'head x'], text('StudyDescription', 'head ＊ x'))).toBe(
          'a',
        );
        expect(await among('StudyDescription', ['a＊b', 'aab'], text('StudyDescription', 'a*b'))).toBe('ab');
      });

      it.each<[keyof typeof TAGS, readonly string[], string, string]>([
        ['PatientID', ['ID-1', 'id-1', 'ID-11'], 'ID-1', 'ab'],
        ['PatientID', ['ID-1', 'id-1', 'ID-11'], 'ID-1*', 'abc'],
        ['AccessionNumber', ['A1', 'a2', 'B1'], 'A?', 'ab'],
        ['StudyDescription', ['MR Schädel', 'MR SCHADEL', 'CT'], 'mr sch*', 'ab'],
        ['SeriesDescription', ['t1_mprage', 't1 mprage', 'T1_MPRAGE_p2'], 'T1_MPRAGE*', 'ac'],
        ['PatientSex', ['F', 'M', 'f'], 'F', 'a'],
        ['Modality', ['MR', 'M', 'MRX'], 'MR', 'a'],
        ['Modality', ['MR', 'M', 'MRX'], 'M?', 'a'],
      ])('compares %s of %j with %s', async (keyword, values, pattern, expected) => {
        expect(await among(keyword, values, text(keyword, pattern))).toBe(expected);
      });

      it('takes no time to see that many wildcards do not fit', async () => {
        const value = `${'a'.repeat(60)}b`;
        expect(await among('StudyDescription', [value], text('StudyDescription', '*a*a*a*a*a*a*a*c'))).toBe('');
      });
    });

    describe('names, approximately', () => {
      const names = ['Müller^Eva Maria', 'van der Berg^Jan', 'Yamada^Tarou=山田^太郎', 'Amuller^Eva', undefined];
      it.each<[string[], string]>([
        [['mull'], 'a'],
        [['EVA'], 'ad'],
        [['eva', 'MÜL'], 'a'],
        [['maria'], 'a'],
        [['berg', 'jan'], 'b'],
        [['太'], 'c'],
        [['tarou', '山'], 'c'],
        [['uller'], ''],
        [['%'], ''],
        [['*'], ''],
        [[], 'abcde'],
      ])('finds by the words %j', async (words, expected) => {
        expect(await among('PatientName', names, fuzzy('PatientName', ...words))).toBe(expected);
      });
    });

    describe('ranges', () => {
      const dates = ['20260101', '20260630', '20261231', undefined];
      it.each<[string | undefined, string | undefined, string]>([
        ['20260101', '20260101', 'a'],
        ['20260101', '20260630', 'ab'],
        ['20260102', undefined, 'bc'],
        [undefined, '20261230', 'ab'],
        ['20270101', '20250101', ''],
      ])('of dates from %s to %s', async (from, to, expected) => {
        expect(await among('StudyDate', dates, range('StudyDate', from, to))).toBe(expected);
        expect(await among('ContentDate', dates, range('ContentDate', from, to))).toBe(expected);
      });

      it('of times, however precise', async () => {
        const times = ['10', '1030', '103015.5', '113000'];
        expect(await among('StudyTime', times, range('StudyTime', '10', '105959.999999'))).toBe('abc');
        expect(await among('StudyTime', times, range('StudyTime', '103015', '103015.999999'))).toBe('c');
      });

      it('of numbers as numbers', async () => {
        expect(await among('SeriesNumber', [9, 10, 100, undefined], range('SeriesNumber', '10', '10'))).toBe('b');
        expect(await among('NumberOfFrames', [9, 10, 100], range('NumberOfFrames', '9', '10'))).toBe('ab');
        expect(await among('InstanceNumber', [9, 10, 100], range('InstanceNumber', '10', undefined))).toBe('bc');
      });
    });

    it('finds by any of several UIDs, at every level', async () => {
      const site = await stored([
        { study: '1.1', series: '1.1.1', uid: '1.1.1.1' },
        { study: '1.1', series: '1.1.2', uid: '1.1.2.1' },
        { study: '1.2', series: '1.2.1', uid: '1.2.1.1' },
      ]);
      expect(await found(site, 'study', uids('StudyInstanceUID', '1.1', '1.2', '1.3'))).toEqual(['1.1', '1.2']);
      expect(await found(site, 'series', uids('StudyInstanceUID', '1.1'))).toEqual(['1.1.1', '1.1.2']);
      expect(await found(site, 'series', uids('SeriesInstanceUID', '1.1.2'))).toEqual(['1.1.2']);
      expect(await found(site, 'instance', uids('SOPInstanceUID', '1.2.1.1', '1.1.2.1'))).toEqual([
        '1.1.2.1',
        '1.2.1.1',
      ]);
      expect(await found(site, 'instance', uids('SOPClassUID', '1.2.840.10008.5.1.4.1.1.4'))).toHaveLength(3);
      expect(await found(site, 'study', uids('StudyInstanceUID', '1'))).toEqual([]);
      const many = Array.from({ length: 1000 }, (_, i) => `9.${i}`);
      expect(await found(site, 'study', uids('StudyInstanceUID', ...many, '1.2'))).toEqual(['1.2']);
    });

    it('finds studies by the modalities of any of their series', async () => {
      const series = (study: string, number: number, Modality: string): Indexed => ({
        study,
        series: `${study}.${number}`,
        uid: `${study}.${number}.1`,
        values: { Modality, SeriesNumber: number },
      });
      const site = await stored([
        series('1.1', 1, 'MR'),
        series('1.1', 2, 'SEG'),
        series('1.2', 1, 'CT'),
        series('1.3', 1, 'MR'),
      ]);
      const by = (pattern: string) => found(site, 'study', text('ModalitiesInStudy', pattern));
      expect(await by('MR')).toEqual(['1.1', '1.3']);
      expect(await by('SEG')).toEqual(['1.1']);
      expect(await by('S*')).toEqual(['1.1']);
      expect(await by('CT\\SEG')).toEqual(['1.1', '1.2']);
      expect(await by('*')).toEqual(['1.1', '1.2', '1.3']);
      expect(await by('mr')).toEqual([]);
      expect(await found(site, 'series', text('ModalitiesInStudy', 'SEG'), text('Modality', 'MR'))).toEqual(['1.1.1']);
      expect(await found(site, 'study', { kind: 'any', keyword: 'ModalitiesInStudy' })).toHaveLength(3);
      const [first] = await search(site, 'study', [text('ModalitiesInStudy', 'SEG')]);
      expect(first!.modalitiesInStudy).toEqual(['MR', 'SEG']);
    });

    it('requires every condition, of its own level and those above', async () => {
      const instance = (study: string, Modality: string, PatientID: string, InstanceNumber: number): Indexed => ({
        study,
        series: `${study}.${Modality}`,
        uid: `${study}.${Modality}.${InstanceNumber}`,
        values: { Modality, PatientID, InstanceNumber },
      });
      const site = await stored([
        instance('1.1', 'MR', 'P1', 1),
        instance('1.1', 'MR', 'P1', 2),
        instance('1.1', 'SR', 'P1', 1),
        instance('1.2', 'MR', 'P2', 1),
      ]);
      const p1 = text('PatientID', 'P1');
      expect(await found(site, 'series', p1, text('Modality', 'MR'))).toEqual(['1.1.MR']);
      const first = range('InstanceNumber', '1', '1');
      expect(await found(site, 'instance', p1, first, text('Modality', 'MR'))).toEqual(['1.1.MR.1']);
      expect(await found(site, 'study', p1, text('ModalitiesInStudy', 'CT'))).toEqual([]);
    });

    it('answers with attributes and numbers of the level and those above', async () => {
      const values = { PatientName: 'Müller^Eva', PatientID: 'P1', Modality: 'MR', SeriesNumber: 3 };
      const other = { ...values, PatientName: 'Other', Modality: 'SR', SeriesNumber: 4 };
      const site = await stored([
        { study: '1.1', series: '1.1.1', uid: '1.1.1.1', values: { ...values, InstanceNumber: 1 } },
        { study: '1.1', series: '1.1.1', uid: '1.1.1.2', values: { ...values, InstanceNumber: 2 } },
        { study: '1.1', series: '1.1.2', uid: '1.1.2.1', values: other },
      ]);
      const [study] = await search(site, 'study', []);
      const first = rowOf({ study: '1.1', series: '1.1.1', uid: '1.1.1.1', values }).attributes;
      const counts = {
        numberOfStudyRelatedSeries: 2,
        numberOfStudyRelatedInstances: 3,
        modalitiesInStudy: ['MR', 'SR'],
      };
      // The first instance says what the study is.
      expect(study).toEqual({ studyInstanceUid: '1.1', attributes: { study: first.study }, ...counts });
      const [series] = await search(site, 'series', []);
      const ofSeries = { numberOfSeriesRelatedInstances: 2, seriesInstanceUid: '1.1.1' };
      expect(series).toEqual({
        studyInstanceUid: '1.1',
        attributes: { study: first.study, series: first.series },
        ...counts,
        ...ofSeries,
      });
      const [, instance] = await search(site, 'instance', []);
      expect(instance).toMatchObject({ ...counts, ...ofSeries, sopInstanceUid: '1.1.1.2' });
      expect(instance!.attributes.instance).toMatchObject({ '00200013': { vr: 'IS', Value: [2] } });
      expect(await found(site, 'study', text('PatientName', 'Other'))).toEqual([]);
    });

    it('orders studies by date, time and UID, those without at the end', async () => {
      const study = (uid: string, StudyDate?: string, StudyTime?: string): Indexed => ({
        study: uid,
        uid: `${uid}.1.1`,
        values: { StudyDate, StudyTime },
      });
      const site = await stored([
        study('1.5'),
        study('1.4', '20260101', '0900'),
        study('1.3', '20260101', '10'),
        study('1.2', '20260102'),
        study('1.1', '20260101', '10'),
        study('1.6', '20260101'),
      ]);
      const expected = ['1.2', '1.1', '1.3', '1.4', '1.6', '1.5'];
      expect(await found(site, 'study')).toEqual(expected);
      expect(await found(site, 'series')).toEqual(expected.map((uid) => `${uid}.1`));
    });

    it('orders series and instances by number and UID within their study', async () => {
      const instance = (
        series: string,
        SeriesNumber: number | undefined,
        uid: string,
        InstanceNumber?: number,
      ): Indexed => ({
        study: '1.1',
        series,
        uid,
        values: { SeriesNumber, InstanceNumber },
      });
      const site = await stored([
        instance('1.1.9', undefined, '9.1', 1),
        instance('1.1.3', 10, '3.1', 10),
        instance('1.1.3', 10, '3.3', 9),
        instance('1.1.3', 10, '3.2', 9),
        instance('1.1.3', 10, '3.0'),
        instance('1.1.2', 9, '2.1', 1),
        instance('1.1.1', 10, '1.1', 1),
      ]);
      expect(await found(site, 'series')).toEqual(['1.1.2', '1.1.1', '1.1.3', '1.1.9']);
      expect(await found(site, 'instance')).toEqual(['2.1', '1.1', '3.2', '3.3', '3.1', '3.0', '9.1']);
    });

    it.each<QueryLevel>(['study', 'series', 'instance'])('shows every %s once over its pages', async (level) => {
      const site = await stored(
        Array.from({ length: 23 }, (_, i) => ({
          study: `1.${i}`,
          uid: `1.${i}.1.1`,
          values: { StudyDate: `2026010${i % 4}`, PatientName: 'Müller^Eva' },
        })),
      );
      const where = [text('PatientName', 'mul*')];
      const seen: string[] = [];
      for (let offset = 0; offset < 30; offset += 5) {
        seen.push(...(await search(site, level, where, { limit: 5, offset })).map(uidOf));
      }
      expect(seen).toEqual(await found(site, level, ...where));
      expect(new Set(seen).size).toBe(23);
      expect(await search(site, level, where, { limit: 0 })).toEqual([]);
    });

    it('never shows what another site stores', async () => {
      const values = { PatientName: 'Müller^Eva', PatientID: 'P1', Modality: 'MR', StudyDate: '20260101' };
      const site = await stored([{ study: '1.1', uid: '1.1.1.1', values }]);
      const other = await stored([
        { study: '1.1', uid: '1.1.1.1', values: { ...values, Modality: 'CT' } },
        { study: '1.2', uid: '1.2.1.1', values },
      ]);
      const conditions = [
        text('PatientName', 'm*'),
        text('PatientName', '*eva'),
        text('ModalitiesInStudy', '*'),
        fuzzy('PatientName', 'eva'),
        range('StudyDate', '20260101'),
        uids('StudyInstanceUID', '1.1', '1.2'),
      ];
      for (const condition of conditions) {
        for (const level of ['study', 'series', 'instance'] as const) {
          expect(await found(site, level, condition)).toHaveLength(1);
          expect(await found(other, level, condition)).toHaveLength(2);
        }
      }
      expect(await found(site, 'study', text('ModalitiesInStudy', 'CT'))).toEqual([]);
      expect(await found(newSite(), 'study')).toEqual([]);
    });

    it('gives the instances under a selector by number of series and instance, and those with given UIDs', async () => {
      const instance = (
        series: string,
        SeriesNumber: number | undefined,
        uid: string,
        InstanceNumber?: number,
      ): Indexed => ({
        study: '1.1',
        series,
        uid,
        values: { SeriesNumber, InstanceNumber, PatientID: uid },
      });
      const site = await stored([
        instance('1.1.9', undefined, '9.1', 1),
        instance('1.1.3', 10, '3.1', 10),
        instance('1.1.3', 10, '3.2', 9),
        instance('1.1.3', 10, '3.0'),
        instance('1.1.2', 9, '2.1', 1),
      ]);
      await stored([{ study: '1.1', series: '1.1.3', uid: '3.2' }]);
      const selected = async (selector: Omit<InstanceSelector, 'studyInstanceUid'>, studyInstanceUid = '1.1') =>
        (await store().dicom.instances(site, { studyInstanceUid, ...selector })).map((row) => row.sopInstanceUid);
      expect(await selected({})).toEqual(['2.1', '3.2', '3.1', '3.0', '9.1']);
      expect(await selected({ seriesInstanceUid: '1.1.3' })).toEqual(['3.2', '3.1', '3.0']);
      expect(await selected({ sopInstanceUid: '3.1' })).toEqual(['3.1']);
      expect(await selected({ seriesInstanceUid: '1.1.2', sopInstanceUid: '3.1' })).toEqual([]);
      expect(await selected({}, '1.2')).toEqual([]);
      const found = await store().dicom.findInstances(site, ['9.1', '2.1', 'none']);
      expect(found.map((row) => row.sopInstanceUid).sort()).toEqual(['2.1', '9.1']);
      // Study attributes are those of the first instance.
      expect(found.map(({ attributes }) => attributes.study['00100020']!.Value)).toEqual([['9.1'], ['9.1']]);
    });

    it('refuses what cannot be matched at the level', async () => {
      const site = newSite();
      for (const [level, keyword] of [
        ['study', 'Modality'],
        ['series', 'SOPInstanceUID'],
        ['instance', 'PatientAge'],
        ['study', 'attributes'],
        ['study', "StudyDate = '' OR 1"],
      ] as const) {
        await expect(found(site, level, text(keyword, 'x'))).rejects.toMatchObject({ kind: 'invalid-request' });
      }
    });
  });
}
