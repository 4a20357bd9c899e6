// Reads the CBOR of a reading's extras: maps, lists, text, bytes, integers, true, false and null.

export function decodeCbor(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value();
  if (reader.offset !== bytes.length) throw new Error("bytes follow the CBOR");
  return value;
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.offset = 0;
  }

  take(size) {
    if (this.offset + size > this.bytes.length) throw new Error("CBOR ends too early");
    this.offset += size;
    return this.bytes.subarray(this.offset - size, this.offset);
  }

  value() {
    const [first] = this.take(1);
    const major = first >> 5;
    const argument = this.argument(first & 31);
    const size = Number(argument);
    switch (major) {
      case 0: return argument;
      case 1: return -1n - argument;
      case 2: return this.take(size);
      case 3: return new TextDecoder("utf-8", { fatal: true }).decode(this.take(size));
      case 4: return this.times(size, () => this.value());
      case 5: return new Map(this.times(size, () => [this.value(), this.value()]));
      case 7: if (size >= 20 && size <= 22) return [false, true, null][size - 20];
    }
    throw new Error("CBOR that readings do not use");
  }

  argument(info) {
    if (info < 24) return BigInt(info);
    if (info > 27) throw new Error("CBOR of indefinite length");
    return this.take(2 ** (info - 24)).reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
  }

  times(size, make) {
    if (size > this.bytes.length) throw new Error("CBOR ends too early");
    return Array.from({ length: size }, make);
  }
}
