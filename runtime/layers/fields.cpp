// SPDX-License-Identifier: Apache-2.0
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(Linear, 4);
void Fields::linear(const char* key, Linear& l, uint64_t in, uint64_t out, bool optional) {
    if (!enter(key, bool(l), optional)) return;
    weight("weight", l.weight, {out, in}, WeightUse::always, WeightKind::matrix);
    weight("bias", l.bias, {out}, WeightUse::rare, WeightKind::vector);
    derived(l.in, in);
    derived(l.out, out);
    leave();
}

weft_LISTED(Norm, 5);
void Fields::norm(const char* key, Norm& n, uint64_t width, bool optional) {
    if (!enter(key, n.present, optional)) return;
    derived(n.present, true);
    value("kind", n.kind, kernel::NormKind::rms);
    number("eps", n.eps, 1e-6f, Reach::not_negative);
    weight("weight", n.weight, {width}, WeightUse::usual, WeightKind::vector);
    weight("bias", n.bias, {width}, WeightUse::rare, WeightKind::vector);
    rule(n.bias == kNoWeight || n.weight != kNoWeight, "bias", "not be there without a weight");
    leave();
}

weft_LISTED(Conv, 5);
void Fields::conv(const char* key, Conv& c, uint64_t channels, bool optional) {
    if (!enter(key, !optional || c, optional)) return;
    derived(c.channels, channels);
    size("taps", c.taps, 4u);
    value("activation", c.activation, kernel::Activation::silu);
    weight("weight", c.weight, {channels, c.taps}, WeightUse::always, WeightKind::vector);
    weight("bias", c.bias, {channels}, WeightUse::usual, WeightKind::vector);
    leave();
}

weft_LISTED(Rope, 9);
void Fields::rope(const char* key, Rope& r, uint32_t head_size) {
    if (!enter(key, r.kind != RopeKind::none, true)) return;
    value("kind", r.kind, RopeKind::half);
    rule(r.kind != RopeKind::none, "kind", "be half or pairs; without a rope there are no positions");
    size("rotary", r.rotary, head_size / 2 * 2);
    rule(r.rotary % 2 == 0 && r.rotary <= head_size, "rotary", "be even and not larger than a head");
    value("long_table", r.long_table, false);
    number("factor", r.factor, 1.0f, Reach::positive);
    number("long_factor", r.long_factor, 1.0f, Reach::positive);
    number("ntk", r.ntk, 0.0f, Reach::not_negative);
    value("original", r.original, 0u);
    rule(r.original || !(r.long_table || r.ntk != 0), "original", "be given with long_table or ntk");
    value("axes", r.axes, 1u);
    rule(r.axes >= 1 && r.axes <= 3, "axes", "be 1 to 3");
    frequencies(r);
    leave();
}

} // namespace weft::detail
