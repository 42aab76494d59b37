import { ONE, random, secrets, testUniformity, TWO } from "../../../tests/gate_cases.ts";
import { squaredProduct, sumOfSquares } from "../../../tests/compositions.ts";

const LANES = { rows: 2, cols: [1, 3] };

/** Two wires of n bits, the squares of the first and their product. */
function product(n: number, outBits: number) {
  return {
    inputs: [random(n, 12, LANES, 20), random(n, 12, LANES, 20)],
    run: squaredProduct({ outBits, operandBits: n, broadcast: false }),
  };
}

testUniformity("squares", {
  small: {
    "squares": { tests: secrets(sumOfSquares(6), [[4, TWO]], [[3, -2]], [[0, 1]]) },
    "squares, with a product": {
      tests: secrets(
        squaredProduct({ outBits: 6, operandBits: 4, broadcast: false }),
        [[4, ONE], [4, ONE]],
        [[3], [-2]],
        [[0], [1]],
      ),
    },
    "a product of a narrow wire": {
      tests: secrets(
        squaredProduct({ outBits: 6, operandBits: 5, broadcast: true }),
        [[3, ONE], [5, ONE]],
        [[1], [-2]],
        [[-1], [3]],
      ),
      keys: 1,
    },
  },
  full: {
    "squares": { inputs: [random(32, 12, LANES, 20)], run: sumOfSquares(48) },
    "squares, with a product": product(32, 41),
    "squares of 40 bits, with a product": product(40, 48),
    "squares of 48 bits into 44": { inputs: [random(48, 12, LANES, 20)], run: sumOfSquares(44) },
  },
});
