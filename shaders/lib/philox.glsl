// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: Philox 4x32 with ten rounds (Salmon et al. 2011, Parallel random
// numbers: as easy as 1, 2, 3). No bindings.

uvec4 philox(uvec4 counter, uvec2 key) {
    for (uint i = 0u; i < 10u; ++i) {
        uint high_x, low_x, high_z, low_z;
        umulExtended(0xd2511f53u, counter.x, high_x, low_x);
        umulExtended(0xcd9e8d57u, counter.z, high_z, low_z);
        counter = uvec4(high_z ^ counter.y ^ key.x, low_z, high_x ^ counter.w ^ key.y, low_x);
        key += uvec2(0x9e3779b9u, 0xbb67ae85u);
    }
    return counter;
}

// An exponential variable of mean 1, -log(1 - u), from 32 random bits. The small ones decide who wins a race of many:
// they come from the series, for Vulkan lets log near 1 be off by 2^-21.
float exponential(uint bits) {
    float u = min((float(bits) + 0.5) * 2.3283064365386963e-10, 0.99999994);
    if (u < 0.0625) return u * (1.0 + u * (0.5 + u * (1.0 / 3.0 + u * (0.25 + u * (0.2 + u * (1.0 / 6.0))))));
    return -log(1.0 - u);
}

// Added to logits, the largest sum is a sample of their softmax (Gumbel-max).
float gumbel(uint bits) { return -log(exponential(bits)); }
