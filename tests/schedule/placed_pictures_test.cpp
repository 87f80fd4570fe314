// SPDX-License-Identifier: Apache-2.0
// Pictures among the tokens of a text: rows that a tower leaves stand at their tokens, however these are fed, and go
// with the sequence.
#include "schedule/compose.hpp"
#include "schedule/pictures.hpp"
#include "schedule/schedule_text.hpp"
#include "schedule/small_models.hpp"
#include <algorithm>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

constexpr uint32_t kPlaceholder = 95, kDecoderWidth = 32;

constexpr const char* kSeeing = R"({"weft_schedule": 2, "vocabulary": 96, "trained_context": 4096,
    "weights": {"rotary": {"computed": [1, 0.1, 0.01, 0.001, 0, 1, 2, 0]}},
    "stages": [
        {"name": "tower", "when": "given", "width": 32, "rows": {"of": "patches"},
         "first": [{"read": [], "base": "none", "branches": [{"op": "patch", "channels": 2, "patch": 3}]}],
         "last": [{"base": "none", "branches": [{"op": "keep", "memory": "seen"}]}]},
        {"name": "decoder", "width": 32, "rows": {"placeholder": 95, "axes": 3},
         "first": [{"read": [], "base": "none", "branches": [{"op": "embed"}]},
                   {"base": "none", "branches": [{"op": "place", "memory": "seen"}]}],
         "layers": [{"blocks": [{"pre": {}, "branches": [{"op": "attention", "heads": 4,
                                 "rope": {"axes": 3, "frequencies": "rotary"}}]},
                                {"pre": {}, "branches": [{"op": "mlp", "inner": 48}]}]},
                    {"blocks": [{"branches": [{"op": "place", "memory": "seen", "added": true}]},
                                {"pre": {}, "branches": [{"op": "attention", "heads": 4,
                                 "rope": {"axes": 3, "frequencies": "rotary"}}]}]}]},
        {"name": "head", "width": 32, "rows": {"of": "wanted", "from": "decoder"},
         "streams": [{"name": "logits", "width": 96}],
         "first": [{"pre": {}, "write": "logits", "base": "none", "branches": [{"op": "linear"}]}]}],
    "outputs": [{"name": "rows", "stage": "tower"}, {"name": "logits", "stage": "head", "stream": "logits"}]})";

void require_ok(const Status& status) {
    INFO((status ? "" : status.error().text()));
    REQUIRE(bool(status));
}

void see(Session& s, uint32_t slot, const TestPicture& p) {
    const Feed feed = p.feed(slot);
    require_ok(s.encode({&feed, 1}));
}

const TestPicture kWide = TestPicture::random(2, 3, 1), kTall = TestPicture::random(4, 1, 2);

// A text with both.
std::vector<uint32_t> two_pictures() {
    std::vector<uint32_t> all = {5, 6, 7};
    all.insert(all.end(), 6, kPlaceholder);
    all.push_back(8);
    all.insert(all.end(), 4, kPlaceholder);
    all.insert(all.end(), {9, 10, 11, 12});
    return all;
}

std::vector<float> logits_of(Session& s, uint32_t slot, std::span<const uint32_t> ids, uint32_t chunk = 0) {
    return last_logits(s, slot, ids, chunk);
}

} // namespace

TEST_CASE("rows of pictures stand at their tokens, and a token without one is a token", "[schedule]") {
    const auto model = random_model_of(kSeeing);
    auto s = make(model, 1), plain = make(model, 1);
    std::vector<uint32_t> fed = two_pictures();
    fed.push_back(kPlaceholder); // no row is left for it
    see(*s, 0, kWide);
    std::vector<float> rows = *s->output("rows");
    see(*s, 0, kTall);
    const std::vector<float> more = *s->output("rows");
    rows.insert(rows.end(), more.begin(), more.end());
    REQUIRE(rows.size() == 10 * kDecoderWidth);
    const auto entering = [&](Session& session) {
        const Feed feed{0, fed, 0};
        require_ok(session.forward({&feed, 1}, Want::all, 0, true));
        return *session.tap("decoder", 0);
    };
    const auto seen = entering(*s), unseen = entering(*plain);
    size_t row = 0;
    for (size_t i = 0; i < fed.size(); ++i)
        for (size_t c = 0; c < kDecoderWidth; ++c) {
            const bool placed = fed[i] == kPlaceholder && i + 1 < fed.size();
            CHECK(seen[i * kDecoderWidth + c] ==
                  (placed ? rows[row * kDecoderWidth + c] : unseen[i * kDecoderWidth + c]));
            if (c + 1 == kDecoderWidth) row += placed;
        }
    require_no_validation_messages();
}

TEST_CASE("pictures are the same in chunks of any length, in batches, and token by token", "[schedule]") {
    const auto model = random_model_of(kSeeing);
    const std::vector<uint32_t> fed = two_pictures();
    auto s = make(model, 3, 64);
    const auto anew = [&](uint32_t slot, bool pictures) {
        s->reset(slot);
        if (!pictures) return;
        see(*s, slot, kWide);
        see(*s, slot, kTall);
    };
    anew(0, true);
    const auto whole = logits_of(*s, 0, fed);
    anew(0, false);
    CHECK(largest_difference(logits_of(*s, 0, fed), whole) > 1e-2);
    for (const uint32_t chunk : {1u, 3u, 7u}) {
        INFO("chunks of " << chunk);
        anew(0, true);
        CHECK(largest_difference(logits_of(*s, 0, fed, chunk), whole) < 1e-4);
    }
    // One sequence with pictures, one with others between its tokens, one without any.
    anew(0, true);
    anew(1, false);
    see(*s, 1, kTall);
    const std::vector<uint32_t> other = {kPlaceholder, kPlaceholder, kPlaceholder, kPlaceholder, 3};
    anew(2, false);
    const std::vector<Feed> feeds = {{2, other, 0}, {0, fed, 0}, {1, other, 0}};
    require_ok(s->forward(feeds, Want::last));
    const std::vector<float> all = *s->logits();
    const auto row = [&](size_t i) {
        return std::vector<float>(all.begin() + long(i * 96), all.begin() + long(i * 96 + 96));
    };
    CHECK(largest_difference(row(1), whole) < 1e-4);
    CHECK(largest_difference(row(0), row(2)) > 1e-2);
    const auto decoded_whole = decoded(*s, 0, 6);
    auto alone = make(model, 1, 64);
    see(*alone, 0, kWide);
    see(*alone, 0, kTall);
    logits_of(*alone, 0, fed, 5);
    CHECK(decoded(*alone, 0, 6) == decoded_whole);
    require_no_validation_messages();
}

TEST_CASE("snapshots, forks and cuts take pictures along", "[schedule]") {
    const auto model = random_model_of(kSeeing);
    const std::vector<uint32_t> fed = two_pictures(), first(fed.begin(), fed.begin() + 6),
                                rest(fed.begin() + 6, fed.end());
    auto s = make(model, 2, 64);
    const auto expected = [&] {
        auto fresh = make(model, 1, 64);
        see(*fresh, 0, kWide);
        see(*fresh, 0, kTall);
        logits_of(*fresh, 0, first);
        return logits_of(*fresh, 0, rest);
    }();
    see(*s, 0, kWide);
    see(*s, 0, kTall);
    logits_of(*s, 0, first); // half of a picture's tokens
    const auto snapshot = s->snapshot(0);
    REQUIRE(snapshot);
    require_ok(s->fork(0, 1));
    CHECK(logits_of(*s, 0, rest) == expected);
    CHECK(logits_of(*s, 1, rest) == expected);
    // Others in the same rows of the memory, and then back.
    s->reset(0);
    see(*s, 0, kTall);
    see(*s, 0, kWide);
    logits_of(*s, 0, fed);
    require_ok(s->restore(0, *snapshot));
    CHECK(logits_of(*s, 0, rest) == expected);

    // Behind the pictures a cut leaves their positions; within one it is refused.
    const std::vector<uint32_t> tail(fed.end() - 2, fed.end());
    require_ok(s->truncate(0, uint32_t(fed.size()) - 2));
    CHECK(largest_difference(logits_of(*s, 0, tail), expected) < 1e-4);
    const auto within = s->truncate(0, 5);
    REQUIRE_FALSE(within);
    CHECK(within.error().message.find("picture") != std::string::npos);
    CHECK(s->length(0) == fed.size());
    // Before them there are none: it is as if the text had begun so.
    require_ok(s->truncate(0, 2));
    auto fresh = make(model, 1, 64);
    const std::vector<uint32_t> two(fed.begin(), fed.begin() + 2);
    logits_of(*fresh, 0, two);
    CHECK(largest_difference(logits_of(*s, 0, rest), logits_of(*fresh, 0, rest)) < 1e-4);
    require_no_validation_messages();
}

TEST_CASE("pictures that a session has no room for are refused, and nothing changes", "[schedule]") {
    const auto model = random_model_of(kSeeing);
    SessionOptions o;
    o.context = 64;
    o.before = 8;
    auto s = Session::create(model, o);
    REQUIRE(s);
    const Feed wide = kWide.feed(0), tall = kTall.feed(0);
    require_ok((*s)->encode({&wide, 1}));
    const auto refused = (*s)->encode({&tall, 1});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "slot 0: pictures that no tokens stand for yet would have 10 rows; a sequence of "
                                     "this session holds 8");
    const std::vector<uint32_t> fed(6, kPlaceholder);
    const auto one = logits_of(**s, 0, fed);
    require_ok((*s)->encode({&tall, 1})); // now there is
    auto fresh = make(model, 1);
    see(*fresh, 0, kWide);
    CHECK(logits_of(*fresh, 0, fed) == one);
    require_no_validation_messages();
}

TEST_CASE("what schedules say of pictures among tokens is read, written and held to its rules", "[schedule]") {
    const Schedule s = require_round_trip(json_of(kSeeing));
    CHECK(keeping_stage(s) == 0);
    CHECK(placing_stage(s) == 1);
    CHECK(generating_stage(s) == 1);
    CHECK_FALSE(has_encoder(s));
    const auto refused = [](const std::function<void(Json&)>& edit) { return refusal_of(json_of(kSeeing), edit); };
    const std::string at = "a.json: key 'stages[";
    CHECK(refused([](Json& j) { j["stages"][1]["rows"]["placeholder"] = -2; }) ==
          at + "1].rows.placeholder' must be an integer between -1 and 2147483647");
    CHECK(refused([](Json& j) { j["stages"][1]["rows"]["axes"] = 2; }) ==
          at + "1].rows.axes' must be 1, or 3 where tokens stand for pictures");
    CHECK(refused([](Json& j) { j["stages"][1]["rows"].erase("axes"); }) ==
          at + "1].layers[0].blocks[0].branches[0].rope.axes' must be those of the stage's rows, 1");
    CHECK(refused([](Json& j) { j["stages"][1]["rows"].erase("placeholder"); }) ==
          at + "1].rows.axes' must be 1, or 3 where tokens stand for pictures");
    CHECK(
        refused([](Json& j) { j["stages"][1]["first"][1]["branches"][0]["memory"] = "nobody"; }) ==
        at +
            "1].first[1].branches[0].memory' must be what an earlier op leaves; none leaves the rows of nobody in this "
            "shape");
    CHECK(refused([](Json& j) { j["stages"][0]["when"] = "sometimes"; }) != "taken");
}

TEST_CASE("what a model without its pictures is: its text, along one axis", "[schedule]") {
    Schedule s = read_schedule(json_of(kSeeing));
    require_ok(without_given(s, "a.json"));
    CHECK(s.stages.size() == 2);
    CHECK(s.stages[0].name == "decoder");
    CHECK(s.stages[0].rows.axes == 1);
    CHECK(s.stages[0].first.size() == 1);
    CHECK(s.stages[0].layers[1].blocks.size() == 1);
    CHECK(s.outputs.size() == 1);
    CHECK(s.inputs.size() == 1);
    CHECK(s.states.size() == 4); // keys and values of two layers
    (void)require_round_trip(json_of(schedule_text(s)));
}
