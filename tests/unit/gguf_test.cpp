// SPDX-License-Identifier: Apache-2.0
// The GGUF reader: what it gives, and that every broken rule is named.
#include "unit/gguf_builder.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <catch2/matchers/catch_matchers_vector.hpp>
#include <cmath>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;
using test::GgufBuilder;

namespace {

Result<GgufFile> parse(const std::string& bytes) { return GgufFile::parse(std::as_bytes(std::span(bytes)), "x.gguf"); }

// The message of a file that must be refused.
std::string refusal(const std::string& bytes, ErrorCode code = ErrorCode::malformed) {
    const auto file = parse(bytes);
    REQUIRE_FALSE(file);
    CHECK(file.error().code == code);
    CHECK_THAT(file.error().message, StartsWith("x.gguf: "));
    return file.error().message;
}
std::string refusal(const GgufBuilder& builder, ErrorCode code = ErrorCode::malformed) {
    return refusal(builder.file(), code);
}

GgufBuilder two_tensors() {
    GgufBuilder b;
    b.string("general.architecture", "llama").tensor("a", {2, 4}, 0, 0).tensor("b", {3, 32}, 8, 32);
    b.data = GgufBuilder::raw(1.5f) + std::string(28, '\0') + std::string(3 * 34, '\1');
    return b;
}

} // namespace

TEST_CASE("gguf: tensors are views of their bytes, outermost dimension first") {
    for (const uint32_t version : {2u, 3u}) {
        GgufBuilder b = two_tensors();
        b.version = version;
        const std::string bytes = b.file();
        const auto file = parse(bytes);
        REQUIRE(file);
        CHECK(file->version() == version);
        REQUIRE(file->tensors().size() == 2);
        const TensorView *a = file->find("a"), *q = file->find("b");
        REQUIRE((a && q));
        CHECK(file->find("c") == nullptr);
        CHECK_THAT(a->shape, Equals(std::vector<uint64_t>{2, 4}));
        CHECK(a->bytes.size() == 32);
        CHECK((*read_f32(*a))[0] == 1.5f);
        CHECK(q->type == FileType::q8_0);
        CHECK(std::string(name_of(q->type)) == "Q8_0");
        CHECK(q->bytes.data() == a->bytes.data() + 32);
        CHECK(q->bytes.size() == 3 * 34);
        CHECK(read_f32(*q)->size() == 96);
    }
}

TEST_CASE("gguf: metadata by type") {
    GgufBuilder b;
    b.number<uint8_t>("u8", GgufType::u8, 200)
        .number<int8_t>("i8", GgufType::i8, -3)
        .number<uint16_t>("u16", GgufType::u16, 60000)
        .number<int16_t>("i16", GgufType::i16, -300);
    b.number<uint32_t>("u32", GgufType::u32, 4000000000u)
        .number<int32_t>("i32", GgufType::i32, -5)
        .number<uint64_t>("u64", GgufType::u64, uint64_t(1) << 40)
        .number<int64_t>("i64", GgufType::i64, -6);
    b.number("f32", GgufType::f32, 0.25f)
        .number("f64", GgufType::f64, 1e300)
        .number("nan", GgufType::f32, NAN)
        .number("infinite", GgufType::f64, -double(INFINITY))
        .number<uint8_t>("yes", GgufType::boolean, 1)
        .string("text", "h\xc3\xa9")
        .string("empty", "");
    b.number<uint64_t>("huge", GgufType::u64, ~uint64_t(0));
    b.array("heads", GgufType::i32, 3, GgufBuilder::raw(4) + GgufBuilder::raw(0) + GgufBuilder::raw(2))
        .array("swa", GgufType::boolean, 2, std::string("\1\0", 2))
        .array("none", GgufType::f32, 0, "");
    b.array("tokens", GgufType::string, 3,
            GgufBuilder::text("a") + GgufBuilder::text("") + GgufBuilder::text("\xff\x80z"))
        .array("scores", GgufType::f32, 2, GgufBuilder::raw(0.5f) + GgufBuilder::raw(-1.0f))
        .array("some", GgufType::f32, 2, GgufBuilder::raw(0.5f) + GgufBuilder::raw(INFINITY));
    const std::string bytes = b.file();
    const auto file = parse(bytes);
    REQUIRE(file);
    const GgufMetadata& m = file->metadata();
    CHECK(m.entries().size() == 22);
    CHECK(m.entries()[1].key == "i8");
    for (const auto& [key, value] : std::vector<std::pair<const char*, int64_t>>{{"u8", 200},
                                                                                 {"i8", -3},
                                                                                 {"u16", 60000},
                                                                                 {"i16", -300},
                                                                                 {"u32", 4000000000},
                                                                                 {"i32", -5},
                                                                                 {"u64", int64_t(1) << 40},
                                                                                 {"i64", -6}})
        CHECK(*m.integer(key) == value);
    CHECK(*m.count("u16") == 60000);
    CHECK(*m.number("f32") == 0.25);
    CHECK(*m.number("f64") == 1e300);
    CHECK(*m.number("i8") == -3);
    CHECK(*m.boolean_or("yes", false));
    CHECK(*m.string("text") == "h\xc3\xa9");
    CHECK(*m.string("empty") == "");
    CHECK_THAT(*m.integers("heads"), Equals(std::vector<int64_t>{4, 0, 2}));
    CHECK_THAT(*m.integers("swa"), Equals(std::vector<int64_t>{1, 0}));
    CHECK_THAT(*m.numbers("heads"), Equals(std::vector<double>{4, 0, 2}));
    CHECK_THAT(*m.numbers("scores"), Equals(std::vector<double>{0.5, -1}));
    CHECK(m.numbers("none")->empty());
    CHECK(m.strings("tokens")->at(2) == "\xff\x80z");
    CHECK(m.is_array("heads"));
    CHECK_FALSE(m.is_array("u8"));
    CHECK(*m.integer_or("absent", 7) == 7);
    CHECK(*m.count_or("absent", 7) == 7);
    CHECK(*m.number_or("absent", 0.5) == 0.5);
    CHECK(*m.string_or("absent", "x") == "x");
    CHECK_FALSE(*m.boolean_or("absent", false));

    CHECK(m.integer("absent").error().message == "x.gguf: key 'absent' is missing; it must be an integer");
    CHECK(m.integer("text").error().message == "x.gguf: key 'text' must be an integer, is a string");
    CHECK(m.integer("f32").error().message == "x.gguf: key 'f32' must be an integer, is a f32");
    CHECK(m.integer("heads").error().message == "x.gguf: key 'heads' must be an integer, is an array of i32");
    CHECK(m.integer("huge").error().message == "x.gguf: key 'huge' must be below 2^63");
    CHECK(m.count("i8").error().message == "x.gguf: key 'i8' must be at least 1 and below 2^31, is -3");
    CHECK_FALSE(m.count("u32"));
    CHECK_FALSE(m.number("text"));
    for (const char* key : {"nan", "infinite"})
        CHECK(m.number(key).error().message.find("key '" + std::string(key) + "' must be finite") != std::string::npos);
    CHECK(m.numbers("some").error().message.find("'some' must hold finite numbers") != std::string::npos);
    CHECK_FALSE(m.boolean_or("u8", false));
    CHECK_FALSE(m.string("tokens"));
    CHECK_FALSE(m.strings("text"));
    CHECK_FALSE(m.strings("heads"));
    CHECK_FALSE(m.integers("scores"));
    CHECK_FALSE(m.numbers("tokens"));
}

TEST_CASE("gguf: a file without tensors may end with its header") {
    GgufBuilder b;
    b.string("general.architecture", "llama");
    const std::string bytes = b.header();
    const auto file = parse(bytes);
    REQUIRE(file);
    CHECK(file->tensors().empty());
}

TEST_CASE("gguf: scalars, empty tensors and another alignment") {
    GgufBuilder b;
    b.alignment = 64;
    b.number<uint32_t>("general.alignment", GgufType::u32, 64)
        .tensor("scalar", {}, 0, 0)
        .tensor("empty", {4, 0}, 0, 64)
        .tensor("last", {1}, 24, 64);
    b.data.assign(65, '\0');
    const std::string bytes = b.file();
    const auto file = parse(bytes);
    REQUIRE(file);
    CHECK(file->find("scalar")->count() == 1);
    CHECK(file->find("empty")->count() == 0);
    CHECK(file->find("last")->bytes.size() == 1);
}

TEST_CASE("gguf: what is not a GGUF file that can be read") {
    CHECK_THAT(refusal(""), ContainsSubstring("is no GGUF file: it is empty, 0 bytes"));
    CHECK_THAT(refusal("GGU"), ContainsSubstring("is no GGUF file: it begins with '"));
    CHECK_THAT(refusal("GGUX\x03"), ContainsSubstring("is no GGUF file: it begins with 'GGUX'"));
    CHECK_THAT(refusal("version https://git-lfs.github.com/spec/v1\n"), ContainsSubstring("git lfs pull"));
    CHECK_THAT(refusal("<!doctype html>\n<html>"),
               ContainsSubstring("'<!doctype html>', not with a header, so it is a web page"));
    CHECK_THAT(refusal("GGUF"), ContainsSubstring("offset 4: the file ends inside the version"));
    GgufBuilder b;
    b.version = 1;
    CHECK_THAT(refusal(b, ErrorCode::unsupported), ContainsSubstring("version 1"));
    b.version = 4;
    CHECK_THAT(refusal(b), ContainsSubstring("version 4"));
    b.version = 0x03000000;
    CHECK_THAT(refusal(b, ErrorCode::unsupported), ContainsSubstring("big-endian"));
    CHECK_THAT(refusal("FUGG....", ErrorCode::unsupported), ContainsSubstring("big-endian"));
}

TEST_CASE("gguf: counts and lengths must fit the file") {
    GgufBuilder b = two_tensors();
    b.keys_claimed = uint64_t(1) << 60;
    CHECK_THAT(refusal(b), ContainsSubstring("offset 16: the file has no room for 1152921504606846976 metadata keys"));
    b = two_tensors();
    b.tensors_claimed = ~uint64_t(0);
    CHECK_THAT(refusal(b), ContainsSubstring("offset 8: the file has no room for 18446744073709551615 tensors"));
    const auto with = [](GgufType type, const std::string& value) { return GgufBuilder().key("k", type, value); };
    const auto array = [](uint32_t element, uint64_t count, const std::string& values) {
        return GgufBuilder::raw(element) + GgufBuilder::raw(count) + values;
    };
    CHECK_THAT(refusal(with(GgufType::string, GgufBuilder::raw(uint64_t(1) << 62) + "llama")),
               ContainsSubstring("key 'k': offset 45: a string of 4611686018427387904 bytes reaches beyond"));
    CHECK_THAT(refusal(with(GgufType::array, array(4, uint64_t(1) << 62, ""))),
               ContainsSubstring("an array of 4611686018427387904 elements reaches beyond"));
    CHECK_THAT(refusal(with(GgufType::array, array(8, uint64_t(1) << 61, ""))),
               ContainsSubstring("strings reaches beyond"));
    CHECK_THAT(
        refusal(with(GgufType::array, array(8, 2, GgufBuilder::text("a") + GgufBuilder::raw(uint64_t(1) << 40)))),
        ContainsSubstring("a string of 1099511627776 bytes"));
    CHECK_THAT(refusal(with(GgufType::array, array(9, 1, array(4, 1, "1234")))),
               ContainsSubstring("must not hold arrays"));
    CHECK_THAT(refusal(with(GgufType::array, array(77, 1, ""))), ContainsSubstring("value type 77 does not exist"));
    CHECK_THAT(refusal(with(GgufType(13), "")), ContainsSubstring("value type 13 does not exist"));
    CHECK_THAT(refusal(with(GgufType::boolean, "\2")), ContainsSubstring("a bool must be 0 or 1"));
    CHECK_THAT(refusal(GgufBuilder().key("", GgufType::u8, "1")),
               ContainsSubstring("must have 1 to 65535 bytes, has 0"));
    CHECK_THAT(refusal(GgufBuilder().key(std::string(70000, 'x'), GgufType::u8, "1")), ContainsSubstring("has 70000"));
    CHECK_THAT(refusal(GgufBuilder().string("k", "1").string("k", "2")), ContainsSubstring("key 'k' occurs twice"));
}

TEST_CASE("gguf: alignments") {
    const auto with = [](uint32_t alignment) {
        return GgufBuilder().number("general.alignment", GgufType::u32, alignment);
    };
    CHECK_THAT(refusal(with(0)), ContainsSubstring("key 'general.alignment' must be at least 1"));
    CHECK_THAT(refusal(with(24)), ContainsSubstring("must be a power of 2, is 24"));
    CHECK_THAT(refusal(GgufBuilder().string("general.alignment", "32")), ContainsSubstring("must be an integer"));
    const std::string largest = with(1u << 30).file();
    CHECK(bool(parse(largest)));
}

TEST_CASE("gguf: tensors that cannot be") {
    const auto with = [](std::vector<uint64_t> shape, uint32_t type, uint64_t offset) {
        GgufBuilder b;
        b.tensor("t", std::move(shape), type, offset).data.assign(256, '\0');
        return b;
    };
    CHECK_THAT(refusal(with({uint64_t(1) << 33, uint64_t(1) << 33}, 0, 0)),
               ContainsSubstring("tensor 't': shape [8589934592, 8589934592] of F32 overflows 64 bits"));
    CHECK_THAT(refusal(with({uint64_t(1) << 40, uint64_t(1) << 40, 0}, 0, 0)), ContainsSubstring("overflows 64 bits"));
    CHECK_THAT(refusal(with({uint64_t(1) << 62}, 0, 0)), ContainsSubstring("overflows 64 bits"));
    CHECK_THAT(refusal(with({1, 1, 1, 1, 1}, 0, 0)), ContainsSubstring("5 dimensions"));
    CHECK_THAT(refusal(with({4}, 250, 0)), ContainsSubstring("type 250 does not exist"));
    CHECK_THAT(refusal(with({4}, 4, 0)), ContainsSubstring("type 4 does not exist")); // Q4_2, which is gone
    CHECK_THAT(refusal(with({256}, 16, 0), ErrorCode::unsupported),
               ContainsSubstring("is of type IQ2_XXS, which weft does not read"));
    CHECK_THAT(refusal(with({2, 33}, 8, 0)),
               ContainsSubstring("a row must be a whole number of blocks of 32 elements"));
    CHECK_THAT(refusal(with({128}, 12, 0)), ContainsSubstring("blocks of 256 elements"));
    CHECK_THAT(
        refusal(with({65}, 0, 0)),
        ContainsSubstring("260 bytes at offset 0 reach beyond the end of the file, which has 256 bytes of data"));
    CHECK_THAT(refusal(with({4}, 0, uint64_t(1) << 40)), ContainsSubstring("at offset 1099511627776 reach beyond"));
    CHECK_THAT(refusal(with({4}, 0, ~uint64_t(0))), ContainsSubstring("reach beyond"));
    CHECK_THAT(refusal(with({4}, 0, 8)), ContainsSubstring("offset 8 is not a multiple of the alignment 32"));
    CHECK_THAT(refusal(with({4}, 0, 32)), ContainsSubstring("leaves a gap of 32 bytes"));
    GgufBuilder b = with({4}, 0, 0);
    CHECK_THAT(refusal(b.tensor("u", {4}, 0, 0)), ContainsSubstring("tensor 'u': offset 0 overlaps tensor 't'"));
    b = with({4}, 0, 0);
    CHECK_THAT(refusal(b.tensor("t", {4}, 0, 32)), ContainsSubstring("tensor 't': the name occurs twice"));
}

TEST_CASE("gguf: a file cut anywhere is refused") {
    const std::string whole = two_tensors().file();
    REQUIRE(bool(parse(whole)));
    for (size_t size = 0; size < whole.size(); ++size) {
        const std::string cut = whole.substr(0, size);
        const auto file = parse(cut);
        CAPTURE(size);
        REQUIRE_FALSE(file);
    }
}

TEST_CASE("gguf: parts of a split file") {
    const auto part = [](uint16_t no, uint16_t count, const char* tensor, int32_t tensors = 3) {
        GgufBuilder b;
        b.number("split.no", GgufType::u16, no)
            .number("split.count", GgufType::u16, count)
            .number("split.tensors.count", GgufType::i32, tensors)
            .tensor(tensor, {1}, 24, 0);
        b.data.assign(32, '\0');
        return b.file();
    };
    const test::TemporaryDirectory dir;
    const auto first = dir.write("m-00001-of-00003.gguf", part(0, 3, "a")),
               second = dir.write("m-00002-of-00003.gguf", part(1, 3, "b"));
    auto missing = open_gguf_parts(first);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == ErrorCode::not_found);
    CHECK_THAT(missing.error().text(), ContainsSubstring("'m-00003-of-00003.gguf' is missing"));

    dir.write("m-00003-of-00003.gguf", part(2, 3, "c"));
    for (const auto& path : {first, second}) {
        const auto files = open_gguf_parts(path);
        REQUIRE(files);
        REQUIRE(files->size() == 3);
        CHECK((*files)[0].find("a") != nullptr);
        CHECK((*files)[2].find("c") != nullptr);
    }
    const auto message = [&](const std::string& third) {
        dir.write("m-00003-of-00003.gguf", third);
        const auto files = open_gguf_parts(first);
        REQUIRE_FALSE(files);
        return files.error().message;
    };
    CHECK_THAT(message(part(2, 3, "a")), ContainsSubstring("tensor 'a': is in "));
    CHECK_THAT(message(part(1, 3, "c")), ContainsSubstring("key 'split.no' must be 2 in part 3, is 1"));
    CHECK_THAT(message(part(2, 4, "c")), ContainsSubstring("key 'split.count' must be 3 as in the first part, is 4"));
    dir.write("m-00003-of-00003.gguf", part(2, 3, "c"));
    dir.write("m-00001-of-00003.gguf", part(0, 3, "a", 9));
    CHECK_THAT(open_gguf_parts(first).error().message, ContainsSubstring("the parts hold 3 tensors"));
    CHECK_THAT(open_gguf_parts(dir.write("renamed.gguf", part(0, 3, "a"))).error().message,
               ContainsSubstring("its name must end in '-00001-of-00003.gguf'"));
    CHECK_THAT(open_gguf_parts(dir.write("over-00001-of-00003.gguf", part(7, 3, "a"))).error().message,
               ContainsSubstring("must be below 3, is 7"));
    dir.write("P-00001-of-00002.GGUF", part(0, 2, "a", 2));
    CHECK(open_gguf_parts(dir.write("P-00002-of-00002.GGUF", part(1, 2, "b", 2))));
    const auto single = open_gguf_parts(dir.write("single.gguf", two_tensors().file()));
    REQUIRE(single);
    CHECK(single->size() == 1);
}
