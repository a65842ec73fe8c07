import type { Rgb } from './picture.ts';

/** Linear light of one sRGB channel, IEC 61966-2-1. */
function linear(channel: number): number {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

/** sRGB to XYZ under D65, adapted to D50 (Bradford), relative to the D50 white of the profile connection space. */
const TO_RELATIVE_XYZ = [
  [0.4360747 / 0.96422, 0.3850649 / 0.96422, 0.1430804 / 0.96422],
  [0.2225045, 0.7168786, 0.0606169],
  [0.0139322 / 0.82521, 0.0971045 / 0.82521, 0.7141733 / 0.82521],
] as const;

function lightness(relative: number): number {
  return relative > 216 / 24389 ? Math.cbrt(relative) : ((24389 / 27) * relative + 16) / 116;
}

/**
 * An sRGB colour as Recommended Display CIELab Value: L* 0..100 and a*, b* -128..127 scaled to 0..65535
 * (PS3.3 C.10.7.1.1).
 */
export function cieLabOf([red, green, blue]: Rgb): [number, number, number] {
  const light = [linear(red), linear(green), linear(blue)];
  const [x, y, z] = TO_RELATIVE_XYZ.map((row) =>
    lightness(row.reduce<number>((sum, factor, channel) => sum + factor * light[channel]!, 0)),
  ) as [number, number, number];
  const scaled = (value: number) => Math.min(65535, Math.max(0, Math.round(value)));
  return [
    scaled(((116 * y - 16) * 65535) / 100),
    scaled(((500 * (x - y) + 128) * 65535) / 255),
    scaled(((200 * (y - z) + 128) * 65535) / 255),
  ];
}
