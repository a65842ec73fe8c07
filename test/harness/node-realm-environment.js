import { TestEnvironment } from 'jest-environment-node';

/**
 * Jest runs tests in a vm realm whose typed arrays are not Node's own; native addons (onnxruntime, sharp)
 * and structured clone compare constructors and refuse them. Sharing Node's constructors ends that.
 */
export default class NodeRealmEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    Object.assign(this.global, {
      ArrayBuffer,
      SharedArrayBuffer,
      DataView,
      Uint8Array,
      Uint8ClampedArray,
      Int8Array,
      Uint16Array,
      Int16Array,
      Uint32Array,
      Int32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    });
  }
}
