// SPDX-License-Identifier: Apache-2.0
// Powers to nearly the last bit: Vulkan lets exp2 and pow be off by 3 + 2 |x| units in the last place. No bindings.

// 2^x for |x| < 126 (Cephes exp2f): relative error 1.5e-7.
float exp2_exact(float x) {
    precise float k = round(x);
    precise float f = x - k;
    float p = 6.931472028550421e-1 +
              f * (2.402264791363012e-1 +
                   f * (5.550332471162809e-2 +
                        f * (9.618437357674640e-3 + f * (1.339887440266574e-3 + f * 1.535336188319500e-4))));
    return (1.0 + f * p) * uintBitsToFloat(uint(int(k) + 127) << 23);
}

float high_part(float a) { return uintBitsToFloat(floatBitsToUint(a) & 0xfffff000u); }

// a - b * c as if the product were exact (Dekker 1971); it must nearly cancel.
float residual(float a, float b, float c) {
    precise float bh = high_part(b), ch = high_part(c);
    precise float bl = b - bh, cl = c - ch;
    precise float r = a - bh * ch;
    r -= bh * cl;
    r -= bl * ch;
    r -= bl * cl;
    return r;
}

// a / b as the sum of two floats.
vec2 divide_twice(float a, float b) {
    precise float q = a / b;
    precise float r = residual(a, q, b) / b;
    return vec2(q, r);
}

// (1 + factor * n / d)^(-i / k) for 0 <= i <= k, n and d below 2^24: relative error 3e-7.
float stretch(float factor, float n, float d, uint i, uint k) {
    precise float product = factor * n;
    precise float lost = -residual(product, factor, n);
    vec2 t = divide_twice(product, d);
    precise float s = 1.0 + t.x;
    precise float s_low = (t.x > 1.0 ? 1.0 - (s - t.x) : t.x - (s - 1.0)) + (t.y + lost / d);
    // s = 2^e m with m in [0.7, 1.41]; log2 m by the series of atanh. The whole part of -i e / k is exact in integers.
    uint bits = floatBitsToUint(s);
    uint e = (bits >> 23) - 127u;
    precise float m = uintBitsToFloat((bits & 0x7fffffu) | 0x3f800000u);
    if (m > 1.41421356) {
        m *= 0.5;
        ++e;
    }
    vec2 f = divide_twice(m - 1.0, m + 1.0);
    float z = f.x * f.x;
    float tail = f.x * z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0)))));
    float log2_m = 2.88539008177792681 * (f.x + (f.y + tail));
    uint whole = i * e / k;
    precise float y = float(i) / float(k);
    precise float x = float(i * e - whole * k) / float(k) + y * log2_m;
    return exp2_exact(-x) * (1.0 - y * (s_low / s)) * uintBitsToFloat((127u - whole) << 23);
}
