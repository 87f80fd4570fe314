// SPDX-License-Identifier: Apache-2.0
// Encoders and encoder-decoders beside those recorded cases whose tests are golden_test.cpp's: what their configs and
// their GGUF files say.
#include "device.hpp"
#include "io/gguf_writer.hpp"
#include "pipelines/embedder_files.hpp"
#include "schedules.hpp"
#include <catch2/catch_all.hpp>
#include <weft/check.hpp>
#include <weft/quantize.hpp>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::EndsWith;

namespace {

using Add = std::function<void(GgufWriter&)>;

// A small BERT's header, and what `add` writes beside it.
Result<ModelFiles> gguf_bert(const TemporaryDirectory& folder, const Add& add) {
    GgufWriter w;
    w.string("general.architecture", "bert");
    for (const auto& [key, value] : {std::pair{"block_count", 1u},
                                     {"embedding_length", 64u},
                                     {"context_length", 32u},
                                     {"vocab_size", 128u},
                                     {"feed_forward_length", 96u},
                                     {"attention.head_count", 4u}})
        w.u32("bert." + std::string(key), value);
    w.f32("bert.attention.layer_norm_epsilon", 1e-12f);
    add(w);
    return ModelFiles::open(folder.write("model.gguf", w.header() + std::string(w.data_bytes(), '\0')));
}

void both_ways(GgufWriter& w) { w.boolean("bert.attention.causal", false); }

bool reads(const Schedule& s, const std::string& tensor) {
    return std::ranges::any_of(s.weights, [&](const WeightSlot& slot) {
        return std::ranges::any_of(
            slot.pieces, [&](const WeightPiece& p) { return std::ranges::find(p.names, tensor) != p.names.end(); });
    });
}

} // namespace

// llama.cpp takes GELU from a table in half precision, which alone is 1.1e-3 off in the case of the same model in f32;
// activations rounded to Q8_0 are 3e-2 off.
TEST_CASE("gguf goldens: BERT in Q8_0, as far as llama.cpp's GELU is exact", "[models]") {
    weft_GOLDEN(folder, "gguf/bert-q8_0");
    const auto report = check(test::device(), folder / "model.gguf", {});
    INFO((report ? report->text() : report.error().text()));
    REQUIRE(bool(report));
    REQUIRE(report->runs.size() == 1);
    REQUIRE(report->runs[0].tensors.size() == 1);
    CHECK(report->runs[0].tensors[0].error <= 2e-3);
    test::require_no_validation_messages(test::device().internal());
}

TEST_CASE("encoders in GGUF files: tokens that see ahead, projections in one tensor, token types or none", "[models]") {
    const TemporaryDirectory folder;
    const auto schedule = [&](const Add& add) {
        const auto files = gguf_bert(folder, add);
        REQUIRE(files);
        return make_schedule(*files);
    };
    for (const Add& add :
         {Add([](GgufWriter&) {}), Add([](GgufWriter& w) { w.boolean("bert.attention.causal", true); })}) {
        const auto causal = schedule(add);
        REQUIRE_FALSE(causal);
        CHECK_THAT(causal.error().message, EndsWith("key 'bert.attention.causal' is not false: tokens would not see "
                                                    "those behind them, which is not supported"));
    }
    const auto apart = schedule(both_ways);
    REQUIRE(apart);
    CHECK(reads(*apart, "blk.0.attn_q.weight"));
    CHECK(reads(*apart, "blk.0.layer_output_norm.bias"));
    CHECK_FALSE(reads(*apart, "token_types.weight"));
    const auto fused = schedule([](GgufWriter& w) {
        both_ways(w);
        w.tensor("blk.0.attn_qkv.weight", std::vector<uint64_t>{192, 64}, DType::f32);
        w.tensor("blk.0.attn_qkv.bias", std::vector<uint64_t>{192}, DType::f32);
        w.tensor("token_types.weight", std::vector<uint64_t>{2, 64}, DType::f32);
    });
    REQUIRE(fused);
    CHECK(reads(*fused, "blk.0.attn_qkv.weight"));
    CHECK(reads(*fused, "blk.0.attn_qkv.bias"));
    CHECK_FALSE(reads(*fused, "blk.0.attn_q.weight"));
    CHECK(reads(*fused, "token_types.weight"));
    CHECK(fused->inputs.size() == 2);
}

TEST_CASE("encoders in GGUF files: the kind of pooling", "[models]") {
    const TemporaryDirectory folder;
    const auto pooling = [&](uint32_t type) {
        const auto files = gguf_bert(folder, [&](GgufWriter& w) {
            both_ways(w);
            w.u32("bert.pooling_type", type);
        });
        REQUIRE(files);
        std::vector<KeyUse> keys;
        REQUIRE(make_schedule(*files, &keys));
        CHECK(unused_keys(keys, "") == "");
        return read_embedder_files(*files, folder.path());
    };
    CHECK(pooling(0)->pooling == std::nullopt);
    CHECK(pooling(1)->pooling == Pooling::mean);
    CHECK(pooling(2)->pooling == Pooling::cls);
    CHECK(pooling(3)->pooling == Pooling::last);
    const auto ranks = pooling(4);
    REQUIRE_FALSE(ranks);
    CHECK_THAT(ranks.error().message, EndsWith("key 'bert.pooling_type' is 4; weft pools by the mean (1), the first "
                                               "(2) or the last token (3)"));
}

TEST_CASE("quantize: what is no decoder is refused", "[models]") {
    const TemporaryDirectory folder;
    for (const char* name : {"bert", "t5"}) {
        weft_GOLDEN(path, name);
        const auto report = quantize(path, folder.path() / "model.gguf", {});
        REQUIRE_FALSE(report);
        CHECK_THAT(report.error().message,
                   EndsWith(std::string(": weft quantize writes decoders alone, and ") + name + " is none"));
        CHECK(std::filesystem::is_empty(folder.path()));
    }
}

TEST_CASE("encoders: a key that asks for what weft does not have is refused by its name", "[models]") {
    struct Case {
        const char *name, *key;
        Json value;
        const char* named;
    };
    const Case cases[] = {
        {"bert", "position_embedding_type", "relative_key", "'position_embedding_type' is 'relative_key'"},
        {"bert", "is_decoder", true, "'is_decoder' is true"},
        {"bert", "add_cross_attention", true, "'add_cross_attention' is true"},
        {"bert", "hidden_act", "snake", "hidden_act"},
        {"bert", "max_position_embeddings", 0, "max_position_embeddings"},
        {"bert", "type_vocab_size", -1, "type_vocab_size"},
        {"bert", "layer_norm_eps", -1, "layer_norm_eps"},
        {"t5", "is_encoder_decoder", false, "is_encoder_decoder"},
        {"t5", "feed_forward_proj", "gated-snake", "feed_forward_proj"},
        {"t5", "relative_attention_num_buckets", 6, "relative_attention_num_buckets"},
        {"t5", "decoder_start_token_id", 99, "'decoder_start_token_id' must be a token's id"},
        {"bart", "is_encoder_decoder", false, "is_encoder_decoder"},
        {"bart", "decoder_attention_heads", 5, "decoder_attention_heads"},
        {"bart", "decoder_layers", 0, "decoder_layers"},
        {"bart", "decoder_start_token_id", 99, "'decoder_start_token_id' must be a token's id"},
        {"m2m100", "pad_token_id", -1, "'pad_token_id' must be a token's id"},
        {"m2m100", "pad_token_id", 99, "'pad_token_id' must be a token's id"},
        {"m2m100", "max_position_embeddings", 1 << 30, "'max_position_embeddings' times the width is too large"},
        {"m2m100", "activation_function", "snake", "activation_function"},
    };
    for (const Case& k : cases) {
        weft_GOLDEN(path, k.name);
        CAPTURE(k.name, k.key, k.value.dump());
        const std::string message = error_of(edited(config_of(path), [&](Json& c) { c[k.key] = k.value; }));
        CAPTURE(message);
        CHECK(message.find(k.named) != message.npos);
        CHECK(message.find("config.json") != message.npos);
    }
}

TEST_CASE("encoder-decoders: what a config leaves out is as its class has it", "[models]") {
    const auto without = [](const char* name, std::initializer_list<const char*> keys) {
        return require_schedule(edited(config_of(goldens() / name), [&](Json& c) {
            for (const char* key : keys) c.erase(key);
        }));
    };
    weft_GOLDEN(bart, "bart");
    weft_GOLDEN(m2m100, "m2m100");
    CHECK(text_of(without("bart", {"decoder_start_token_id", "scale_embedding", "activation_function"})) ==
          text_of(config_of(bart)));
    CHECK(text_of(without("m2m100", {"decoder_start_token_id", "scale_embedding", "activation_function",
                                     "pad_token_id"})) == text_of(config_of(m2m100)));
    // mBART begins with a language's token, which is not its class's to say.
    const Json mbart = config_of(repository() / "tests/goldens/models/mbart");
    CHECK(require_schedule(edited(mbart, [](Json& c) { c.erase("decoder_start_token_id"); })).begin_token == -1);
}
