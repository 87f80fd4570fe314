// SPDX-License-Identifier: Apache-2.0
// The step block: what changes from step to step. Mirrors runtime/kernels/step.hpp. No bindings: each shader declares
// the buffers it reads (uint arrays), and uses these names for the words in them.

// Words of the step header; a grid size may depend on each (kernel::Quantity has the same numbers).
const uint STEP_TOKENS = 1u;        // new tokens in the packed batch
const uint STEP_SEQUENCES = 2u;     // sequences in the packed batch
const uint STEP_OUTPUTS = 3u;       // tokens whose logits are wanted
const uint STEP_LONGEST_NEW = 4u;   // most new tokens of one sequence
const uint STEP_LONGEST_TOTAL = 5u; // most tokens, past and new, of one sequence
// Decode steps done since the host last wrote the block: index into the ring of sampled tokens.
const uint STEP_RING = 6u;

// Words of a sequence's row.
const uint SEQ_STRIDE = 8u;
const uint SEQ_SLOT = 0u;   // which rows of tokens it owns: caches, history, sampler
const uint SEQ_FIRST = 1u;  // index of its first new token in the packed batch
const uint SEQ_COUNT = 2u;  // its new tokens
const uint SEQ_PAST = 3u;   // tokens its state has already seen
// Length for which rotary types that depend on the length are computed: at least past + count.
const uint SEQ_LENGTH = 4u;
// Which constant state the step reads and which it writes. Where they differ the old state stays as it was: a snapshot
// without a copy. No other sequence of the step may read what this one writes.
const uint SEQ_READ = 5u;
const uint SEQ_WRITE = 6u;
const uint SEQ_MEMORY = 7u; // rows of the sequence's memory: the keys of cross attention
