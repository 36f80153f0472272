// What an authenticator app shows. <https://www.rfc-editor.org/rfc/rfc6238>

import { createHmac } from 'node:crypto';

export const STEP_S = 30;

/** The six digits of a step of 30 seconds, by a secret in base32. */
export function totp(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  const at = mac[mac.length - 1] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** <https://www.rfc-editor.org/rfc/rfc4648#section-6> */
function fromBase32(text) {
  const bits = [...text.replaceAll(/[\s=]/g, '')].map((letter) => {
    const value = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter);
    if (value < 0) throw new Error(`${letter} is no letter of base32`);
    return value.toString(2).padStart(5, '0');
  });
  const bytes = bits.join('').match(/.{8}/g);
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}
