// SPDX-License-Identifier: Apache-2.0
#include "cases/attention.hpp"
#include "kernels/cache_row.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::attention {

uint32_t Options::rows() const {
    uint32_t most = 1, tokens = spare_tokens;
    for (const auto& s : sequences) {
        most = std::max(most, keys(s));
        tokens += s.count;
    }
    return args.packed ? std::max(tokens, 1u) : capacity ? capacity : most;
}

size_t Options::cache_row(size_t sequence, uint32_t kv_head, size_t position) const {
    if (!args.packed) return (size_t(sequences[sequence].slot) * args.kv_heads + kv_head) * rows() + position % rows();
    size_t first = 0;
    for (size_t s = 0; s < sequence; ++s) first += sequences[s].count;
    return size_t(kv_head) * rows() + first + position;
}

uint32_t Options::span(const CaseContext::Sequence& s, uint32_t i) const {
    if (!spans || i < 3 || (i - 3) % (spans + 1) == spans) return 0;
    return s.past + std::min(s.count, (i - 3) / (spans + 1) * (spans + 1) + 3 + spans);
}

namespace {

void build(CaseContext& ctx, const Options& o) {
    AttentionArgs a = o.args;
    Random& random = ctx.random();
    uint32_t tokens = 0, slots = 1;
    for (const auto& s : o.sequences) {
        tokens += s.count;
        if (!a.packed) slots = std::max(slots, s.slot + 1);
    }
    const uint32_t bucket = std::max(tokens + o.spare_tokens, 1u), pad = o.sliced ? 5 : 0, n = o.rows();
    const auto cache_of = [&](const char* tensor, uint32_t size) {
        std::vector<float> values(size_t(slots) * n * a.kv_heads * size, std::nanf(""));
        for (size_t i = 0; i < o.sequences.size(); ++i) {
            const uint32_t last = o.keys(o.sequences[i]);
            for (uint32_t g = 0; g < a.kv_heads; ++g)
                for (uint32_t p = last - std::min(last, n); p < last; ++p)
                    for (uint32_t c = 0; c < size; ++c)
                        values[o.cache_row(i, g, p) * size + c] = float(random.normal(1));
        }
        return ctx.cache(tensor, o.cache, {slots, a.kv_heads, n, size}, std::move(values));
    };
    a.step = ctx.step(o.sequences, bucket);
    if (a.packed) a.step.decode = false; // there is no step form, even of one token a sequence
    a.q = ctx.input("q", DType::f32, {bucket, a.heads * a.head_size + 2 * pad},
                    random.normals(size_t(bucket) * (a.heads * a.head_size + 2 * pad), o.magnitude))
              .slice_columns(pad, a.heads * a.head_size);
    a.k_cache = cache_of("k_cache", a.head_size);
    a.v_cache = cache_of("v_cache", a.value_size);
    if (o.sinks) a.sinks = ctx.input("sinks", DType::f32, {a.heads}, random.normals(a.heads, 2));
    if (o.bias_columns) {
        const uint32_t each = std::max(a.bias_side, 1u);
        a.bias = ctx.input("bias", DType::f32, {a.heads, each, o.bias_columns},
                           random.normals(size_t(a.heads) * each * o.bias_columns, 2));
    }
    if (o.spans) {
        std::vector<uint32_t> ends;
        for (const auto& s : o.sequences)
            for (uint32_t i = 0; i < s.count; ++i) ends.push_back(o.span(s, i));
        ends.resize(bucket);
        a.spans = ctx.input_words("spans", {bucket}, ends);
    }
    a.y = ctx.output("y", DType::f32, {bucket, a.heads * a.value_size + 2 * pad})
              .slice_columns(pad, a.heads * a.value_size);
    if (o.lse) a.lse = ctx.output("lse", DType::f32, {bucket, a.heads});
    kernel::attention(ctx.recorder(), a, o.tuning);
}

AttentionArgs shape(uint32_t heads, uint32_t kv_heads, uint32_t head_size, uint32_t value_size = 0) {
    AttentionArgs a;
    a.heads = heads;
    a.kv_heads = kv_heads;
    a.head_size = head_size;
    a.value_size = value_size ? value_size : head_size;
    a.scale = 1 / std::sqrt(float(head_size));
    return a;
}

std::vector<Case<Options>> make_list() {
    std::vector<Case<Options>> list;
    const auto add = [&](const std::string& name, const AttentionArgs& args, Sequences sequences) -> Options& {
        list.push_back({name, {args, std::move(sequences)}});
        return list.back().options;
    };
    // Both forms see every option: many tokens a sequence (prefill) and one (decode, with splits of 32 keys
    // where there are more, and the merge).
    for (const bool decode : {false, true}) {
        const std::string form = decode ? "decode " : "prefill ";
        const Sequences one = {{0, decode ? 1u : 45u, decode ? 44u : 0u}};
        const Sequences mixed = {{2, decode ? 1u : 9u, 0}, {0, 1, 130}, {1, decode ? 1u : 40u, 33}};
        const auto both = [&](const std::string& name, const AttentionArgs& args, auto&& change) {
            Options& c = add(form + name, args, mixed);
            c.lse = true;
            change(c);
            if (decode) {
                Case<Options> split = list.back();
                split.name += ", split";
                split.options.tuning.split_keys = 32;
                list.push_back(split);
            }
        };
        add(form + "tiny", shape(1, 1, 4), {{0, decode ? 1u : 2u, 0}});
        add(form + "no tokens", shape(2, 1, 16), {});
        for (uint32_t d : {8u, 16u, 24u, 32u, 48u, 64u, 80u, 96u, 128u, 192u, 256u})
            add(form + "head " + std::to_string(d), shape(4, 2, d), one).lse = true;
        both("values of another size", shape(6, 2, 48, 32), [](Options&) {});
        both("mla sizes", shape(4, 4, 192, 128), [](Options&) {});
        both("mqa", shape(11, 1, 16), [](Options&) {});
        for (const DType cache : {DType::f16, DType::q8_0}) {
            const std::string type = std::string(", ") + name_of(cache);
            const auto in_type = [&](const std::string& name, const AttentionArgs& args, auto&& change) {
                both(name + type, args, [&](Options& c) {
                    c.cache = cache;
                    change(c);
                });
            };
            // Rows of whole groups that share a scale, an odd number of them, and a part of one.
            for (const uint32_t d : {4u, 24u, 80u, 128u})
                in_type("head " + std::to_string(d), shape(6, 2, d), [](Options&) {});
            in_type("mla sizes", shape(4, 4, 192, 128), [](Options&) {});
            in_type("window in a ring", shape(4, 2, 32, 16), [&](Options& c) {
                c.args.window = 17;
                c.capacity = 16 + (decode ? 1 : 40);
            });
            in_type("chunks in a ring", shape(4, 2, 32), [&](Options& c) {
                c.args.chunk = 16;
                c.capacity = 16 + (decode ? 1 : 40);
            });
            in_type("cross", shape(4, 2, 32), [](Options& c) {
                c.args.causal = false;
                c.args.cross = true;
                c.sequences[0].memory = 0;
                c.sequences[1].memory = 131;
                c.sequences[2].memory = 80;
            });
        }
        both("column slices, larger bucket", shape(4, 2, 32), [](Options& c) {
            c.sliced = true;
            c.spare_tokens = 7;
        });
        for (const uint32_t spans : {1u, 5u, 20u})
            both("spans of " + std::to_string(spans), shape(4, 2, 32), [&](Options& c) { c.spans = spans; });
        both("spans in windows", shape(6, 2, 24), [](Options& c) {
            c.spans = 13;
            c.args.window = 9;
        });
        both("bidirectional", shape(4, 4, 32), [](Options& c) { c.args.causal = false; });
        both("bidirectional window", shape(4, 4, 32), [](Options& c) {
            c.args.causal = false;
            c.args.window = 8;
            c.args.ahead = 8;
        });
        both("window", shape(4, 2, 32), [](Options& c) { c.args.window = 17; });
        both("window in a ring", shape(4, 2, 32), [&](Options& c) {
            c.args.window = 17;
            c.capacity = 16 + (decode ? 1 : 40);
        });
        both("window of one", shape(4, 2, 32), [](Options& c) { c.args.window = 1; });
        both("chunks", shape(4, 2, 32), [](Options& c) { c.args.chunk = 16; });
        both("chunks in a ring", shape(4, 2, 32), [&](Options& c) {
            c.args.chunk = 16;
            c.capacity = 16 + (decode ? 1 : 40);
        });
        both("softcap", shape(4, 2, 32), [](Options& c) {
            c.args.softcap = 5;
            c.magnitude = 4;
        });
        both("sinks", shape(4, 2, 32), [](Options& c) { c.sinks = true; });
        both("sinks and window", shape(4, 2, 32), [](Options& c) {
            c.sinks = true;
            c.args.window = 5;
        });
        both("bias", shape(4, 2, 32), [](Options& c) {
            c.bias_columns = 21;
            c.args.bias_offset = 20;
        });
        both("bidirectional bias", shape(4, 4, 32), [](Options& c) {
            c.args.causal = false;
            c.bias_columns = 31;
            c.args.bias_offset = 15;
        });
        both("large logits", shape(4, 2, 32), [](Options& c) { c.magnitude = 300; });
        both("cross", shape(4, 2, 32), [](Options& c) {
            c.args.causal = false;
            c.args.cross = true;
            c.sequences[0].memory = 0; // sees no key at all
            c.sequences[1].memory = 131;
            c.sequences[2].memory = 80;
            for (auto& s : c.sequences) s.length = 200; // what rotary types go by is another number
        });
    }
    // Windows of pictures (Liu et al. 2021, Swin Transformer): each is a sequence, the places of a rectangle. Those
    // that a shift cuts are smaller.
    using Rectangle = std::pair<uint32_t, uint32_t>; // down, across
    const auto rectangles = [&](const std::string& name, uint32_t side, const std::vector<Rectangle>& sizes,
                                const AttentionArgs& args) {
        Sequences sequences;
        for (const auto& [down, across] : sizes)
            sequences.push_back({.slot = uint32_t(sequences.size()), .count = down * across, .memory = across});
        Options& c = add(name, args, std::move(sequences));
        c.args.causal = false;
        c.args.packed = true;
        c.args.bias_side = c.bias_columns = 2 * side - 1;
    };
    const auto windows = [&](const std::string& name, uint32_t side, uint32_t count, const AttentionArgs& args) {
        rectangles(name, side, std::vector<Rectangle>(count, {side, side}), args);
    };
    rectangles("windows that are cut", 7, {{7, 7}, {7, 4}, {7, 3}, {4, 7}, {3, 7}, {4, 4}, {4, 3}, {3, 4}, {3, 3}},
               shape(4, 2, 16));
    const auto texts = [&](const std::string& name, const std::vector<uint32_t>& lengths, const AttentionArgs& args,
                           DType cache) {
        Sequences sequences;
        for (const uint32_t n : lengths) sequences.push_back({uint32_t(sequences.size()), n, 0});
        Options& c = add(name, args, std::move(sequences));
        c.args.causal = false;
        c.args.packed = true;
        c.spare_tokens = 7;
        c.cache = cache;
    };
    texts("packed texts", {5, 40, 1, 129}, shape(4, 2, 32, 16), DType::f32);
    texts("packed texts in halves", {33, 64}, shape(2, 2, 64), DType::f16);
    windows("windows of 7 x 7", 7, 20, shape(3, 3, 32));
    windows("windows of 4 x 4, odd heads", 4, 33, shape(5, 5, 24));
    windows("windows of 1 x 1", 1, 3, shape(3, 3, 32));
    // The forms for wide subgroups, where several threads share a row, and those without subgroups.
    for (const DType cache : {DType::f32, DType::f16, DType::q8_0}) {
        const std::string type = std::string(", ") + name_of(cache);
        for (uint32_t split : {2u, 4u, 8u}) {
            Options& c =
                add("prefill threads a row " + std::to_string(split) + type, shape(4, 2, 32 * split, 64), {{0, 50, 7}});
            c.lse = true;
            c.cache = cache;
            c.tuning = {.local = 64,
                        .rows = split == 4 ? 1u : 2u,
                        .split = split,
                        .form = split == 4 ? AttentionTuning::Form::core : AttentionTuning::Form::automatic};
        }
        Options& wide = add("decode wide workgroup" + type, shape(8, 2, 64), {{0, 1, 300}});
        wide.tuning = {.local = 64, .split_keys = 256};
        wide.lse = true;
        wide.cache = cache;
        Options& core = add("decode without subgroups" + type, shape(11, 1, 80), {{0, 1, 200}, {1, 1, 0}});
        core.tuning = {.local = 64, .split_keys = 128, .form = AttentionTuning::Form::core};
        core.lse = true;
        core.cache = cache;
        for (uint32_t d : {20u, 64u}) {
            Options& tiles = add("prefill without subgroups, head " + std::to_string(d) + type, shape(4, 2, d),
                                 {{0, 40, 3}, {1, 1, 0}});
            tiles.tuning.form = AttentionTuning::Form::core;
            tiles.cache = cache;
        }
    }
    add("decode head 20", shape(4, 2, 20), {{0, 1, 50}});
    // Heads that GPUs cut in their own ways: threads a row, rows a thread, heads a workgroup.
    struct Cut {
        uint32_t heads, size;
        DType cache;
    };
    for (const auto& [heads, d, cache] : {Cut{8, 24, DType::f32}, Cut{8, 128, DType::f16}, Cut{16, 64, DType::f32},
                                          Cut{16, 64, DType::q8_0}, Cut{16, 256, DType::f16}})
        for (const bool decode : {false, true}) {
            Options& c = add(std::string(decode ? "decode" : "prefill") + " head " + std::to_string(d) + " of " +
                                 std::to_string(heads) + ", " + name_of(cache),
                             shape(heads, 2, d),
                             {{0, decode ? 1u : 19u, decode ? 300u : 30u}, {1, decode ? 1u : 5u, decode ? 3u : 0u}});
            c.cache = cache;
            c.lse = c.sinks = true;
            c.bias_columns = 21;
            c.args.bias_offset = 20;
        }
    // Sizes of real models, timed.
    const size_t timed_from = list.size();
    for (const DType cache : {DType::f32, DType::f16, DType::q8_0}) {
        const std::string type = std::string(" ") + name_of(cache);
        add("prefill real 256" + type, shape(8, 4, 64), {{0, 256, 0}}).cache = cache;
        add("decode real 2047" + type, shape(8, 4, 64), {{0, 1, 2047}}).cache = cache;
        add("decode real 200" + type, shape(8, 4, 64), {{0, 1, 200}}).cache = cache;
    }
    windows("windows real: 64 of 7 x 7", 7, 64, shape(3, 3, 32));
    add("prefill real 1024", shape(8, 4, 64), {{0, 1024, 0}}).cache = DType::f16;
    add("prefill large", shape(32, 8, 128), {{0, 64, 448}}).cache = DType::f16;
    add("decode large, four sequences", shape(32, 8, 128), {{0, 1, 1000}, {1, 1, 10}, {2, 1, 500}, {3, 1, 999}}).cache =
        DType::f16;
    for (size_t i = 0; i < list.size(); ++i) {
        Case<Options>& c = list[i];
        const Options& o = c.options;
        const AttentionArgs& a = o.args;
        if (i >= timed_from) c.bytes += uint64_t(a.heads) * std::max(a.bias_side, 1u) * o.bias_columns * 4;
        for (const auto& s : o.sequences) {
            // Of causal cases and those without a mask, which are the ones timed.
            const uint64_t unseen = a.causal ? uint64_t(s.count) * (s.count - 1) / 2 : 0,
                           sizes = a.head_size + a.value_size;
            c.operations += 2 * (uint64_t(s.count) * o.keys(s) - unseen) * a.heads * sizes;
            if (i >= timed_from)
                c.bytes += uint64_t(o.keys(s)) * a.kv_heads *
                               (cache_row(o.cache, a.head_size).bytes() + cache_row(o.cache, a.value_size).bytes()) +
                           uint64_t(s.count) * a.heads * sizes * 4;
        }
    }
    return list;
}

} // namespace

CaseTable<Options> table() { return {"attention", build, make_list()}; }

} // namespace weft::detail::kernel::cases::attention
