// SPDX-License-Identifier: Apache-2.0
// Build tool: reads the SPIR-V of every variant of one kernel and writes its typed C++
// face (header) and the words (source).
// shadergen NAME SOURCE.comp OUT.hpp OUT.cpp VARIANT[:DEFINE,DEFINE=1...]=FILE.spv...
// Refuses: binding gaps, buffers no function uses, push constants over 128 bytes (what every device has), variants
// whose interfaces differ, private arrays whose indices are not known when the pipeline is made, capabilities that the
// runtime knows no feature for, shuffles between threads that are told apart by their place in the workgroup.
#include "constants.hpp"
#include "indices.hpp"
#include "vulkan/capabilities.hpp"
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "shadergen: %s\n", what.c_str());
    std::exit(1);
}

// The opcodes, decorations and storage classes that reflection needs (SPIR-V specification, section 3).
enum Op : uint16_t {
    OpName = 5,
    OpMemberName = 6,
    OpExecutionMode = 16,
    OpCapability = 17,
    OpTypeBool = 20,
    OpTypeInt = 21,
    OpTypeFloat = 22,
    OpTypeVector = 23,
    OpTypeArray = 28,
    OpTypeRuntimeArray = 29,
    OpTypeStruct = 30,
    OpTypePointer = 32,
    OpConstant = 43,
    OpSpecConstantTrue = 48,
    OpSpecConstantFalse = 49,
    OpSpecConstant = 50,
    OpSpecConstantComposite = 51,
    OpVariable = 59,
    OpDecorate = 71,
    OpMemberDecorate = 72,
    OpFunction = 54
};
enum Decoration : uint32_t { SpecId = 1, BuiltIn = 11, NonWritable = 24, NonReadable = 25, Binding = 33, Offset = 35 };
enum StorageClass : uint32_t { Uniform = 2, Workgroup = 4, PushConstant = 9, StorageBuffer = 12 };

struct Type {
    uint16_t op = 0;
    uint32_t width = 0, element = 0, count = 0;
    bool is_signed = false;
    std::vector<uint32_t> members;
};

struct Field {
    std::string type, name, initial;
    uint32_t offset = 0;
};
struct Buffer {
    std::string name, access, element, comment;
};

struct Module {
    std::vector<uint32_t> words, capabilities;
    std::string shared_bytes; // an expression of the specialization constants
    std::vector<Field> push, spec;
    std::vector<uint32_t> spec_ids;
    std::vector<Buffer> buffers;
    uint32_t push_bytes = 0, local[3] = {1, 1, 1};
    int local_spec[3] = {-1, -1, -1};
};

struct Reader {
    std::string file;
    Module m;
    std::map<uint32_t, Type> types;
    std::map<uint32_t, std::string> names;
    std::map<std::pair<uint32_t, uint32_t>, std::string> member_names;
    std::map<uint32_t, std::map<uint32_t, uint32_t>> decorations;
    std::map<std::pair<uint32_t, uint32_t>, std::map<uint32_t, uint32_t>> member_decorations;
    std::map<uint32_t, uint32_t> constants, variable_class, variable_type, references;
    struct SpecConstant {
        uint32_t id, type, initial;
        uint16_t op;
    };
    std::vector<SpecConstant> spec_constants;
    std::vector<uint32_t> workgroup_size;

    std::string scalar(uint32_t id) const {
        const Type& t = types.at(id);
        if (t.op == OpTypeBool) return "bool";
        if (t.op == OpTypeInt && t.width == 32) return t.is_signed ? "int32_t" : "uint32_t";
        if (t.op == OpTypeFloat && t.width == 32) return "float";
        if (t.op == OpTypeVector) {
            const std::string base = scalar(t.element);
            return std::string(base == "float"     ? "glm::vec"
                               : base == "int32_t" ? "glm::ivec"
                                                   : "glm::uvec") +
                   std::to_string(t.count);
        }
        return t.op == OpTypeFloat ? "float" + std::to_string(t.width) : "int" + std::to_string(t.width);
    }
    uint32_t size_of(uint32_t id) const {
        const Type& t = types.at(id);
        if (t.op == OpTypeVector) return size_of(t.element) * t.count;
        if (t.op == OpTypeArray) return size_of(t.element) * t.count;
        if (t.op == OpTypeStruct) {
            uint32_t total = 0;
            for (uint32_t member : t.members) total += size_of(member);
            return total;
        }
        return t.op == OpTypeBool ? 4 : std::max(t.width, 8u) / 8;
    }

    void read(const std::string& path) {
        file = path;
        std::ifstream in(path, std::ios::binary);
        std::string bytes((std::istreambuf_iterator<char>(in)), {});
        if (bytes.size() < 20 || bytes.size() % 4) fail(path + ": not SPIR-V");
        m.words.resize(bytes.size() / 4);
        std::memcpy(m.words.data(), bytes.data(), bytes.size());
        if (m.words[0] != 0x07230203) fail(path + ": not SPIR-V");
        bool in_functions = false;
        for (size_t at = 5; at < m.words.size();) {
            const uint32_t* w = &m.words[at];
            const uint16_t op = w[0] & 0xffff, length = w[0] >> 16;
            if (length == 0 || at + length > m.words.size()) fail(path + ": truncated instruction");
            if (op == OpFunction) in_functions = true;
            if (in_functions)
                for (uint16_t i = 1; i < length; ++i)
                    ++references[w[i]]; // over-counts literals: only used for "never referenced"
            else instruction(op, w, length);
            at += length;
        }
        if (const auto unknown = shadergen::Indices(m.words).unknown(); !unknown.empty()) {
            std::string list;
            for (const std::string& line : unknown) list += "\n  " + line;
            fail(path +
                 ": private arrays or vectors are indexed by what is not known when the pipeline is made, so "
                 "that they would lie in memory ([[unroll]] the loop, whose number of turns must be known; "
                 "[[dont_unroll]] where memory is meant):" +
                 list);
        }
        finish();
    }

    void instruction(uint16_t op, const uint32_t* w, uint16_t length) {
        const auto text = [&](int from) { return std::string(reinterpret_cast<const char*>(w + from)); };
        switch (op) {
        case OpCapability:
            if (!weft::detail::vk::capability(w[1]))
                fail(file + ": it declares the SPIR-V capability " + std::to_string(w[1]) +
                     ", which runtime/vulkan/capabilities.hpp does not have");
            m.capabilities.push_back(w[1]);
            break;
        case OpName: names[w[1]] = text(2); break;
        case OpMemberName: member_names[{w[1], w[2]}] = text(3); break;
        case OpExecutionMode:
            if (w[2] == 17)
                for (int i = 0; i < 3; ++i) m.local[i] = w[3 + i];
            break;
        case OpDecorate: decorations[w[1]][w[2]] = length > 3 ? w[3] : 1; break;
        case OpMemberDecorate: member_decorations[{w[1], w[2]}][w[3]] = length > 4 ? w[4] : 1; break;
        case OpTypeBool: types[w[1]] = {op, 32, 0, 0, false, {}}; break;
        case OpTypeInt: types[w[1]] = {op, w[2], 0, 0, w[3] != 0, {}}; break;
        case OpTypeFloat: types[w[1]] = {op, w[2], 0, 0, true, {}}; break;
        case OpTypeVector: types[w[1]] = {op, 0, w[2], w[3], false, {}}; break;
        case OpTypeArray: types[w[1]] = {op, 0, w[2], constants.count(w[3]) ? constants[w[3]] : 1, false, {}}; break;
        case OpTypeRuntimeArray: types[w[1]] = {op, 0, w[2], 0, false, {}}; break;
        case OpTypeStruct: types[w[1]] = {op, 0, 0, 0, false, std::vector<uint32_t>(w + 2, w + length)}; break;
        case OpTypePointer: types[w[1]] = {op, w[2], w[3], 0, false, {}}; break;
        case OpConstant: constants[w[2]] = w[3]; break;
        case OpSpecConstantTrue:
        case OpSpecConstantFalse: spec_constants.push_back({w[2], w[1], op == OpSpecConstantTrue, op}); break;
        case OpSpecConstant:
            spec_constants.push_back({w[2], w[1], w[3], op});
            constants[w[2]] = w[3];
            break;
        case OpSpecConstantComposite:
            if (length == 6) composites[w[2]] = {w[3], w[4], w[5]};
            break;
        case OpVariable:
            variable_type[w[2]] = w[1];
            variable_class[w[2]] = w[3];
            break;
        default: break;
        }
    }
    std::map<uint32_t, std::vector<uint32_t>> composites;

    void finish() {
        std::map<uint32_t, int> spec_index; // result id -> position in Spec
        std::sort(spec_constants.begin(), spec_constants.end(),
                  [&](auto& a, auto& b) { return decorations[a.id][SpecId] < decorations[b.id][SpecId]; });
        for (const auto& c : spec_constants) {
            const auto& d = decorations[c.id];
            if (!d.count(SpecId)) continue;
            const uint32_t id = d.at(SpecId);
            const auto known = std::find(m.spec_ids.begin(), m.spec_ids.end(), id);
            // glslang emits a second constant for the same id when it also sets the local size: one field serves both.
            if (known != m.spec_ids.end()) {
                spec_index[c.id] = int(known - m.spec_ids.begin());
                if (names.count(c.id) && !names[c.id].empty())
                    m.spec[size_t(known - m.spec_ids.begin())].name = names[c.id];
                continue;
            }
            Field f;
            f.type = scalar(c.type);
            f.name = names.count(c.id) && !names[c.id].empty() ? names[c.id] : "LOCAL_" + std::to_string(id);
            if (f.type == "float") {
                float value;
                std::memcpy(&value, &c.initial, 4);
                std::ostringstream out;
                out << value;
                f.initial = out.str().find_first_of(".e") == std::string::npos ? out.str() + ".0f" : out.str() + "f";
            } else f.initial = f.type == "int32_t" ? std::to_string(int32_t(c.initial)) : std::to_string(c.initial);
            if (f.type == "bool") f.type = "uint32_t"; // VkBool32
            spec_index[c.id] = int(m.spec.size());
            m.spec.push_back(f);
            m.spec_ids.push_back(id);
        }
        for (const auto& [id, parts] : composites)
            if (decorations[id].count(BuiltIn) && decorations[id][BuiltIn] == 25)
                for (int i = 0; i < 3; ++i) {
                    if (spec_index.count(parts[i])) m.local_spec[i] = spec_index[parts[i]];
                    if (constants.count(parts[i])) m.local[i] = constants[parts[i]];
                }
        std::map<uint32_t, Buffer> by_binding;
        for (const auto& [id, storage] : variable_class) {
            const Type& block = types.at(types.at(variable_type[id]).element);
            const uint32_t block_id = types.at(variable_type[id]).element;
            if (storage == PushConstant) read_push(block_id, block);
            const bool buffer = storage == StorageBuffer || (storage == Uniform && decorations[id].count(Binding));
            if (!buffer) continue;
            const uint32_t binding = decorations[id][Binding];
            if (by_binding.count(binding)) fail(file + ": binding " + std::to_string(binding) + " is declared twice");
            if (block.members.size() != 1)
                fail(file + ": binding " + std::to_string(binding) + " must hold one array member");
            Buffer b;
            b.name = member_names[{block_id, 0}];
            if (!references.count(id)) fail(file + ": buffer '" + b.name + "' is read or written by no function");
            const auto& d = member_decorations[{block_id, 0}];
            b.access = d.count(NonWritable) ? "In" : d.count(NonReadable) ? "Out" : "InOut";
            b.element = scalar(types.at(block.members[0]).element);
            by_binding[binding] = b;
        }
        uint32_t next = 0;
        for (auto& [binding, b] : by_binding) {
            if (binding != next++)
                fail(file + ": bindings must be dense from 0; " + std::to_string(next - 1) + " is missing");
            m.buffers.push_back(b);
        }
        read_shared();
        refuse_places();
    }

    // Nothing says which threads of a workgroup are a subgroup.
    void refuse_places() {
        constexpr uint32_t shuffle = 65, local_id = 27, local_index = 29; // with the global id between them
        if (std::find(m.capabilities.begin(), m.capabilities.end(), shuffle) == m.capabilities.end()) return;
        for (auto& [id, d] : decorations)
            if (d.count(BuiltIn) && d[BuiltIn] >= local_id && d[BuiltIn] <= local_index)
                fail(file + ": threads that shuffle must be told apart by gl_SubgroupID and gl_SubgroupInvocationID, "
                            "not by gl_LocalInvocationID and its like");
    }

    void read_shared() {
        try {
            m.shared_bytes = shadergen::Constants(m.words, m.spec_ids).shared_bytes();
        } catch (const std::runtime_error& e) {
            fail(file + ": " + e.what());
        }
    }

    void read_push(uint32_t block_id, const Type& block) {
        for (uint32_t i = 0; i < block.members.size(); ++i) {
            Field f{scalar(block.members[i]), member_names[{block_id, i}], "",
                    member_decorations[{block_id, i}][Offset]};
            m.push_bytes = std::max(m.push_bytes, f.offset + size_of(block.members[i]));
            m.push.push_back(f);
        }
        if (m.push_bytes > 128)
            fail(file + ": push constants are " + std::to_string(m.push_bytes) + " bytes, Vulkan guarantees 128");
    }
};

bool same_interface(const Module& a, const Module& b, std::string& why) {
    const auto fields = [](const std::vector<Field>& list) {
        std::string all;
        for (const Field& f : list) all += f.type + " " + f.name + "@" + std::to_string(f.offset) + ";";
        return all;
    };
    std::string names_a, names_b;
    for (const Buffer& x : a.buffers) names_a += x.access + " " + x.name + ";";
    for (const Buffer& x : b.buffers) names_b += x.access + " " + x.name + ";";
    if (fields(a.push) != fields(b.push)) why = "push constants: " + fields(a.push) + " vs " + fields(b.push);
    else if (fields(a.spec) != fields(b.spec) || a.spec_ids != b.spec_ids)
        why = "specialization constants: " + fields(a.spec) + " vs " + fields(b.spec);
    else if (names_a != names_b) why = "buffers: " + names_a + " vs " + names_b;
    return why.empty();
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 6) fail("usage: shadergen NAME SOURCE.comp OUT.hpp OUT.cpp 'VARIANT|DEFINES|PURPOSE|FILE.spv'...");
    const std::string name = argv[1], source_path = argv[2];
    std::vector<std::pair<std::string, Module>> variants;
    std::vector<std::string> defines, purposes;
    for (int i = 5; i < argc; ++i) {
        std::istringstream arg(argv[i]);
        std::string variant, define, purpose, file;
        std::getline(arg, variant, '|');
        std::getline(arg, define, '|');
        std::getline(arg, purpose, '|');
        std::getline(arg, file);
        if (variant.empty() || purpose.empty()) fail("expected VARIANT|DEFINES|PURPOSE|FILE, got " + arg.str());
        Reader reader;
        if (!file.empty()) reader.read(file); // else this build's compiler cannot make it: a variant without words
        else if (variants.empty()) fail(name + ": the first variant must be one that every glslc compiles");
        defines.push_back(define);
        purposes.push_back(purpose);
        variants.emplace_back(variant, std::move(reader.m));
        if (file.empty()) continue;
        std::string why;
        if (!same_interface(variants[0].second, variants.back().second, why))
            fail(name + ": variant " + variants.back().first + " has another interface: " + why);
    }
    Module& first = variants[0].second;
    { // shape comments sit on the buffer's line; SPIR-V drops them
        std::ifstream in(source_path);
        std::regex line_form(R"(binding\s*=\s*(\d+).*//\s*(.*)$)");
        for (std::string line; std::getline(in, line);) {
            std::smatch match;
            if (std::regex_search(line, match, line_form)) {
                const size_t binding = std::stoul(match[1]);
                if (binding < first.buffers.size()) first.buffers[binding].comment = match[2];
            }
        }
    }

    std::ostringstream h, c;
    h << "// Generated by shadergen from " << name
      << ".comp. Do not edit.\n#pragma once\n#include \"vulkan/kernel_info.hpp\"\n#include <cstddef>\n\nnamespace "
         "weft::detail::shader {\n\nstruct "
      << name << " {\n    enum class Variant : uint32_t {";
    for (const auto& v : variants) h << " " << v.first << ",";
    h << " };\n    static constexpr uint32_t kVariants = " << variants.size() << ";\n    struct Push {\n";
    for (const Field& f : first.push) h << "        " << f.type << " " << f.name << ";\n";
    h << "    };\n    struct Spec {\n";
    for (const Field& f : first.spec) h << "        " << f.type << " " << f.name << " = " << f.initial << ";\n";
    h << "    };\n    struct Buffers {\n";
    for (const Buffer& b : first.buffers)
        h << "        vk::" << b.access << " " << b.name << ";" << (b.comment.empty() ? "" : " ///< " + b.comment)
          << "\n";
    h << "    };\n    static const vk::KernelInfo info;\n};\n";
    for (const Field& f : first.push)
        h << "static_assert(offsetof(" << name << "::Push, " << f.name << ") == " << f.offset << ");\n";
    if (!first.push.empty()) h << "static_assert(sizeof(" << name << "::Push) == " << first.push_bytes << ");\n";
    if (!first.spec.empty()) h << "static_assert(sizeof(" << name << "::Spec) == " << 4 * first.spec.size() << ");\n";
    h << "static_assert(sizeof(" << name << "::Buffers) == " << first.buffers.size()
      << " * sizeof(vk::In));\n\n} // namespace weft::detail::shader\n";

    c << "// Generated by shadergen. Do not edit.\n#include \"" << name
      << ".gen.hpp\"\n\nnamespace weft::detail::shader {\nnamespace {\n";
    for (const auto& [variant, m] : variants) {
        if (m.words.empty()) continue;
        c << "const uint32_t " << name << "_" << variant << "_words[] = {";
        for (size_t i = 0; i < m.words.size(); ++i) c << (i % 16 ? "" : "\n") << m.words[i] << ",";
        c << "};\nconst uint32_t " << name << "_" << variant << "_capabilities[] = {0";
        for (uint32_t capability : m.capabilities) c << "," << capability;
        c << "};\nuint64_t " << name << "_" << variant << "_shared([[maybe_unused]] const uint32_t* s) { return "
          << m.shared_bytes << "; }\n";
    }
    c << "const vk::VariantInfo " << name << "_variants[] = {\n";
    for (size_t v = 0; v < variants.size(); ++v) {
        const auto& [variant, m] = variants[v];
        const std::string form = name + "_" + variant;
        c << "    {\"" << variant << "\", \"" << defines[v] << "\", \"" << purposes[v] << "\", ";
        if (m.words.empty()) c << "nullptr, 0, nullptr, 0, nullptr},\n";
        else
            c << form << "_words, sizeof(" << form << "_words), " << form << "_capabilities + 1, "
              << m.capabilities.size() << ", " << form << "_shared},\n";
    }
    c << "};\nconst vk::BindingInfo " << name << "_bindings[] = {\n";
    for (const Buffer& b : first.buffers)
        c << "    {\"" << b.name << "\", vk::Access::"
          << (b.access == "In"    ? "read"
              : b.access == "Out" ? "write"
                                  : "read_write")
          << ", " << (b.element == "float" ? "true" : "false") << "},\n";
    c << "};\nconst uint32_t " << name << "_spec_ids[] = {0";
    for (uint32_t id : first.spec_ids) c << "," << id;
    c << "};\nconst char* const " << name << "_spec_names[] = {nullptr";
    for (const Field& f : first.spec) c << ",\"" << f.name << "\"";
    c << "};\n} // namespace\n\nconst vk::KernelInfo " << name << "::info = {\"" << name << "\", " << name
      << "_variants, " << variants.size() << ", " << name << "_bindings, " << first.buffers.size() << ", " << name
      << "_spec_ids + 1, " << name << "_spec_names + 1, " << first.spec_ids.size() << ", " << first.push_bytes << ", {"
      << first.local[0] << ", " << first.local[1] << ", " << first.local[2] << "}, {" << first.local_spec[0] << ", "
      << first.local_spec[1] << ", " << first.local_spec[2] << "}};\n\n} // namespace weft::detail::shader\n";

    const auto write = [](const char* path, const std::string& text) { // an unchanged header must not trigger a rebuild
        std::ifstream old(path);
        const std::string before((std::istreambuf_iterator<char>(old)), {});
        if (before == text) return;
        std::ofstream out(path);
        out << text;
        if (!out.flush()) fail(std::string("cannot write ") + path);
    };
    write(argv[3], h.str());
    write(argv[4], c.str());
}
