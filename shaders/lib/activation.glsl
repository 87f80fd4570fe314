// SPDX-License-Identifier: Apache-2.0
// Activations by number; the numbers are those of kernel::Activation. Include lib/math.glsl first. No bindings.

float activate(uint kind, float x) {
    switch (kind) {
    case 1u: return silu(x);
    case 2u: return gelu_erf(x);
    case 3u: return gelu_tanh(x);
    case 4u: return max(x, 0.0);
    case 5u: { float r = max(x, 0.0); return r * r; }
    case 6u: return sigmoid(x);
    case 7u: return x * sigmoid(1.702 * x);
    case 8u: return tanh_exact(x);
    case 9u: return cos_sin(x).y;
    case 10u: return exp(x);
    case 11u: return x > 0.0 ? x + 1.0 : exp(x);
    default: return x;
    }
}
