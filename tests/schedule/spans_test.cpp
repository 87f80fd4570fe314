// SPDX-License-Identifier: Apache-2.0
// Tokens that stand for a picture and see each other, though attention is causal: they come in one step.
#include "schedule/pictures.hpp"
#include "schedule/small_models.hpp"
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr uint32_t kSpanning = 95, kSpanWidth = 32;

std::string spanning(bool spans, const std::string& attention = "") {
    return R"({"weft_schedule": 2, "vocabulary": 96, "trained_context": 4096, "stages": [
        {"name": "tower", "when": "given", "width": 32, "rows": {"of": "patches"},
         "first": [{"read": [], "base": "none", "branches": [{"op": "patch", "channels": 2, "patch": 3}]}],
         "last": [{"base": "none", "branches": [{"op": "keep", "memory": "seen"}]}]},
        {"name": "decoder", "width": 32, "rows": {"placeholder": 95, "spans": )" +
           std::string(spans ? "true" : "false") + R"(},
         "first": [{"read": [], "base": "none", "branches": [{"op": "embed"}]},
                   {"base": "none", "branches": [{"op": "place", "memory": "seen"}]}],
         "layers": [{"blocks": [{"pre": {}, "branches": [{"op": "attention", "heads": 4)" +
           attention + R"(}]}, {"pre": {}, "branches": [{"op": "mlp", "inner": 48}]}]},
                    {"blocks": [{"pre": {}, "branches": [{"op": "attention", "heads": 4}]}]}]},
        {"name": "head", "width": 32, "rows": {"of": "wanted", "from": "decoder"},
         "streams": [{"name": "logits", "width": 96}],
         "first": [{"write": "logits", "base": "none", "branches": [{"op": "linear"}]}]}],
        "outputs": [{"name": "logits", "stage": "head", "stream": "logits"}]})";
}

void show(Session& s, const TestPicture& p) {
    const Feed feed = p.feed(0);
    REQUIRE(s.encode({&feed, 1}));
}

// Three tokens, a picture of six rows, and three more.
std::vector<uint32_t> spanning_text() {
    std::vector<uint32_t> all = {5, 6, 7};
    all.insert(all.end(), 6, kSpanning);
    all.insert(all.end(), {9, 10, 11});
    return all;
}

// What leaves the decoder of a text with the picture.
std::vector<float> leaving(Session& s, const TestPicture& p) {
    s.reset(0);
    show(s, p);
    const auto ids = spanning_text();
    const Feed feed{0, ids, 0};
    REQUIRE(s.forward({&feed, 1}, Want::all, 0, true));
    return *s.tap("decoder", 2);
}

double difference_of_row(const std::vector<float>& a, const std::vector<float>& b, size_t row) {
    const auto of = [&](const std::vector<float>& rows) {
        return std::vector<float>(rows.begin() + long(row * kSpanWidth), rows.begin() + long((row + 1) * kSpanWidth));
    };
    return largest_difference(of(a), of(b));
}

} // namespace

TEST_CASE("the first token of a picture sees its last one, and none behind", "[schedule]") {
    const TestPicture p = TestPicture::random(2, 3, 1);
    TestPicture q = p;
    q.values.back() += 3; // of the last patch
    const auto with = make(random_model_of(spanning(true)), 1), without = make(random_model_of(spanning(false)), 1);
    const auto seen = leaving(*with, p), seen_q = leaving(*with, q), unseen = leaving(*without, p),
               unseen_q = leaving(*without, q);
    CHECK(difference_of_row(seen, seen_q, 3) > 1e-4);
    CHECK(difference_of_row(unseen, unseen_q, 3) == 0);
    CHECK(difference_of_row(seen, seen_q, 2) == 0); // before it
    CHECK(difference_of_row(seen, unseen, 2) == 0);
    CHECK(difference_of_row(seen, unseen, 3) > 1e-4);
    require_no_validation_messages();
}

TEST_CASE("tokens that see each other are the same however they are fed", "[schedule]") {
    for (const char* attention : {"", R"(, "window": 4)"}) {
        INFO(attention);
        const auto s = make(random_model_of(spanning(true, attention)), 1, 8);
        const TestPicture p = TestPicture::random(2, 3, 1);
        const auto ids = spanning_text();
        const auto last = [&](uint32_t chunk) {
            s->reset(0);
            show(*s, p);
            return last_logits(*s, 0, ids, chunk);
        };
        const auto wide = make(random_model_of(spanning(true, attention)), 1);
        show(*wide, p);
        const auto whole = last_logits(*wide, 0, ids);
        for (const uint32_t chunk : {0u, 1u, 4u, 7u}) {
            INFO("chunks of " << chunk);
            CHECK(largest_difference(last(chunk), whole) < 1e-4);
        }
        // In two feeds, cut before the picture and behind it.
        for (const size_t cut : {size_t(3), size_t(9)}) {
            s->reset(0);
            show(*s, p);
            (void)last_logits(*s, 0, std::span(ids).first(cut));
            CHECK(largest_difference(last_logits(*s, 0, std::span(ids).subspan(cut)), whole) < 1e-4);
        }
    }
    require_no_validation_messages();
}

TEST_CASE("a picture that is cut, or larger than a step, is refused", "[schedule]") {
    const auto model = random_model_of(spanning(true));
    const auto ids = spanning_text();
    const auto message = [&](Session& s, std::span<const uint32_t> fed) {
        const Feed feed{0, fed, 0};
        const auto status = s.forward({&feed, 1}, Want::last);
        REQUIRE_FALSE(status);
        CHECK(status.error().code == ErrorCode::invalid_argument);
        return status.error().message;
    };
    const auto s = make(model, 1);
    show(*s, TestPicture::random(2, 3, 1));
    CHECK_THAT(message(*s, std::span(ids).first(5)), ContainsSubstring("slot 0: the feed ends among the tokens of a "
                                                                       "picture"));
    const auto narrow = make(model, 1, 4);
    show(*narrow, TestPicture::random(2, 3, 1));
    CHECK_THAT(message(*narrow, ids),
               ContainsSubstring("slot 0: 6 tokens of pictures must come in one step, since they "
                                 "see each other, and steps of this session have 4"));
}
