// SPDX-License-Identifier: Apache-2.0
// L4: what rows of two outputs have in common: one product, recorded for the sizes at hand.
#include "kernels/matmul.hpp"
#include "schedule/order.hpp"
#include "schedule/session.hpp"
#include <algorithm>

namespace weft::detail {

Result<std::vector<float>> Session::similarity(std::string_view name, std::span<const float> rows,
                                               std::span<const float> columns) {
    const Schedule& s = model_->schedule;
    const auto pair = std::ranges::find_if(s.similarities, [&](const Similarity& p) { return p.name == name; });
    if (pair == s.similarities.end())
        return Error{ErrorCode::invalid_argument, "the model has no similarity " + in_quotes(std::string(name)), {}};
    const uint64_t width = width_of(s.outputs[output_of(s, pair->rows)]);
    for (const auto& [which, values] : {std::pair(pair->rows, rows), std::pair(pair->columns, columns)})
        if (values.empty() || values.size() % width || values.size() / width > UINT32_MAX)
            return Error{ErrorCode::invalid_argument,
                         which + " has " + std::to_string(values.size()) + " numbers, and must have some rows of " +
                             std::to_string(width),
                         {}};
    const auto m = uint32_t(rows.size() / width), n = uint32_t(columns.size() / width), k = uint32_t(width);
    vk::Device& device = model_->device;
    vk::Arena arena(device, vk::MemoryUse::device, "similarity");
    const std::vector<float> bias(uint64_t(m) * n, pair->bias); // what the product is added to
    const auto put = [&](std::span<const float> values) -> Result<vk::Slice> {
        weft_ASSIGN(const vk::Slice slice, arena.allocate(values.size_bytes()));
        weft_TRY(uploader_->put(slice, std::as_bytes(values)));
        return slice;
    };
    weft_ASSIGN(const vk::Slice x, put(rows));
    weft_ASSIGN(const vk::Slice w, put(columns));
    weft_ASSIGN(const vk::Slice result, put(bias));
    vk::Recorder r(device);
    const kernel::Tensor y = r.external(result, DType::f32, {m, n}, pair->name);
    kernel::matmul(r, {.x = r.external(x, DType::f32, {m, k}, pair->rows),
                       .weight = r.external(w, DType::f32, {n, k}, pair->columns),
                       .residual = y,
                       .y = y,
                       .scale = pair->scale,
                       .rows = {m}});
    Plan plan;
    weft_ASSIGN(plan.program, r.finish());
    plan.activation_bytes = pack_temporaries(plan.program, sort_by_levels(plan.program), plan.offsets);
    weft_ASSIGN(const vk::Slice temporaries, arena.allocate(plan.activation_bytes));
    plan.place(temporaries);
    weft_TRY(device.pipelines().build(plan.program.pipelines(), {}));
    weft_ASSIGN(vk::Program empty, vk::Recorder(device).finish());
    weft_ASSIGN(auto nothing, vk::Recording::create(device, std::move(empty)));
    weft_ASSIGN(auto recording, vk::Recording::create(device, std::move(plan.program)));
    weft_ASSIGN(auto replay, Replay::create(device, std::move(nothing), std::move(recording)));
    weft_TRY(replay.run(1, options_.longest_submission_ms, *uploader_));
    return read_rows(result, m, n);
}

} // namespace weft::detail
