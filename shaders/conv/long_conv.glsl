// SPDX-License-Identifier: Apache-2.0
// Fourier transforms of N complex numbers in shared memory, and how blocks of a convolution lie in memory. A workgroup
// of N / 8 threads; N is a power of 8. Include lib/math.glsl first. No bindings.

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u; // N / 8
const uint N = 8u * LOCAL, BLOCK = N / 2u;      // rows of a block: half of a transform
shared vec2 values[N];

vec2 times(vec2 a, vec2 b) { return vec2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
vec2 conjugate(vec2 a) { return vec2(a.x, -a.y); }

// Of 8 numbers, in place: three levels of butterflies, whose results stand in the order of their bits reversed.
void transform_eight(inout vec2 u[8]) {
    const float ROOT = 0.70710678118654752;
    vec2 a[8];
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
        a[i] = u[i] + u[i + 4u];
        a[i + 4u] = u[i] - u[i + 4u];
    }
    a[5] = ROOT * vec2(a[5].x + a[5].y, a[5].y - a[5].x);
    a[6] = vec2(a[6].y, -a[6].x);
    a[7] = ROOT * vec2(a[7].y - a[7].x, -a[7].x - a[7].y);
    [[unroll]] for (uint h = 0u; h < 8u; h += 4u) {
        vec2 even = a[h] + a[h + 2u], odd = a[h + 1u] + a[h + 3u], difference = a[h] - a[h + 2u],
             turned = a[h + 1u] - a[h + 3u];
        turned = vec2(turned.y, -turned.x);
        uint first = h / 4u;
        u[first] = even + odd;
        u[first + 4u] = even - odd;
        u[first + 2u] = difference + turned;
        u[first + 6u] = difference - turned;
    }
}

// values[f] = sum over n of values[n] exp(-2 pi i n f / N): Stockham's form, 8 numbers a thread and pass.
void transform() {
    uint thread = gl_LocalInvocationID.x;
    for (uint done = 1u; done < N; done *= 8u) {
        barrier();
        vec2 u[8];
        [[unroll]] for (uint i = 0u; i < 8u; ++i) u[i] = values[thread + i * LOCAL];
        uint k = thread & (done - 1u);
        vec2 root = cos_sin(-6.28318530717958648 / 8.0 * (float(k) / float(done)));
        vec2 second = times(root, root), fourth = times(second, second);
        u[1] = times(u[1], root);
        u[2] = times(u[2], second);
        u[3] = times(u[3], times(second, root));
        u[4] = times(u[4], fourth);
        u[5] = times(u[5], times(fourth, root));
        u[6] = times(u[6], times(fourth, second));
        u[7] = times(u[7], times(fourth, times(second, root)));
        transform_eight(u);
        barrier();
        uint to = (thread - k) * 8u + k;
        [[unroll]] for (uint i = 0u; i < 8u; ++i) values[to + i * done] = u[i];
    }
    barrier();
}
