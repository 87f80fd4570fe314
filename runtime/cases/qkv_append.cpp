// SPDX-License-Identifier: Apache-2.0
#include "cases/qkv_append.hpp"
#include "kernels/cache_row.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::qkv_append {

uint32_t Options::rows() const {
    uint32_t most = 1;
    for (const auto& s : sequences) most = std::max(most, s.past + s.count);
    return args.packed ? std::max(uint32_t(tokens_of(sequences)) + spare_tokens, 1u) : capacity ? capacity : most;
}

namespace {

void build(CaseContext& ctx, const Options& o) {
    QkvAppendArgs a = o.args;
    Random& random = ctx.random();
    uint32_t slots = 1;
    for (const auto& s : o.sequences)
        if (!a.packed) slots = std::max(slots, s.slot + 1);
    const uint32_t bucket = std::max(uint32_t(tokens_of(o.sequences)) + o.spare_tokens, 1u), d = a.head_size,
                   dv = a.value_size, qs = a.heads * d, ks = a.kv_heads * d, vs = a.kv_heads * dv;
    a.step = ctx.step(o.sequences, bucket);
    const auto input = [&](const char* tensor, uint32_t columns) {
        const auto values = random.normals(size_t(bucket) * columns, o.magnitude);
        ctx.input(std::string(tensor) + " before", DType::f32, {bucket, columns}, values); // q is rotated in place
        return ctx.input(tensor, DType::f32, {bucket, columns}, values);
    };
    if (o.from == From::one) {
        const Tensor qkv = input("qkv", qs + ks + vs);
        a.q = qkv.slice_columns(0, qs);
        a.k = qkv.slice_columns(qs, ks);
        a.v = qkv.slice_columns(qs + ks, vs);
    } else {
        if (o.from != From::only_kv) a.q = input("q", qs);
        if (o.from != From::only_q) {
            a.k = input("k", ks);
            a.v = input("v", vs);
        }
    }
    if (a.k) {
        a.k_cache = ctx.empty_cache("k_cache", o.cache, {slots, a.kv_heads, o.rows(), d});
        a.v_cache = ctx.empty_cache("v_cache", o.cache, {slots, a.kv_heads, o.rows(), dv});
    }
    if (o.q_weight) a.q_weight = ctx.input("q_weight", DType::f32, {d}, random.uniforms(d, 0.5, 1.5));
    if (o.k_weight) a.k_weight = ctx.input("k_weight", DType::f32, {d}, random.uniforms(d, 0.5, 1.5));
    Rotary& r = a.rotary;
    if (const uint32_t pairs = r.dims / 2; pairs > 0) {
        std::vector<float> table;
        for (uint32_t row = 0; row < 1u + r.long_table; ++row)
            for (uint32_t i = 0; i < pairs; ++i)
                table.push_back(float(std::pow(o.base * (1 + 3.0 * row), -2.0 * i / r.dims)));
        if (o.axes)
            for (uint32_t i = 0; i < pairs; ++i) table.push_back(float(i % o.axes));
        r.axes = o.axes > 0;
        r.frequencies = ctx.input("frequencies", DType::f32, {uint32_t(table.size()) / pairs, pairs}, table);
    }
    if (o.axes) {
        std::vector<uint32_t> words(size_t(o.axes) * bucket);
        std::vector<float> copy;
        for (uint32_t& w : words) {
            w = random.below(100);
            copy.push_back(float(w));
        }
        a.positions = ctx.input("positions", DType::u32, {o.axes, bucket}, copy);
    }
    kernel::qkv_append(ctx.recorder(), a);
}

std::vector<Case<Options>> make_list() {
    std::vector<Case<Options>> list;
    const auto add = [&](const std::string& name, std::vector<uint32_t> sizes, uint32_t rotary,
                         Sequences sequences) -> Options& {
        Options c;
        c.args.heads = sizes[0];
        c.args.kv_heads = sizes[1];
        c.args.head_size = sizes[2];
        c.args.value_size = sizes.size() > 3 ? sizes[3] : sizes[2];
        c.args.rotary.dims = rotary;
        c.sequences = std::move(sequences);
        list.push_back({name, std::move(c)});
        return list.back().options;
    };
    const Sequences mixed = {{2, 5, 0}, {0, 1, 30}, {1, 11, 7}};
    add("tiny", {1, 1, 4}, 4, {{0, 1, 0}});
    add("no tokens", {2, 1, 16}, 16, {});
    add("no rotary embedding", {4, 2, 16}, 0, mixed);
    Options& packed = add("packed", {4, 2, 16, 8}, 12, {{2, 5, 0}, {0, 1, 0}, {1, 11, 0}});
    packed.args.packed = true;
    packed.spare_tokens = 3;
    for (const DType cache : {DType::f32, DType::f16, DType::q8_0})
        for (const RotaryPairs pairs : {RotaryPairs::halves, RotaryPairs::interleaved}) {
            const std::string kind =
                std::string(pairs == RotaryPairs::halves ? " halves, " : " interleaved, ") + name_of(cache);
            const auto both = [&](Options& c) -> Options& {
                c.cache = cache;
                c.args.rotary.pairs = pairs;
                return c;
            };
            both(add("full" + kind, {4, 2, 64}, 64, mixed));
            both(add("partial" + kind, {3, 3, 24}, 12, mixed));
            both(add("values of another size" + kind, {6, 1, 96, 32}, 32, mixed));
            both(add("wide head" + kind, {2, 1, 256}, 64, mixed));
            both(add("odd number of pairs" + kind, {2, 2, 16}, 10, mixed));
            both(add("one pair" + kind, {2, 2, 20}, 2, mixed));
            both(add("ring" + kind, {4, 2, 80}, 32, {{0, 9, 20}, {1, 3, 0}})).capacity = 12;
            both(add("norm" + kind, {6, 2, 32}, 32, mixed));
            Options& o = list.back().options;
            o.args.normalize = o.q_weight = o.k_weight = true;
            for (const double magnitude : {0.0, 1e-6, 1e-4, 1e9})
                both(add("magnitude " + std::to_string(magnitude) + kind, {2, 1, 48}, 16, mixed)).magnitude = magnitude;
        }
    add("norm without weights", {5, 5, 80}, 80, mixed).args.normalize = true;
    add("norm of q and k in tensors apart", {5, 5, 20, 40}, 8, mixed).args.normalize = true;
    list.back().options.from = From::apart;
    list.back().options.k_weight = true;
    add("tensors apart", {4, 2, 32}, 32, mixed).from = From::apart;
    add("only q", {4, 2, 32}, 32, mixed).from = From::only_q;
    add("only k and v", {4, 2, 32}, 32, mixed).from = From::only_kv;
    add("key multiplier", {4, 2, 32}, 32, mixed).args.k_scale = 0.3f;
    add("larger bucket", {4, 2, 32}, 32, mixed).spare_tokens = 9;
    add("attention factor", {4, 2, 32}, 32, mixed).args.rotary.factor = 1.2f;
    for (const uint32_t past : {16383u, 99998u, 262142u, 1048574u})
        add("positions from " + std::to_string(past), {1, 1, 64}, 64, {{0, 2, past}}).capacity = 4;
    Options& longrope = add("longrope", {4, 2, 32}, 32, {{0, 3, 30}, {1, 3, 10}, {2, 3, 10, 64}, {3, 2, 30}});
    longrope.args.rotary.long_table = true;
    longrope.args.rotary.original = 32;
    longrope.args.rotary.factor = 1.1f;
    longrope.args.rotary.long_factor = 1.3f;
    for (const auto& [s, dims] :
         std::vector<std::pair<float, uint32_t>>{{2.0f, 64}, {4.0f, 128}, {8.0f, 4}, {1.0f, 64}, {2.0f, 2}}) {
        Options& ntk =
            add("dynamic ntk " + std::to_string(int(s)) + " of " + std::to_string(dims), {1, 1, std::max(dims, 4u)},
                dims, {{0, 4, 3000}, {1, 4, 20, 1025}, {2, 4, 1020, 1024}, {3, 2, 60000}, {4, 3, 2045}});
        ntk.args.rotary.ntk = s;
        ntk.args.rotary.original = 1024;
        ntk.capacity = 8;
    }
    add("axes", {4, 2, 32}, 32, mixed).axes = 3;
    Options& temperature = add("temperature", {4, 2, 32}, 0, {{0, 3, 9000}, {1, 40, 0}});
    temperature.args.temperature = 0.1f;
    temperature.args.temperature_floor = 16;
    temperature.args.temperature_offset = 1;
    temperature.capacity = 64;
    const size_t timed_from = list.size();
    for (const DType cache : {DType::f32, DType::f16, DType::q8_0}) {
        const std::string type = std::string(" ") + name_of(cache);
        add("real 256" + type, {8, 4, 64}, 64, {{0, 256, 0}}).cache = cache;
        add("real decode" + type, {8, 4, 64}, 64, {{0, 1, 500}}).cache = cache;
    }
    add("large", {32, 8, 128}, 128, {{0, 100, 0}, {1, 28, 100}}).cache = DType::f16;
    for (size_t i = 0; i < list.size(); ++i) {
        Case<Options>& c = list[i];
        const Options& o = c.options;
        const QkvAppendArgs& a = o.args;
        const uint64_t q = uint64_t(a.heads) * a.head_size, kv = uint64_t(a.kv_heads) * (a.head_size + a.value_size),
                       rows = a.kv_heads *
                              (cache_row(o.cache, a.head_size).bytes() + cache_row(o.cache, a.value_size).bytes());
        if (i >= timed_from) c.bytes = tokens_of(o.sequences) * (q * 8 + kv * 4 + rows);
        c.operations = tokens_of(o.sequences) * (q + kv) * 4;
    }
    return list;
}

} // namespace

CaseTable<Options> table() { return {"qkv_append", build, make_list()}; }

} // namespace weft::detail::kernel::cases::qkv_append
