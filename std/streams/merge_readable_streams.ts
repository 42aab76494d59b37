/** Merges streams into one, chunks in the order in which they arrive. */
export function mergeReadableStreams<T>(...streams: ReadableStream<T>[]): ReadableStream<T> {
  const readers = streams.map((stream) => stream.getReader());
  let liveCount = readers.length;
  return new ReadableStream<T>({
    start(controller) {
      if (liveCount === 0) controller.close();
      for (const reader of readers) drain(reader, controller).catch((reason) => controller.error(reason));
    },
    async cancel(reason) {
      await Promise.all(readers.map((reader) => reader.cancel(reason)));
    },
  });

  async function drain(reader: ReadableStreamDefaultReader<T>, out: ReadableStreamDefaultController<T>): Promise<void> {
    for (let next = await reader.read(); !next.done; next = await reader.read()) out.enqueue(next.value);
    if (--liveCount === 0) out.close();
  }
}
