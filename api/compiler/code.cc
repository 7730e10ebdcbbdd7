// Writes the C++ of a schema: structs in <stem>.h; their tables in <stem>.cc.
#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>
#include <tuple>

#include "api/compiler/schema.h"

namespace skiff::compiler {
namespace {

const std::map<std::string, std::pair<std::string, std::string>> kScalars = {
    // spelling -> C++ type, Shape
    {"bool", {"bool", "kBool"}},
    {"int32", {"int32_t", "kInt32"}},
    {"int64", {"int64_t", "kInt64"}},
    {"double", {"double", "kDouble"}},
    {"string", {"std::string", "kString"}},
    {"bytes", {"std::string", "kBytes"}},
    {"Time", {"Time", "kTime"}},
    {"MicroTime", {"Time", "kMicroTime"}},
    {"Duration", {"Duration", "kDuration"}},
    {"Quantity", {"Quantity", "kQuantity"}},
    {"IntOrString", {"IntOrString", "kIntOrString"}},
    {"RawExtension", {"RawJson", "kJson"}},
    {"FieldsV1", {"RawJson", "kJson"}},
    {"JSON", {"RawJson", "kJson"}},
};

struct Named {
  const SchemaFile* file;
  const SchemaType* type;
};

std::string Quote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// Indices of the fields with a number, in the order protobuf writes them.
std::string NumberOrder(const SchemaType& type) {
  std::vector<std::pair<std::vector<int>, size_t>> order;
  for (size_t i = 0; i < type.fields.size(); ++i) {
    const SchemaField& field = type.fields[i];
    if (field.number == 0) continue;
    std::vector<int> path = {field.inline_number, field.inline_inner, field.number};
    std::erase(path, 0);
    order.emplace_back(std::move(path), i);
  }
  std::sort(order.begin(), order.end());
  std::string out;
  for (const auto& [path, index] : order) {
    out += (out.empty() ? "" : ", ") + std::to_string(index);
  }
  return out;
}

class FileWriter {
 public:
  FileWriter(const Schema& schema, const SchemaFile& file) : schema_(schema), file_(file) {}
  std::string Header();
  std::string Source();

 private:
  Named Lookup(const std::string& spelling) const;
  std::string CppType(const std::string& spelling) const;
  std::string FieldCppType(const SchemaField& field) const;
  // The C++ expression for the Type of a spelling; makes tables of lists and maps as needed.
  std::string TypeRef(const std::string& spelling);
  std::string NameList(const std::vector<std::string>& names);
  void StructsInOrder(const std::function<void(const SchemaType&)>& visit) const;
  // The type of this file that a field is made of; nullptr: none.
  const SchemaType* OwnTypeOf(const SchemaField& field) const;
  // The head of a struct's operator==.
  std::string Comparison(const SchemaType& type, const std::string& scope) const;
  void WriteStruct(const SchemaType& type, std::ostream& out) const;
  std::string FieldRow(const SchemaType& type, const SchemaField& f);
  void WriteTable(const SchemaType& type);
  void WriteKind(const SchemaType& type, const SchemaKind& kind);
  bool IsStruct(const std::string& spelling) const;

  const Schema& schema_;
  const SchemaFile& file_;
  std::ostringstream tables_;
  std::map<std::string, std::string> derived_;     // spelling -> variable, for lists and maps
  std::map<std::string, std::string> name_lists_;  // contents -> variable
};

Named FileWriter::Lookup(const std::string& spelling) const {
  const auto dot = spelling.find('.');
  const SchemaFile* file = &file_;
  std::string name = spelling;
  if (dot != std::string::npos) {
    const auto found = schema_.find(spelling.substr(0, dot));
    if (found == schema_.end()) return {nullptr, nullptr};
    file = &found->second;
    name = spelling.substr(dot + 1);
  }
  return {file, file->Find(name)};
}

std::string FileWriter::CppType(const std::string& spelling) const {
  if (spelling.starts_with("[]")) return "std::vector<" + CppType(spelling.substr(2)) + ">";
  if (spelling.starts_with("map[string]")) {
    return "std::map<std::string, " + CppType(spelling.substr(11)) + ">";
  }
  if (const auto scalar = kScalars.find(spelling); scalar != kScalars.end()) {
    return scalar->second.first;
  }
  const Named named = Lookup(spelling);
  if (named.type == nullptr) {
    std::fprintf(stderr, "schema_compiler: %s: unknown type %s\n", file_.stem.c_str(),
                 spelling.c_str());
    std::exit(1);
  }
  switch (named.type->form) {
    case SchemaType::Form::kEnum:
      return "std::string";
    case SchemaType::Form::kOpaque:
      return "RawJson";
    case SchemaType::Form::kAlias:
    case SchemaType::Form::kStruct:
      break;
  }
  const std::string& home = named.type->same.empty() ? named.file->stem : named.type->same;
  return home == file_.stem ? named.type->name : home + "::" + named.type->name;
}

bool FileWriter::IsStruct(const std::string& spelling) const {
  if (kScalars.contains(spelling) || spelling.starts_with("[]") || spelling.starts_with("map[")) {
    return false;
  }
  return Lookup(spelling).type->form == SchemaType::Form::kStruct;
}

std::string FileWriter::FieldCppType(const SchemaField& field) const {
  const std::string base = CppType(field.type);
  if (!field.pointer) return base;
  return (IsStruct(field.type) ? "Box<" : "std::optional<") + base + ">";
}

void FileWriter::StructsInOrder(const std::function<void(const SchemaType&)>& visit) const {
  std::set<std::string> done;
  std::function<void(const SchemaType&)> place = [&](const SchemaType& type) {
    if (!done.insert(type.name).second) return;
    for (const SchemaField& field : type.fields) {
      if (const SchemaType* inner = OwnTypeOf(field)) place(*inner);
    }
    visit(type);
  };
  for (const SchemaType& type : file_.types) place(type);
}

const SchemaType* FileWriter::OwnTypeOf(const SchemaField& field) const {
  std::string base = field.type;
  while (base.starts_with("[]") || base.starts_with("map[string]")) {
    base = base.substr(base[0] == '[' ? 2 : 11);
  }
  if (kScalars.contains(base)) return nullptr;
  const Named named = Lookup(base);
  return named.file == &file_ ? named.type : nullptr;
}

std::string FileWriter::Comparison(const SchemaType& type, const std::string& scope) const {
  std::set<std::string> seen;
  std::function<bool(const SchemaType&)> holds = [&](const SchemaType& other) {
    for (const SchemaField& field : other.fields) {
      const SchemaType* inner = OwnTypeOf(field);
      if (inner == &type) return true;
      if (inner != nullptr && seen.insert(inner->name).second && holds(*inner)) return true;
    }
    return false;
  };
  // clang 16 ends in a crash when it works out whether such a comparison throws.
  const char* throws = holds(type) ? " noexcept" : "";
  return "bool " + scope + "operator==(const " + type.name + "&) const" + throws;
}

void FileWriter::WriteStruct(const SchemaType& type, std::ostream& out) const {
  if (type.form == SchemaType::Form::kAlias) {
    out << "using " << type.name << " = " << CppType(type.alias) << ";\n";
    return;
  }
  if (type.form == SchemaType::Form::kEnum) {
    return;
  }
  if (type.form != SchemaType::Form::kStruct) return;
  if (!type.same.empty()) {
    out << "using " << type.name << " = " << CppType(type.name) << ";\n";
    return;
  }
  const std::string& n = type.name;
  out << "struct " << n << " {\n"
      << "  " << n << "();\n  " << n << "(const " << n << "&);\n  " << n << "(" << n
      << "&&) noexcept;\n  " << n << "& operator=(const " << n << "&);\n  " << n << "& operator=("
      << n << "&&) noexcept;\n  ~" << n << "();\n  " << Comparison(type, "")
      << ";\n  static const Type& Describe();\n";
  for (const SchemaKind& kind : type.kinds) {
    (void)kind;
    out << "  static const KindInfo& Info();\n";
    break;
  }
  for (const SchemaField& field : type.fields) {
    out << "  " << FieldCppType(field) << " " << field.cpp_name;
    if (!field.pointer && (field.type.starts_with("int") || field.type == "double")) out << " = 0";
    if (!field.pointer && field.type == "bool") out << " = false";
    if (!field.pointer && field.type == "Duration") out << "{}";
    out << ";\n";
  }
  out << "};\n\n";
}

std::string FileWriter::Header() {
  std::ostringstream out;
  std::set<std::string> includes;
  for (const SchemaType& type : file_.types) {
    if (!type.same.empty()) includes.insert(type.same);
    for (const SchemaField& field : type.fields) {
      const auto dot = field.type.find('.');
      if (dot == std::string::npos) continue;
      std::string base = field.type;
      while (base.starts_with("[]") || base.starts_with("map[string]")) {
        base = base.substr(base[0] == '[' ? 2 : 11);
      }
      includes.insert(base.substr(0, base.find('.')));
    }
  }
  includes.erase(file_.stem);
  out << "// Made by api/compiler from api/schema/" << file_.stem << ".yaml.\n#pragma once\n\n"
      << "#include <map>\n#include <optional>\n#include <string>\n#include <vector>\n\n"
      << "#include \"api/type.h\"\n#include \"api/values.h\"\n";
  for (const std::string& include : includes) out << "#include \"api/gen/" << include << ".h\"\n";
  out << "\nnamespace skiff::" << file_.stem << " {\n\n";
  for (const SchemaType& type : file_.types) {
    const bool is_own = type.form == SchemaType::Form::kStruct && type.same.empty();
    if (is_own) out << "struct " << type.name << ";\n";
  }
  out << "\n";
  StructsInOrder([&](const SchemaType& type) { WriteStruct(type, out); });
  out << "}  // namespace skiff::" << file_.stem << "\n";
  return out.str();
}

std::string FileWriter::NameList(const std::vector<std::string>& names) {
  if (names.empty()) return "{}";
  std::string key;
  for (const std::string& name : names) key += (key.empty() ? "" : ", ") + Quote(name);
  auto [entry, is_new] = name_lists_.emplace(key, "kNames" + std::to_string(name_lists_.size()));
  if (is_new) {
    tables_ << "constexpr std::string_view " << entry->second << "[] = {" << key << "};\n";
  }
  return entry->second;
}

std::string FileWriter::TypeRef(const std::string& spelling) {
  if (const auto scalar = kScalars.find(spelling); scalar != kScalars.end()) {
    if (spelling == "RawExtension" || spelling == "FieldsV1" || spelling == "JSON") {
      auto [entry, is_new] = derived_.emplace(spelling, "kType" + spelling);
      if (is_new) {
        tables_ << "constexpr Type kType" << spelling
                << " = {.shape = Shape::kJson, .name = " << Quote(spelling) << "};\n";
      }
      return "&" + entry->second;
    }
    auto [entry, is_new] = derived_.emplace(spelling, "kScalar_" + spelling);
    if (is_new) {
      tables_ << "constexpr Type " << entry->second
              << " = {.shape = Shape::" << scalar->second.second << "};\n";
    }
    return "&" + entry->second;
  }
  const bool is_list = spelling.starts_with("[]");
  if (is_list || spelling.starts_with("map[string]")) {
    const std::string element = spelling.substr(is_list ? 2 : 11);
    if (const auto found = derived_.find(spelling); found != derived_.end()) {
      return "&" + found->second;
    }
    const std::string element_ref = TypeRef(element);
    const std::string variable = "kContainer" + std::to_string(derived_.size());
    derived_.emplace(spelling, variable);
    tables_ << "constinit const Type " << variable
            << " = {.shape = Shape::" << (is_list ? "kList" : "kMap")
            << ", .element = " << element_ref << (is_list ? ", .list" : ", .map")
            << " = &struct_ops::" << (is_list ? "kList<" : "kMap<") << CppType(element) << ">};\n";
    return "&" + variable;
  }
  const Named named = Lookup(spelling);
  return "&" + named.file->stem + "::tables::k" + named.type->name;
}

// One line of a table of fields.
std::string FileWriter::FieldRow(const SchemaType& type, const SchemaField& f) {
  std::ostringstream fields;
  fields << "    {.name = " << Quote(f.json_name) << ", .type = " << TypeRef(f.type)
         << ", .number = " << f.number;
  if (f.inline_number != 0) fields << ", .inline_number = " << f.inline_number;
  if (f.inline_inner != 0) fields << ", .inline_inner = " << f.inline_inner;
  if (f.pointer) fields << ", .pointer = true";
  if (f.required) fields << ", .required = true";
  if (f.always) fields << ", .always = true";
  if (f.omit_zero) fields << ", .omit_zero = true";
  if (f.keep_empty) fields << ", .keep_empty = true";
  if (f.granular) fields << ", .granular = true";
  if (f.list == "set") fields << ", .list_type = ListType::kSet";
  if (f.list == "map") fields << ", .list_type = ListType::kMap";
  if (!f.keys.empty()) fields << ", .list_keys = " << NameList(f.keys);
  if (f.patch_merge) fields << ", .patch_merge = true";
  if (f.patch_retain_keys) fields << ", .patch_retain_keys = true";
  if (f.patch_replace) fields << ", .patch_replace = true";
  if (!f.patch_key.empty()) fields << ", .merge_key = " << Quote(f.patch_key);
  if (!f.default_json.empty()) fields << ", .default_json = " << Quote(f.default_json);
  if (f.atomic) fields << ", .atomic = true";
  if (!f.inline_type.empty()) fields << ", .inline_type = " << Quote(f.inline_type);
  if (!f.go_type.empty()) fields << ", .go_type = " << Quote(f.go_type);
  fields << ", .offset = offsetof(" << CppType(type.name) << ", " << f.cpp_name << ")";
  if (f.pointer) fields << ", .pointer_ops = &struct_ops::kPointer<" << FieldCppType(f) << ">";
  fields << "},\n";
  return fields.str();
}

void FileWriter::WriteTable(const SchemaType& type) {
  const std::string header = ".name = " + Quote(type.name) +
                             ", .api_version = " + Quote(file_.api_version) +
                             ", .go_package = " + Quote(file_.go_package);
  // Without the word g++ 12 fills tables that need no program with one that runs before main().
  switch (type.form) {
    case SchemaType::Form::kOpaque:
      tables_ << "constinit const Type tables::k" << type.name << " = {.shape = Shape::kJson, "
              << header << "};\n";
      return;
    case SchemaType::Form::kEnum: {
      const std::string values = NameList(type.values);
      tables_ << "constinit const Type tables::k" << type.name << " = {.shape = Shape::kString, "
              << header << ", .values = " << values
              << ", .closed = " << (type.closed ? "true" : "false") << "};\n";
      return;
    }
    case SchemaType::Form::kAlias: {
      const bool is_list = type.alias.starts_with("[]");
      const std::string element = type.alias.substr(is_list ? 2 : 11);
      const std::string ref = TypeRef(element);
      tables_ << "constinit const Type tables::k" << type.name
              << " = {.shape = Shape::" << (is_list ? "kList" : "kMap") << ", " << header
              << ", .element = " << ref << ", .message = " << (type.message ? "true" : "false")
              << (is_list ? ", .list" : ", .map")
              << " = &struct_ops::" << (is_list ? "kList<" : "kMap<") << CppType(element)
              << ">};\n";
      return;
    }
    case SchemaType::Form::kStruct:
      break;
  }
  std::ostringstream fields;
  for (const SchemaField& field : type.fields) fields << FieldRow(type, field);
  if (!type.fields.empty()) {
    tables_ << "constinit const Field kFields" << type.name << "[] = {\n" << fields.str() << "};\n";
  }
  const std::string by_number = NumberOrder(type);
  if (!by_number.empty()) {
    tables_ << "constexpr uint16_t kByNumber" << type.name << "[] = {" << by_number << "};\n";
  }
  tables_ << "constinit const Type tables::k" << type.name << " = {.shape = Shape::kStruct, "
          << header;
  if (!type.fields.empty()) tables_ << ", .fields = kFields" << type.name;
  if (!by_number.empty()) tables_ << ", .by_number = kByNumber" << type.name;
  if (type.type_meta) tables_ << ", .type_meta = true";
  if (type.atomic) tables_ << ", .atomic = true";
  tables_ << ", .ops = &struct_ops::kStruct<" << CppType(type.name) << ">};\n";
}

void FileWriter::WriteKind(const SchemaType& type, const SchemaKind& kind) {
  std::ostringstream subs;
  for (const SchemaSubresource& sub : kind.subresources) {
    const std::string verbs = NameList(sub.verbs);
    subs << "    {.name = " << Quote(sub.name) << ", .api_version = " << Quote(sub.api_version)
         << ", .kind = " << Quote(sub.kind.empty() ? type.name : sub.kind) << ", .verbs = " << verbs
         << "},\n";
  }
  if (!kind.subresources.empty()) {
    tables_ << "constexpr Subresource kSubresources" << type.name << "[] = {\n"
            << subs.str() << "};\n";
  }
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  const std::string short_names = NameList(kind.short_names);
  const std::string categories = NameList(kind.categories);
  const std::string verbs = NameList(kind.verbs);
  const std::string selectable = NameList(kind.selectable);
  tables_ << "constinit const KindInfo tables::kKind" << type.name
          << " = {.group = " << Quote(file_.group) << ", .version = " << Quote(file_.version)
          << ", .api_version = " << Quote(file_.api_version) << ", .kind = " << Quote(type.name)
          << ", .resource = " << Quote(kind.resource) << ", .singular = " << Quote(kind.singular)
          << ", .namespaced = " << flag(kind.namespaced) << ", .short_names = " << short_names
          << ", .categories = " << categories << ", .verbs = " << verbs
          << ", .storage_key = " << Quote(kind.storage_key)
          << ", .storage_version = " << Quote(kind.storage_version)
          << ", .delete_returns_object = " << flag(kind.delete_returns_object)
          << ", .graceful = " << flag(kind.graceful);
  if (!kind.subresources.empty()) tables_ << ", .subresources = kSubresources" << type.name;
  tables_ << ", .selectable_fields = " << selectable
          << ", .group_priority = " << file_.group_priority
          << ", .version_priority = " << file_.version_priority << ", .type = &tables::k"
          << type.name << ", .behaviour = &kBuiltInBehaviours.of[tables::kNumber" << type.name
          << "]};\n";
  tables_ << "const KindInfo& " << type.name << "::Info() { return tables::kKind" << type.name
          << "; }\n";
}

// `kinds` counts those that were declared before.
void DeclareTables(const SchemaFile& file, int& kinds, std::ostream& out) {
  out << "namespace skiff::" << file.stem << "::tables {\n";
  for (const SchemaType& type : file.types) {
    out << "extern const Type k" << type.name << ";\n";
    if (type.kinds.empty()) continue;
    out << "extern const KindInfo kKind" << type.name << ";\n"
        << "inline constexpr int kNumber" << type.name << " = " << kinds++ << ";\n";
  }
  out << "}\n";
}

std::string FileWriter::Source() {
  StructsInOrder([&](const SchemaType& type) { WriteTable(type); });
  std::ostringstream members;
  for (const SchemaType& type : file_.types) {
    if (type.form != SchemaType::Form::kStruct || !type.same.empty()) continue;
    const std::string& n = type.name;
    members << n << "::" << n << "() = default;\n"
            << n << "::" << n << "(const " << n << "&) = default;\n"
            << n << "::" << n << "(" << n << "&&) noexcept = default;\n"
            << n << "& " << n << "::operator=(const " << n << "& other) {\n"
            << "  return struct_ops::Assign<" << n << ">(*this, other);\n}\n"
            << n << "& " << n << "::operator=(" << n << "&& other) noexcept {\n"
            << "  return struct_ops::Assign<" << n << ">(*this, std::move(other));\n}\n"
            << n << "::~" << n << "() = default;\n"
            << Comparison(type, n + "::") << " = default;\n"
            << "const Type& " << n << "::Describe() { return tables::k" << n << "; }\n";
    for (const SchemaKind& kind : type.kinds) WriteKind(type, kind);
  }
  std::ostringstream out;
  out << "// Made by api/compiler from api/schema/" << file_.stem << ".yaml.\n#include \"api/gen/"
      << file_.stem << ".h\"\n\n#include <cstddef>\n\n#include \"api/gen/tables.h\"\n"
      << "#include \"api/struct_ops.h\"\n\nnamespace skiff::" << file_.stem << " {\nnamespace {\n";
  // The anonymous namespace holds the pieces; tables::k... are declared above and defined outside.
  std::string text = tables_.str();
  std::istringstream lines(text);
  std::string line;
  bool inside = true;
  while (std::getline(lines, line)) {
    const bool global = line.starts_with("constinit const Type tables::") ||
                        line.starts_with("constinit const KindInfo tables::") ||
                        line.find("::Info() {") != std::string::npos;
    if (global == inside) out << (inside ? "}\n" : "namespace {\n");
    inside = !global;
    out << line << "\n";
  }
  out << (inside ? "}\n" : "") << members.str() << "}  // namespace skiff::" << file_.stem << "\n";
  return out.str();
}

// Leaves an equal file alone, so that nothing that includes it is compiled again.
void WriteIfChanged(const std::string& path, const std::string& text) {
  std::ifstream old(path);
  if (old && std::string(std::istreambuf_iterator<char>(old), {}) == text) return;
  std::ofstream(path) << text;
}

std::string AllTables(const Schema& schema) {
  std::ostringstream out;
  out << "// Made by api/compiler.\n#pragma once\n\n#include \"api/kinds/behaviour.h\"\n\n";
  int kinds = 0;
  for (const auto& [stem, file] : schema) DeclareTables(file, kinds, out);
  out << "namespace skiff {\n// By number; api/kinds/built_in.cc fills it.\n"
      << "struct BuiltInBehaviours {\n  KindBehaviour of[" << kinds << "];\n};\n"
      << "extern const BuiltInBehaviours kBuiltInBehaviours;\n}  // namespace skiff\n";
  return out.str();
}

std::string AllKinds(const Schema& schema) {
  std::ostringstream out;
  out << "// Made by api/compiler.\n#include \"api/gen/tables.h\"\n\n";
  struct Row {
    int group_priority, version_priority;
    std::string group, resource, variable;
  };
  std::vector<Row> rows, on_request;
  std::ostringstream types;
  for (const auto& [stem, file] : schema) {
    for (const SchemaType& type : file.types) {
      types << "    &" << stem << "::tables::k" << type.name << ",\n";
      for (const SchemaKind& kind : type.kinds) {
        (file.on_request ? on_request : rows)
            .push_back({file.group_priority, file.version_priority, file.group, kind.resource,
                        stem + "::tables::kKind" + type.name});
      }
    }
  }
  for (std::vector<Row>* each : {&rows, &on_request}) {
    std::sort(each->begin(), each->end(), [](const Row& a, const Row& b) {
      return std::tie(b.group_priority, a.group, b.version_priority, a.resource) <
             std::tie(a.group_priority, b.group, a.version_priority, b.resource);
    });
  }
  out << "namespace skiff {\nnamespace {\nconst KindInfo* const kKinds[] = {\n";
  for (const Row& row : rows) out << "    &" << row.variable << ",\n";
  out << "};\nconst KindInfo* const kOnRequest[] = {\n";
  for (const Row& row : on_request) out << "    &" << row.variable << ",\n";
  out << "};\nconst Type* const kTypes[] = {\n"
      << types.str() << "};\n}\n"
      << "std::span<const KindInfo* const> BuiltInKinds() { return kKinds; }\n"
      << "std::span<const KindInfo* const> KindsOnRequest() { return kOnRequest; }\n"
      << "std::span<const Type* const> BuiltInTypes() { return kTypes; }\n}  // namespace skiff\n";
  return out.str();
}

// All texts in one, and where each ends: without pointers no page of it is touched before somebody
// asks.
std::string AllTexts(const Schema& schema) {
  std::ostringstream texts, ends, first;
  size_t bytes = 0;
  int count = 0, types = 0;
  const auto add = [&](const std::string& text) {
    texts << "    " << Quote(text) << "\n";
    bytes += text.size();
    ends << (count++ % 12 == 0 ? "\n    " : " ") << bytes << ",";
  };
  for (const auto& [stem, file] : schema) {
    for (const SchemaType& type : file.types) {
      first << (types++ % 16 == 0 ? "\n    " : " ") << count << ",";
      if (type.form != SchemaType::Form::kStruct) continue;
      add(type.text);
      for (const SchemaField& field : type.fields) add(field.text);
    }
  }
  std::ostringstream out;
  out << "// Made by api/compiler from api/schema/texts.\n#include \"api/openapi/texts.h\"\n\n"
      << "namespace skiff {\nnamespace {\nconstexpr char kAll[] =\n"
      << texts.str() << "    ;\nconstexpr uint32_t kEnds[] = {" << ends.str()
      << "};\nconstexpr uint16_t kFirst[] = {" << first.str() << " " << count
      << "};\nconstexpr Texts kTexts = {{kAll, sizeof(kAll) - 1}, kEnds, kFirst};\n}\n"
      << "const Texts& BuiltInTexts() { return kTexts; }\n}  // namespace skiff\n";
  return out.str();
}

}  // namespace

void WriteCode(const Schema& schema, const std::string& directory) {
  for (const auto& [stem, file] : schema) {
    FileWriter writer(schema, file);
    WriteIfChanged(directory + "/" + stem + ".h", writer.Header());
    WriteIfChanged(directory + "/" + stem + ".cc", writer.Source());
  }
  WriteIfChanged(directory + "/tables.h", AllTables(schema));
  WriteIfChanged(directory + "/all_kinds.cc", AllKinds(schema));
  WriteIfChanged(directory + "/all_texts.cc", AllTexts(schema));
}

}  // namespace skiff::compiler
