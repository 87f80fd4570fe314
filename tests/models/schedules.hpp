// SPDX-License-Identifier: Apache-2.0
// Test support: schedules from edited configs, and schedules as text so that two can be compared.
#pragma once
#include "models/keys.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <sstream>

namespace weft::test {

inline Json config_of(const std::filesystem::path& directory) {
    auto files = ModelFiles::open(directory);
    REQUIRE(files);
    REQUIRE(files->config());
    return *files->config();
}

inline Json edited(Json config, const std::function<void(Json&)>& edit) {
    edit(config);
    return config;
}

/// The schedule of a config without weights.
inline Result<Schedule> schedule_of(const Json& config) {
    const TemporaryDirectory directory;
    weft_ASSIGN(const auto files, ModelFiles::open(directory.write("config.json", config.dump())));
    return make_schedule(files);
}

inline Schedule require_schedule(const Json& config) {
    auto s = schedule_of(config);
    INFO((s ? std::string() : s.error().text()));
    REQUIRE(s);
    return std::move(*s);
}

inline std::string error_of(const Json& config) {
    auto s = schedule_of(config);
    REQUIRE_FALSE(s);
    return s.error().text();
}

/// All that a schedule says, as text: equal texts, equal schedules.
class SchedulePrinter {
public:
    explicit SchedulePrinter(const Schedule& s) : s_(s) {}

    std::string all() {
        out_ << s_.architecture << ' ' << s_.vocabulary << ' ' << s_.width << ' ' << s_.trained_context << ' '
             << s_.position_limit << " scale " << s_.embedding.scale << '\n';
        weight(s_.embedding.table), weight(s_.embedding.positions);
        for (const Layer& layer : s_.layers) {
            for (const SubBlock& b : layer.blocks) {
                out_ << "block " << int(b.input) << int(b.output) << ' ' << b.residual_scale;
                norm(b.pre), norm(b.post);
                for (const Branch& branch : b.branches) {
                    out_ << ' ' << branch.in_scale << ' ' << branch.out_scale;
                    std::visit([&](const auto& op) { print(op); }, branch.op);
                }
                out_ << '\n';
            }
            out_ << "end\n";
        }
        norm(s_.head.norm), linear(s_.head.linear);
        out_ << " head " << s_.head.scale << " cap " << s_.head.softcap << " slots " << s_.weights.size();
        return out_.str();
    }

private:
    void weight(WeightId id) {
        if (id == kNoWeight) {
            out_ << " -";
            return;
        }
        const WeightSlot& slot = s_.weights[id];
        out_ << ' ' << slot.name << '[';
        for (uint32_t d : slot.shape) out_ << d << ' ';
        out_ << ']' << slot.matrix;
        for (const WeightPiece& p : slot.pieces)
            out_ << p.names[0] << ':' << p.first_row << ':' << p.rows << ':' << int(p.transform) << ',';
        for (float v : slot.computed) out_ << v << ',';
    }
    void linear(const Linear& l) { weight(l.weight), weight(l.bias); }
    void norm(const Norm& n) {
        out_ << " norm " << n.present << int(n.kind) << ' ' << n.eps;
        weight(n.weight), weight(n.bias);
    }
    void print(const AttentionSpec& a) {
        out_ << " attention " << a.heads << '/' << a.kv_heads << " of " << a.head_size << '/' << a.value_size
             << " scale " << a.scale << ' ' << a.key_scale << " window " << a.window << ' ' << a.chunk << " cap "
             << a.softcap << " all " << a.norm_all_heads << " gate " << a.gate;
        linear(a.qkv), linear(a.out), norm(a.q_norm), norm(a.k_norm), weight(a.sinks), weight(a.rope.frequencies),
            linear(a.adapter_down);
        for (const Linear& up : a.adapter_up) linear(up);
        out_ << " rope " << int(a.rope.kind) << ' ' << a.rope.rotary << ' ' << a.rope.long_table << ' ' << a.rope.factor
             << ' ' << a.rope.long_factor << ' ' << a.rope.ntk << ' ' << a.rope.original;
    }
    void conv(const ConvSpec& c) {
        out_ << " conv " << c.channels << ' ' << c.taps << ' ' << int(c.activation);
        weight(c.weight), weight(c.bias);
    }
    void print(const Mamba1Spec& m) {
        out_ << " mamba " << m.inner << ' ' << m.state_size << ' ' << m.rank;
        linear(m.in), conv(m.conv), linear(m.x), linear(m.dt), weight(m.parameters), linear(m.out), norm(m.dt_norm),
            norm(m.b_norm), norm(m.c_norm);
    }
    void print(const Mamba2Spec& m) {
        out_ << " mamba2 " << m.heads << ' ' << m.head_size << ' ' << m.state_size << ' ' << m.groups << " dt "
             << m.dt_min << ' ' << m.dt_max << ' ' << m.gate_first << ' ' << m.norm_groups;
        linear(m.in), weight(m.in_multipliers), conv(m.conv), weight(m.dt_bias), weight(m.a), weight(m.d), norm(m.norm),
            linear(m.out);
    }
    void print(const GatedDeltaSpec& g) {
        out_ << " delta " << g.key_heads << '/' << g.value_heads << " of " << g.key_size << '/' << g.value_size << ' '
             << g.beta_scale;
        linear(g.in), conv(g.conv), weight(g.dt_bias), weight(g.a), norm(g.norm), linear(g.out);
    }
    void print(const MlpSpec& m) {
        out_ << " mlp " << m.inner << ' ' << m.gated << ' ' << int(m.activation) << ' ' << m.gate_scale;
        linear(m.in), linear(m.out), linear(m.adapter_down), linear(m.adapter_up);
    }
    void print(const MoeSpec& m) {
        out_ << " moe " << m.chosen << " of " << m.experts << ' ' << m.inner << ' ' << int(m.score) << int(m.weight)
             << m.renormalise << ' ' << m.scale << ' ' << int(m.activation);
        linear(m.router), weight(m.gate_up), weight(m.down);
        if (m.shared) print(*m.shared);
        linear(m.shared_gate);
    }
    void print(const LinearSpec& l) { linear(l.linear); }

    const Schedule& s_;
    std::ostringstream out_;
};

inline std::string text_of(const Schedule& s) { return SchedulePrinter(s).all(); }
inline std::string text_of(const Json& config) { return text_of(require_schedule(config)); }

/// The only op of a block.
template <class T>
const T& op(const Schedule& s, size_t layer, size_t block = 0) {
    const auto& branches = s.layers.at(layer).blocks.at(block).branches;
    REQUIRE(branches.size() == 1);
    REQUIRE(std::holds_alternative<T>(branches[0].op));
    return std::get<T>(branches[0].op);
}

/// Opens a golden, makes its schedule and requires that the files have every weight in its shape, and nothing that is
/// not used.
inline void require_fit(const std::filesystem::path& directory) {
    auto files = ModelFiles::open(directory);
    REQUIRE(files);
    std::vector<KeyUse> keys;
    auto s = make_schedule(*files, &keys);
    INFO(directory.string() << ' ' << (s ? std::string() : s.error().text()));
    REQUIRE(s);
    std::string problems;
    for (const auto& p : check_weights(s->weights, *files)) problems += p + "\n";
    for (const auto& p : unused_tensors(s->weights, s->unneeded, *files)) problems += p + "\n";
    problems += unused_keys(keys, files->origin());
    INFO(problems);
    CHECK(problems.empty());
}

} // namespace weft::test
