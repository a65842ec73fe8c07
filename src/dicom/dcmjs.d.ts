/** The part of dcmjs that this room uses; the package brings no types. */
declare module 'dcmjs' {
  export interface DictionaryEntry {
    readonly tag: string;
    readonly vr: string;
    readonly vm: string;
    readonly name: string;
  }
  export interface WrittenElement {
    vr: string;
    Value: readonly unknown[];
  }
  export type WrittenDataset = Record<string, WrittenElement>;
  class DicomDict {
    constructor(meta: WrittenDataset);
    dict: WrittenDataset;
    write(options?: { allowInvalidVRLength?: boolean; fragmentMultiframe?: boolean }): ArrayBuffer;
  }
  const dcmjs: {
    readonly data: {
      readonly DicomDict: typeof DicomDict;
      readonly DicomMessage: { readFile(buffer: ArrayBuffer, options?: { untilTag?: string }): DicomDict };
      readonly DicomMetaDictionary: { readonly nameMap: Readonly<Record<string, DictionaryEntry>> };
    };
  };
  export default dcmjs;
}
