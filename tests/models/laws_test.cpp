// SPDX-License-Identifier: Apache-2.0
// Laws of sessions, for every recorded case: packing, forking, snapshots, truncation and end tokens change nothing but
// where the work is done. Feeding in pieces is checked with the recorded results themselves (golden_test.cpp).
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "schedule/sessions.hpp"
#include "unit/goldens.hpp"
#include "unit/manifest.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// What a relative change of 1e-6 in the weights does to the logits, 16 times: as much as sums in another order may.
double rounding_of(const std::filesystem::path& path) {
    const auto text = read_file(path / "case.json");
    REQUIRE(bool(text));
    const auto json = parse_json(*text, "case.json");
    REQUIRE(bool(json));
    constexpr double kUsual = 5e-5; // as for `weft check`, where nothing is said
    return 16 * (json->contains("noise") ? (*json)["noise"]["f32"].get<double>() : kUsual);
}

class Laws {
public:
    explicit Laws(const std::filesystem::path& path, DType kv = DType::f32)
        : model_(load(path)), kv_(kv), rounding_(rounding_of(path)) {}

    void hold() {
        if (takes_whole(model_->schedule)) return whole_sequences();
        prompt_ = ids(21, 1);
        for (const uint32_t n : {5u, 1u, 9u}) {
            tails_.push_back(ids(n, 100 + n));
            const auto alone = session(1);
            (void)first_logits(*alone, 0, prompt_);
            expected_.push_back(last_logits(*alone, 0, tails_.back()));
        }
        forks();
        snapshots();
        holds();
        truncation();
        // Sums in another order move what rounds to a number of 8 bits, or to a half, by a whole step of those.
        if (kv_ == DType::f32) packing();
        end_tokens();
        test::require_no_validation_messages();
    }

private:
    std::vector<uint32_t> ids(uint32_t n, uint32_t seed) const {
        auto list = tokens(n, seed);
        for (uint32_t& id : list) id = id % (model_->schedule.vocabulary - 8) + 3;
        return list;
    }
    std::unique_ptr<Session> session(uint32_t slots, uint32_t held = 0) const {
        return make(model_, slots, 16, 64, held, kv_);
    }
    // What an encoder reads: the text of a seed, or two frames of a sound for each of its tokens.
    struct Reading {
        Reading(const Laws& laws, uint32_t seed) : text(laws.ids(13 + seed, seed)) {
            const PatchGrid& grid = laws.model_->schedule.inputs[0].grid;
            if (!grid.sound()) return;
            frames = 2 * uint32_t(text.size());
            sound = Random(seed).normals(size_t(grid.channels) * frames);
        }
        Feed feed(uint32_t slot) const {
            return frames ? Feed{.slot = slot, .picture = {sound, 1, frames}} : Feed{slot, text};
        }
        std::vector<uint32_t> text;
        std::vector<float> sound = {};
        uint32_t frames = 0;
    };
    // Of a new sequence; behind an encoder it answers what that reads of the seed.
    std::vector<float> first_logits(Session& s, uint32_t slot, std::span<const uint32_t> fed, uint32_t seed = 5) const {
        if (has_encoder(model_->schedule)) {
            const Reading reading(*this, seed);
            const Feed feed = reading.feed(slot);
            REQUIRE(s.encode({&feed, 1}));
        }
        return last_logits(s, slot, fed);
    }

    // The size of a picture as the model takes it, or of the i-th of several sounds.
    PatchGrid::Sides fed(const PatchGrid& grid, size_t i) const {
        if (grid.sound()) return {1, 400 + 37 * uint32_t(i)};
        // Not larger than takes a moment, and as many patches as the stages behind them take whole.
        const Schedule& schedule = model_->schedule;
        uint64_t each = 1;
        for (StageId id = 0; id < schedule.stages.size(); ++id)
            if (schedule.stages[id].rows.placed()) each = std::max(each, patches_of_a_row(schedule, id));
        const auto unit = uint32_t(std::sqrt(double(each)));
        auto side = std::min(32u, uint32_t(std::sqrt(double(schedule.trained_context - grid.extra))));
        side = std::max(unit, side - side % unit);
        const uint32_t down = grid.only_down ? grid.only_down : side,
                       across = grid.only_down ? grid.only_across - grid.lead : side;
        return grid.sides((down - 1) * grid.stride_y + grid.patch_y - 2 * grid.pad_y,
                          (across - 1) * grid.stride_x + grid.patch_x - 2 * grid.pad_x);
    }

    // What comes whole is the same in any company, and leaves nothing behind.
    void whole_sequences() const {
        const Schedule& schedule = model_->schedule;
        const auto every_step = [&](const auto& of) { return schedule.stages[of.stage].when == When::every_step; };
        const Input& input = *std::ranges::find_if(schedule.inputs, every_step);
        const Output& output = *std::ranges::find_if(schedule.outputs, every_step);
        const PatchGrid& grid = input.grid;
        const bool pictures = input.pictures();
        const auto [height, width] = pictures ? fed(grid, 3) : PatchGrid::Sides{}; // the largest
        const auto sides = grid.sides(height, width);
        const PictureRows patches =
            pictures ? PictureRows{grid.down(sides.height), grid.across(sides.width)} : PictureRows{};
        const auto room = pictures ? uint32_t(room_for(schedule, patches)) : 256u;
        const std::vector<std::vector<uint32_t>> texts = {ids(5, 1), ids(1, 2), ids(29, 3), ids(17, 4)};
        std::vector<std::vector<float>> values;
        Random random(7);
        for (size_t i = 0; pictures && i < texts.size(); ++i)
            values.push_back(random.normals(size_t(grid.channels) * fed(grid, i).height * fed(grid, i).width));
        const auto feed = [&](uint32_t slot, size_t i) {
            if (pictures) return Feed{.slot = slot, .picture = {values[i], fed(grid, i).height, fed(grid, i).width}};
            return Feed{slot, texts[i]};
        };
        const auto session = [&](uint32_t slots) {
            const uint32_t limit = schedule.position_limit ? schedule.position_limit : 64;
            return make(model_, slots, 4 * room, pictures ? patches.count() + grid.extra : std::min(64u, limit));
        };
        const auto all = [&](Session& s, const std::vector<Feed>& feeds) {
            REQUIRE(s.forward(feeds, Want::all));
            auto rows = s.output(output.name);
            REQUIRE(rows);
            return *rows;
        };
        const auto s = session(4);
        std::vector<Feed> feeds;
        std::vector<float> expected;
        for (uint32_t i = 0; i < 4; ++i) {
            feeds.push_back(feed(3 - i, i));
            const auto alone = session(1);
            const auto rows = all(*alone, {feed(0, i)});
            expected.insert(expected.end(), rows.begin(), rows.end());
        }
        const auto together = all(*s, feeds);
        CHECK(largest_difference(together, expected) <= rounding_);
        CHECK(all(*s, feeds) == together);
        CHECK(s->length(0) == 0);
        const Feed one = feed(0, 0);
        CHECK_FALSE(s->forward({&one, 1}, Want::last));
        if (!pictures) return;
        const Feed small{.slot = 0, .picture = {std::span(values[0]).first(grid.channels), 1, 1}},
            wrong{.slot = 0, .picture = {values[0], fed(grid, 0).height, fed(grid, 0).width + 1}};
        if (!grid.takes(1, 1)) CHECK_FALSE(s->forward({&small, 1}, Want::all));
        CHECK_FALSE(s->forward({&wrong, 1}, Want::all));
        CHECK(all(*s, feeds) == together);
    }

    void forks() const {
        for (const std::vector<uint32_t>& order : {std::vector<uint32_t>{0, 1, 2}, {2, 0, 1}, {1, 2, 0}}) {
            const auto s = session(3);
            (void)first_logits(*s, 2, ids(30, 7), 6); // what a slot had is forgotten
            (void)first_logits(*s, 0, prompt_);
            REQUIRE(s->fork(0, 1));
            REQUIRE(s->fork(1, 2));
            for (const uint32_t slot : order) {
                INFO("fork " << slot << ", first " << order[0]);
                CHECK(last_logits(*s, slot, tails_[slot]) == expected_[slot]);
            }
        }
    }

    void snapshots() const {
        for (const bool held : {false, true}) {
            INFO((held ? "held" : "copied"));
            const auto s = session(2, held);
            (void)first_logits(*s, 0, prompt_);
            const auto kept = held ? s->hold(0) : s->snapshot(0);
            REQUIRE(kept);
            for (size_t i = 0; i < tails_.size(); ++i) {
                CHECK(last_logits(*s, 0, tails_[i]) == expected_[i]);
                REQUIRE(s->restore(0, *kept));
                CHECK(s->length(0) == prompt_.size());
            }
            if (held) continue;
            (void)first_logits(*s, 1, ids(3, 9), 8);
            REQUIRE(s->restore(1, *kept)); // into another slot
            CHECK(last_logits(*s, 1, tails_[0]) == expected_[0]);
        }
    }

    // A hold changes nothing for its slot, for forks of it, and for others in the same steps.
    void holds() const {
        const uint32_t slots[] = {0, 1, 2};
        const auto together = [&](Session& s) {
            std::vector<Feed> feeds;
            for (const uint32_t slot : slots) feeds.push_back({slot, tails_[slot]});
            REQUIRE(s.forward(feeds, Want::last));
            const auto logits = s.logits();
            REQUIRE(logits);
            std::vector<std::vector<uint32_t>> made;
            REQUIRE(s.decode(slots, 5, made));
            return std::pair(*logits, made);
        };
        const auto apart = session(3);
        for (const uint32_t slot : slots) (void)first_logits(*apart, slot, prompt_);
        const auto expected = together(*apart);

        const auto s = session(3, 2);
        (void)first_logits(*s, 0, prompt_);
        const auto first = s->hold(0);
        REQUIRE(first);
        for (const uint32_t slot : {1u, 2u}) REQUIRE(s->fork(0, slot));
        CHECK(together(*s) == expected);
        REQUIRE(s->restore(0, *first));
        for (const uint32_t slot : {1u, 2u}) REQUIRE(s->fork(0, slot));
        CHECK(together(*s) == expected);

        // Two holds of a slot, restored in either order.
        REQUIRE(s->restore(0, *first));
        (void)last_logits(*s, 0, tails_[1]);
        const auto second = s->hold(0);
        REQUIRE(second);
        const auto full = s->hold(1);
        REQUIRE_FALSE(full);
        CHECK(full.error().message.find("SessionOptions::held") != std::string::npos);
        const auto behind = last_logits(*s, 0, tails_[2]);
        for (const bool back : {false, true}) {
            if (back) REQUIRE(s->restore(0, *first));
            REQUIRE(s->restore(0, *second));
            CHECK(s->length(0) == prompt_.size() + tails_[1].size());
            CHECK(last_logits(*s, 0, tails_[2]) == behind);
        }
        REQUIRE(s->restore(0, *first));
        CHECK(last_logits(*s, 0, tails_[0]) == expected_[0]);
        CHECK_FALSE(s->restore(0, *second)); // the slot has gone another way
        REQUIRE(s->restore(0, *first));
        CHECK(last_logits(*s, 0, tails_[2]) == expected_[2]);
        for (int i = 0; i < 2; ++i) { // what is lost or given free takes no room
            const auto third = s->hold(1);
            REQUIRE(third);
            CHECK_FALSE(s->hold(1));
        }
    }

    void truncation() const {
        const auto s = session(1);
        (void)first_logits(*s, 0, prompt_);
        (void)last_logits(*s, 0, tails_[0]);
        const bool recurrent = std::ranges::any_of(
            model_->schedule.states, [](const State& state) { return state.law == State::Law::constant; });
        CHECK(bool(s->truncate(0, uint32_t(prompt_.size()))) == !recurrent);
        if (recurrent) return;
        CHECK(last_logits(*s, 0, tails_[2]) == expected_[2]);
        REQUIRE(s->truncate(0, 0)); // a memory stays
        (void)last_logits(*s, 0, prompt_);
        CHECK(last_logits(*s, 0, tails_[1]) == expected_[1]);
    }

    void packing() const {
        const auto s = session(3);
        std::vector<Feed> feeds;
        std::vector<Feed> encoded;
        std::vector<Reading> memories;
        for (uint32_t i = 0; i < 3; ++i) {
            feeds.push_back({2 - i, tails_[i], 0});
            memories.emplace_back(*this, i);
        }
        for (uint32_t i = 0; i < 3; ++i) encoded.push_back(memories[i].feed(2 - i));
        if (has_encoder(model_->schedule)) REQUIRE(s->encode(encoded));
        REQUIRE(s->forward(feeds, Want::last));
        const auto together = s->logits();
        REQUIRE(together);
        const size_t wide = model_->schedule.vocabulary;
        for (size_t i = 0; i < 3; ++i) {
            INFO("sequence " << i);
            const auto alone = session(1);
            const std::vector<float> row(together->begin() + long(i * wide), together->begin() + long((i + 1) * wide));
            CHECK(largest_difference(row, first_logits(*alone, 0, tails_[i], uint32_t(i))) <= rounding_);
        }
    }

    // However many steps were asked for: sequences that end at different ones leave their states as they were before
    // the end token, and the others as they would be.
    void end_tokens() const {
        for (const uint32_t count : {1u, 3u}) {
            INFO(count << " sequences");
            std::vector<uint32_t> slots;
            for (uint32_t i = 0; i < count; ++i) slots.push_back(count - 1 - i);
            kernel::SamplerRow greedy;
            greedy.flags = kernel::SamplerRow::kGreedy;
            greedy.repeat_penalty = 1e6f; // tokens that differ
            const auto s = session(3);
            const auto decoded = [&](uint32_t steps) {
                for (const uint32_t slot : slots) {
                    s->reset(slot);
                    s->set_sampler(slot, greedy);
                    (void)first_logits(*s, slot, tails_[slot]);
                }
                std::vector<std::vector<uint32_t>> made;
                REQUIRE(s->decode(slots, steps, made));
                return made;
            };
            auto expected = decoded(8);
            const std::vector<uint32_t> ends{expected[0][2], expected[count - 1][5]};
            for (auto& made : expected)
                if (const auto end = std::ranges::find_first_of(made, ends); end != made.end())
                    made.erase(end + 1, made.end());
            std::vector<std::vector<float>> behind;
            for (uint32_t i = 0; i < count; ++i) {
                (void)decoded(uint32_t(expected[i].size()));
                behind.push_back(last_logits(*s, slots[i], prompt_));
            }
            greedy.flags |= kernel::SamplerRow::kStops;
            REQUIRE(s->set_end_tokens(ends));
            CHECK(decoded(8) == expected);
            for (uint32_t i = 0; i < count; ++i) {
                INFO("sequence " << i);
                CHECK(s->length(slots[i]) == tails_[slots[i]].size() + expected[i].size());
                CHECK(last_logits(*s, slots[i], prompt_) == behind[i]);
            }
        }
    }

    std::shared_ptr<const LoadedModel> model_;
    DType kv_;
    double rounding_;
    std::vector<uint32_t> prompt_;
    std::vector<std::vector<uint32_t>> tails_;
    std::vector<std::vector<float>> expected_;
};

} // namespace

// Of rows, rings, memories and caches beside recurrent states.
TEST_CASE("laws of caches in fewer bits", "[models]") {
    const auto name = GENERATE("llama", "gemma2", "t5", "zamba2");
    const DType kv = GENERATE(DType::f16, DType::q8_0);
    CAPTURE(name, name_of(kv));
    Laws(repository() / "tests/goldens/models" / name, kv).hold();
}

// Each case is a test of its own (tests/CMakeLists.txt).
TEST_CASE("laws of a recorded case", "[.golden]") {
    static bool found = false; // over all passes: one that was skipped is followed by another
    for (const auto& path : repository_cases()) DYNAMIC_SECTION("repository " << path.filename().string()) {
            found = true;
            Laws(path).hold();
        }
    for (const auto& [name, outcome] : manifest())
        if (outcome == kPasses && !name.starts_with("gguf/")) DYNAMIC_SECTION(name) {
                found = true;
                weft_GOLDEN(path, name);
                Laws(path).hold();
            }
    CHECK(found); // a name that is no case must not pass
}
