// SPDX-License-Identifier: Apache-2.0
// Where a key or value lies in a cache [slots, heads, capacity, size]. No bindings.

// The first row of a slot and head.
uint cache_head(uint slot, uint heads, uint head, uint capacity) { return (slot * heads + head) * capacity; }

// The row of one position. The rows of a slot and head are a ring: position p lies p % capacity behind their first row.
// `at` is such a remainder, or one and less than a capacity more, so that loops over positions divide once.
uint cache_row(uint first_row, uint capacity, uint at) { return first_row + (at >= capacity ? at - capacity : at); }
