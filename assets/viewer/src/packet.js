// Packets as written by mspt/figures/viewer/encode.py, and blobs fetched once by address.

const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };
const KEPT_BLOBS = 24;
const blobs = new Map(); // name -> promise of a packet, oldest first

const padded = (size) => Math.ceil(size / 8) * 8;

/** Returns the header of a packet and its buffers: `array(i)` typed, `bytes(i)` raw. */
export function unpack(bytes) {
  if (bytes.byteOffset % 8) bytes = bytes.slice();
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const starts = [];
  let start = padded(4 + length);
  for (const size of header.sizes) {
    starts.push(start);
    start = padded(start + size);
  }
  const raw = (i) => bytes.subarray(starts[i], starts[i] + header.sizes[i]);
  const array = (i) => {
    const Kind = ARRAYS[header.kinds[i]];
    return new Kind(
      bytes.buffer,
      bytes.byteOffset + starts[i],
      header.sizes[i] / Kind.BYTES_PER_ELEMENT,
    );
  };
  return { header, array, bytes: raw };
}

/** Returns a promise of all blobs a message names, by name. */
export async function fetchBlobs(message) {
  const named = Object.entries(message.header.blobs);
  const packets = await Promise.all(named.map(([name, place]) => blob(name, place, message)));
  return Object.fromEntries(named.map(([name], index) => [name, packets[index]]));
}

function blob(name, place, message) {
  const known = blobs.get(name);
  if (known) {
    blobs.delete(name);
    blobs.set(name, known);
    return known;
  }
  const found =
    "buffer" in place
      ? Promise.resolve(unpack(message.bytes(place.buffer).slice()))
      : download(place.url).then(unpack);
  found.catch(() => blobs.delete(name));
  blobs.set(name, found);
  if (blobs.size > KEPT_BLOBS) blobs.delete(blobs.keys().next().value);
  return found;
}

async function download(url) {
  const address = new URL(url.replace(/^\//, ""), document.baseURI);
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`the points could not be fetched (${answer.status})`);
  return new Uint8Array(await answer.arrayBuffer());
}
