// SPDX-License-Identifier: Apache-2.0
#include "models/gguf_fold.hpp"
#include "layers/attention.hpp"
#include "layers/mamba2.hpp"
#include "layers/mlp.hpp"
#include <utility>

namespace weft::detail {
namespace {

class Folding {
public:
    explicit Folding(Schedule& s) : s_(s) {}

    std::vector<RowFactor> run() {
        EmbedSpec& embedding = embedding_of(s_);
        LinearSpec& head = head_linear(s_);
        if (head.linear.weight != embedding.table) { // a table that is also the head cannot take over two numbers
            rows(embedding.table, 0, s_.vocabulary, std::exchange(embedding.scale, 1.0f));
            result(head.linear, std::exchange(head.scale, 1.0f));
        }
        for (Layer& layer : decoder_of(s_).layers)
            for (Block& block : layer.blocks)
                for (Branch& branch : block.branches) {
                    if (auto* a = branch.op.as<AttentionSpec>()) fold(*a, branch);
                    if (auto* m = branch.op.as<Mamba2Spec>()) fold(*m, branch);
                    if (auto* m = branch.op.as<MlpSpec>()) fold(*m, branch);
                }
        return std::move(factors_);
    }

private:
    void rows(WeightId slot, uint32_t first, uint32_t count, float factor) {
        if (slot != kNoWeight && factor != 1) factors_.push_back({slot, first, count, factor});
    }
    /// On what a product gives: on its bias too.
    void result(const Linear& l, uint32_t first, uint32_t count, float factor) {
        rows(l.weight, first, count, factor);
        rows(l.bias, first, count, factor);
    }
    void result(const Linear& l, float factor) { result(l, 0, l.out, factor); }

    void fold(AttentionSpec& a, Branch& b) {
        rows(a.qkv.weight, 0, a.qkv.out, std::exchange(b.in_scale, 1.0f));
        if (!a.k_norm) result(a.qkv, a.heads * a.head_size, a.kv_heads * a.head_size, std::exchange(a.key_scale, 1.0f));
        result(a.out, std::exchange(b.out_scale, 1.0f));
    }
    void fold(Mamba2Spec& m, Branch& b) {
        rows(m.in.weight, 0, m.in.out, std::exchange(b.in_scale, 1.0f));
        if (m.in_multipliers != kNoWeight) {
            const std::vector<float>& each = s_.weights[std::exchange(m.in_multipliers, kNoWeight)].computed;
            for (uint32_t from = 0, to = 0; from < each.size(); from = to) { // runs of equal ones
                while (to < each.size() && each[to] == each[from]) ++to;
                result(m.in, from, to - from, each[from]);
            }
        }
        result(m.out, std::exchange(b.out_scale, 1.0f));
    }
    void fold(MlpSpec& m, Branch& b) {
        rows(m.in.weight, 0, m.in.out, std::exchange(b.in_scale, 1.0f));
        result(m.in, 0, m.inner, std::exchange(m.gate_scale, 1.0f));
        result(m.out, std::exchange(b.out_scale, 1.0f));
    }
    Schedule& s_;
    std::vector<RowFactor> factors_;
};

} // namespace

std::vector<RowFactor> fold_multipliers(Schedule& schedule) { return Folding(schedule).run(); }

} // namespace weft::detail
