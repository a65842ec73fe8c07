/**
 * Part 10 files as the body of a multipart/related request (RFC 2046 5.1.1, PS3.18 8.6.1.2), made while it is sent.
 *
 * @param boundary without hyphens; must not occur in a file, so make it at random.
 */
export async function* multipartBody(files: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Uint8Array> {
  for await (const file of files) {
    yield Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`, 'latin1');
    yield file;
    yield Buffer.from('\r\n', 'latin1');
  }
  yield Buffer.from(`--${boundary}--\r\n`, 'latin1');
}
