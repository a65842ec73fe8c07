/**
 * Times the header tokenizer beside dicom-parser and dcmjs on 176 generated MR files of 256 x 256.
 * Run: node test/harness/bench-tokenizer.ts [repetitions]
 */
import dcmjs from 'dcmjs';
import dicomParser from 'dicom-parser';
import { encodeDicom } from '../../src/dicom/encode.ts';
import { readDicom } from '../../src/dicom/file.ts';
import { readInstanceHeader } from '../../src/dicom/instance.ts';
import { mrSlice } from './mr-slice.ts';

const FILES = 176;
const repetitions = Number(process.argv[2] ?? 15);

const files = Array.from({ length: FILES }, (_, k) => encodeDicom(mrSlice({ rows: 256, columns: 256, slice: k })));
const sequences = files.map((file) => new Uint8Array(file).buffer);
const { DicomMessage } = dcmjs.data;

const TEXT = ['x00100010', 'x00100020', 'x00080060', 'x0008103e', 'x00200032', 'x00200037', 'x00280030', 'x0020000e'];
const TEXT_KEYWORDS = [
  'PatientName',
  'PatientID',
  'Modality',
  'SeriesDescription',
  'ImagePositionPatient',
  'ImageOrientationPatient',
  'PixelSpacing',
  'SeriesInstanceUID',
];

const contenders: Record<string, (index: number) => unknown> = {
  'ours: to pixel data': (i) => readDicom(files[i]!, { stopAfterPixelData: true }).dataset.elements.length,
  'ours: whole file': (i) => readDicom(files[i]!).dataset.elements.length,
  'ours: whole file, 8 texts': (i) => {
    const { dataset } = readDicom(files[i]!);
    return TEXT_KEYWORDS.map((keyword) => dataset.strings(keyword));
  },
  'ours: typed instance header': (i) => readInstanceHeader(files[i]!),
  'dicom-parser: whole file': (i) => dicomParser.parseDicom(files[i]!),
  'dicom-parser: whole file, 8 texts': (i) => {
    const dataset = dicomParser.parseDicom(files[i]!);
    return TEXT.map((tag) => dataset.string(tag));
  },
  'dcmjs: header': (i) => DicomMessage.readFile(sequences[i]!, { untilTag: '7FE00010' }),
  'dcmjs: whole file': (i) => DicomMessage.readFile(sequences[i]!),
};

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** One pass over all files, microseconds a file. */
function pass(run: (index: number) => unknown): number {
  const start = performance.now();
  for (let i = 0; i < FILES; i++) run(i);
  return ((performance.now() - start) * 1000) / FILES;
}

// Passes alternate, so that what else the machine does falls on all alike.
const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (let repetition = 0; repetition < repetitions; repetition++) {
  for (const [name, run] of Object.entries(contenders)) times.get(name)!.push(pass(run));
}

console.log(`${FILES} files of ${files[0]!.length} bytes, median (least) of ${repetitions} passes`);
for (const [name, values] of times) {
  console.log(`${name.padEnd(36)} ${median(values).toFixed(1).padStart(8)} us  (${Math.min(...values).toFixed(1)})`);
}
