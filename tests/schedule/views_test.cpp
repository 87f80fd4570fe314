// SPDX-License-Identifier: Apache-2.0
// Views that put a stage's rows in another order: the lists that the host makes, and that an op over a view is the op
// over rows that come in that order.
#include "base/random.hpp"
#include "io/safetensors.hpp"
#include "schedule/pictures.hpp"
#include "schedule/schedule_text.hpp"
#include "schedule/small_models.hpp"
#include "schedule/views.hpp"
#include "unit/goldens.hpp"
#include <algorithm>
#include <set>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

using Order = View::Order;
using ExtraAt = PatchGrid::ExtraAt;
using Rows = std::vector<uint32_t>;
constexpr uint32_t kSide = 2, kColumns = 16; // of a patch, of a row

// A plain loop over the places of a picture: the rows that an order reads, one after the other.
Rows plain(Order order, PictureRows p, bool mirrored = false) {
    Rows rows;
    const auto row = [&](uint32_t y, bool back) {
        for (uint32_t x = 0; x < p.across; ++x) rows.push_back(y * p.across + (back ? p.across - 1 - x : x));
    };
    const auto column = [&](uint32_t x, bool back) {
        for (uint32_t y = 0; y < p.down; ++y) rows.push_back((back ? p.down - 1 - y : y) * p.across + x);
    };
    if (order == Order::rows || order == Order::snake)
        for (uint32_t y = 0; y < p.down; ++y) row(y, order == Order::snake && y % 2 == 1);
    else
        for (uint32_t x = 0; x < p.across; ++x) column(x, order == Order::snake_columns && x % 2 == 1);
    if (mirrored)
        for (uint32_t& at : rows) at = at / p.across * p.across + (p.across - 1 - at % p.across);
    return rows;
}

// Patches by their numbers and behind these the rows that are none, as they stand in a sequence.
Rows marked(uint32_t patches, uint32_t extra, ExtraAt where) {
    Rows all;
    const auto others = [&](uint32_t first, uint32_t last) {
        for (uint32_t e = first; e < last; ++e) all.push_back(patches + e);
    };
    const uint32_t leading = where == ExtraAt::first ? extra : where == ExtraAt::ends ? extra - extra / 2 : 0;
    others(0, leading);
    for (uint32_t i = 0; i < patches; ++i) {
        if (where == ExtraAt::middle && i == patches / 2) others(0, extra);
        all.push_back(i);
    }
    if (where != ExtraAt::middle) others(leading, extra);
    return all;
}

// A recurrent layer over `view`; the weights are the same whatever the view is.
std::string scan_over(const std::string& view, const std::string& rows, const std::string& first) {
    return R"({"weft_schedule": 2, "vocabulary": 96, "stages": [{"name": "tower", "width": 16, "rows": )" + rows +
           R"(, "views": [)" + (view == "same" ? "" : view) +
           R"(], "first": [{"read": [], "base": "none", "branches": [)" + first +
           R"(]}], "layers": [{"blocks": [{"view": ")" + (view == "same" ? "same" : "v") +
           R"(", "pre": {}, "residual_scale": 0.5, "branches": [{"op": "mamba", "state_size": 4}]}]}]}],
           "outputs": [{"name": "rows", "stage": "tower"}]})";
}
std::string of_pictures(const std::string& view, uint32_t extra = 0, const std::string& extra_at = "first") {
    return scan_over(view, R"({"of": "patches"})",
                     R"({"op": "patch", "channels": 1, "patch": 2, "extra": )" + std::to_string(extra) +
                         R"(, "extra_at": ")" + extra_at + "\"}");
}
std::string of_tokens(const std::string& view) { return scan_over(view, R"({"of": "tokens"})", R"({"op": "embed"})"); }
std::string view_of(const std::string& order, const std::string& more = "") {
    return R"({"name": "v", "order": ")" + order + "\"" + more + "}";
}

// A picture as its patches, which can be put elsewhere.
struct Tiles {
    PictureRows size;
    std::vector<std::vector<float>> all;

    static Tiles random(uint32_t down, uint32_t across, uint64_t seed) {
        Random random(seed);
        Tiles p{{down, across}, {}};
        for (uint32_t i = 0; i < p.size.count(); ++i) p.all.push_back(random.normals(kSide * kSide));
        return p;
    }
    /// A picture of one row of them, in that order.
    Tiles line(const Rows& order) const {
        Tiles p{{1, uint32_t(order.size())}, {}};
        for (const uint32_t row : order) p.all.push_back(all[row]);
        return p;
    }
    std::vector<float> values() const {
        const uint32_t wide = size.across * kSide;
        std::vector<float> v(all.size() * kSide * kSide);
        for (uint32_t i = 0; i < all.size(); ++i)
            for (uint32_t n = 0; n < kSide * kSide; ++n)
                v[(i / size.across * kSide + n / kSide) * wide + i % size.across * kSide + n % kSide] = all[i][n];
        return v;
    }
};

std::vector<float> rows_of(Session& s, const std::vector<Tiles>& pictures) {
    std::vector<std::vector<float>> values;
    std::vector<Feed> feeds;
    for (const Tiles& p : pictures) values.push_back(p.values());
    for (uint32_t i = 0; i < pictures.size(); ++i)
        feeds.push_back(
            {.slot = i, .picture = {values[i], pictures[i].size.down * kSide, pictures[i].size.across * kSide}});
    return read_rows(s, feeds);
}

// What `rows` hold, in that order.
std::vector<float> picked(std::span<const float> rows, const Rows& order) {
    std::vector<float> all;
    for (const uint32_t row : order)
        all.insert(all.end(), rows.begin() + long(row * kColumns), rows.begin() + long((row + 1) * kColumns));
    return all;
}

} // namespace

TEST_CASE("each order of a view is what a plain loop gives", "[schedule]") {
    for (const Order order : {Order::rows, Order::columns, Order::snake, Order::snake_columns})
        for (const PictureRows p : {PictureRows{1, 1}, {1, 7}, {6, 1}, {2, 2}, {3, 5}, {4, 3}, {5, 4}, {8, 8}})
            for (const uint32_t extra : {0u, 1u, 2u})
                for (const ExtraAt where : {ExtraAt::first, ExtraAt::middle, ExtraAt::last, ExtraAt::ends})
                    for (const auto& [mirrored, reversed] :
                         {std::pair(false, false), {false, true}, {true, false}, {true, true}}) {
                        CAPTURE(uint32_t(order), p.down, p.across, extra, uint32_t(where), mirrored, reversed);
                        PatchGrid grid;
                        grid.extra = extra;
                        grid.extra_at = where;
                        const Rows places = grid.extra_places(p.count()), all = marked(p.count(), extra, where);
                        for (uint32_t e = 0; e < extra; ++e) REQUIRE(all[places[e]] == p.count() + e);
                        Rows expected; // the patches change places with each other, the other rows stay
                        const Rows patches = plain(order, p, mirrored);
                        const auto row_of = [&](uint32_t mark) {
                            return uint32_t(std::ranges::find(all, mark) - all.begin());
                        };
                        for (const uint32_t mark : all)
                            expected.push_back(row_of(mark < p.count() ? patches[mark] : mark));
                        if (reversed) std::ranges::reverse(expected);
                        const View view{.name = "v", .order = order, .mirrored = mirrored, .reversed = reversed};
                        const auto made = sequences_of(view, p, places);
                        REQUIRE(made.size() == 1);
                        CHECK(made[0].rows == expected);
                        std::ranges::sort(expected);
                        for (uint32_t i = 0; i < expected.size(); ++i) REQUIRE(expected[i] == i);
                    }
    // Windows cover a picture, each row once.
    for (const uint32_t shift : {0u, 1u, 2u}) {
        Rows all;
        for (const ViewSequence& window : sequences_of({.name = "v", .window = 3, .shift = shift}, {6, 9})) {
            CHECK(window.rows.size() % window.across == 0);
            all.insert(all.end(), window.rows.begin(), window.rows.end());
        }
        std::ranges::sort(all);
        REQUIRE(all.size() == 54);
        for (uint32_t i = 0; i < 54; ++i) CHECK(all[i] == i);
    }
}

// Every index list that the reference recorded of its scans.
TEST_CASE("views say the orders of VMamba and PlainMamba", "[schedule]") {
    struct Scan {
        const char *file, *tensor;
        std::vector<View> views;
    };
    const View rows{.order = Order::rows}, back{.order = Order::rows, .reversed = true};
    const std::vector<Scan> scans{
        {"op-snake-scan",
         "output.index.",
         {{.order = Order::snake},
          {.order = Order::snake, .reversed = true},
          {.order = Order::snake_columns},
          {.order = Order::snake_columns, .reversed = true}}},
        {"op-cross-scan",
         "output.index.cross.",
         {rows, {.order = Order::columns}, back, {.order = Order::columns, .reversed = true}}},
        {"op-cross-scan",
         "output.index.rotated.",
         {rows,
          {.order = Order::columns, .mirrored = true},
          back,
          {.order = Order::columns, .mirrored = true, .reversed = true}}},
        {"op-cross-scan", "output.index.bidirectional.", {rows, rows, back, back}},
        {"op-cross-scan", "output.index.unidirectional.", {rows, rows, rows, rows}},
    };
    for (const Scan& scan : scans) {
        weft_GOLDEN(path, std::string(scan.file) + "/io.safetensors");
        auto file = SafetensorsFile::open(path);
        REQUIRE(file);
        for (const auto& [size, p] : {std::pair("4x6", PictureRows{4, 6}), std::pair("5x3", PictureRows{5, 3})}) {
            INFO(scan.tensor << size);
            const TensorView* tensor = file->find(std::string(scan.tensor) + size);
            REQUIRE(tensor);
            const auto recorded = read_i64(*tensor);
            REQUIRE(recorded);
            std::vector<int64_t> made;
            for (const View& view : scan.views) {
                const Rows order = sequences_of(view, p)[0].rows;
                made.insert(made.end(), order.begin(), order.end());
            }
            CHECK(made == *recorded);
            const TensorView* ways = file->find(std::string("output.direction.") + size);
            if (!ways) continue; // VMamba's have none
            const auto recorded_ways = read_i64(*ways);
            REQUIRE(recorded_ways);
            made.clear();
            for (const View& view : scan.views) {
                const Rows turns = turns_of(sequences_of(view, p)[0].rows, p);
                made.insert(made.end(), turns.begin(), turns.end());
            }
            CHECK(made == *recorded_ways);
        }
    }
    // A jump, and a row that is no patch, are no way.
    CHECK(turns_of(Rows{0, 2, 3, 1, 5}, {2, 3}) == Rows{0, 0, 0, 0, 0});
    CHECK(turns_of(Rows{0, 1, 2, 3}, {1, 3}, Rows{1}) == Rows{0, 0, 0, 1});
}

TEST_CASE("an op over a reversed view is the op over reversed tokens, reversed back", "[schedule]") {
    const auto same = make(random_model_of(of_tokens("same")), 3, 64, 64),
               back = make(random_model_of(of_tokens(view_of("rows", R"(, "reversed": true)"))), 3, 64, 64);
    const std::vector<Rows> texts{ids(9, 1), ids(1, 2), ids(20, 3)};
    std::vector<Rows> reversed = texts;
    for (Rows& text : reversed) std::ranges::reverse(text);
    const auto fed = [](const std::vector<Rows>& all) {
        std::vector<Feed> feeds;
        for (uint32_t i = 0; i < all.size(); ++i) feeds.push_back({i, all[i]});
        return feeds;
    };
    const auto got = read_rows(*back, fed(texts)), plain = read_rows(*same, fed(reversed));
    Rows order; // each text backwards
    for (const Rows& text : texts)
        for (size_t i = text.size(), first = order.size(); i-- > 0;) order.push_back(uint32_t(first + i));
    CHECK(got == picked(plain, order));
    CHECK(largest_difference(got, read_rows(*same, fed(texts))) > 1e-3);
    // All of a sequence is read, and nothing of it is left.
    CHECK(back->length(0) == 0);
    const Feed feed{0, texts[0]};
    CHECK_FALSE(back->forward({&feed, 1}, Want::last));
    const Rows many = ids(65, 4);
    const Feed long_one{0, many};
    CHECK_FALSE(back->forward({&long_one, 1}, Want::nothing));
    require_no_validation_messages();
}

TEST_CASE("a scan over a picture's columns and snakes is one over its patches in that order", "[schedule]") {
    const auto same = make(random_model_of(of_pictures("same")), 1, 64, 64);
    const std::vector<Tiles> pictures{Tiles::random(3, 5, 1), Tiles::random(4, 2, 2)};
    for (const auto& [name, order] : {std::pair("columns", Order::columns), std::pair("snake", Order::snake),
                                      std::pair("snake_columns", Order::snake_columns)})
        for (const bool reversed : {false, true}) {
            INFO(name << (reversed ? ", reversed" : ""));
            const auto s =
                make(random_model_of(of_pictures(view_of(name, reversed ? R"(, "reversed": true)" : ""))), 2, 64, 64);
            const auto got = rows_of(*s, pictures);
            size_t at = 0;
            for (const Tiles& picture : pictures) {
                Rows read = plain(order, picture.size), inverse(read.size());
                if (reversed) std::ranges::reverse(read);
                for (uint32_t i = 0; i < read.size(); ++i) inverse[read[i]] = i;
                const auto expected = picked(rows_of(*same, {picture.line(read)}), inverse);
                const std::vector<float> own(got.begin() + long(at), got.begin() + long(at + expected.size()));
                CHECK(largest_difference(own, expected) < 1e-5);
                at += expected.size();
            }
        }
    require_no_validation_messages();
}

TEST_CASE("a cross scan is the sum of scans in its orders", "[schedule]") {
    const Rows texts[] = {ids(9, 1), ids(20, 3)};
    const auto rows_with = [&](const std::string& op, bool backwards = false) {
        std::string schedule = of_tokens(view_of("rows", R"(, "reversed": true)"));
        const auto put = [&](const std::string& from, const std::string& to) {
            schedule.replace(schedule.find(from), from.size(), to);
        };
        put(R"("view": "v", )", R"("base": "none", )");
        put(R"("op": "mamba")", R"("op": "cross_scan", )" + op);
        const auto s = make(random_model_of(schedule), 2, 64, 64);
        Rows fed[] = {texts[0], texts[1]};
        for (Rows& text : fed)
            if (backwards) std::ranges::reverse(text);
        return read_rows(*s, {{0, fed[0]}, {1, fed[1]}});
    };
    Rows order; // each text backwards
    for (const Rows& text : texts)
        for (size_t i = text.size(), first = order.size(); i-- > 0;) order.push_back(uint32_t(first + i));
    const std::string conv = R"("conv": {"taps_across": 4, "pad_across": 3, "groups": 32, "activation": "silu"})",
                      shared = R"("x": {"weight": "x"}, "dt": {"weight": "dt"}, "parameters": "p")";
    const auto one = rows_with(conv + R"(, "directions": [{)" + shared + "}]");
    // Of one direction it is the same whose the convolution is; of another order that of rows which come so.
    CHECK(rows_with(R"("directions": [{)" + conv + ", " + shared + "}]") == one);
    CHECK(largest_difference(rows_with(R"("directions": [{"view": "v", )" + conv + ", " + shared + "}]"),
                             picked(rows_with(conv + R"(, "directions": [{)" + shared + "}]", true), order)) < 1e-6);
    // Two of the same are twice one, and two orders the sum of both.
    const auto back = rows_with(conv + R"(, "directions": [{"view": "v", )" + shared + "}]"),
               twice = rows_with(conv + R"(, "directions": [{)" + shared + "}, {" + shared + "}]"),
               both = rows_with(conv + R"(, "directions": [{)" + shared + R"(}, {"view": "v", )" + shared + "}]");
    CHECK(largest_difference(one, back) > 1e-3);
    for (size_t i = 0; i < one.size(); ++i) {
        REQUIRE(std::abs(twice[i] - 2 * one[i]) < 1e-5);
        REQUIRE(std::abs(both[i] - one[i] - back[i]) < 1e-5);
    }
    require_no_validation_messages();
}

TEST_CASE("rows of zeros make a picture's sides multiples, and can be left out again", "[schedule]") {
    Json schedule = json_of(of_pictures("same"));
    const auto stage = [&](const char* name, const char* from, uint32_t down, uint32_t across) {
        schedule["stages"].push_back({{"name", name},
                                      {"width", 16},
                                      {"rows", {{"of", "padded"}, {"from", from}, {"down", down}, {"across", across}}},
                                      {"first", {{{"base", "none"}, {"branches", {{{"op", "identity"}}}}}}}});
        schedule["outputs"].push_back({{"name", name}, {"stage", name}});
    };
    stage("padded", "tower", 4, 3);
    stage("again", "padded", 2, 7);
    stage("real", "again", 1, 1);
    require_round_trip(schedule);
    const auto s = make(random_model_of(schedule.dump()), 2, 512, 64);
    const std::vector<Tiles> pictures{Tiles::random(3, 5, 1), Tiles::random(4, 2, 2)};
    const auto rows = rows_of(*s, pictures);
    const auto expected = [&](uint32_t down, uint32_t across) {
        std::vector<float> all;
        size_t first = 0;
        for (const Tiles& p : pictures) {
            const auto multiple = [](uint32_t n, uint32_t of) { return (n + of - 1) / of * of; };
            for (uint32_t y = 0; y < multiple(p.size.down, down); ++y)
                for (uint32_t x = 0; x < multiple(p.size.across, across); ++x) {
                    const bool there = y < p.size.down && x < p.size.across;
                    const auto row =
                        there ? picked(rows, {uint32_t(first + y * p.size.across + x)}) : std::vector<float>(kColumns);
                    all.insert(all.end(), row.begin(), row.end());
                }
            first += p.size.count();
        }
        return all;
    };
    for (const auto& [name, down, across] :
         {std::tuple("padded", 4u, 3u), std::tuple("again", 2u, 7u), std::tuple("real", 1u, 1u)}) {
        INFO(name);
        const auto got = s->output(name);
        REQUIRE(got);
        CHECK(*got == expected(down, across));
    }
    require_no_validation_messages();
}

TEST_CASE("class tokens stand where the grid says, and can be picked", "[schedule]") {
    const Tiles picture = Tiles::random(3, 4, 1);
    const auto tower = [&](uint32_t extra, const std::string& extra_at) {
        Json schedule = json_of(of_pictures("same", extra, extra_at));
        schedule["stages"].push_back(json_of(R"({"name": "class tokens", "width": 16,
            "rows": {"of": "extra", "from": "tower"},
            "first": [{"base": "none", "branches": [{"op": "identity"}]}]})"));
        schedule["stages"].push_back(
            json_of(R"({"name": "mean", "width": 16, "rows": {"of": "mean", "from": "class tokens"},
            "first": [{"base": "none", "branches": [{"op": "identity"}]}]})"));
        schedule["outputs"].push_back(json_of(R"({"name": "picked", "stage": "class tokens"})"));
        schedule["outputs"].push_back(json_of(R"({"name": "mean", "stage": "mean"})"));
        return make(random_model_of(schedule.dump()), 2, 64, 64);
    };
    const Tiles other = Tiles::random(2, 2, 2);
    for (const auto& [name, where] : {std::pair("first", ExtraAt::first), std::pair("middle", ExtraAt::middle),
                                      std::pair("last", ExtraAt::last), std::pair("ends", ExtraAt::ends)})
        for (const uint32_t extra : {1u, 2u}) {
            CAPTURE(name, extra);
            const auto s = tower(extra, name);
            const auto rows = rows_of(*s, {picture, other}), behind = rows_of(*tower(extra, "last"), {picture});
            const Rows marks = marked(picture.size.count(), extra, where),
                       others = marked(other.size.count(), extra, where);
            // A causal scan sees what stands before: the patches before the first such row are as with all of them
            // last.
            const auto before =
                size_t(std::ranges::find_if(marks, [](uint32_t mark) { return mark >= 12; }) - marks.begin());
            const std::vector<float> leading(rows.begin(), rows.begin() + long(before * kColumns)),
                alone(behind.begin(), behind.begin() + long(before * kColumns));
            CHECK(largest_difference(leading, alone) < 1e-5);
            if (before < 12)
                CHECK(largest_difference(picked(rows, {uint32_t(std::ranges::find(marks, 11u) - marks.begin())}),
                                         picked(behind, {11})) > 1e-4);
            Rows expected;
            for (uint32_t e = 0; e < extra; ++e)
                expected.push_back(uint32_t(std::ranges::find(marks, 12 + e) - marks.begin()));
            for (uint32_t e = 0; e < extra; ++e)
                expected.push_back(uint32_t(marks.size() + (std::ranges::find(others, 4 + e) - others.begin())));
            const auto tokens = s->output("picked"), mean = s->output("mean");
            REQUIRE(tokens);
            REQUIRE(mean);
            CHECK(*tokens == picked(rows, expected));
            REQUIRE(mean->size() == 2 * kColumns);
            for (size_t i = 0; i < mean->size(); ++i) {
                double sum = 0;
                for (uint32_t e = 0; e < extra; ++e)
                    sum += (*tokens)[(i / kColumns * extra + e) * kColumns + i % kColumns];
                CHECK(std::abs(sum / extra - (*mean)[i]) < 1e-6);
            }
        }
    require_no_validation_messages();
}

TEST_CASE("scans in windows are those of pictures of their size", "[schedule]") {
    const auto same = make(random_model_of(of_pictures("same")), 1, 64, 64),
               s = make(random_model_of(of_pictures(R"({"name": "v", "window": 2})")), 1, 64, 64);
    const Tiles picture = Tiles::random(4, 6, 3);
    const auto got = rows_of(*s, {picture});
    for (uint32_t y = 0; y < 4; y += 2)
        for (uint32_t x = 0; x < 6; x += 2) {
            CAPTURE(y, x);
            const Rows window{y * 6 + x, y * 6 + x + 1, (y + 1) * 6 + x, (y + 1) * 6 + x + 1};
            CHECK(largest_difference(picked(got, window), rows_of(*same, {picture.line(window)})) < 1e-5);
        }
    require_no_validation_messages();
}

TEST_CASE("scans in windows of one row or column are those of pictures that are one", "[schedule]") {
    const auto same = make(random_model_of(of_pictures("same")), 1, 64, 64);
    const Tiles picture = Tiles::random(4, 6, 3);
    const auto check = [&](const std::string& view, uint32_t lines, uint32_t length, uint32_t next, uint32_t step) {
        const auto got = rows_of(*make(random_model_of(of_pictures(view)), 1, 64, 64), {picture});
        for (uint32_t line = 0; line < lines; ++line) {
            CAPTURE(view, line);
            Rows window;
            for (uint32_t i = 0; i < length; ++i) window.push_back(line * next + i * step);
            CHECK(largest_difference(picked(got, window), rows_of(*same, {picture.line(window)})) < 1e-5);
        }
    };
    check(R"({"name": "v", "window": 1, "window_across": 6})", 4, 6, 6, 1);
    check(R"({"name": "v", "window": 4, "window_across": 1})", 6, 4, 1, 6);
    check(R"({"name": "v", "window": 1, "window_across": 3})", 8, 3, 3, 1);
    require_no_validation_messages();
}

TEST_CASE("orders are written, read, told apart, and refused where rows have none", "[schedule]") {
    std::set<uint64_t> hashes;
    for (const char* order : {"rows", "columns", "snake", "snake_columns"})
        for (const char* more : {"", R"(, "reversed": true)", R"(, "mirrored": true)"})
            for (const char* extra_at : {"first", "middle", "last", "ends"})
                hashes.insert(hash_of(require_round_trip(json_of(of_pictures(view_of(order, more), 1, extra_at)))));
    CHECK(hashes.size() == 48);
    const auto refused = [](const std::string& schedule, const std::string& message) {
        CHECK(refusal_of(json_of(schedule), [](Json&) {}) == "a.json: " + message);
    };
    refused(of_tokens(view_of("snake")),
            "key 'stages[0].views[0].order' must be rows or routed where those of the stage are no "
            "patches, nor merged ones");
    refused(of_tokens(R"({"name": "v", "window": 4})"),
            "key 'stages[0].views[0].order' must be rows or routed where those of the "
            "stage are no patches, nor merged ones");
    refused(of_tokens(view_of("rows")),
            "key 'stages[0].views[0].reversed' must be true for tokens, which have no other order");
    refused(of_pictures(view_of("columns", R"(, "window": 4)")), "key 'stages[0].views[0].window' must not be there");
    refused(of_pictures(view_of("diagonal")),
            "key 'stages[0].views[0].order' must be one of windows, rows, columns, snake, snake_columns, routed");
    refused(of_pictures(R"({"name": "v", "window": 2})", 1),
            "stage 'tower' has windows, and the 1 rows beside the patches of 'tower' are in none");
    std::string causal = of_pictures(R"({"name": "v", "window": 2})");
    const std::string mamba = R"({"op": "mamba", "state_size": 4})";
    causal.replace(causal.find(mamba), mamba.size(), R"({"op": "attention", "heads": 2})");
    refused(causal, "stage 'tower' keeps keys of each sequence, and has several in windows");
    std::string placed = of_pictures(view_of("columns"));
    placed.replace(placed.find(mamba), mamba.size(),
                   R"({"op": "attention", "heads": 2, "causal": false, "rope": {"axes": 2, "frequencies": "f"}})");
    refused(placed, "key 'stages[0].layers[0].blocks[0].branches[0].rope.axes' must be 1 in a block with a view, whose "
                    "rows have a place in the view's order alone");
    const auto of_extra = [](uint32_t extra) {
        Json made = json_of(of_pictures("same", extra));
        made["stages"].push_back(json_of(R"({"name": "picked", "width": 16, "rows": {"of": "extra", "from": "tower"},
            "first": [{"base": "none", "branches": [{"op": "identity"}]}]})"));
        return made.dump();
    };
    refused(of_extra(0), "stage 'picked' is of the rows beside the patches of 'tower', which has none");
    require_round_trip(json_of(of_extra(2)));
}
