// From base64 and gzip to typed arrays.
const TYPES = {int16: Int16Array, uint8: Uint8Array, uint16: Uint16Array};

function read(id) { return JSON.parse(document.getElementById(id).textContent); }

async function decode(packed) {
  if (!window.DecompressionStream) throw new Error("This page needs a newer browser: Chrome 80, Firefox 113 or Safari 16.4.");
  const text = atob(packed.data), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const array = new TYPES[packed.dtype](await new Response(stream).arrayBuffer());
  array.shape = packed.shape;
  return packed.along ? summed(array, array.length / packed.shape[0]) : array;
}

// Columns whose slices are much alike are kept as the difference to the slice before.
function summed(array, size) {
  for (let i = size; i < array.length; i++) array[i] += array[i - size];
  return array;
}

async function load() {
  const packed = Object.entries(read("columns"));
  const arrays = await Promise.all(packed.map(([, column]) => decode(column)));
  const columns = Object.fromEntries(packed.map(([name], i) => [name, arrays[i]]));
  const address = read("sprite"), sprite = address ? new Image() : null;
  if (sprite) { sprite.src = address; await sprite.decode(); }
  return {facts: read("facts"), columns, sprite};
}
