// SPDX-License-Identifier: Apache-2.0
#include "layers/linear.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft {

weft_LISTED(LinearSpec, 1);
void LinearSpec::fields(Fields& f, const Widths& w) { f.linear("linear", linear, w.input, w.model); }

void LinearSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    lower_linear(c, linear, x, to);
}

std::string LinearSpec::words() const { return std::to_string(linear.out) + " wide"; }

weft_OP(LinearSpec);

} // namespace weft
