// SPDX-License-Identifier: Apache-2.0
// Tests of L0 base: half and bfloat16 against a reference in double, JSON access, files.
#include "base/file.hpp"
#include "base/glob.hpp"
#include "base/half.hpp"
#include "base/json.hpp"
#include "unit/temporary_directory.hpp"
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <csignal>
#include <limits>
#include <sys/resource.h>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

// A 16-bit float format, from its definition: value = (-1)^s * m * 2^e. Doubles hold all of it exactly.
struct Format {
    int mantissa_bits, bias;
    int exponent_bits() const { return 15 - mantissa_bits; }
    int top_exponent() const { return (1 << exponent_bits()) - 1; }

    double value(uint16_t word) const {
        const int exponent = (word & 0x7fff) >> mantissa_bits, mantissa = word & ((1 << mantissa_bits) - 1);
        const double sign = word & 0x8000 ? -1 : 1;
        if (exponent == top_exponent())
            return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
        const int significand = exponent ? mantissa + (1 << mantissa_bits) : mantissa;
        return sign * std::ldexp(double(significand), std::max(exponent, 1) - bias - mantissa_bits);
    }

    // Round to nearest, ties to even, by finding the quantum of the result. Not for NaN.
    uint16_t nearest(double x) const {
        const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
        const double magnitude = std::abs(x);
        const int largest = top_exponent() - 1;
        if (std::isinf(magnitude)) return uint16_t(sign | top_exponent() << mantissa_bits);
        const int exponent = magnitude == 0 ? 1 : std::max(std::ilogb(magnitude) + bias, 1);
        // May reach the next exponent: it carries.
        const double units = std::nearbyint(std::ldexp(magnitude, mantissa_bits + bias - exponent));
        const double word = units + double(exponent - 1) * (1 << mantissa_bits);
        const double infinity = double(largest + 1) * (1 << mantissa_bits);
        return uint16_t(sign | uint16_t(std::min(word, infinity)));
    }
};

constexpr Format kHalf{10, 15}, kBf16{7, 127};

// Compares over all 2^16 values, over the neighbours of each rounding boundary, and over a walk through all floats.
// Between neighbouring boundaries rounding is constant, so the boundaries prove the rest;
// the walk guards against a mistake in that argument.
template <class Convert>
void check_rounding(const Format& format, Convert convert) {
    size_t wrong = 0;
    const auto compare = [&](float x) {
        if (convert(x) == format.nearest(x)) return;
        if (++wrong <= 5)
            UNSCOPED_INFO("float 0x" << std::hex << std::bit_cast<uint32_t>(x) << " gives 0x" << convert(x)
                                     << ", expected 0x" << format.nearest(x));
    };
    const int words = format.top_exponent() << format.mantissa_bits;
    for (int word = 0; word < words; ++word) {
        const double low = format.value(uint16_t(word));
        // Beyond the largest number lies the value that the next exponent would have had.
        const double high =
            word + 1 < words ? format.value(uint16_t(word + 1)) : std::ldexp(1.0, format.top_exponent() - format.bias);
        for (const double boundary : {low, (low + high) / 2}) {
            const float x = float(boundary); // exact: a midpoint has one bit more than the format
            for (const float y :
                 {x, std::nextafter(x, 0.0f), std::nextafter(x, std::numeric_limits<float>::infinity())}) {
                compare(y);
                compare(-y);
            }
        }
    }
    for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 1021)
        if (const float x = std::bit_cast<float>(uint32_t(bits)); !std::isnan(x)) compare(x);
    compare(std::numeric_limits<float>::infinity());
    compare(-std::numeric_limits<float>::infinity());
    compare(std::numeric_limits<float>::max());
    CHECK(wrong == 0);
}

template <class Widen, class Narrow>
void check_all_words(const Format& format, Widen widen, Narrow narrow) {
    size_t wrong = 0;
    for (uint32_t word = 0; word <= 0xffff; ++word) {
        const float x = widen(uint16_t(word));
        const double expected = format.value(uint16_t(word));
        const bool same = std::isnan(expected)
                              ? std::isnan(x) && std::isnan(widen(narrow(x)))
                              : double(x) == expected && std::signbit(x) == std::signbit(expected) && narrow(x) == word;
        if (!same && ++wrong <= 5)
            UNSCOPED_INFO("word 0x" << std::hex << word << " gives " << x << ", expected " << expected);
    }
    CHECK(wrong == 0);
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

} // namespace

TEST_CASE("half: all words widen exactly and come back") { check_all_words(kHalf, half_to_float, float_to_half); }
TEST_CASE("bf16: all words widen exactly and come back") { check_all_words(kBf16, bf16_to_float, float_to_bf16); }
TEST_CASE("half: floats round to nearest even, with subnormals and overflow") { check_rounding(kHalf, float_to_half); }
TEST_CASE("bf16: floats round to nearest even, with subnormals and overflow") { check_rounding(kBf16, float_to_bf16); }

TEST_CASE("half and bf16: every kind of NaN stays a NaN of its sign") {
    // A payload only in the low bits must not turn into infinity when they are cut off.
    for (const uint32_t payload : {0x1u, 0x1000u, 0x1fffu, 0xffffu, 0x400000u, 0x3fffffu, 0x7fffffu})
        for (const uint32_t sign : {0u, 0x80000000u}) {
            const float nan = std::bit_cast<float>(sign | 0x7f800000u | payload);
            CHECK(std::isnan(half_to_float(float_to_half(nan))));
            CHECK(std::isnan(bf16_to_float(float_to_bf16(nan))));
            CHECK(uint32_t(float_to_half(nan) & 0x8000) << 16 == sign);
            CHECK(uint32_t(float_to_bf16(nan) & 0x8000) << 16 == sign);
        }
}

TEST_CASE("json: infinity and NaN in both spellings are read, and refused where a number is meant") {
    const auto json = parse_json(
        R"({"a": Infinity, "b": -Infinity, "c": NaN, "d": {"__float__": "Infinity"}, "e": {"__float__": "-Infinity"},
        "f": {"__float__": "NaN"}, "s": "Infinity and \"NaN\"", "l": [1, -Infinity], "n": [1, NaN]})",
        "config.json");
    REQUIRE(json);
    const JsonObject object(*json, "config.json");
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(*object.bound("a") == infinity);
    CHECK(*object.bound("b") == -infinity);
    CHECK(*object.bound("d") == infinity);
    CHECK(*object.bound("e") == -infinity);
    for (const char* key : {"a", "b", "c", "d", "e", "f"})
        CHECK(object.number(key).error().message == "config.json: key '" + std::string(key) + "' must be finite");
    for (const char* key : {"c", "f"})
        CHECK(object.bound(key).error().message == "config.json: key '" + std::string(key) + "' must not be NaN");
    CHECK(object.numbers("n").error().message == "config.json: key 'n' must not hold NaN");
    CHECK(*object.string("s") == "Infinity and \"NaN\"");
    CHECK(*object.numbers("l") == std::vector<double>{1, -infinity});
    CHECK_FALSE(object.integer("a"));
    CHECK_FALSE(parse_json(R"({"a": Infinite})", "x"));
    CHECK_FALSE(parse_json(R"({"a": InfinityNaN})", "x"));
}

TEST_CASE("json: a wrong type is named with its file, key and rule") {
    const auto json = parse_json(
        R"({"text": "sixty-four", "list": [1, "x"], "nothing": null, "half": 0.5, "whole": 64.0, "zero": 0, )"
        R"("big": 2147483648, "object": {"inner": []}})",
        "config.json");
    REQUIRE(json);
    const JsonObject object(*json, "config.json");
    CHECK(object.integer("text").error().message == "config.json: key 'text' must be an integer");
    CHECK(object.integer("half").error().message == "config.json: key 'half' must be an integer");
    CHECK(object.integer("nothing").error().message == "config.json: key 'nothing' is missing");
    CHECK(object.integer("nothing").error().code == ErrorCode::not_found);
    CHECK(object.integer("text").error().code == ErrorCode::malformed);
    CHECK(object.count("absent").error().message == "config.json: key 'absent' is missing");
    CHECK_THAT(object.count("zero").error().message,
               StartsWith("config.json: key 'zero' must be between 1 and 2^31 - 1"));
    CHECK_THAT(object.count("big").error().message, ContainsSubstring("'big'"));
    CHECK(object.string("whole").error().message == "config.json: key 'whole' must be a string");
    CHECK(object.number("text").error().message == "config.json: key 'text' must be a number");
    CHECK(object.numbers("list").error().message == "config.json: key 'list' must be a list of numbers");
    CHECK(object.strings("list").error().message == "config.json: key 'list' must be a list of strings");
    CHECK(object.boolean_or("zero", true).error().message == "config.json: key 'zero' must be true or false");
    CHECK(object.object("list").error().message == "config.json: key 'list' must be an object");
    CHECK_THAT(object.object("object")->integer("inner").error().message,
               StartsWith("config.json: object: key 'inner'"));
}

TEST_CASE("json: what is there is read, what is absent takes the default") {
    const auto json = parse_json(
        R"({"whole": 64.0, "n": -3, "yes": true, "s": "x", "nothing": null, "strings": ["a", "b"]})", "config.json");
    REQUIRE(json);
    const JsonObject object(*json, "config.json");
    CHECK(*object.integer("whole") == 64);
    CHECK(*object.integer("n") == -3);
    CHECK(*object.count("whole") == 64u);
    CHECK(*object.boolean_or("yes", false));
    CHECK(*object.strings("strings") == std::vector<std::string>{"a", "b"});
    CHECK(*object.integer_or("nothing", 7) == 7);
    CHECK(*object.count_or("absent", 8) == 8u);
    CHECK(*object.number_or("absent", 0.5) == 0.5);
    CHECK(*object.string_or("nothing", "y") == "y");
    CHECK_FALSE(object.integer_or("s", 7));
    CHECK_FALSE(object.has("nothing"));
    CHECK(JsonObject(Json::array(), "list").has("n") == false);
}

TEST_CASE("json: depth is bounded") {
    const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(parse_json(nested(100), "x"));
    const auto deep = parse_json(nested(100000), "deep.json");
    REQUIRE_FALSE(deep);
    CHECK_THAT(deep.error().message, StartsWith("deep.json: not valid JSON: nested deeper"));
    CHECK(parse_json("\"" + std::string(1000, '[') + "\"", "x")); // brackets in a string do not nest
}

TEST_CASE("json: text that is not JSON is refused with the file's name") {
    for (const char* text :
         {"", "{", "{\"a\": }", "{\"a\": 1,}", "[1] 2", "{\"a\": \"\xff\xfe\"}", "nul", "{\"a\": 1e999}"}) {
        CAPTURE(text);
        const auto json = parse_json(text, "broken.json");
        REQUIRE_FALSE(json);
        CHECK(json.error().code == ErrorCode::malformed);
        CHECK_THAT(json.error().message, StartsWith("broken.json: not valid JSON: "));
    }
}

TEST_CASE("json: nothing may follow a zero byte") { CHECK_FALSE(parse_json(std::string_view("{}\0 rest", 8), "x")); }

TEST_CASE("json: an integer beyond int64 is refused, not wrapped") {
    const auto json = parse_json(R"({"n": 18446744073709551615, "m": 9223372036854775807})", "config.json");
    REQUIRE(json);
    CHECK_FALSE(JsonObject(*json, "config.json").integer("n"));
    CHECK(*JsonObject(*json, "config.json").integer("m") == std::numeric_limits<int64_t>::max());
}

TEST_CASE("shell patterns: stars, single characters and sets of them") {
    for (const auto& [pattern, text] : {std::pair{"", ""},
                                        {"*", ""},
                                        {"blk.*.ffn_down.weight", "blk.11.ffn_down.weight"},
                                        {"*a*b*", "xxaxbxx"},
                                        {"*ab", "aab"},
                                        {"b?k", "blk"},
                                        {"blk.[0-3].x", "blk.2.x"},
                                        {"blk.[!0-3].x", "blk.4.x"},
                                        {"[]a]", "]"},
                                        {"[a-]", "-"},
                                        {"a[b", "a[b"}})
        CHECK(pattern_fits(pattern, text));
    for (const auto& [pattern, text] : {std::pair{"", "a"},
                                        {"a", ""},
                                        {"*a", "ab"},
                                        {"a*b*c", "acb"},
                                        {"b?k", "bk"},
                                        {"blk.[0-3].x", "blk.4.x"},
                                        {"blk.[!0-3].x", "blk.2.x"},
                                        {"[a-c]", "-"}})
        CHECK_FALSE(pattern_fits(pattern, text));
}

TEST_CASE("file: a missing file and a directory are refused with their path") {
    const test::TemporaryDirectory directory;
    const auto missing = directory / "missing.json";
    for (const auto& error : {MappedFile::open(missing).error(), read_file(missing).error()}) {
        CHECK(error.code == ErrorCode::not_found);
        CHECK_THAT(error.message, StartsWith(missing.string() + ": "));
    }
    for (const auto& error : {MappedFile::open(directory.path()).error(), read_file(directory.path()).error()})
        CHECK_THAT(error.message, StartsWith(directory.path().string() + ": not a regular file"));
}

TEST_CASE("file: reading gives the bytes, mapping the same, and a limit holds") {
    const test::TemporaryDirectory directory;
    const auto path = directory.write("bytes", std::string_view("a\0b\n", 4));
    CHECK(*read_file(path) == std::string("a\0b\n", 4));
    auto mapped = MappedFile::open(path);
    REQUIRE(mapped);
    REQUIRE(mapped->bytes().size() == 4);
    CHECK(mapped->bytes()[2] == std::byte('b'));
    const MappedFile moved = std::move(*mapped);
    CHECK(moved.bytes().size() == 4);
    CHECK(mapped->bytes().empty());
    CHECK(read_file(path, 4));
    CHECK_THAT(read_file(path, 3).error().message, ContainsSubstring("limit of 3"));

    const auto empty = directory.write("empty", "");
    CHECK(read_file(empty)->empty());
    CHECK(MappedFile::open(empty)->bytes().empty());
}

TEST_CASE("file: an atomic write replaces the whole file and leaves nothing beside it") {
    const test::TemporaryDirectory directory;
    const auto path = directory / "state";
    REQUIRE(write_file_atomically(path, bytes_of("first")));
    REQUIRE(write_file_atomically(path, bytes_of("2nd")));
    CHECK(*read_file(path) == "2nd");
    CHECK(directory.count() == 1);

    CHECK_FALSE(write_file_atomically(directory / "nowhere" / "state", bytes_of("x")));
    std::filesystem::create_directory(directory / "taken");
    const auto onto_directory = write_file_atomically(directory / "taken", bytes_of("x"));
    REQUIRE_FALSE(onto_directory);
    CHECK_THAT(onto_directory.error().message, ContainsSubstring("taken"));
    CHECK(directory.count() == 2);
}

TEST_CASE("file: an atomic write that the device has no room for keeps the old file") {
    const test::TemporaryDirectory directory;
    const auto path = directory / "state";
    REQUIRE(write_file_atomically(path, bytes_of("old")));
    // A limit on file sizes fails in write() as a full device does, after part of the bytes went through.
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 1000;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto written = write_file_atomically(path, std::vector<std::byte>(5000));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    REQUIRE_FALSE(written);
    CHECK(written.error().code == ErrorCode::io);
    CHECK_THAT(written.error().message, StartsWith(path.string() + ": cannot write"));
    CHECK(*read_file(path) == "old");
    CHECK(directory.count() == 1);
}
