// SPDX-License-Identifier: Apache-2.0
// L4: the usual shape of a language model: tokens -> layers -> logits of the rows that are asked for.
#pragma once
#include "layers/embed.hpp"
#include "layers/linear.hpp"
#include "schedule/schedule.hpp"

namespace weft::detail {

inline constexpr const char *kDecoder = "decoder", *kHead = "head";

/// Adds stages "decoder" and "head", of the schedule's vocabulary, and the output. The first embeds tokens; the second
/// is one block with the norm and the product that give logits. Their weights are still to be set.
void add_decoder(Schedule& schedule, uint32_t width);

/// The stage of that name; nullptr if there is none.
template <class S>
auto* stage_of(S& schedule, std::string_view name) {
    for (auto& stage : schedule.stages)
        if (stage.name == name) return &stage;
    return static_cast<decltype(&schedule.stages[0])>(nullptr);
}

// What a schedule that add_decoder() made has.
template <class S>
auto& decoder_of(S& schedule) {
    return *stage_of(schedule, kDecoder);
}
template <class S>
auto& embedding_of(S& schedule) {
    return *decoder_of(schedule).first.at(0).branches.at(0).op.template as<EmbedSpec>();
}
template <class S>
auto& head_norm(S& schedule) {
    return stage_of(schedule, kHead)->first.back().pre;
}
template <class S>
auto& head_linear(S& schedule) {
    return *stage_of(schedule, kHead)->first.back().branches.at(0).op.template as<LinearSpec>();
}
/// Whether it is of that shape: what is written for decoders alone asks first.
bool is_decoder(const Schedule& schedule);

} // namespace weft::detail
