import { fillRectangle, type Raster, type Rgb } from './picture.ts';

const HIGH = 7;
const WIDE = 5;

/** Five by seven dots a letter, drawn for this project; a row is the five bits of a number, leftmost first. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  ' ': [0, 0, 0, 0, 0, 0, 0],
  '-': [0, 0, 0, 0b11111, 0, 0, 0],
  '.': [0, 0, 0, 0, 0, 0b01100, 0b01100],
  '0': [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
  '1': [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
  '2': [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
  '3': [0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110],
  '4': [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
  '5': [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
  '6': [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
  '7': [0b11111, 0b00001, 0b00010, 0b00100, 0b00100, 0b01000, 0b01000],
  '8': [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
  '9': [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
  A: [0b00100, 0b01010, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001],
  C: [0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110],
  D: [0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110],
  E: [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
  F: [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000],
  G: [0b01110, 0b10001, 0b10000, 0b10111, 0b10001, 0b10001, 0b01111],
  H: [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
  I: [0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
  L: [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
  M: [0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001],
  N: [0b10001, 0b11001, 0b10101, 0b10101, 0b10011, 0b10001, 0b10001],
  O: [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
  P: [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
  R: [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
  S: [0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110],
  T: [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
  U: [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
  V: [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100],
  X: [0b10001, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001, 0b10001],
  Y: [0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100],
  m: [0, 0, 0b11010, 0b10101, 0b10101, 0b10101, 0b10101],
  Z: [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111],
};

/** Pixels a line of letters takes across; one dot of air between letters. */
export function letteringWidth(text: string, dot: number): number {
  return Math.max(0, text.length * (WIDE + 1) - 1) * dot;
}

/** Pixels a line of letters takes downwards. */
export function letteringHeight(dot: number): number {
  return HIGH * dot;
}

/**
 * Burns one line of capitals, digits and "mm" into a raster, with a dark rim so that it can be read on bright tissue too.
 * A letter outside the little alphabet is left blank.
 *
 * @param dot Pixels a dot of a letter is wide and high.
 */
export function letter(
  raster: Raster,
  text: string,
  [left, top]: readonly [number, number],
  dot: number,
  colour: Rgb,
): void {
  for (const pass of ['rim', 'letter'] as const) {
    const grow = pass === 'rim' ? Math.max(1, dot - 1) : 0;
    [...text].forEach((character, place) => {
      (GLYPHS[character] ?? []).forEach((row, y) => {
        for (let x = 0; x < WIDE; x++) {
          if (((row >> (WIDE - 1 - x)) & 1) === 0) continue;
          const corner = [left + (place * (WIDE + 1) + x) * dot - grow, top + y * dot - grow] as const;
          fillRectangle(raster, [...corner, dot + 2 * grow, dot + 2 * grow], pass === 'rim' ? [0, 0, 0] : colour);
        }
      });
    });
  }
}
