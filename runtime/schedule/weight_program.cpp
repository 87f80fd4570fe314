// SPDX-License-Identifier: Apache-2.0
#include "schedule/weight_program.hpp"
#include "schedule/session.hpp"
#include "vulkan/uploader.hpp"
#include <algorithm>
#include <numeric>

namespace weft::detail {
namespace {

constexpr uint32_t kRows = 4096; // that are made at a time

} // namespace

std::string program_problem(const WeightSlot& slot) {
    const Schedule& s = *slot.program;
    if (slot.matrix || slot.shape.size() != 2) return "only a table of rows of f32 can be made by a program";
    if (s.stages.size() != 1 || s.stages[0].rows.of != RowSpace::Of::tokens || !s.states.empty() ||
        comes_whole(s.stages[0]))
        return "its program must have one stage, of tokens that know nothing of each other";
    if (s.outputs.size() != 1 || s.stages[0].width_of(s.outputs[0].stream) != slot.shape[1])
        return "its program must have one output, as wide as the weight";
    if (s.inputs.size() != 1 || s.inputs[0].name != kTokens || s.inputs[0].pictures() ||
        s.inputs[0].limit < slot.shape[0])
        return "its program must read tokens alone, and know one for each row of the weight";
    if (std::ranges::any_of(s.weights, [](const WeightSlot& inner) { return bool(inner.program); }))
        return "the weights of its program must come from files";
    return "";
}

Status run_program(vk::Device& device, const WeightSlot& slot, const ModelFiles& files, const vk::Slice& to) {
    weft_ASSIGN(auto weights, DeviceWeights::load(device, slot.program->weights, files, WeightType::f32, {}));
    const auto model = std::make_shared<const LoadedModel>(LoadedModel{device, *slot.program, std::move(weights), {}});
    SessionOptions options;
    const uint32_t rows = slot.shape[0], width = slot.shape[1];
    options.context = options.max_chunk = std::min(rows, kRows);
    weft_ASSIGN(options, resolved(options, model->schedule, &device));
    weft_ASSIGN(const auto session, Session::create(model, options));
    weft_ASSIGN(auto uploader, vk::Uploader::create(device));
    std::vector<uint32_t> numbers(options.context);
    for (uint32_t first = 0; first < rows; first += options.context) {
        numbers.resize(std::min(options.context, rows - first));
        std::iota(numbers.begin(), numbers.end(), first);
        session->reset(0);
        const Feed feed{0, numbers};
        weft_TRY(session->forward({&feed, 1}, Want::nothing));
        weft_ASSIGN(const auto made, session->output(model->schedule.outputs[0].name));
        weft_TRY(uploader.put(to.part(uint64_t(first) * width * 4, made.size() * 4), std::as_bytes(std::span(made))));
    }
    return uploader.finish();
}

} // namespace weft::detail
