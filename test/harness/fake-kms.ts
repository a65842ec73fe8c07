import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import {
  type FakeKeyService,
  type KeyServiceAnswer,
  type KeyServiceRequest,
  openKeyService,
} from './fake-key-service.ts';

export const KMS_CREDENTIALS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'a session',
};

const REGION = 'eu-central-1';
const refused = (type: string): KeyServiceAnswer => ({ status: 400, body: { __type: type, message: 'refused' } });
const keyOf = (id: string): Buffer => createHash('sha256').update(`kms ${id}`).digest();

/** Encrypt and Decrypt of AWS KMS: the signature is checked as AWS documents it, the context is bound, keys are by id. */
export function openFakeKms(): Promise<FakeKeyService> {
  return openKeyService((request) => {
    if (!isSigned(request)) return refused('com.amazonaws.kms#InvalidSignatureException');
    const given = JSON.parse(request.body) as Readonly<Record<string, string>> & { readonly EncryptionContext: object };
    const context = JSON.stringify(Object.entries(given.EncryptionContext).sort());
    const id = given.KeyId!;
    switch (request.headers['x-amz-target']) {
      case 'TrentService.Encrypt':
        return { status: 200, body: { KeyId: id, CiphertextBlob: sealed(id, context, given.Plaintext!) } };
      case 'TrentService.Decrypt':
        try {
          return { status: 200, body: { KeyId: id, Plaintext: opened(id, context, given.CiphertextBlob!) } };
        } catch {
          return refused('InvalidCiphertextException');
        }
      default:
        return refused('UnknownOperationException');
    }
  });
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** From the received bytes, by the published steps: docs.aws.amazon.com, "Create a signed AWS API request". */
function isSigned({ method, path, headers, body }: KeyServiceRequest): boolean {
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/kms\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/;
  const [, id, day, region, names = '', signature] = given.exec(headers.authorization ?? '') ?? [];
  const signedHeaders = names.split(';');
  const moment = headers['x-amz-date'] ?? '';
  const bound = ['host', 'x-amz-date', 'x-amz-target', 'x-amz-security-token'].every((name) =>
    signedHeaders.includes(name),
  );
  if (id !== KMS_CREDENTIALS.accessKeyId || region !== REGION || !bound || !moment.startsWith(day!)) return false;
  if (headers['x-amz-security-token'] !== KMS_CREDENTIALS.sessionToken) return false;
  const canonical = `${method}\n${path}\n\n${signedHeaders.map((name) => `${name}:${headers[name]}\n`).join('')}\n${names}\n${sha256(body)}`;
  const toSign = `AWS4-HMAC-SHA256\n${moment}\n${day}/${region}/kms/aws4_request\n${sha256(canonical)}`;
  const ofDay = hmac(`AWS4${KMS_CREDENTIALS.secretAccessKey}`, day!);
  const key = hmac(hmac(hmac(ofDay, region), 'kms'), 'aws4_request');
  return hmac(key, toSign).toString('hex') === signature;
}

function sealed(id: string, context: string, plaintext: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(id), nonce);
  cipher.setAAD(Buffer.from(context));
  const parts = [nonce, cipher.update(Buffer.from(plaintext, 'base64')), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts).toString('base64');
}

function opened(id: string, context: string, ciphertext: string): string {
  const bytes = Buffer.from(ciphertext, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', keyOf(id), bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64');
}
