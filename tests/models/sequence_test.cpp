// SPDX-License-Identifier: Apache-2.0
// Sequences over one model: each is its own, on whatever thread; forks, snapshots and cuts go on as the whole would
// have; and text comes piece by piece as it does at once.
#include "models/device.hpp"
#include "repository.hpp"
#include <catch2/matchers/catch_matchers_string.hpp>
#include <thread>
#include <weft/chat.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

const std::filesystem::path kBundled = weft::test::repository() / "apps/models/tales-hybrid";     // recurrent states
const std::filesystem::path kLlama = weft::test::repository() / "tests/goldens/models/llama";     // caches alone
const std::filesystem::path kAnswers = weft::test::repository() / "tests/goldens/models/t5";      // an encoder-decoder
const std::filesystem::path kEncoder = weft::test::repository() / "tests/goldens/models/roberta"; // makes no text

using Ids = std::vector<uint32_t>;

Model model_at(const std::filesystem::path& path) {
    const auto model = Model::load(test::device(), path, {.need_tokenizer = false});
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    return *model;
}

Sequence sequence_of(const Model& model) {
    auto sequence = Sequence::create(model, {.context = 128});
    INFO((sequence ? "" : sequence.error().text()));
    REQUIRE(sequence);
    return std::move(*sequence);
}

Ids ids_of(const Model& model, uint32_t count) {
    Ids ids;
    for (uint32_t i = 0; i < count; ++i) ids.push_back((i * 37 + 11) % model.vocabulary());
    return ids;
}

GenerateOptions sampled(uint32_t tokens, uint64_t seed = 5) {
    GenerateOptions o;
    o.sampling.seed = seed;
    o.max_tokens = tokens;
    o.ignore_end = true;
    return o;
}

// On any thread: Catch2's macros are for one.
Result<Ids> made(Sequence& sequence, std::span<const uint32_t> prompt, const GenerateOptions& options = sampled(12)) {
    Ids ids;
    const auto stats = generate_ids(sequence, prompt, options, [&](uint32_t id) {
        ids.push_back(id);
        return true;
    });
    if (!stats) return stats.error();
    return ids;
}

} // namespace

TEST_CASE("sequences: forks and snapshots of a shared beginning go on as the whole does", "[models]") {
    const auto [path, type] = GENERATE(table<std::filesystem::path, CacheType>({{kBundled, CacheType::f32},
                                                                                {kBundled, CacheType::q8_0},
                                                                                {kLlama, CacheType::f32},
                                                                                {kLlama, CacheType::f16},
                                                                                {kLlama, CacheType::q8_0}}));
    {
        CAPTURE(path, type);
        const Model model = model_at(path);
        const Ids all = ids_of(model, 30);
        const auto begin = std::span(all).first(20), end = std::span(all).subspan(20);
        Sequence whole = sequence_of(model);
        const Ids expected = *made(whole, all);
        REQUIRE(expected.size() == 12);
        CHECK(whole.length() == 30 + 11); // the last one is not taken in

        Sequence shared = sequence_of(model);
        REQUIRE(shared.feed(begin));
        CHECK(shared.length() == 20);
        const auto snapshot = shared.snapshot();
        REQUIRE(snapshot);
        CHECK(snapshot->length() == 20);
        CHECK(snapshot->bytes() > 0);
        auto fork = shared.fork();
        INFO((fork ? "" : fork.error().text()));
        REQUIRE(fork);
        CHECK(*made(*fork, end) == expected);
        CHECK(shared.length() == 20);
        CHECK(*made(shared, end) == expected);
        REQUIRE(shared.restore(*snapshot));
        CHECK(*made(shared, end) == expected);
        REQUIRE(whole.restore(*snapshot)); // of another sequence
        CHECK(*made(whole, end) == expected);

        REQUIRE(whole.restore(*snapshot));
        CHECK(whole.can_truncate() == (path == kLlama));
        const auto cut = whole.truncate(10);
        CHECK(bool(cut) == whole.can_truncate());
        if (cut) {
            CHECK(whole.length() == 10);
            CHECK(*made(whole, std::span(all).subspan(10)) == expected);
        }
        CHECK_FALSE(whole.truncate(1000));
        whole.reset();
        CHECK(whole.length() == 0);
        CHECK(*made(whole, all) == expected);
    }
}

TEST_CASE("sequences: a snapshot fits its model and options alone", "[models]") {
    const Model model = model_at(kLlama);
    Sequence one = sequence_of(model);
    REQUIRE(one.feed(ids_of(model, 8)));
    const auto snapshot = one.snapshot();
    REQUIRE(snapshot);
    Sequence other_model = sequence_of(model_at(kLlama));
    auto longer = Sequence::create(model, {.context = 192});
    REQUIRE(longer);
    for (Sequence* other : {&other_model, &*longer}) {
        const auto status = other->restore(*snapshot);
        REQUIRE_FALSE(status);
        CHECK_THAT(status.error().message, Catch::Matchers::ContainsSubstring("another model, or of other options"));
        CHECK(other->length() == 0);
    }
}

TEST_CASE("sequences: keys and values are held as asked, and as the weights are", "[models]") {
    const Model llama = model_at(kLlama); // of f32
    const auto made_with = [](const Model& model, CacheType type) {
        auto sequence = Sequence::create(model, {.context = 128, .cache = type});
        INFO((sequence ? "" : sequence.error().text()));
        REQUIRE(sequence);
        return std::move(*sequence);
    };
    Sequence whole = made_with(llama, CacheType::f32), beside = sequence_of(llama);
    CHECK(whole.state_bytes() == beside.state_bytes());
    const auto narrow = Model::load(test::device(), kLlama, {.dtype = WeightType::bf16, .need_tokenizer = false});
    REQUIRE(narrow);
    Sequence halves = made_with(llama, CacheType::f16), beside_narrow = sequence_of(*narrow);
    CHECK(halves.state_bytes() < whole.state_bytes());
    CHECK(halves.state_bytes() == beside_narrow.state_bytes());
    Sequence bytes = made_with(llama, CacheType::q8_0);
    CHECK(bytes.state_bytes() < halves.state_bytes());

    REQUIRE(halves.feed(ids_of(llama, 8)));
    const auto snapshot = halves.snapshot();
    REQUIRE(snapshot);
    const auto status = bytes.restore(*snapshot);
    REQUIRE_FALSE(status);
    CHECK(status.error().message ==
          "restore: the snapshot holds keys and values in f16, and here they are held in q8_0");
    CHECK(bytes.length() == 0);
}

TEST_CASE("sequences: several threads over one model make what each makes alone", "[models]") {
    const Model model = model_at(kBundled);
    const Ids prompt = ids_of(model, 20);
    std::vector<Ids> alone, together(3);
    for (uint64_t seed = 0; seed < 3; ++seed) {
        Sequence sequence = sequence_of(model);
        alone.push_back(*made(sequence, prompt, sampled(16, seed)));
    }
    CHECK(alone[0] != alone[1]);
    std::vector<std::thread> threads;
    for (uint64_t seed = 0; seed < 3; ++seed)
        threads.emplace_back([&, seed, own = model] {
            auto sequence = Sequence::create(own, {.context = 128});
            if (!sequence) return;
            if (auto ids = made(*sequence, prompt, sampled(16, seed))) together[seed] = std::move(*ids);
        });
    for (auto& thread : threads) thread.join();
    CHECK(together == alone);
}

TEST_CASE("sequences: what is made keeps what it is made from", "[models]") {
    std::optional<Sequence> sequence;
    {
        const Model model = model_at(kLlama);
        sequence.emplace(sequence_of(model));
    }
    const auto ids = made(*sequence, ids_of(sequence->model(), 8));
    INFO((ids ? "" : ids.error().text()));
    CHECK(ids);
}

TEST_CASE("sequences: text comes in pieces as it does at once", "[models]") {
    const auto model = Model::load(test::device(), kBundled);
    REQUIRE(model);
    GenerateOptions options = sampled(24);
    Sequence sequence = sequence_of(*model);
    std::string whole, pieces;
    const auto stats = generate(sequence, "Once upon a time", options, [&](std::string_view text) {
        whole += text;
        return true;
    });
    REQUIRE(stats);
    const auto in_pieces = [&](const GenerateOptions& how) {
        sequence.reset();
        pieces.clear();
        auto generation = Generation::begin(sequence, "Once upon a time", how);
        REQUIRE(generation);
        uint32_t calls = 0;
        for (bool done = false; !done; ++calls) {
            const auto advanced = generation->advance(0, [&](std::string_view text) {
                pieces += text;
                return true;
            });
            REQUIRE(advanced);
            done = *advanced;
        }
        CHECK(calls > 2);
        CHECK(*generation->advance(0, {})); // there is no more
        return generation->stats();
    };
    CHECK(in_pieces(options).new_tokens == stats->new_tokens);
    CHECK(pieces == whole);
    options.stop = {whole.substr(whole.size() / 2, 4)};
    CHECK(in_pieces(options).stop == options.stop[0]);
    CHECK(pieces == whole.substr(0, whole.find(options.stop[0])));

    // With ids, text has no beginning to follow.
    sequence.reset();
    auto generation = Generation::begin_ids(sequence, *model->tokenizer()->encode("Once", true), options);
    REQUIRE(generation);
    CHECK_FALSE(generation->advance(0, {}));
    CHECK(generation->advance_ids(0, {}));
}

TEST_CASE("sequences: models say what they are for", "[models]") {
    const auto encoder = Model::load(test::device(), kEncoder, {.need_tokenizer = false});
    REQUIRE_FALSE(encoder);
    CHECK(encoder.error().code == ErrorCode::unsupported);
    const Model answers = model_at(kAnswers);
    CHECK(answers.answers());
    Sequence sequence = sequence_of(answers);
    CHECK_FALSE(sequence.feed(ids_of(answers, 8))); // its decoder needs what the encoder leaves
    const Ids prompt = ids_of(answers, 8);
    const Ids first = *made(sequence, prompt);
    CHECK(*made(sequence, prompt) == first); // every prompt is one of its own
    const Model model = model_at(kLlama);
    CHECK_FALSE(model.tokenizer());
    CHECK_FALSE(model.answers());
    Sequence without = sequence_of(model);
    const auto text = generate(without, "Once", {}, {});
    REQUIRE_FALSE(text);
    CHECK(text.error().code == ErrorCode::not_found);
    CHECK(model.chat_template().error().code == ErrorCode::not_found);
    CHECK(Chat::create(model, *ChatTemplate::parse("", {}, "t.jinja")).error().code == ErrorCode::not_found);
}
