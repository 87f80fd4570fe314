// SPDX-License-Identifier: Apache-2.0
// Chunks of a matrix-state scan: what ssd.comp and gated_delta.comp write for each token and head,
// and matrix_scan.comp reads. No bindings.

const uint CHUNK = 16u; // tokens

// Vectors of four a token and head: row i of M [16] (what o_i takes from the chunk's values), four factors,
// and with the delta rule row i of T [16].
// The factors: of the query on the state before the chunk, of the key there, of the key on the state after the chunk,
// of the whole state.
const uint FACTORS = 4u;
const uint T_ROW = 5u;
const uint MIX_SSD = 5u;   // vectors in all without the delta rule
const uint MIX_DELTA = 9u; // with it
