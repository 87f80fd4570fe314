// SPDX-License-Identifier: Apache-2.0
#include "kernels/route.hpp"
#include "route.gen.hpp"

namespace weft::detail::kernel {

void route(Recorder& r, const RouteArgs& a) {
    using K = shader::route;
    const uint32_t experts = a.logits.columns(), choices = a.experts.columns();
    weft_CHECK(a.header, "the step's header is needed");
    weft_CHECK(experts > 0 && experts <= 1024, "logits must have 1 to 1024 columns");
    weft_CHECK(choices > 0 && choices <= 32 && choices <= experts,
               "experts must have 1 to 32 columns, at most as many as logits");
    weft_CHECK(a.experts.contiguous() && a.weights.contiguous() && a.weights.columns() == choices,
               "experts and weights must both be whole [T, k]");
    weft_CHECK(a.experts.rows() >= a.logits.rows() && a.weights.rows() >= a.logits.rows(),
               "experts and weights must have a row for every row of logits");
    weft_CHECK(!a.bias || (a.bias.count() == experts && a.bias.contiguous()), "bias must be [E]");
    weft_CHECK(a.groups > 0 && experts % a.groups == 0 && a.kept_groups > 0 && a.kept_groups <= a.groups,
               "groups must divide the experts, and some must be kept");
    weft_CHECK(experts / a.groups * a.kept_groups >= choices, "the kept groups must hold k experts");
    uint32_t local = 8;
    while (local < 32 && local < experts) local *= 2;
    r.dispatch<K>(K::Variant::core,
                  {.LOCAL = local,
                   .EXPERTS = experts,
                   .CHOICES = choices,
                   .SCORE = uint32_t(a.score),
                   .WEIGHT = uint32_t(a.weight),
                   .GROUPS = a.groups,
                   .KEPT_GROUPS = a.kept_groups,
                   .GROUP_SCORE = uint32_t(a.group_score),
                   .PARTS = (a.bias ? 1u : 0u) | (a.renormalise ? 2u : 0u)},
                  {.logits = a.logits,
                   .bias = r.or_unused(a.bias),
                   .experts = a.experts,
                   .weights = a.weights,
                   .header = a.header},
                  {.logits_stride = a.logits.stride, .logits_start = a.logits.start, .eps = a.eps, .scale = a.scale},
                  {.x = {local}, .y = a.tokens});
}

} // namespace weft::detail::kernel
