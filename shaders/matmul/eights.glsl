// SPDX-License-Identifier: Apache-2.0
// What products multiply at a time: eight neighbouring elements of x with eight of W.
// Include weights.glsl and fetch.glsl first. No bindings.
// In the form DOT, of W in blocks, the elements are signed bytes with a scale (and W's a minimum):
// those of x are rounded to 1/127 of the largest of their eight.
//   sum_k x_k w_k = sx (sw sum_k qx_k qw_k) - minimum sx sum_k qx_k

#ifdef DOT
#include "dot.glsl"
#define EIGHT uvec4 // eight bytes; the scale; x: the scale times their sum, W: the minimum

uint pack_bytes(vec4 v) {
    ivec4 q = ivec4(v) & 255;
    return uint(q.x | (q.y << 8) | (q.z << 16) | (q.w << 24));
}

EIGHT eight_of_x(vec4 a, vec4 b) {
    vec4 largest = max(abs(a), abs(b));
    float top = max(max(largest.x, largest.y), max(largest.z, largest.w)), scale = top / 127.0;
    if (scale < 1e-37) return uvec4(0u); // 1 / scale would overflow
    a = roundEven(a / scale);
    b = roundEven(b / scale);
    vec4 both = a + b;
    return uvec4(pack_bytes(a), pack_bytes(b), floatBitsToUint(scale),
                 floatBitsToUint(scale * (both.x + both.y + both.z + both.w)));
}
EIGHT eight_of_w(bool up, uint at, uint group, uint quarter, int count) {
    Eight e = fetch_eight(up, at, group, quarter, count);
    return uvec4(e.low, e.high, floatBitsToUint(e.scale), floatBitsToUint(e.minimum));
}
float multiply_eight(EIGHT x, EIGHT w, float sum) {
    float numbers = float(dot_bytes(x.x, w.x) + dot_bytes(x.y, w.y));
    sum = fma(uintBitsToFloat(x.z) * uintBitsToFloat(w.z), numbers, sum);
    return has_minimum(TYPE) ? fma(-uintBitsToFloat(w.w), uintBitsToFloat(x.w), sum) : sum;
}
#define multiply_eight_apart multiply_eight

#else
struct EIGHT { vec4 a, b; };

EIGHT eight_of_x(vec4 a, vec4 b) { return EIGHT(a, b); }
EIGHT eight_of_w(bool up, uint at, uint group, uint quarter, int count) {
    EIGHT e;
    fetch_weight(up, at, group, quarter, count, e.a, e.b);
    return e;
}
float dot4(vec4 x, vec4 w, float sum) { return fma(x.w, w.w, fma(x.z, w.z, fma(x.y, w.y, fma(x.x, w.x, sum)))); }
float multiply_eight(EIGHT x, EIGHT w, float sum) { return dot4(x.b, w.b, dot4(x.a, w.a, sum)); }
// The same where there are too few sums to keep multiplications from waiting for each other.
float multiply_eight_apart(EIGHT x, EIGHT w, float sum) { return sum + (dot4(x.a, w.a, 0.0) + dot4(x.b, w.b, 0.0)); }
#endif
